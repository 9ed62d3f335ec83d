"""Promises at size, over a real PostgreSQL: sweep, due list, levelling, explain.

Protocol: an embedded PostgreSQL with fsync on, the roles, policies and statement limits of
production. A million premises are made by one statement, due months clustered as a first round of
inspections leaves them. The sweep folds CLOCKS open clocks of every shipped rule that counts, each
begun within the last 30 days and hanging on premises, through `commitments.sweep` in two worker
processes that run already, with claims, stages and warnings. The due list of a month is read whole,
page by page: in an empty past, with HISTORY closed promises behind it, and joined to a plan; each
three times, the median counts. Levelling is told twice, because the second has a plan to replace.
CPU seconds are those of the workers and of PostgreSQL, each by itself. The last line is JSON.

    python -m bench.promises [--premises 1000000] [--clocks 100000] [--history 2000000]
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.cpu import seconds as cpu_seconds
from commitments import entry, ledger, sweep, yearplan
from runtime.ambient import fixed
from runtime.database import own_server
from schemas.cycles import Levelling
from schemas.ids import named
from storage import catalogue, migrate, scope
from storage import ledger as rows
from storage.engine import make_engine
from storage.scope import APP_ROLE

UNIT = "bench"
NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
PAGE = 5_000
WORKERS = 2
_PREMISES = """
INSERT INTO premises (id, unit_id, account, address, address_given, customer_class,
  first_gas_on, last_inspection_on, inspection_due_on, row_hash)
SELECT gen_random_uuid(), 'bench', 'B' || n, place || '号', '', 'resident', date '2015-01-01',
  due - 730, due, ''
FROM (SELECT n, '示例县小区' || chr(19968 + n / 120) || n % 120 + 1 AS place,
  date '2026-11-01' + (CASE WHEN random() < 0.6
    THEN greatest(0, least(364, 300 + 45 * (random() + random() + random() - 1.5)))
    ELSE random() * 364 END)::int AS due
  FROM generate_series(1, :count) n) drawn
"""
_HISTORY = """
INSERT INTO commitment (id, unit_id, rule_code, rule_version, clause, premises_id, facts, state,
  started_at, due_at, due_on, stopped_at, events, head_hash, verdict)
SELECT gen_random_uuid(), 'bench', '3a', 'handbook-000', '3', p.id, '{}', 'met',
  p.last_inspection_on - y * 730, p.last_inspection_on - (y - 1) * 730,
  p.last_inspection_on - (y - 1) * 730, p.last_inspection_on - (y - 1) * 730 - 9, 0, '', '{}'
FROM (SELECT id, last_inspection_on FROM premises LIMIT (:count / 2)) p,
  generate_series(1, 2) y
"""


def clocks(start: int, count: int, *, homes: Sequence[UUID]) -> list[entry.Entry]:
    """Open clocks as intake leaves them, drawn from one seed, numbered from `start`."""
    drawn = random.Random(start)  # nosec B311 - figures, not secrets
    calendar = catalogue.calendar()
    rules = [each for each in catalogue.rules() if each.unit not in (None, "instant", "ring")]
    made = []
    for n in range(start, start + count):
        begun = NOW - timedelta(minutes=1 + drawn.randrange(30 * 24 * 60))
        opening = entry.Opening(
            id=named(UNIT, "commitment", n),
            unit_id=UNIT,
            rule=drawn.choice(rules),
            started_at=begun,
            received_at=begun,
            source="bench",
            premises_id=homes[n % len(homes)],
        )
        made.append(entry.opened(opening, calendar, now=begun))
    return made


async def opened(engine: AsyncEngine, owner: AsyncEngine, *, count: int) -> None:
    """The clocks in the database, all of them due to be looked at."""
    async with owner.begin() as tx:
        found = await tx.execute(text("SELECT id FROM premises LIMIT 50000"))
        homes = [row.id for row in found]
    for start in range(0, count, PAGE):
        part = clocks(start, min(PAGE, count - start), homes=homes)
        async with engine.begin() as tx:
            await rows.open_commitments(tx, [row for each in part for row in each.commitments])
            await rows.append_events(tx, [row for each in part for row in each.events])
    async with owner.begin() as tx:
        # every clock has something to say: the morning after an outage
        await tx.execute(text("UPDATE commitment SET wake_at = :now"), {"now": NOW})
        await tx.execute(text("ANALYZE commitment"))


def swept(url: str, postmaster: int) -> dict[str, Any]:
    """Wall and CPU seconds of folding all of them once, pages of 5,000, by workers that run."""
    with ProcessPoolExecutor(WORKERS) as pool:
        # both are up before the clock starts, as they are in production
        list(pool.map(time.sleep, [0.5] * WORKERS))
        begun, used = time.perf_counter(), cpu_seconds(os.getpid())
        theirs = cpu_seconds(postmaster)
        folded = sum(pool.map(worker, [url] * WORKERS))
        took = time.perf_counter() - begun
        cost, theirs = cpu_seconds(os.getpid()) - used, cpu_seconds(postmaster) - theirs
    return {
        "clocks": folded,
        "sweep_workers": WORKERS,
        "sweep_seconds": round(took, 2),
        "sweep_cpu_seconds": {"workers": round(cost, 2), "postgresql": round(theirs, 2)},
    }


def worker(url: str) -> int:
    """One of the workers that sweep at once, as production runs them: a process of its own."""
    return asyncio.run(_worked(url))


async def _worked(url: str) -> int:
    engine, folded = make_engine(url, statement_seconds=60, role=APP_ROLE), 0
    scope.enter_everywhere()
    while done := await sweep.sweep(engine, ambient=fixed(NOW), limit=PAGE):
        folded += done
    await engine.dispose()
    return folded


async def explained(engine: AsyncEngine) -> float:
    """Milliseconds of one explain, the median of 99 different promises."""
    found = []
    for n in range(99):
        begun = time.perf_counter()
        await ledger.explain(engine, UNIT, commitment_id=named(UNIT, "commitment", n), now=NOW)
        found.append(time.perf_counter() - begun)
    return round(statistics.median(found) * 1000, 2)


async def due_month(engine: AsyncEngine) -> tuple[float, int]:
    """Seconds to read a whole month's due list, page by page of 5,000, and how long it is."""
    begun, after, counted = time.perf_counter(), "", 0
    while True:
        page = await yearplan.due_list(engine, UNIT, month="2027-07", grid=None, page=(after, PAGE))
        counted += len(page.items)
        if page.next is None:
            return round(time.perf_counter() - begun, 2), counted
        after = page.next


async def month_read(engine: AsyncEngine, postmaster: int) -> dict[str, Any]:
    """The median of three readings, what one cost both processes, and how long the list is."""
    used = time.process_time() + cpu_seconds(postmaster)
    found = [await due_month(engine) for _ in range(3)]
    cost = time.process_time() + cpu_seconds(postmaster) - used
    return {
        "seconds": statistics.median(each[0] for each in found),
        "cpu_seconds": round(cost / 3, 2),
        "premises": found[0][1],
    }


async def levelled(engine: AsyncEngine, postmaster: int) -> dict[str, Any]:
    """Wall and CPU seconds of giving every premises a day, read, thought and written."""
    begun, own, theirs = time.perf_counter(), time.process_time(), cpu_seconds(postmaster)
    told = await yearplan.level(engine, UNIT, how=Levelling(), ambient=fixed(NOW))
    return {
        "seconds": round(time.perf_counter() - begun, 2),
        "cpu_seconds": {
            "process": round(time.process_time() - own, 2),
            "postgresql": round(cpu_seconds(postmaster) - theirs, 2),
        },
        "places": told.places,
        "peak_over_mean_before": told.peak_over_mean_before,
        "peak_over_mean": told.peak_over_mean,
    }


async def prepared(url: str, given: argparse.Namespace) -> None:
    """Premises, then clocks that hang on them."""
    owner = make_engine(url, statement_seconds=600)
    async with owner.begin() as tx:
        await tx.execute(text("INSERT INTO unit (id, name_zh) VALUES ('bench', 'bench')"))
        await tx.execute(text(_PREMISES), {"count": given.premises})
        await tx.execute(text("ANALYZE premises"))
    engine = make_engine(url, statement_seconds=60, role=APP_ROLE)
    scope.enter(UNIT)
    await opened(engine, owner, count=given.clocks)
    await engine.dispose()
    await owner.dispose()


async def asked(url: str, given: argparse.Namespace, *, postmaster: int) -> dict[str, Any]:
    """Explaining, due lists and levelling, as a request is served: five seconds a statement."""
    owner = make_engine(url, statement_seconds=600)
    engine = make_engine(url, role=APP_ROLE)
    scope.enter(UNIT)
    result: dict[str, Any] = {"explain_ms": await explained(engine)}
    result["due_list"] = await month_read(engine, postmaster)
    async with owner.begin() as tx:
        await tx.execute(text(_HISTORY), {"count": given.history})
        await tx.execute(text("ANALYZE commitment"))
    result["due_list_with_history"] = await month_read(engine, postmaster)
    result["level"] = await levelled(engine, postmaster)
    result["level_again"] = await levelled(engine, postmaster)
    result["due_list_with_plan"] = await month_read(engine, postmaster)
    await engine.dispose()
    await owner.dispose()
    return result


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--premises", type=int, default=1_000_000)
    parser.add_argument("--clocks", type=int, default=100_000)
    parser.add_argument("--history", type=int, default=2_000_000)
    given = parser.parse_args()
    with (
        TemporaryDirectory(prefix="doorstep-bench-") as folder,
        own_server(Path(folder)) as cluster,
    ):
        cluster.ensure_database("bench")
        url = cluster.url("bench")
        asyncio.run(migrate.upgrade(url))
        (pid_file,) = Path(folder).rglob("postmaster.pid")
        postmaster = int(pid_file.read_text().split()[0])
        asyncio.run(prepared(url, given))
        result = swept(url, postmaster)
        result |= asyncio.run(asked(url, given, postmaster=postmaster))
        size = {"premises": given.premises, "history": given.history}
        print(json.dumps({"bench": "promises", **size, **result}))


if __name__ == "__main__":
    main()
