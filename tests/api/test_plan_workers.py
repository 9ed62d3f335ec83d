"""Plan runs on several worker processes: one is killed, another takes over; a day is planned once."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text

from runtime.ambient import fixed
from scheduling import run
from storage import plans, work
from tests.api.conftest import DAY, EVENING, UNIT

WORKER = """
import asyncio, sys
from datetime import datetime
from runtime.ambient import fixed
from scheduling import run
from storage import scope
from storage.engine import make_engine

async def main(url, name, at):
    scope.enter_everywhere()
    engine = make_engine(url)
    with run.own_process() as pool:
        while True:
            await run.take_one(engine, pool, worker=name, make_ambient=lambda: fixed(at))
            await asyncio.sleep(0.1)

if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], datetime.fromisoformat(sys.argv[3])))
"""


def worker(folder, url, name, at):
    script = folder / "worker.py"
    script.write_text(WORKER)
    return subprocess.Popen(
        [sys.executable, str(script), url, name, at.isoformat()],
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        start_new_session=True,
    )


def kill(process):
    # the worker and the solver that it began, and nobody else
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


async def until(database, plan_id, condition):
    for _ in range(600):
        async with database.connect() as tx:
            row = await work.plan_of(tx, UNIT, plan_id=plan_id)
        if condition(row):
            return row
        await asyncio.sleep(0.1)
    raise AssertionError(f"still {row.state}, {row.progress}")


async def ask(database, seconds, on_day=DAY):
    order = run.Order(on_day=on_day, seconds=seconds)
    return await run.request(database, UNIT, order=order, ambient=fixed(EVENING))


async def test_a_killed_workers_run_is_taken_over_by_another_process(
    region, database_url, tmp_path
):
    plan_id = await ask(region, 6.0, on_day=DAY + timedelta(days=1))
    first = worker(tmp_path, database_url, "first", EVENING)
    try:
        row = await until(region, plan_id, lambda row: row.state == "running" and row.progress > 0)
        assert (row.worker, row.attempts) == ("first", 1)
    finally:
        kill(first)
    # two more begin before and after the lease is over: only one of them may have it
    early = worker(tmp_path, database_url, "early", EVENING + timedelta(seconds=5))
    late = worker(tmp_path, database_url, "late", EVENING + timedelta(seconds=90))
    try:
        row = await until(region, plan_id, lambda row: row.state in ("solved", "refused"))
    finally:
        kill(early)
        kill(late)
    assert (row.state, row.worker, row.attempts) == ("solved", "late", 2)
    assert row.progress == 1.0
    assert row.report["checker_violations"] == 0


async def test_a_day_has_one_run_under_way_and_other_days_do_not_wait(region):
    first, second = await ask(region, 1.0), await ask(region, 1.0)
    other = await ask(region, 1.0, on_day=date(2026, 12, 1))
    now = datetime(2026, 11, 23, 11, tzinfo=UTC)
    claimed = []
    for name in ("a", "b", "c"):
        async with region.begin() as tx:
            claimed.append(await plans.claim(tx, name, now=now))
    assert [each.id if each else None for each in claimed] == [first, other, None]
    async with region.begin() as tx:
        await plans.finish(tx, first, worker_name="a", values={"state": "solved"})
        assert (await plans.claim(tx, "c", now=now)).id == second


async def test_a_run_that_kills_its_workers_is_given_up(region):
    plan_id = await ask(region, 1.0)
    now = datetime(2026, 11, 23, 11, tzinfo=UTC)
    for n in range(plans.CLAIMS_MAX + 1):
        async with region.begin() as tx:
            found = await plans.claim(tx, f"w{n}", now=now + timedelta(minutes=n))
        assert (found is None) == (n == plans.CLAIMS_MAX)
    async with region.connect() as tx:
        state = await tx.scalar(text("SELECT state FROM plan WHERE id = :id"), {"id": plan_id})
    assert state == "failed"


async def test_a_stopped_run_ends_with_what_it_has(region, database_url, tmp_path):
    plan_id = await ask(region, 300.0, on_day=DAY + timedelta(days=1))
    one = worker(tmp_path, database_url, "one", EVENING)
    try:
        await until(region, plan_id, lambda row: row.state == "running" and row.best_cost)
        async with region.begin() as tx:
            assert await plans.ask_stop(tx, UNIT, plan_id=plan_id)
        row = await until(region, plan_id, lambda row: row.state == "solved")
    finally:
        kill(one)
    assert row.answer["routes"]
