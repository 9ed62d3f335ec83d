"""Promises at size, over a real PostgreSQL: sweep, due list, levelling, explain.

Protocol: an embedded PostgreSQL with fsync on, one process, the roles and policies of production
(the application's role, every policy in force). A million premises are made by one statement, due
months clustered as a first round of inspections leaves them. The due list is read twice: in an
empty past, and with HISTORY closed promises and as many events behind it. The sweep folds CLOCKS
open clocks of every shipped rule that counts, each begun within the last 30 days, through
`commitments.sweep` in two worker processes, with claims, stages and warnings. CPU seconds are those
of the workers and of PostgreSQL together. The last line is JSON.

    python -m bench.promises [--premises 1000000] [--clocks 100000] [--history 2000000]
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import time
from collections.abc import Awaitable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

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


def clocks(count: int) -> list[entry.Entry]:
    """Open clocks as intake leaves them, drawn from one seed."""
    drawn = random.Random(1)  # nosec B311 - figures, not secrets
    calendar = catalogue.calendar()
    rules = [each for each in catalogue.rules() if each.unit not in (None, "instant", "ring")]
    made = []
    for n in range(count):
        begun = NOW - timedelta(minutes=1 + drawn.randrange(30 * 24 * 60))
        opening = entry.Opening(
            id=named(UNIT, "commitment", n),
            unit_id=UNIT,
            rule=drawn.choice(rules),
            started_at=begun,
            received_at=begun,
            source="bench",
        )
        made.append(entry.opened(opening, calendar, now=begun))
    return made


async def swept(engine: AsyncEngine, *, count: int) -> dict[str, Any]:
    """Wall and CPU seconds of folding all of them once, pages of 5,000."""
    made = clocks(count)
    for start in range(0, count, PAGE):
        part = made[start : start + PAGE]
        async with engine.begin() as tx:
            await rows.open_commitments(tx, [row for each in part for row in each.commitments])
            await rows.append_events(tx, [row for each in part for row in each.events])
    async with engine.begin() as tx:
        # every clock has something to say: the morning after an outage
        await tx.execute(text("UPDATE commitment SET wake_at = :now"), {"now": NOW})
        await tx.execute(text("ANALYZE commitment"))
    begun, used = time.perf_counter(), cpu_seconds(os.getpid())
    url = engine.url.render_as_string(hide_password=False)
    with ProcessPoolExecutor(WORKERS) as pool:
        folded = sum(pool.map(worker, [url] * WORKERS))
        took = time.perf_counter() - begun
        cost = cpu_seconds(os.getpid()) - used
    return {
        "clocks": folded,
        "sweep_workers": WORKERS,
        "sweep_seconds": round(took, 2),
        "sweep_cpu_seconds": round(cost, 2),
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


async def timed(deed: Awaitable[Any]) -> tuple[float, Any]:
    """Wall seconds of a deed, and what it said."""
    begun = time.perf_counter()
    told = await deed
    return round(time.perf_counter() - begun, 2), told


async def measured(url: str, given: argparse.Namespace) -> dict[str, Any]:
    """Everything, in one database."""
    owner = make_engine(url, statement_seconds=600)
    async with owner.begin() as tx:
        await tx.execute(text("INSERT INTO unit (id, name_zh) VALUES ('bench', 'bench')"))
    engine = make_engine(url, statement_seconds=60, role=APP_ROLE)
    scope.enter(UNIT)
    result = await swept(engine, count=given.clocks)
    result["explain_ms"] = await explained(engine)
    async with owner.begin() as tx:
        await tx.execute(text(_PREMISES), {"count": given.premises})
        await tx.execute(text("ANALYZE premises"))
    first = [await due_month(engine) for _ in range(3)]
    async with owner.begin() as tx:
        await tx.execute(text(_HISTORY), {"count": given.history})
        await tx.execute(text("ANALYZE commitment"))
    again = [await due_month(engine) for _ in range(3)]
    how = Levelling()
    level_seconds, levelled = await timed(yearplan.level(engine, UNIT, how=how, ambient=fixed(NOW)))
    planned = [await due_month(engine) for _ in range(3)]
    result |= {
        "premises": given.premises,
        "history": given.history,
        "due_month": first[0][1],
        "due_list_seconds": statistics.median(each[0] for each in first),
        "due_list_with_history_seconds": statistics.median(each[0] for each in again),
        "due_list_with_plan_seconds": statistics.median(each[0] for each in planned),
        "level_seconds": level_seconds,
        "places": levelled.places,
        "peak_over_mean_before": levelled.peak_over_mean_before,
        "peak_over_mean": levelled.peak_over_mean,
    }
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
        print(json.dumps({"bench": "promises", **asyncio.run(measured(url, given))}))


if __name__ == "__main__":
    main()
