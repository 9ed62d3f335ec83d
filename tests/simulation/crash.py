"""Kill -9 of the server, of a database backend and of the postmaster, while tablets push.

A real server process and a PostgreSQL of its own with fsync on. Each tablet writes patches with
values of their own onto its records and remembers every outcome that it was told. In the end
everything it was told must be there, and every operation must have had one effect: a record's
version is the number of its operations, no more and no less.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import sqlalchemy as sa

from runtime import processes
from runtime.outbox import Memory
from runtime.server import services
from runtime.settings import Settings
from schemas.access import Sender
from schemas.sync import SyncAnswer
from storage import embedded, migrate
from storage import tables as t
from storage.engine import make_engine
from tests.simulation.device import Device
from tests.simulation.scene import Server
from tests.simulation.worlds import PostgresWorld

TABLETS = 4
KINDS = ("server", "backend", "postmaster")
_answer = msgspec.json.Decoder(SyncAnswer)


class Pushing:
    """A tablet that goes on capturing and sending whatever happens to the other side."""

    def __init__(self, sender: Sender, dice: random.Random, *, true: Any) -> None:
        self.device = Device(sender, dice, true=true)
        self.dice = dice
        self.told: dict[UUID, str] = {}
        self.count: dict[str, int] = {}

    @property
    def memory(self) -> Memory:
        """What it remembers."""
        return self.device.memory

    def capture(self) -> None:
        """Three operations: a record now and then, and values that were never there before."""
        for _ in range(3):
            if not self.count or self.dice.random() < 0.1:
                record = self.memory.create("note", {"text": "0"}, now=self.device.wall)
                self.count[record] = 1
            else:
                record = self.dice.choice(sorted(self.count))
                value = str(self.count[record])
                self.memory.answer(record, {"text": value}, now=self.device.wall)
                self.count[record] += 1

    async def exchange(self, client: httpx.AsyncClient, port: int) -> bool:
        """One round trip; False where it failed on the way."""
        sent, body = self.memory.request(now=self.device.wall)
        try:
            reply = await client.post(
                f"http://127.0.0.1:{port}/api/v1/sync",
                content=msgspec.json.encode(body),
                headers={
                    "Authorization": f"Bearer {self.device.sender.tablet_id}",
                    "Content-Type": "application/json",
                },
            )
        except httpx.TransportError:
            return False
        if reply.status_code == 503:
            return False
        reply.raise_for_status()
        answer = _answer.decode(reply.content)
        for each, outcome in zip(sent, answer.outcomes, strict=True):
            self.told[each.id] = outcome.outcome
        self.memory.take(sent, answer, now=self.device.wall)
        return True


class Lane:
    """The processes that are killed, and what was done to them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.dice = folder, random.Random(seed)
        self.cluster = embedded.start(folder / "postgres", durable=True)
        self.cluster.ensure_database("crash")
        self.url = self.cluster.url("crash")
        self.port = processes.free_port()
        self.killed = dict.fromkeys(KINDS, 0)
        self.running = True
        self.failed_exchanges = 0

    @contextmanager
    def server(self) -> Iterator[Any]:
        """`doorstep serve` over the cluster."""
        environment = {"DATABASE_URL": self.url, "DOORSTEP_PORT": str(self.port)}
        with processes.process("serve", environment) as child:
            processes.wait_until_ready(self.port, child)
            yield child

    async def people(self) -> list[Pushing]:
        """Technicians with tablets, enrolled by hand."""
        engine = make_engine(self.url)
        given = services(Settings(state=str(self.folder)), self.url)
        world = PostgresWorld(engine, given)
        scene = Server(self.dice, world)
        await world.begin(epoch=scene.key())
        made = [
            Pushing(await scene.person(), random.Random(n), true=scene.now) for n in range(TABLETS)
        ]
        await engine.dispose()
        await given.engine.dispose()
        return made

    async def push(self, tablet: Pushing) -> None:
        """Captures and sends until the lane says stop."""
        async with httpx.AsyncClient(timeout=10) as client:
            while self.running:
                tablet.capture()
                if not await tablet.exchange(client, self.port):
                    self.failed_exchanges += 1
                    await asyncio.sleep(0.05)

    async def backend(self) -> int | None:
        """A PostgreSQL process that works for the server."""
        engine = make_engine(self.url, connections=1)
        try:
            async with engine.connect() as tx:
                found = await tx.scalars(
                    sa.text(
                        "SELECT pid FROM pg_stat_activity WHERE datname = 'crash'"
                        " AND pid <> pg_backend_pid() ORDER BY state = 'active' DESC, random()"
                    )
                )
                return found.first()
        finally:
            await engine.dispose()

    async def kill(self, kind: str, child: Any) -> None:
        """kill -9, and whatever is down is started again."""
        if kind == "server":
            await asyncio.to_thread(os.killpg, child.pid, signal.SIGKILL)
        elif kind == "backend":
            pid = await self.backend()
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
        else:
            pid = int((self.cluster._data / "postmaster.pid").read_text().split()[0])
            os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.3)
        self.killed[kind] += 1
        # a killed backend makes PostgreSQL restart itself: it is back in a moment
        await asyncio.to_thread(self.cluster.start, durable=True)


async def run(folder: Path, *, kills: int, seed: int = 1) -> dict[str, Any]:
    """Pushes and kills; what was told and is gone, and what happened twice."""
    begun = time.monotonic()
    lane = Lane(folder, seed)
    try:
        await migrate.upgrade(lane.url)
        tablets = await lane.people()
        pushing = [asyncio.create_task(lane.push(each)) for each in tablets]
        await _kill_and_start(lane, kills=kills)
        lane.running = False
        await asyncio.gather(*pushing)
        with lane.server():
            await _drain(lane, tablets)
        return await _counted(lane, tablets) | {"seconds": round(time.monotonic() - begun, 1)}
    finally:
        lane.cluster.stop()
        embedded.remove(folder / "postgres")


async def _kill_and_start(lane: Lane, *, kills: int) -> None:
    done = 0
    while done < kills:
        server = lane.server()
        child = await asyncio.to_thread(server.__enter__)
        try:
            while done < kills:
                await asyncio.sleep(lane.dice.uniform(0.1, 0.6))
                kind = KINDS[done % len(KINDS)]
                await lane.kill(kind, child)
                done += 1
                if done % 10 == 0:
                    print(f"  {done} kills, {lane.failed_exchanges} exchanges failed", flush=True)
                if kind == "server":
                    break
        finally:
            await asyncio.to_thread(server.__exit__, None, None, None)


async def _drain(lane: Lane, tablets: list[Pushing]) -> None:
    async with httpx.AsyncClient(timeout=30) as client:
        for each in tablets:
            for _ in range(400):
                if await each.exchange(client, lane.port) and not each.memory.outbox:
                    break


async def _counted(lane: Lane, tablets: list[Pushing]) -> dict[str, Any]:
    engine = make_engine(lane.url)
    async with engine.connect() as tx:
        held = {row.id: row for row in await tx.execute(sa.select(t.operation))}
        versions = {
            str(row.id): row.version
            for row in await tx.execute(sa.select(t.record.c.id, t.record.c.version))
        }
    await engine.dispose()
    told = {key: said for each in tablets for key, said in each.told.items()}
    lost = [key for key in told if key not in held]
    counts = {record: n for each in tablets for record, n in each.count.items()}
    more = [record for record, n in counts.items() if versions.get(record, 0) > n]
    less = [record for record, n in counts.items() if versions.get(record, 0) < n]
    return {
        "kills": sum(lane.killed.values()),
        "killed": lane.killed,
        "operations": sum(counts.values()),
        "told": len(told),
        "failed_exchanges": lane.failed_exchanges,
        "unsent": sum(len(each.memory.outbox) for each in tablets),
        "lost": len(lost) + len(less),
        "doubled": len(more),
    }
