"""Many tablets at once against a real server: first downloads, a herd, a storm, and late commits.

Protocol: a server of one process over an embedded PostgreSQL with fsync on, tablets in this process
over loopback. First download: a mailbox of 10,000 and of 100,000 records, seconds and the server's
memory. Herd: 1,000 tablets send 30 operations each at the same moment. Storm: 50 tablets with 2,000
operations each in batches of 200 while one more tablet does single exchanges, whose 99th percentile
is told. Missed rows: writers deliver to one mailbox while a reader follows it and backends are
killed; a row that was committed and never read is missed. The last line is JSON.

    python -m bench.sync_load [--share 1.0]
"""

import argparse
import asyncio
import json
import logging
import random
import statistics
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import sqlalchemy as sa
from uuid_utils.compat import uuid7

from bench import sync_ours as ours
from bench.serving import serving
from storage import feed, mailboxes, records
from storage import tables as t
from storage.engine import make_engine
from storage.mailboxes import Delivery

BATCH = 200


class Run:
    """One server with its figures."""

    def __init__(self, url: str, port: int, *, pid: int) -> None:
        self.url, self.port, self.pid = url, port, pid
        self.base = f"http://127.0.0.1:{port}/api/v1"

    def rss_mib(self) -> int:
        """The most memory that any process of the server ever held."""
        most = 0
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    text = (entry / "status").read_text()
                    mine = f"\nNSsid:\t{self.pid}" in text or f"\nPPid:\t{self.pid}\n" in text
                    if mine or entry.name == str(self.pid):
                        line = next(each for each in text.splitlines() if "VmHWM" in each)
                        most = max(most, int(line.split()[1]) // 1024)
                except (OSError, StopIteration):
                    continue
        return most

    async def sync(self, client: httpx.AsyncClient, token: str, body: bytes) -> float:
        """One exchange until it is answered with 200; returns its seconds."""
        begun = time.perf_counter()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        for _ in range(200):
            reply = await client.post(f"{self.base}/sync", content=body, headers=headers)
            if reply.status_code == 200:
                return time.perf_counter() - begun
            if reply.status_code not in (429, 503):
                reply.raise_for_status()
            await asyncio.sleep(0.2)
        raise RuntimeError("never answered")


def notes(many: int, *, first: int = 1) -> list[dict[str, Any]]:
    """Operations that stand for themselves."""
    at = datetime.now(UTC).isoformat()
    return [
        {
            "id": str(uuid7()), "n": n, "record": str(uuid.uuid4()), "kind": "create",
            "record_kind": "note", "observed_at": at, "fields": {"text": "门口有狗" * 20},
        }
        for n in range(first, first + many)
    ]  # fmt: skip


def body_of(operations: list[dict[str, Any]]) -> bytes:
    """An exchange that asks for nothing back."""
    return msgspec.json.encode({"operations": operations, "lanes": ["safety"]})


async def first_download(run: Run, token: str) -> dict[str, Any]:
    """Everything from an empty cursor."""
    begun, cursor, count, more = time.perf_counter(), "", 0, True
    async with httpx.AsyncClient(timeout=60) as client:
        while more:
            reply = await client.get(
                f"{run.base}/sync/changes",
                params={"cursor": cursor, "limit": 500},
                headers={"Authorization": f"Bearer {token}"},
            )
            reply.raise_for_status()
            answer = msgspec.json.decode(reply.content)
            count += len(answer["changes"])
            cursor, more = answer["cursor"], answer.get("more", False)
    return {
        "records": count,
        "seconds": round(time.perf_counter() - begun, 2),
        "server_peak_mib": run.rss_mib(),
    }


async def herd(run: Run, tokens: list[str]) -> dict[str, Any]:
    """Everybody at once, 30 operations each."""
    limits = httpx.Limits(max_connections=200)
    bodies = [body_of(notes(30)) for _ in tokens]
    async with httpx.AsyncClient(timeout=120, limits=limits) as client:
        begun = time.perf_counter()
        took = await asyncio.gather(
            *(run.sync(client, token, body) for token, body in zip(tokens, bodies, strict=True))
        )
    return {
        "tablets": len(tokens),
        "operations": 30 * len(tokens),
        "drained_seconds": round(time.perf_counter() - begun, 1),
        "slowest_seconds": round(max(took), 1),
        "errors": 0,
    }


async def storm(run: Run, tokens: list[str], *, each: int) -> dict[str, Any]:
    """Days of work from many tablets while one technician goes on with single answers."""
    done, singles = asyncio.Event(), list[float]()

    # made beforehand: what the clients' own process computes is no delay of the server
    bodies = {}
    for token in tokens[1:]:
        said = notes(each)
        bodies[token] = [body_of(said[at : at + BATCH]) for at in range(0, each, BATCH)]

    async def one(client: httpx.AsyncClient, token: str) -> None:
        for body in bodies[token]:
            await run.sync(client, token, body)

    async def interactive(client: httpx.AsyncClient, token: str) -> None:
        n = 1
        while not done.is_set() or len(singles) < 20:
            singles.append(await run.sync(client, token, body_of(notes(1, first=n))))
            n += 1
            await asyncio.sleep(0.05)

    async with httpx.AsyncClient(timeout=120) as client, httpx.AsyncClient(timeout=120) as alone:
        begun = time.perf_counter()
        waiting = asyncio.create_task(interactive(alone, tokens[0]))
        await asyncio.gather(*(one(client, token) for token in tokens[1:]))
        seconds = time.perf_counter() - begun
        done.set()
        await waiting
    centiles = statistics.quantiles(singles, n=100)
    return {
        "tablets": len(tokens) - 1,
        "operations": each * (len(tokens) - 1),
        "acked_seconds": round(seconds, 1),
        "interactive_p50_ms": round(centiles[49] * 1000),
        "interactive_p99_ms": round(centiles[98] * 1000),
    }


async def missed(url: str, *, writers: int, rows: int, seed: int) -> int:
    """Rows that were committed to a mailbox and that a reader who followed it never saw."""
    engine = make_engine(url, connections=writers + 2, statement_seconds=60)
    dice, box = random.Random(seed), uuid.uuid4()
    committed, seen = set[uuid.UUID](), set[uuid.UUID]()
    async with engine.begin() as tx:
        person = await tx.scalar(sa.select(t.technician.c.id).limit(1))
        await tx.execute(
            sa.insert(t.mailbox).values(id=box, unit_id="u", kind=f"b{seed}", technician_id=person)
        )

    async def write() -> None:
        for _ in range(rows // writers // 10):
            keys = [uuid.uuid4() for _ in range(10)]
            try:
                async with engine.begin() as tx:
                    await records.save_records(tx, [_record(key) for key in keys], new=True)
                    await mailboxes.deliver(
                        tx, [Delivery(mailbox_id=box, record_id=key, version=1) for key in keys]
                    )
                    # whoever is slow to commit must not be overtaken
                    await asyncio.sleep(dice.choice([0, 0, 0.004]))
                committed.update(keys)
            except (sa.exc.DBAPIError, OSError):
                continue

    async def read(stop: asyncio.Event) -> None:
        position = 0
        while True:
            last = stop.is_set()
            try:
                async with engine.connect() as tx:
                    page = await feed.entries(tx, box, after=position, limit=200)
            except (sa.exc.DBAPIError, OSError):
                # the reader's connection was killed as well: it asks again from where it was
                continue
            seen.update(row["id"] for row in page)
            if page:
                position = page[-1]["position"]
            elif last:
                return
            await asyncio.sleep(0.001)

    stop = asyncio.Event()
    reading = asyncio.create_task(read(stop))
    killing = asyncio.create_task(_kill_writers(url, dice))
    await asyncio.gather(*(write() for _ in range(writers)))
    killing.cancel()
    stop.set()
    await reading
    await engine.dispose()
    return len(committed - seen)


async def _kill_writers(url: str, dice: random.Random) -> None:
    engine = make_engine(url, connections=1)
    try:
        while True:
            await asyncio.sleep(dice.uniform(0.05, 0.3))
            async with engine.begin() as tx:
                await tx.execute(
                    sa.text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE state LIKE 'idle in tr%' AND pid <> pg_backend_pid() LIMIT 1"
                    )
                )
    finally:
        await engine.dispose()


def _record(key: uuid.UUID) -> dict[str, Any]:
    return {
        "id": key, "unit_id": "u", "kind": "note", "visit_id": None, "premises_id": None,
        "version": 1, "fields": {"text": "x"}, "versions": {"text": 1}, "authors": {},
        "deleted": False,
    }  # fmt: skip


async def people(url: str, many: int) -> list[str]:
    """So many technicians with a tablet each."""
    engine = make_engine(url, statement_seconds=60)
    tokens = []
    async with engine.begin() as tx:
        for n in range(many):
            person, device = uuid.uuid4(), uuid.uuid4()
            await tx.execute(
                sa.insert(t.technician).values(
                    id=person, unit_id="u", number=f"H{n}-{person}", name="H", row_hash="",
                    skills=[], grids=[], shift_opens=ours.at_time(8),
                    shift_closes=ours.at_time(17),
                )
            )  # fmt: skip
            await tx.execute(
                sa.insert(t.mailbox).values(
                    id=uuid.uuid4(), unit_id="u", kind="technician", technician_id=person
                )
            )
            await ours._tablet(tx, device, person=person)
            tokens.append(f"token-of-{device}")
    await engine.dispose()
    return tokens


async def measure(run: Run, tokens: list[str], *, share: float) -> dict[str, Any]:
    """Everything, one after the other."""
    figures: dict[str, Any] = {"first_download": await first_download(run, tokens[1])}
    crowd = await people(run.url, round(1_000 * share))
    figures["herd"] = await herd(run, crowd)
    weather = await people(run.url, max(3, round(50 * share)) + 1)
    figures["storm"] = await storm(run, weather, each=max(200, round(2_000 * share)))
    runs, lost = max(2, round(50 * share)), 0
    for n in range(runs):
        lost += await missed(
            run.url, writers=(6, 10, 16)[n % 3], rows=round(10_000 * share), seed=n
        )
    figures["missed_rows"] = {"runs": runs, "rows_each": round(10_000 * share), "missed": lost}
    return figures


def main() -> int:
    """Runs it; 1 where a committed row was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.sync_load")
    parser.add_argument("--share", type=float, default=1.0)
    given = parser.parse_args()
    logging.disable(logging.ERROR)
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in (10_000, 100_000):
            figures[f"of_{size}"] = _with_server(
                Path(folder) / str(size), round(size * given.share), share=given.share
            )
    print(json.dumps(figures))
    return 1 if figures["of_10000"]["missed_rows"]["missed"] else 0


def _with_server(folder: Path, size: int, *, share: float) -> dict[str, Any]:
    async def seed(url: str) -> list[str]:
        return (await ours._seed(url, size))[1]

    with serving(folder, seed) as served:
        run, tokens = Run(served.url, served.port, pid=served.pid), served.seeded
        if size >= 50_000 * share:
            done = {"first_download": asyncio.run(first_download(run, tokens[1]))}
        else:
            done = asyncio.run(measure(run, tokens, share=share))
    for name, each in done.items():
        print(f"  {size} records, {name}: {each}", flush=True)
    return done


if __name__ == "__main__":
    sys.exit(main())
