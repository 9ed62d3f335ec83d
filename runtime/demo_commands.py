"""`doorstep demo`: one working day end to end on a region's export, in a throw-away database."""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from datetime import time as clock
from pathlib import Path
from secrets import token_bytes
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import ledger, sweep
from runtime import processes, sample_region
from runtime.ambient import fixed, live
from runtime.database import own_server
from runtime.demo import clauses, field
from runtime.imports import report as import_report
from runtime.opening import Opened, open_region
from runtime.server_commands import add_staff, next_working_day
from scheduling import publish, run
from schemas.base import Value
from schemas.registry import FINDING_KINDS
from storage import board, migrate, work
from storage.engine import make_engine
from storage.sealing import KEY_BYTES, Key, Ring

ZONE = ZoneInfo("Asia/Shanghai")
T = TypeVar("T")
UNIT = "demo"
PASSWORD = "demo-only-in-a-throw-away-database"  # the database is deleted  # nosec B105
SWEEP_LIMIT = 50_000


class Story(Value, frozen=True):
    """Where and when the story takes place."""

    region: Path
    as_of: date
    seconds: float
    seed: int


def register(words: Any) -> None:
    """Adds the word."""
    word = words.add_parser("demo", help="one working day end to end on a region's export")
    word.add_argument("--region", type=Path, required=True, metavar="DIR")
    word.add_argument("--as-of", type=date.fromisoformat, required=True, metavar="DATE")
    word.add_argument("--json", type=Path, metavar="FILE")
    word.add_argument("--seconds", type=float, default=25.0, help="how long the planner searches")
    word.add_argument("--seed", type=int, default=1)
    word.set_defaults(run=_demo)


def _demo(given: argparse.Namespace) -> int:
    story = Story(region=given.region, as_of=given.as_of, seconds=given.seconds, seed=given.seed)
    with tempfile.TemporaryDirectory(prefix="doorstep-demo-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the database runs as another user
        with own_server(folder / "postgres", durable=False) as cluster:
            cluster.ensure_database("demo")
            figures = told(story, cluster.url("demo"), folder=folder)
    if given.json is not None:
        given.json.write_text(json.dumps(figures, ensure_ascii=False, indent=1), encoding="utf-8")
    print(json.dumps(figures, ensure_ascii=False))
    return 0 if sound(figures) else 1


def asked_of_demo(question: Callable[[AsyncEngine, str], Awaitable[T]]) -> T:
    """What a command asks of the demo: the made-up region with its story of all sixteen clauses, in a
    database that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="doorstep-demo-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the database runs as another user
        with own_server(folder / "postgres", durable=False) as cluster:
            cluster.ensure_database("demo")
            asyncio.run(migrate.upgrade(cluster.url("demo")))
            return asyncio.run(_asked(question, cluster.url("demo"), folder=folder / "region"))


async def _asked(
    question: Callable[[AsyncEngine, str], Awaitable[T]], url: str, *, folder: Path
) -> T:
    evening = live().now
    today = evening.astimezone(ZONE).date()
    size = sample_region.Size(premises=3_000, technicians=12, requests=120)
    sample_region.write_region(folder, size=size, seed=7, as_of=today)
    ring = Ring(keys=(Key(name="demo", secret=token_bytes(KEY_BYTES)),))
    engine = make_engine(url, connections=4, statement_seconds=120, ring=ring)
    try:
        ambient = fixed(evening)
        await open_region(engine, folder, unit=(UNIT, today), ambient=ambient)
        await clauses.tell(engine, UNIT, now=evening)
        while await sweep.sweep(engine, ambient=ambient, limit=SWEEP_LIMIT):
            continue
        return await question(engine, UNIT)
    finally:
        await engine.dispose()


def sound(figures: dict[str, Any]) -> bool:
    """Whether the story kept its promises."""
    plan, done, promises = figures["plan"], figures["field"], figures["commitments"]
    return not (
        plan["unassigned_without_reason"]
        or plan["checker_violations"]
        or done["operations_lost"]
        or promises["differences"]
    )


def told(story: Story, url: str, *, folder: Path) -> dict[str, Any]:
    """The whole story; each chapter prints what it came to."""
    asyncio.run(migrate.upgrade(url))
    evening = datetime.combine(story.as_of, clock(18, 0), ZONE)
    day = next_working_day(story.as_of)
    opened, plan = asyncio.run(_office_evening(story, url, day=day, at=evening))
    shown = import_report.counts(opened.region.report)
    _say("导入 · import", {name: shown[name] for name in ("premises", "technicians", "requests")})
    _say("计划 · plan", plan)
    done = _field_day(story, url, folder=folder, day=day)
    _say("外业 · field", done)
    night = datetime.combine(day, clock(20, 0), ZONE)
    promises = asyncio.run(_reckoned(url, at=night))
    _say("承诺 · commitments", {"recomputed": promises["recomputed"]})
    for rule, states in promises["by_rule"].items():
        _say(f"  {rule}", states)
    counted = dict.fromkeys(FINDING_KINDS, 0) | shown["findings"]
    return {
        "import": {
            "premises": shown["premises"],
            "technicians": shown["technicians"],
            "requests": shown["requests"],
            "findings": counted,
            "observations": shown["observations"],
        },
        "cases": {"opened": opened.cases_opened, "rejected": opened.cases_rejected},
        "plan": {"date": day.isoformat(), **plan},
        "field": done,
        "commitments": promises,
    }


async def _office_evening(
    story: Story, url: str, *, day: date, at: datetime
) -> tuple[Opened, dict[str, Any]]:
    ambient = fixed(at)
    engine = make_engine(url, connections=4, statement_seconds=120)
    try:
        opened = await open_region(engine, story.region, unit=(UNIT, story.as_of), ambient=ambient)
        async with engine.begin() as tx:
            await add_staff(tx, UNIT, password=PASSWORD)
        await clauses.tell(engine, UNIT, now=at)
        await sweep.sweep(engine, ambient=ambient, limit=SWEEP_LIMIT)
        order = run.Order(on_day=day, seconds=story.seconds, seed=story.seed, requested_by="demo")
        plan_id = await run.request(engine, UNIT, order=order, ambient=ambient)
        with run.own_process() as pool:
            await run.take_one(engine, pool, worker="demo", make_ambient=lambda: ambient)
        async with engine.connect() as tx:
            row = await work.plan_of(tx, UNIT, plan_id=plan_id)
        await publish.publish(engine, UNIT, plan_id=plan_id, actor="demo", ambient=ambient)
    finally:
        await engine.dispose()
    names = (
        "candidates", "assigned", "unassigned", "unassigned_without_reason", "checker_violations",
        "travel_km", "solve_seconds",
    )  # fmt: skip
    return opened, {name: row.report[name] for name in names}


def _field_day(story: Story, url: str, *, folder: Path, day: date) -> dict[str, Any]:
    morning_at, starts = (datetime.combine(day, clock(7, m), ZONE) for m in (30, 45))
    with _server(url, folder, at=morning_at) as port:
        office = field.Office(f"http://127.0.0.1:{port}", login="dispatcher", password=PASSWORD)
        morning = field.go_out(office, folder, day=day.isoformat(), now=morning_at)
    ended = field.work_offline(morning, seed=story.seed, starts=starts)
    captured = {str(each.id) for tablet in morning.tablets for each in tablet.memory.outbox}
    with _server(url, folder, at=ended) as port:
        link = field.come_back(morning, port, seed=story.seed, now=ended)
        office = field.Office(f"http://127.0.0.1:{port}", login="dispatcher", password=PASSWORD)
        conflicts = office.get("/conflicts?limit=500")["items"]
    outcomes, photos = asyncio.run(_held(url, captured))
    return {
        "tablets": len(morning.tablets),
        "operations": len(captured),
        "outcomes": outcomes,
        "conflicts_open": len(conflicts),
        "conflicts": sorted({f"{each['field']}:{each['policy']}" for each in conflicts}),
        "operations_lost": len(captured) - sum(outcomes.values()),
        "unsent": sum(tablet.unsent() for tablet in morning.tablets),
        "photos_verified": photos,
        "reassigned": morning.reassigned is not None,
        "cancelled": morning.cancelled is not None,
        "link": link,
    }


class _server:  # reads as the `with` word it is
    """An API process whose clock stands where the story is."""

    def __init__(self, url: str, folder: Path, *, at: datetime) -> None:
        shift = int(at.timestamp() - time.time())
        self._port = processes.free_port()
        self._process = processes.process(
            "serve",
            {
                "DATABASE_URL": url,
                "DOORSTEP_PORT": str(self._port),
                "DOORSTEP_STATE": str(folder / "state"),
                "DOORSTEP_CLOCK_SHIFT_SECONDS": str(shift),
            },
        )

    def __enter__(self) -> int:
        child = self._process.__enter__()
        processes.wait_until_ready(self._port, child)
        return self._port

    def __exit__(self, *trouble: Any) -> None:
        self._process.__exit__(*trouble)


async def _held(url: str, captured: set[str]) -> tuple[dict[str, int], int]:
    engine = make_engine(url)
    try:
        async with engine.connect() as tx:
            rows = await tx.execute(text("SELECT id, outcome FROM operation"))
            outcomes: dict[str, int] = {}
            for row in rows:
                if str(row.id) in captured:
                    outcomes[row.outcome] = outcomes.get(row.outcome, 0) + 1
            figures = await board.figures(tx, UNIT)
    finally:
        await engine.dispose()
    return outcomes, figures["photos_verified"]


async def _reckoned(url: str, *, at: datetime) -> dict[str, Any]:
    engine: AsyncEngine = make_engine(url, statement_seconds=120)
    try:
        while await sweep.sweep(engine, ambient=fixed(at), limit=SWEEP_LIMIT):
            continue
        verified = await ledger.verify(engine, UNIT)
        by_clause: dict[str, dict[str, int]] = {}
        for clause, state, count in await ledger.states(engine, UNIT):
            by_clause.setdefault(clause, {})[state] = count
        by_rule: dict[str, dict[str, int]] = {}
        for (_, code, version, state), count in (await ledger.rule_states(engine, UNIT)).items():
            by_rule.setdefault(f"{code} {version}", {})[state] = count
    finally:
        await engine.dispose()
    return {
        "by_clause": by_clause,
        "by_rule": by_rule,
        "recomputed": verified["recomputed"],
        "differences": verified["differences"] + verified["broken_chains"],
    }


def _say(chapter: str, figures: dict[str, Any]) -> None:
    print(f"{chapter}: " + ", ".join(f"{k} {v}" for k, v in figures.items()), flush=True)
