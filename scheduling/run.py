"""Shell: a plan run. Snapshot, solve in a process of its own, check, save only if nothing moved."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from datetime import date, datetime, time, timedelta
from functools import partial
from multiprocessing import get_context
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from scheduling import check, explain, solver
from scheduling.demand import ZONE, Day, Demand, demand
from schemas.ambient import Ambient
from schemas.base import Value
from schemas.plan import Plan, Problem, Unassigned, Violation
from storage import audit, plans, registry, work

ATTEMPTS_MAX = 3


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
) -> int:
    """Takes the oldest run that waits, if there is one, and carries it through."""
    async with engine.begin() as tx:
        claimed = await plans.claim(tx, worker, now=make_ambient().now)
    if claimed is None:
        return 0
    for _ in range(ATTEMPTS_MAX):
        if await _carry(engine, pool, claimed=claimed, worker=worker, ambient=make_ambient()):
            break
    return 1


async def _carry(
    engine: AsyncEngine, pool: Executor, *, claimed: Any, worker: str, ambient: Ambient
) -> bool:
    """One attempt; False where the world moved while the solver was thinking."""
    async with engine.begin() as tx:
        mark = await work.snapshot_mark(tx, claimed.unit_id)
        asked = demand(await _day(tx, claimed.unit_id, on_day=claimed.on_day))
    loop = asyncio.get_running_loop()
    answer = await loop.run_in_executor(
        pool,
        partial(answer_of, asked.problem, int(claimed.seed), seconds=float(claimed.seconds)),
    )
    async with engine.begin() as tx:
        if await work.snapshot_mark(tx, claimed.unit_id) != mark:
            return False
        values = {
            "state": "solved" if not answer.violations else "refused",
            "snapshot": mark,
            "problem": msgspec.to_builtins(asked.problem),
            "answer": msgspec.to_builtins(answer.plan),
            "report": report(asked, answer),
            "finished_at": ambient.now,
        }
        return await plans.finish(tx, claimed.id, worker_name=worker, values=values)


def answer_of(problem: Problem, seed: int, *, seconds: float) -> Answer:
    """Solves, checks and explains; runs in a process of its own."""
    plan = solver.solve(problem, seed=seed, budget=solver.Budget(seconds=seconds))
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
        }
        for each in answer.unassigned
    }
    for order, code in asked.unplaceable.items():
        waits = {"code": code, "zh": "缺少坐标，待补录", "en": "No coordinates yet.", "count": 0}
        reasons[order] = {"reasons": [waits], "relaxation": None}
    jobs = len(asked.problem.jobs)
    return {
        "candidates": jobs + len(asked.unplaceable),
        "assigned": jobs - len(answer.plan.unassigned),
        "unassigned": len(answer.plan.unassigned) + len(asked.unplaceable),
        "unassigned_without_reason": sum(1 for each in reasons.values() if not each["reasons"]),
        "checker_violations": len(answer.violations),
        "travel_km": round(answer.plan.travel_metres / 1000, 1),
        "travel_seconds": answer.plan.travel_seconds,
        "solve_seconds": answer.plan.solve_seconds,
        "iterations": answer.plan.iterations,
        "reasons": reasons,
    }


async def _day(tx: Any, unit_id: str, *, on_day: date) -> Day:
    ends = datetime.combine(on_day + timedelta(days=1), time(), ZONE)
    absent = await registry.shifts(tx, unit_id, on_day=on_day)
    return Day(
        on_day=on_day,
        technicians=await registry.technicians(tx, unit_id),
        certificates=await registry.certificates(tx, unit_id),
        orders=await work.plannable(tx, unit_id, before=ends),
        grids=await registry.grid_codes(tx, unit_id),
        absent=frozenset(key for key, row in absent.items() if row.kind == "absent"),
    )
