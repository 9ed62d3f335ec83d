"""Two API processes and three workers over one database and two units: everything is done once,
whoever of them is killed."""

import asyncio
import contextlib
import os
import signal
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from commitments import ledger
from runtime import processes, sample_region
from runtime.ambient import fixed, live
from runtime.opening import open_region
from runtime.server_commands import add_staff
from scheduling import run
from storage import embedded
from storage.engine import make_engine
from storage.tables import account, commitment, commitment_stage, plan

UNITS, PASSWORD = ("east", "west"), "only-in-tests-1234"
LONG_AGO = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""Clocks that were opened then are long due: the sweep has everything to do."""
DAYS = [date(2026, 3, 3) + timedelta(days=n) for n in range(3)]
DONE_SECONDS_MAX = 240


@pytest.fixture
def url(cluster: embedded.Cluster) -> Iterator[str]:
    name = f"t{uuid.uuid4().hex[:16]}"
    cluster.ensure_database(name, template="doorstep_template")
    yield cluster.url(name)
    cluster.drop_database(name)


async def opened(url: str, folder: Path) -> None:
    """Two units with work, staff and three days to plan each."""
    engine = make_engine(url, statement_seconds=60)
    for n, unit in enumerate(UNITS):
        size = sample_region.Size(premises=200, technicians=3, requests=30)
        where = folder / unit
        sample_region.write_region(where, size=size, seed=n + 3, as_of=LONG_AGO.date())
        await open_region(engine, where, unit=(unit, LONG_AGO.date()), ambient=fixed(LONG_AGO))
        for day in DAYS:
            order = run.Order(on_day=day, seconds=1.0, requested_by=f"{unit}-dispatcher")
            await run.request(engine, unit, order=order, ambient=live())
    async with engine.begin() as tx:
        await add_staff(tx, UNITS[0], password=PASSWORD)
    await engine.dispose()


async def until_done(url: str) -> list:
    """Waits until no plan waits and no clock is late; the plans as they are then."""
    engine, deadline = make_engine(url), time.monotonic() + DONE_SECONDS_MAX
    while True:
        async with engine.connect() as tx:
            plans = (await tx.execute(sa.select(plan))).all()
            late = await tx.scalar(
                sa.select(sa.func.count()).where(commitment.c.wake_at < live().now)
            )
        if all(each.state in ("solved", "failed") for each in plans) and not late:
            await engine.dispose()
            return list(plans)
        assert time.monotonic() < deadline, ([each.state for each in plans], late)
        await asyncio.sleep(0.5)


async def once(url: str) -> None:
    """No stage fired twice or out of order, and every verdict follows from its events."""
    engine = make_engine(url, statement_seconds=60)
    async with engine.connect() as tx:
        stages = (await tx.execute(sa.select(commitment_stage))).all()
        assert await tx.scalar(sa.select(sa.func.count()).select_from(account)) > 0
    for unit in UNITS:
        verified = await ledger.verify(engine, unit)
        assert verified["differences"] == 0 and verified["recomputed"] > 0
    await engine.dispose()
    assert stages
    assert len({(each.commitment_id, each.stage) for each in stages}) == len(stages)
    assert all(each.at <= each.noticed_at for each in stages)


def test_everything_is_done_once_by_whoever_is_left(url: str, tmp_path: Path):
    asyncio.run(opened(url, tmp_path))
    ports = [processes.free_port() for _ in range(2)]
    with contextlib.ExitStack() as running:
        environment = {"DATABASE_URL": url, "DOORSTEP_STATE": str(tmp_path / "state")}
        servers = [
            running.enter_context(
                processes.process("serve", {**environment, "DOORSTEP_PORT": str(port)})
            )
            for port in ports
        ]
        workers = [running.enter_context(processes.process("work", environment)) for _ in range(3)]
        for port, server in zip(ports, servers, strict=True):
            processes.wait_until_ready(port, server)
        time.sleep(2)
        for victim in (workers[0], servers[0]):
            os.killpg(victim.pid, signal.SIGKILL)
        reply = httpx.post(
            f"http://127.0.0.1:{ports[1]}/api/v1/session",
            json={"login": "dispatcher", "password": PASSWORD},
            timeout=20,
        )
        assert reply.status_code == 201
        plans = asyncio.run(until_done(url))
    assert len(plans) == len(UNITS) * len(DAYS)
    for each in plans:
        assert each.state == "solved" and each.report["checker_violations"] == 0
        assert each.finished_at is not None and 1 <= each.attempts <= 2
    asyncio.run(once(url))
