"""A whole installation is backed up while tablets work, restored into a new folder, and healed.

The real commands, real clusters, a real server; tablets keep their files as in the field.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from datetime import time as clock
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from runtime import backup, processes
from runtime.demo import field
from runtime.tablet import Tablet
from storage import embedded, fingerprint, migrate
from storage.engine import make_engine
from storage.tables import operation
from tests.api.conftest import DAY, PASSWORD, _fill

MORNING = datetime.combine(DAY, clock(7, 30), ZoneInfo("Asia/Shanghai"))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    memory = Path("/dev/shm")
    base = (memory if memory.is_dir() else tmp_path) / f"doorstep-life-{uuid.uuid4().hex[:8]}"
    base.mkdir(mode=0o755)
    yield base
    for each in ("first", "second"):
        embedded.remove(base / each / "postgres")
    embedded.remove(base)


@contextmanager
def serving(cluster: embedded.Cluster, state: Path, *, at: datetime) -> Iterator[str]:
    """A server whose clock stands where the story is."""
    port = processes.free_port()
    environment = {
        "DATABASE_URL": cluster.url(backup.DATABASE), "DOORSTEP_PORT": str(port),
        "DOORSTEP_STATE": str(state),
        "DOORSTEP_CLOCK_SHIFT_SECONDS": str(int(at.timestamp() - time.time())),
    }  # fmt: skip
    with processes.process("serve", environment) as child:
        processes.wait_until_ready(port, child)
        yield f"http://127.0.0.1:{port}"


def doorstep(*words: str, state: Path) -> dict:
    """A command as an operator types it; what its last line says."""
    environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, "-m", "runtime.cli", *words],
        env={**environment, "DOORSTEP_STATE": str(state)},
        capture_output=True, text=True, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def held(cluster: embedded.Cluster) -> tuple[dict, list]:
    """What every table holds, and the operations by id."""

    async def read():
        engine = make_engine(cluster.url(backup.DATABASE))
        async with engine.connect() as tx:
            tables = await fingerprint.tables(tx)
            ids = [str(each) for each in await tx.scalars(sa.select(operation.c.id))]
        await engine.dispose()
        return tables, ids

    return asyncio.run(read())


def shown(tablet: Tablet) -> dict:
    return {key: (each.version, each.fields) for key, each in tablet.memory.records.items()}


def test_an_installation_restored_into_a_new_folder_is_equal_and_every_tablet_heals(place):
    first = embedded.start(place / "first" / "postgres", durable=False)
    try:
        first.ensure_database(backup.DATABASE)
        asyncio.run(migrate.upgrade(first.url(backup.DATABASE)))
        (place / "region").mkdir()
        asyncio.run(_fill(first.url(backup.DATABASE), place / "region"))
        with serving(first, place / "first", at=MORNING) as base:
            office = field.Office(base, login="dispatcher", password=PASSWORD)
            morning = field.go_out(office, place, day=str(DAY), now=MORNING)
            before, after, offline = morning.tablets
            evening = field.work_offline(morning, seed=5, starts=MORNING + timedelta(minutes=15))
            captured = {str(op.id) for each in morning.tablets for op in each.memory.outbox}
            before.sync(now=evening)
            made = doorstep("backup", str(place / "backup"), state=place / "first")
            tables, known = held(first)
            # acknowledged and forgotten by the server that is restored
            after.sync(now=evening)
            assert before.unsent() == after.unsent() == 0 < offline.unsent()
            assert set(known) < set(held(first)[1]) < captured
    finally:
        first.stop()

    judged = doorstep(
        "restore", str(place / "backup"), "--state", str(place / "second"), state=place / "first"
    )
    assert judged["tables_changed_since_the_backup_began"] == []
    assert judged["audit_chains_broken"] == []
    assert (judged["photos"], judged["photos_missing"]) == (made["photos"], 0)
    assert judged["photos"] > 0

    second = embedded.start(place / "second" / "postgres", durable=False)
    try:
        assert held(second) == (tables, known)
        with serving(second, place / "second", at=evening) as base:
            for each in morning.tablets:
                each.sync(now=evening, server=base)
                each.sync(now=evening, server=base)
                assert (each.unsent(), each.heal(server=base)) == (0, 0)
            assert sorted(held(second)[1]) == sorted(captured)
            # who works for two with somebody hears what the other said meanwhile
            before.sync(now=evening, server=base)
            # one whose store was damaged: half of it lost, a word of it wrong
            whole = shown(before)
            for key in sorted(before.memory.records)[::2]:
                del before.memory.records[key]
            next(iter(before.memory.records.values())).version = 99
            assert before.heal(server=base) > 0
            assert (shown(before), before.heal(server=base)) == (whole, 0)
    finally:
        second.stop()
