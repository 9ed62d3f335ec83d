"""The lanes of the simulation: many seeds over the double, seeds over PostgreSQL, planted bugs."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from runtime.server import services
from runtime.settings import Settings
from storage import embedded, migrate
from storage.engine import make_engine
from tests.simulation.planted import PLANTED, planted
from tests.simulation.promises import FAULTS as PROMISED
from tests.simulation.promises import Promises
from tests.simulation.schedule import FAULTS, Schedule
from tests.simulation.worlds import PostgresWorld

CHUNK = 100
REGRESSIONS = Path(__file__).resolve().parent.parent / "regressions"
REACHED_FROM = 1_000
"""From so many schedules on, a kind of fault that never happened fails the run."""
PLANTED_SCHEDULES = 1_000


class Ran:
    """What a set of schedules came to."""

    def __init__(self) -> None:
        self.schedules = 0
        self.operations = 0
        self.fired: Counter[str] = Counter()
        self.broken: list[tuple[int, str, str]] = []

    def take(self, schedule: Schedule) -> None:
        """Adds one finished schedule."""
        self.schedules += 1
        self.operations += sum(len(each.said) for each in schedule.devices)
        self.fired += schedule.fired
        self.broken += [(schedule.seed, f.invariant, f.what) for f in schedule.findings]

    def add(self, other: "Ran") -> None:
        """Adds another set."""
        self.schedules += other.schedules
        self.operations += other.operations
        self.fired += other.fired
        self.broken += other.broken


def over_memory(seeds: Iterable[int]) -> Ran:
    """Schedules one after the other over the double."""

    async def every() -> Ran:
        ran = Ran()
        for seed in seeds:
            ran.take(await Schedule(seed).run())
        return ran

    return asyncio.run(every())


def sim(schedules: int, *, first: int = 0) -> dict[str, Any]:
    """Many schedules in two processes; figures, and the first broken invariants."""
    begun, total = time.monotonic(), over_memory(known_seeds())
    chunks = [
        range(at, min(at + CHUNK, first + schedules))
        for at in range(first, first + schedules, CHUNK)
    ]
    with ProcessPoolExecutor(max_workers=2) as pool:
        for done, ran in enumerate(pool.map(over_memory, chunks), 1):
            total.add(ran)
            if done % 10 == 0:
                print(f"  {total.schedules} schedules, {len(total.broken)} violations", flush=True)
    return figures(total, begun=begun)


def known_seeds() -> list[int]:
    """Schedules that once broke something: they go first."""
    cases = [json.loads(path.read_text("utf-8")) for path in sorted(REGRESSIONS.glob("*.json"))]
    return [seed for case in cases if case["about"] == "schedule" for seed in case["seeds"]]


def figures(ran: Ran, *, begun: float, faults: Sequence[str] = FAULTS) -> dict[str, Any]:
    """The last line of a lane."""
    for seed, invariant, what in ran.broken[:20]:
        print(f"  seed {seed}: {invariant} {what}")
    silent = [name for name in faults if not ran.fired[name]]
    return {
        "schedules": ran.schedules,
        "violations": len(ran.broken),
        "faults": dict(sorted(ran.fired.items())),
        "faults_never_fired": silent if ran.schedules >= REACHED_FROM else [],
        "operations": ran.operations,
        "seconds": round(time.monotonic() - begun, 1),
    }


async def over_postgres(url: str, seeds: Iterable[int], *, state: Path) -> Ran:
    """Schedules through the whole API over one database, emptied before each; tablets talk at the
    same time."""
    engine = make_engine(url, statement_seconds=60)
    given = services(Settings(state=str(state)), url)
    ran = Ran()
    try:
        for seed in seeds:
            schedule = Schedule(seed, PostgresWorld(engine, given))
            await schedule.server.world.begin(epoch=schedule.server.key())
            schedule.promises = Promises(schedule.server.world, seed)
            ran.take(await schedule.run())
    finally:
        await engine.dispose()
        await given.engine.dispose()
    return ran


def sim_pg(schedules: int, *, first: int = 0, folder: Path) -> dict[str, Any]:
    """A share of the same schedules over a PostgreSQL of its own."""
    begun = time.monotonic()
    cluster = embedded.start(folder, durable=False)
    try:
        cluster.ensure_database("simulation")
        url = cluster.url("simulation")
        asyncio.run(migrate.upgrade(url))
        total = Ran()
        for at in range(first, first + schedules, 25):
            seeds = range(at, min(at + 25, first + schedules))
            ran = asyncio.run(over_postgres(url, seeds, state=folder.parent / "state"))
            for each in ran.broken:
                print(f"  BROKEN {each}", flush=True)
            total.add(ran)
            print(f"  {total.schedules} schedules, {len(total.broken)} violations", flush=True)
        return figures(total, begun=begun, faults=(*FAULTS, *PROMISED))
    finally:
        cluster.stop()
        embedded.remove(folder)


def caught(name: str) -> int | None:
    """How many schedules it took to notice a planted bug, or None."""
    with planted(name):
        for seed in range(PLANTED_SCHEDULES):
            try:
                if over_memory([seed]).broken:
                    return seed + 1
            except (AssertionError, ValueError, KeyError, RuntimeError):
                # a bug that makes the server fall over is noticed as well
                return seed + 1
    return None


def sim_planted() -> dict[str, Any]:
    """Every planted bug, and after how many schedules it was noticed."""
    begun = time.monotonic()
    with ProcessPoolExecutor(max_workers=2, max_tasks_per_child=1) as pool:
        found = dict(zip(PLANTED, pool.map(caught, PLANTED), strict=True))
    for name, after in found.items():
        print(f"  {name:<34} {'NOT CAUGHT' if after is None else f'after {after} schedules'}")
    return {
        "caught": sum(1 for each in found.values() if each is not None),
        "planted": len(found),
        "after_schedules": found,
        "seconds": round(time.monotonic() - begun, 1),
    }
