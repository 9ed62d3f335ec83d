"""Shell: plan runs on workers. Snapshot, solve in a process of its own, check, save only if nothing
moved. Rows are the queue (ADR 12): a run carries a lease, so a dead worker's is taken over."""

import asyncio
import mmap
import struct
import tempfile
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from datetime import date, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from scheduling import check, explain, solver
from scheduling.demand import DOOR_KINDS, Day, Demand, demand, midnight_of, now_seconds
from scheduling.doors import SATURDAY, Tried, odds
from scheduling.live import stands
from scheduling.road_memory import Told, merged, packed, still_good, unpacked
from scheduling.road_tables import Paved, straight
from schemas.ambient import Ambient
from schemas.base import Value
from schemas.day import second_of
from schemas.live import PlanExplained, PlanShown, ReasonShown, WhyLeft, WhyThere
from schemas.plan import Access, Assigned, Plan, Problem, Reason, Unassigned, Violation
from storage import audit, live, plans, road_tables, work
from storage.engine import Transaction

ATTEMPTS_MAX = 3
DOORS_WINDOW = timedelta(days=60)
T = TypeVar("T")
BEAT_SECONDS = 1.0
"""How often a run says how far it is, renews its lease and hears whether to stop."""

Roads = Callable[[Problem, Told | None], Awaitable[Paved]]
"""Gives a day its ways, given what is known of them; input and output, so the runtime hands it
in."""


class Order(Value, frozen=True):
    """What is asked of a run."""

    on_day: date
    seconds: float = 10.0
    seed: int = 1
    requested_by: str = "dispatcher"


class Answer(Value, frozen=True):
    """What a solver process hands back."""

    plan: Plan
    violations: tuple[Violation, ...]
    unassigned: tuple[Unassigned, ...]


async def no_roads(problem: Problem, _known: Told | None = None) -> Paved:
    """Great circles."""
    return straight(problem)


class Worker(Value, frozen=True):
    """Who carries a run, and what it needs of the world."""

    name: str
    make_ambient: Callable[[], Ambient]
    roads: Roads


class Slate:
    """A few bytes that a solver process and its worker both see: share done, best cost, stop."""

    SHAPE = struct.Struct("<ddd")

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("r+b") as file:
            self.bytes = mmap.mmap(file.fileno(), self.SHAPE.size)

    @classmethod
    def make(cls, folder: str) -> "Slate":
        """A clean one."""
        path = Path(folder) / "slate"
        path.write_bytes(cls.SHAPE.pack(0.0, float("inf"), 0.0))
        return cls(path)

    def read(self) -> tuple[float, float | None, bool]:
        """(share, best cost so far or None, whether to stop)."""
        share, cost, stop = self.SHAPE.unpack(self.bytes[:])
        return share, None if cost == float("inf") else cost, bool(stop)

    def tell(self, share: float, cost: float) -> None:
        """The solver says how far it is."""
        self.bytes[:16] = struct.pack("<dd", share, cost)

    def stop(self) -> None:
        """The worker asks the solver to come to an end with what it has."""
        self.bytes[16:] = struct.pack("<d", 1.0)


async def request(engine: AsyncEngine, unit_id: str, *, order: Order, ambient: Ambient) -> UUID:
    """Stores the wish for a plan; a worker takes it."""
    plan_id = ambient.new_id()
    async with engine.begin() as tx:
        await work.add_plan(
            tx,
            {
                "id": plan_id,
                "unit_id": unit_id,
                "on_day": order.on_day,
                "state": "requested",
                "snapshot": "",
                "seed": order.seed,
                "seconds": order.seconds,
                "engine": solver.ENGINE,
                "requested_by": order.requested_by,
                "requested_at": ambient.now,
            },
        )
        await audit.append(
            tx,
            unit_id,
            entry=audit.Entry(
                at=ambient.now,
                actor=order.requested_by,
                action="plan.requested",
                subject=str(plan_id),
                detail={"day": order.on_day.isoformat()},
            ),
        )
    return plan_id


def own_process() -> ProcessPoolExecutor:
    """A solver beside the process that asks; spawned, because a fork would share connections."""
    return ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn"))


async def take_one(
    engine: AsyncEngine,
    pool: Executor,
    *,
    worker: str,
    make_ambient: Callable[[], Ambient],
    roads: Roads = no_roads,
) -> int:
    """Takes the oldest run that waits, if there is one, and carries it through."""
    async with engine.begin() as tx:
        claimed = await plans.claim(tx, worker, now=make_ambient().now)
    if claimed is None:
        return 0
    by = Worker(name=worker, make_ambient=make_ambient, roads=roads)
    for _ in range(ATTEMPTS_MAX):
        if await _carry(engine, pool, claimed=claimed, by=by):
            return 1
    async with engine.begin() as tx:
        done = {"state": "stale", "finished_at": make_ambient().now}
        await plans.finish(tx, claimed.id, worker_name=worker, values=done)
    return 1


async def _carry(engine: AsyncEngine, pool: Executor, *, claimed: Any, by: Worker) -> bool:
    """One attempt; False where the world moved while the solver was thinking."""
    async with engine.begin() as tx:
        mark = await live.snapshot(tx, claimed.unit_id, on_day=claimed.on_day)
        now = by.make_ambient().now
        asked = await asked_of(tx, claimed.unit_id, on_day=claimed.on_day, now=now)
        known = await _known_ways(tx, claimed.unit_id, now=now)
    with tempfile.TemporaryDirectory(prefix="doorstep-run-") as folder:
        slate = Slate.make(folder)

        async def awaited(running: asyncio.Future[T]) -> T:
            while not running.done():
                await asyncio.wait([running], timeout=BEAT_SECONDS)
                await _beat(engine, slate, run=(claimed.id, by.name), now=by.make_ambient().now)
            return await running

        paved = await awaited(asyncio.ensure_future(by.roads(asked.problem, known)))
        asked = _standing(asked, paved, passed=now_seconds(claimed.on_day, now))
        how = (int(claimed.seed), float(claimed.seconds))
        task = partial(answer_of, asked.problem, how, slate=str(slate.path))
        answer = await awaited(asyncio.get_running_loop().run_in_executor(pool, task))
    async with engine.begin() as tx:
        if await live.snapshot(tx, claimed.unit_id, on_day=claimed.on_day) != mark:
            return False
        values = {
            "state": "solved" if not answer.violations else "refused",
            "snapshot": mark,
            "problem": msgspec.to_builtins(asked.problem),
            "answer": msgspec.to_builtins(answer.plan),
            "report": {**report(asked, answer), **_ways(paved)},
            "progress": 1.0,
            "best_cost": float(answer.plan.cost.seconds),
            "finished_at": by.make_ambient().now,
        }
        await _remember(tx, claimed.unit_id, paved=paved, now=values["finished_at"])
        # somebody else's by now: what was found is theirs to find again
        await plans.finish(tx, claimed.id, worker_name=by.name, values=values)
    return True


async def _known_ways(
    tx: Transaction, unit_id: str, *, now: datetime, lock: bool = False
) -> Told | None:
    row = await road_tables.read(tx, unit_id, lock=lock)
    return still_good(unpacked(row), now) if row is not None else None


async def _remember(tx: Transaction, unit_id: str, *, paved: Paved, now: datetime) -> None:
    """The live day judges by the ways that the plan was made over."""
    if paved.told is None or not paved.told.says_something():
        return
    known = await _known_ways(tx, unit_id, now=now, lock=True)
    told = merged(known, msgspec.structs.replace(paved.told, since=now))
    await road_tables.save(tx, {"unit_id": unit_id, "told_at": now, **packed(told)})


def _standing(asked: Demand, paved: Paved, *, passed: int) -> Demand:
    # what cannot be kept any more is let go of, or one late pin would keep the day from its plan
    asked = msgspec.structs.replace(asked, problem=paved.problem)
    return msgspec.structs.replace(
        asked, problem=stands(asked, now_seconds=passed, meeting=True).laid.problem
    )


def _ways(paved: Paved) -> dict[str, Any]:
    return {
        "roads": paved.provider,
        "cells": paved.cells,
        "cells_estimated": paved.estimated,
        "road_blocks_asked": paved.asked,
    }


async def _beat(engine: AsyncEngine, slate: Slate, *, run: tuple[UUID, str], now: datetime) -> None:
    share, cost, _ = slate.read()
    async with engine.begin() as tx:
        still = await plans.beat(tx, run, share=share, cost=cost, now=now)
    if not still:
        slate.stop()


def answer_of(problem: Problem, how: tuple[int, float], *, slate: str | None = None) -> Answer:
    """Solves, checks and explains; runs in a process of its own. `how` is (seed, seconds)."""
    watch = solver.NOBODY
    if slate is not None:
        shared = Slate(Path(slate))
        watch = solver.Watch(
            progress=lambda share, cost: shared.tell(share, float(cost.seconds)),
            stop=lambda: shared.read()[2],
        )
    budget = solver.Budget(seconds=how[1])
    plan = solver.solve(problem, seed=how[0], budget=budget, watch=watch)
    return Answer(
        plan=plan,
        violations=check.check(problem, plan),
        unassigned=explain.explain(problem, plan),
    )


def report(asked: Demand, answer: Answer) -> dict[str, Any]:
    """What a dispatcher reads first; every job that was left out has its reasons."""
    reasons: dict[str, Any] = {
        each.job: {
            "reasons": [
                {"code": r.code, "zh": r.zh, "en": r.en, "count": r.count} for r in each.reasons
            ],
            "relaxation": each.relaxation,
            "relaxation_zh": each.relaxation_zh,
            "ask": [each.ask, each.technician, each.seconds],
        }
        for each in answer.unassigned
        if not asked.rows[each.job].half
    }
    for order, code in asked.unplaceable.items():
        waits = {"code": code, "zh": "缺少坐标，待补录", "en": "No coordinates yet.", "count": 0}
        reasons[order] = {"reasons": [waits], "relaxation": None}
    jobs = sum(1 for each in asked.problem.jobs if not asked.rows[each.id].half)
    left = sum(1 for each in answer.plan.unassigned if not asked.rows[each].half)
    return {
        "candidates": jobs + len(asked.unplaceable),
        "assigned": jobs - left,
        "unassigned": left + len(asked.unplaceable),
        "unassigned_without_reason": sum(1 for each in reasons.values() if not each["reasons"]),
        "checker_violations": len(answer.violations),
        "travel_km": round(answer.plan.travel_metres / 1000, 1),
        "travel_seconds": answer.plan.travel_seconds,
        "solve_seconds": answer.plan.solve_seconds,
        "iterations": answer.plan.iterations,
        "reasons": reasons,
    }


async def asked_of(tx: Transaction, unit_id: str, *, on_day: date, now: datetime) -> Demand:
    """A day's problem: what is published for it and sold for it, and what it may take besides."""
    begins = midnight_of(on_day)
    ends = begins + timedelta(days=1)
    people = await live.people(tx, unit_id, on_day=on_day)
    held = await live.visits(tx, unit_id, on_day=on_day, between=(begins, ends))
    free = await live.plannable(tx, unit_id, on_day=on_day, before=ends)
    day = Day(
        on_day=on_day,
        people=people,
        work=[*held, *free],
        now=now if now >= begins else None,
        speeds=await live.speeds(tx, unit_id),
        doors=await _doors(tx, unit_id, on_day=on_day),
    )
    return demand(day)


async def _doors(tx: Transaction, unit_id: str, *, on_day: date) -> tuple[Access, ...]:
    since = on_day - DOORS_WINDOW
    rows = await live.doors(tx, unit_id, since=since, kinds=sorted(DOOR_KINDS))
    return odds((Tried(**row) for row in rows), rest=on_day.isoweekday() >= SATURDAY)


def shown(row: Any) -> PlanShown:
    """A run as people see it."""
    told = row.report or {}
    return PlanShown(
        id=row.id,
        day=row.on_day,
        state=row.state,
        progress=float(row.progress),
        best_cost=row.best_cost,
        seed=int(row.seed),
        seconds=float(row.seconds),
        engine=row.engine,
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        finished_at=row.finished_at,
        published_at=row.published_at,
        worker=row.worker,
        attempts=int(row.attempts),
        candidates=told.get("candidates"),
        assigned=told.get("assigned"),
        unassigned=told.get("unassigned"),
        checker_violations=told.get("checker_violations"),
        travel_seconds=told.get("travel_seconds"),
        travel_km=told.get("travel_km"),
        roads=told.get("roads"),
        cells=told.get("cells"),
        cells_estimated=told.get("cells_estimated"),
    )


def explained(row: Any, only: UUID | None = None) -> PlanExplained:
    """Every job of a plan with its reasons, or the one that is asked for. Jobs are named by their
    visit or their work order, as in the problem."""
    problem, plan = msgspec.convert(row.problem, Problem), msgspec.convert(row.answer, Plan)
    # of work for two the second half is no work order of its own
    halves = {second_of(each.crew) for each in problem.jobs if each.crew}
    wanted = {str(only)} if only else {each.id for each in problem.jobs} - halves
    if not problem.technicians:
        return PlanExplained(unassigned=(), assigned=())
    asked = explain.explainer(problem, plan)
    placed = [stop.job for route in plan.routes for stop in route.stops if stop.job in wanted]
    jobs = {each.id: each for each in problem.jobs}
    left = [explain.unassigned(asked, jobs[each]) for each in plan.unassigned if each in wanted]
    return PlanExplained(
        unassigned=tuple(_why_left(each) for each in left),
        assigned=tuple(_why_there(each) for each in explain.assigned(asked, placed)),
    )


def _why_left(each: Unassigned) -> WhyLeft:
    return WhyLeft(
        work_order=UUID(each.job),
        reasons=_reasons(each.reasons),
        relaxation_zh=each.relaxation_zh,
        relaxation_en=each.relaxation,
        technician_id=UUID(each.technician) if each.technician else None,
    )


def _why_there(each: Assigned) -> WhyThere:
    return WhyThere(
        work_order=UUID(each.job),
        technician_id=UUID(each.technician),
        cost_seconds=each.seconds,
        next_technician_id=UUID(each.next_technician) if each.next_technician else None,
        next_cost_seconds=each.next_seconds,
        breaks=_reasons(each.reasons),
    )


def _reasons(given: tuple[Reason, ...]) -> tuple[ReasonShown, ...]:
    return tuple(
        ReasonShown(code=each.code, zh=each.zh, en=each.en, count=each.count) for each in given
    )
