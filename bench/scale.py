"""300 units × 50,000 premises × 40 technicians: what a working day costs, and what gives way first.

Protocol: first the costs are measured here, in CPU seconds of the application and of PostgreSQL
apart: an exchange that carries one answer, an answer more in a batch, a photo of 300 kB. Then a
working day is simulated: 12,000 tablets, fifteen visits each, forty answers and six photos a visit.
Seven units of ten have a network and sync after each visit; the others come back between 17:00 and
18:30 with the whole day. Requests queue for the cores of the API, first come first served, and for
those of the database. Cores are added until a technician's single exchange waits no longer than 250
ms at the 99th percentile in the worst hour. The last line is JSON.

    python -m bench.scale [--units 300]
"""

import argparse
import asyncio
import heapq
import json
import logging
import random
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from bench import cpu
from bench import sync_ours as ours
from bench.faults import Caller
from bench.photo_cuts import started
from bench.serving import serving
from bench.sync_load import Run, body_of, notes, people

TECHNICIANS, PREMISES = 40, 50_000
VISITS, ANSWERS, PHOTOS, PHOTO_BYTES = 15, 40, 6, 300_000
ONLINE_SHARE, BATCH = 0.7, 200
WAIT_SECONDS_MAX, WORST_SECONDS = 0.25, 3_600
SINGLES, BATCHES, UPLOADS = 150, 15, 20
PLAN_SECONDS, WINDOW_HOURS = 60, 6
"""A day's plan of a unit, on one core; and the night in which all of them have to be made."""


class Cost(NamedTuple):
    """CPU seconds of the application and of the database."""

    api: float
    database: float

    def times(self, count: float) -> "Cost":
        """So many of it."""
        return Cost(self.api * count, self.database * count)


class Costs(NamedTuple):
    """What one thing costs; `answer` is one more in a batch."""

    exchange: Cost
    answer: Cost
    photo: Cost
    bytes_an_answer: float


async def costs(run: Run, server: int, postmaster: int) -> Costs:
    """Measured on this machine, against the whole program over loopback."""
    tokens = await people(run.url, BATCHES + 2)
    single = Caller(run, tokens[0])
    async with httpx.AsyncClient(timeout=60) as client:

        async def singles() -> None:
            for _ in range(SINGLES):
                await single.ask(client)

        async def batches() -> None:
            for token in tokens[2:]:
                await run.sync(client, token, body_of(notes(BATCH)))

        async def photos() -> None:
            for n in range(UPLOADS):
                upload = await started(client, run.base, tokens[1], size=PHOTO_BYTES + n)
                await upload.send(client)

        await singles()
        before = await _size(run.url)
        one = (await _used(singles(), server, postmaster)).times(1 / SINGLES)
        many = (await _used(batches(), server, postmaster)).times(1 / BATCHES)
        grown = await _size(run.url) - before
        picture = (await _used(photos(), server, postmaster)).times(1 / UPLOADS)
    more = Cost(
        max(0.0, many.api - one.api) / (BATCH - 1),
        max(0.0, many.database - one.database) / (BATCH - 1),
    )
    return Costs(one, more, picture, grown / (SINGLES + BATCHES * BATCH))


async def _used(work: Any, server: int, postmaster: int) -> Cost:
    api, database = cpu.seconds(server), cpu.seconds(postmaster)
    await work
    return Cost(cpu.seconds(server) - api, cpu.seconds(postmaster) - database)


async def _size(url: str) -> int:
    engine = ours.make_engine(url)
    async with engine.connect() as tx:
        size = await tx.scalar(ours.sa.text("SELECT pg_database_size(current_database())"))
    await engine.dispose()
    return int(size)


class Arrival(NamedTuple):
    """A request: when, in seconds of the day, what it costs, and whether somebody waits for it."""

    at: float
    cost: Cost
    watched: bool


def day(units: int, known: Costs, *, seed: int) -> list[Arrival]:
    """All requests of a working day, in order."""
    dice, found = random.Random(seed), list[Arrival]()
    small = _sum(known.exchange, known.answer.times(ANSWERS - 1))
    for unit in range(units):
        online = (unit % 10) / 10 < ONLINE_SHARE
        for _ in range(TECHNICIANS):
            if online:
                for visit in range(VISITS):
                    at = 3600 * (8 + 9.5 * (visit + dice.random()) / VISITS)
                    found.append(Arrival(at, small, True))
                    found += [
                        Arrival(at + dice.uniform(1, 240), known.photo, False)
                        for _ in range(PHOTOS)
                    ]
            else:
                at = 3600 * dice.uniform(17, 18.5)
                whole = VISITS * ANSWERS
                for n in range(0, whole, BATCH):
                    size = min(BATCH, whole - n)
                    batch = _sum(known.exchange, known.answer.times(size - 1))
                    found.append(Arrival(at + n / BATCH, batch, False))
                found += [
                    Arrival(at + dice.uniform(5, 1_800), known.photo, False)
                    for _ in range(VISITS * PHOTOS)
                ]
    return sorted(found)


def _sum(one: Cost, other: Cost) -> Cost:
    return Cost(one.api + other.api, one.database + other.database)


def waits(arrivals: list[Arrival], *, api: int, database: int) -> tuple[float, float]:
    """The 99th percentile of what watched requests wait and take in the worst hour, and the
    busiest hour's use of the API's cores, as a share."""
    free = [0.0] * api, [0.0] * database
    taken, used = dict[int, list[float]](), dict[int, float]()
    for each in arrivals:
        at = each.at
        for cores, cost in zip(free, each.cost, strict=True):
            begins = max(at, heapq.heappop(cores))
            at = begins + cost
            heapq.heappush(cores, at)
        slot = int(each.at // WORST_SECONDS)
        used[slot] = used.get(slot, 0.0) + each.cost.api
        if each.watched:
            taken.setdefault(slot, []).append(at - each.at)
    worst = max(
        statistics.quantiles(values, n=100)[98] for values in taken.values() if len(values) >= 40
    )
    return worst, max(used.values()) / (WORST_SECONDS * api)


def cores_needed(arrivals: list[Arrival]) -> tuple[int, int]:
    """The fewest cores of API and database that keep the wait; fewer than the work of the busiest
    hour fills can never do."""
    hours = dict[int, Cost]()
    for each in arrivals:
        hour = int(each.at // WORST_SECONDS)
        hours[hour] = _sum(hours.get(hour, Cost(0.0, 0.0)), each.cost)
    database = 1 + int(max(each.database for each in hours.values()) / WORST_SECONDS)
    api = 1 + int(max(each.api for each in hours.values()) / WORST_SECONDS)
    while waits(arrivals, api=2 * api + 8, database=database)[0] > WAIT_SECONDS_MAX:
        database += 1
    while waits(arrivals, api=api, database=database)[0] > WAIT_SECONDS_MAX:
        api += 1
    return api, database


def account(units: int, known: Costs) -> dict[str, Any]:
    """What a day of so many units takes."""
    arrivals = day(units, known, seed=7)
    api, database = cores_needed(arrivals)
    worst, busiest = waits(arrivals, api=api, database=database)
    tablets = units * TECHNICIANS
    answers, photos = tablets * VISITS * ANSWERS, tablets * VISITS * PHOTOS
    return {
        "units": units,
        "premises": units * PREMISES,
        "tablets": tablets,
        "requests": len(arrivals),
        "answers": answers,
        "api_cores": api,
        "database_cores": database,
        "worst_p99_ms": round(worst * 1000),
        "busiest_share_of_api": round(busiest, 2),
        "cpu_hours_api": round(sum(each.cost.api for each in arrivals) / 3600, 1),
        "cpu_hours_database": round(sum(each.cost.database for each in arrivals) / 3600, 1),
        "database_gb_a_year": round(answers * known.bytes_an_answer * 250 / 1e9),
        "photos_tb_a_year": round(photos * PHOTO_BYTES * 250 / 1e12, 1),
        "planning_cores_at_night": -(-units * PLAN_SECONDS // (WINDOW_HOURS * 3600)),
    }


def main() -> int:
    """Measures, simulates, prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale")
    parser.add_argument("--units", type=int, default=300)
    given = parser.parse_args()
    logging.disable(logging.ERROR)
    known = measured()
    for name, each in zip(Costs._fields[:3], known[:3], strict=True):
        print(f"  {name}: API {each.api * 1000:.2f} ms, database {each.database * 1000:.2f} ms")
    table = [account(units, known) for units in (1, 10, 50, 100, given.units)]
    for each in table:
        print(f"  {each}")
    print(json.dumps({"costs": known._asdict(), "days": table}))
    return 0


def measured() -> Costs:
    """The costs, from a server of its own."""
    with (
        tempfile.TemporaryDirectory() as name,
        serving(Path(name), lambda url: ours._seed(url, 1)) as served,
    ):
        run = Run(served.url, served.port, pid=served.pid)
        return asyncio.run(costs(run, served.pid, served.postmaster))


if __name__ == "__main__":
    sys.exit(main())
