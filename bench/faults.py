"""What a server does when too much is asked, when its database is away and when its disk is full.

Protocol: a server of one process over an embedded PostgreSQL with fsync on; callers over loopback,
each with a tablet of its own. Capacity: twelve callers without a pause, five seconds. Overload: five
times that rate for ten seconds, whatever is answered, from another process (`bench/crowd.py`); then
one caller asks until its answers stay as fast as a technician expects (250 ms) with the crowd gone,
which is the recovery. Soak: steady
exchanges at half the capacity; the server's memory at the start and at the end. Away: the database
is stopped under load for a while; every answer meanwhile is a 503 with Retry-After, and afterwards
the first success is timed. Full: the photos' disk has room for one mebibyte; uploads are refused
and answers go on, and once there is room the upload goes on where it was. Slow: 300 sockets send one
byte of a body and wait while a tablet works. Clock: the server's clock jumps between runs. The last
line is JSON.

    python -m bench.faults [--share 1.0]
"""

import argparse
import asyncio
import contextlib
import json
import logging
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx

from bench import sync_ours as ours
from bench.crowd import Offer, offer
from bench.photo_cuts import started
from bench.serving import Served, api, serving
from bench.sync_load import Run, body_of, notes, people
from storage import embedded

CALLERS, TIMES = 12, 5
EXPECTED_SECONDS = 0.25
RECOVERY_SECONDS_MAX = 10.0
DRIBBLING, GROWN_MIB = 300, 16


class Caller:
    """A tablet that sends one note after the other."""

    def __init__(self, run: Run, token: str, *, first: int = 0) -> None:
        self._address = f"{run.base}/sync"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._n = first

    async def ask(self, client: httpx.AsyncClient) -> tuple[int, float, bool]:
        """Status, seconds, and whether a refusal said when to come again; 0 for no answer."""
        begun = time.perf_counter()
        body = body_of(notes(1, first=self._n + 1))
        try:
            reply = await client.post(self._address, content=body, headers=self._headers)
        except httpx.HTTPError:
            return 0, time.perf_counter() - begun, False
        self._n += reply.status_code == 200
        return reply.status_code, time.perf_counter() - begun, "retry-after" in reply.headers


async def capacity(run: Run, tokens: list[str], *, seconds: float) -> float:
    """Exchanges a second that callers without a pause get answered."""
    done, until = 0, time.perf_counter() + seconds

    async def one(client: httpx.AsyncClient, token: str) -> None:
        nonlocal done
        caller = Caller(run, token)
        while time.perf_counter() < until:
            status, _, _ = await caller.ask(client)
            # counted after the answer came: `done += await …` reads it before, and loses the others'
            done += status == 200

    async with httpx.AsyncClient(timeout=30) as client:
        await asyncio.gather(*(one(client, token) for token in tokens[:CALLERS]))
    return done / seconds


async def overload(run: Run, tokens: list[str], *, rate: float, seconds: float) -> dict[str, Any]:
    """`TIMES` as much as it can do; then how long until a single caller is served as expected."""
    crowd = Offer(port=run.port, tokens=tuple(tokens[:-1]), rate=rate * TIMES, seconds=seconds)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        offered = asyncio.get_running_loop().run_in_executor(pool, offer, crowd)
        await asyncio.wait([offered], timeout=seconds)
        served, alone = 0.0, Caller(run, tokens[-1])
        async with httpx.AsyncClient(timeout=30) as quiet:
            # whoever is served quickly while the crowd still comes has not seen it go
            while not served or not offered.done():
                status, took, _ = await alone.ask(quiet)
                well = status == 200 and took <= EXPECTED_SECONDS
                served = (served or time.monotonic()) if well else 0.0
        over, answers = await offered
    refused = [each for each in answers if each.status in (429, 503)]
    return {
        "offered_a_second": round(len(answers) / seconds),
        "answers": dict(sorted(Counter(str(each.status) for each in answers).items())),
        "refusals_that_say_when": f"{sum(each.says_when for each in refused)} of {len(refused)}",
        "refusal_ms_p50": _median([each.seconds for each in refused]),
        "served_ms_p50": _median([each.seconds for each in answers if each.status == 200]),
        "slowest_seconds": round(max(each.seconds for each in answers), 1),
        "recovery_seconds": round(max(0.0, served - over), 2),
    }


async def soak(run: Run, tokens: list[str], *, rate: float, seconds: float) -> dict[str, Any]:
    """A steady day in short: the memory must not grow with what went by."""
    begun, took, count = time.perf_counter(), list[float](), 0
    before = run.rss_mib()
    callers = [Caller(run, token) for token in tokens[:CALLERS]]
    async with httpx.AsyncClient(timeout=30) as client:
        while (past := time.perf_counter() - begun) < seconds:
            if count < past * rate:
                answers = await asyncio.gather(*(each.ask(client) for each in callers))
                took += [seconds for _, seconds, _ in answers]
                count += len(callers)
            else:
                await asyncio.sleep(0.005)
    return {
        "exchanges": count,
        "p99_ms": round(statistics.quantiles(took, n=100)[98] * 1000),
        "server_mib_before": before,
        "server_mib_after": run.rss_mib(),
    }


async def away(
    run: Run, tokens: list[str], *, cluster: embedded.Cluster, seconds: float
) -> dict[str, Any]:
    """The database is gone for a while and comes back."""
    caller, seen = Caller(run, tokens[0]), list[tuple[int, float, bool]]()
    async with httpx.AsyncClient(timeout=30) as client:
        await asyncio.to_thread(cluster.stop, mode="immediate")
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            seen.append(await caller.ask(client))
            await asyncio.sleep(0.1)
        await asyncio.to_thread(cluster.start, durable=True)
        back = time.perf_counter()
        while (await caller.ask(client))[0] != 200:
            await asyncio.sleep(0.05)
    return {
        "answers": dict(Counter(str(status) for status, _, _ in seen)),
        "without_retry_after": sum(1 for status, _, again in seen if status != 200 and not again),
        "slowest_seconds": round(max(took for _, took, _ in seen), 1),
        "first_success_after_seconds": round(time.perf_counter() - back, 2),
    }


async def full(run: Run, token: str, *, disk: Path) -> dict[str, Any]:
    """No room for photos: uploads are told so, answers go on, and nothing has to begin again."""
    async with httpx.AsyncClient(timeout=60) as client:
        upload = await started(client, run.base, token, size=3 * 2**20)
        refused = await upload.send(client)
        answer, _, _ = await Caller(run, token).ask(client)
        grown = subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=False)
        finished = await upload.send(client)
    return {
        "upload_when_full": refused,
        "answer_meanwhile": answer,
        "upload_with_room": finished if grown.returncode == 0 else "no room could be made",
    }


async def slow(run: Run, token: str) -> dict[str, Any]:
    """Callers that send a byte and then nothing hold their sockets, and keep nobody else out."""
    head = (
        b"POST /api/v1/session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"content-length: 1000\r\n\r\n{"
    )
    port, held = httpx.URL(run.base).port, list[asyncio.StreamWriter]()
    for _ in range(DRIBBLING):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)
        held.append(writer)
    await asyncio.gather(*(each.drain() for each in held))
    caller = Caller(run, token)
    async with httpx.AsyncClient(timeout=30) as client:
        answers = [await caller.ask(client) for _ in range(100)]
    for each in held:
        each.close()
    took = [seconds for _, seconds, _ in answers]
    return {
        "dribbling": DRIBBLING,
        "answers": dict(Counter(str(status) for status, _, _ in answers)),
        "p99_ms": round(statistics.quantiles(took, n=100)[98] * 1000),
    }


def jumped(folder: Path, served: Served) -> dict[str, Any]:
    """The server's clock goes eight hours ahead, back to where it was, and an hour behind: it is
    another process each time, over the same database and with the same tablet."""
    token = asyncio.run(people(served.url, 1))[0]
    figures, n = dict[str, Any](), 0
    for hours in (8, 0, -1):
        shift = {"DOORSTEP_CLOCK_SHIFT_SECONDS": str(hours * 3600)}
        with api(folder, served.url, **shift) as (port, pid):
            caller = Caller(Run(served.url, port, pid=pid), token, first=n)
            statuses = asyncio.run(_asked(caller, times=20))
        n += 20
        figures[f"{hours:+d} h"] = dict(Counter(str(each) for each in statuses))
    return figures


async def _asked(caller: Caller, *, times: int) -> list[int]:
    async with httpx.AsyncClient(timeout=30) as client:
        return [(await caller.ask(client))[0] for _ in range(times)]


def _median(values: list[float]) -> float | None:
    return round(statistics.median(values) * 1000, 1) if values else None


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A mebibyte of disk, or None where nothing may be mounted."""
    folder.mkdir()
    made = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    done = subprocess.run(made, check=False, capture_output=True)
    try:
        yield folder if done.returncode == 0 else None
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "-l", str(folder)], check=False)


async def measure(
    run: Run, *, cluster: embedded.Cluster, disk: Path | None, share: float
) -> dict[str, Any]:
    """Everything, one after the other, the database's absence last."""
    tokens = await people(run.url, 400)
    await capacity(run, tokens, seconds=1)  # connections and statements are made once
    rate = await capacity(run, tokens, seconds=max(3, 5 * share))
    figures: dict[str, Any] = {"exchanges_a_second": round(rate)}
    figures["overload"] = await overload(run, tokens, rate=rate, seconds=max(3, 10 * share))
    figures["slow_clients"] = await slow(run, tokens[2])
    figures["soak"] = await soak(run, tokens, rate=rate / 2, seconds=60 * share)
    if disk is None:
        figures["full_disk"] = "SKIPPED: nothing may be mounted here"
    else:
        figures["full_disk"] = await full(run, tokens[1], disk=disk)
    figures["database_away"] = await away(run, tokens, cluster=cluster, seconds=60 * share)
    return figures


def main() -> int:
    """Runs it; 1 where a promise did not hold."""
    parser = argparse.ArgumentParser(prog="python -m bench.faults")
    parser.add_argument("--share", type=float, default=1.0)
    given = parser.parse_args()
    logging.disable(logging.ERROR)
    with tempfile.TemporaryDirectory() as name, small_disk(Path(name) / "photos") as disk:
        folder = Path(name)
        with serving(
            folder,
            lambda url: ours._seed(url, 1),
            DOORSTEP_ATTACHMENTS=str(folder / "photos"),
            DOORSTEP_RATE_FACTOR="1000",
        ) as served:
            run = Run(served.url, served.port, pid=served.pid)
            figures = asyncio.run(
                measure(run, cluster=served.cluster, disk=disk, share=given.share)
            )
            figures["clock_jump"] = jumped(folder, served)
    for name, each in figures.items():
        print(f"  {name}: {each}", flush=True)
    print(json.dumps(figures))
    return 0 if kept(figures) else 1


def kept(figures: dict[str, Any]) -> bool:
    """Whether refusals said when to come again, it recovered in time, and nothing was a surprise."""
    crowd, gone = figures["overload"], figures["database_away"]
    said, refused = crowd["refusals_that_say_when"].split(" of ")
    return (
        set(figures["slow_clients"]["answers"]) == {"200"}
        and all(set(each) == {"200"} for each in figures["clock_jump"].values())
        and figures["soak"]["server_mib_after"] <= figures["soak"]["server_mib_before"] + GROWN_MIB
        and said == refused
        and crowd["recovery_seconds"] <= RECOVERY_SECONDS_MAX
        and set(crowd["answers"]) <= {"200", "429", "503"}
        and set(gone["answers"]) <= {"200", "503"}
        and gone["without_retry_after"] == 0
    )


if __name__ == "__main__":
    sys.exit(main())
