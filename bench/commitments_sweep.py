"""How long one sweep takes over clocks that all have something to say, in a real PostgreSQL.

Protocol: an embedded server without fsync; `--clocks` refunds opened through the ledger's own shells,
half of them told of money that was sent; the clock is then moved ten days on and the sweep takes
them in slices, as the worker does. Every stage and warning is written. The second figure is the
sweep over clocks that have nothing to say. The last line is JSON.

    python -m bench.commitments_sweep [--clocks 100000] [--slice 2000]
"""

import argparse
import asyncio
import json
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from commitments import entry, ledger, writing
from commitments.rules import rule_for
from commitments.sweep import sweep
from runtime.ambient import fixed
from runtime.database import own_server
from schemas.commitment import Event
from schemas.ids import named
from storage import catalogue, migrate
from storage.engine import make_engine
from storage.tables import unit_table

UNIT, BEGUN = "bench", datetime(2026, 3, 2, 1, tzinfo=UTC)
PAGE = 5_000


async def opened(engine: Any, clocks: int) -> None:
    """Refunds of one morning; every other one is paid two days later, told but not folded."""
    rule = rule_for(catalogue.rules(), "14", on_day=BEGUN.date())
    for start in range(0, clocks, PAGE):
        async with engine.begin() as tx:
            drafts = [_draft(n, rule) for n in range(start, min(start + PAGE, clocks))]
            await writing.begin(tx, drafts, rules=catalogue.rules(), ambient=fixed(BEGUN))


def _draft(n: int, rule: Any) -> entry.Entry:
    opening = entry.Opening(
        id=named(UNIT, "bench", str(n)),
        unit_id=UNIT,
        rule=rule,
        started_at=BEGUN,
        received_at=BEGUN,
        source=f"bench:{n}",
    )
    begun = entry.opened(opening, catalogue.calendar(), now=BEGUN)
    if n % 2:
        return begun
    at = BEGUN + timedelta(days=2)
    paid = Event(kind="money_sent", observed_at=at, received_at=at, source=f"bench:{n}:paid")
    told = entry.told(begun, paid, rule=rule, calendar=catalogue.calendar(), now=BEGUN)
    return entry.Entry(
        commitments=[{**told.commitments[0], "stopped_at": None, "wake_at": at}], events=told.events
    )


async def swept(engine: Any, size: int) -> tuple[int, float]:
    """Slice by slice until nothing has anything to say."""
    begun, done = time.perf_counter(), 0
    while True:
        folded = await sweep(engine, ambient=fixed(BEGUN + timedelta(days=10)), limit=size)
        done += folded
        if not folded:
            return done, time.perf_counter() - begun


async def measured(url: str, given: argparse.Namespace) -> dict[str, Any]:
    """Opens, sweeps, sweeps again and verifies."""
    await migrate.upgrade(url)
    engine = make_engine(url, connections=2, statement_seconds=120)
    async with engine.begin() as tx:
        await tx.execute(sa.insert(unit_table).values(id=UNIT, name_zh="bench", settings={}))
    await opened(engine, given.clocks)
    folded, seconds = await swept(engine, given.slice)
    _, idle = await swept(engine, given.slice)
    verified = await ledger.verify(engine, UNIT)
    await engine.dispose()
    return {
        "bench": "commitments_sweep",
        "clocks": given.clocks,
        "folded": folded,
        "sweep_seconds": round(seconds, 2),
        "idle_seconds": round(idle, 4),
        "differences": verified["differences"] + verified["broken_chains"],
    }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clocks", type=int, default=100_000)
    parser.add_argument("--slice", type=int, default=2_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="doorstep-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with own_server(folder / "postgres", durable=False) as cluster:
            cluster.ensure_database("bench")
            print(json.dumps(asyncio.run(measured(cluster.url("bench"), given))))


if __name__ == "__main__":
    main()
