"""Asks the road service that the settings name for a day's table, in blocks, a few at a time.

No plan waits for roads for ever, and none fails for them: what no answer fills stays the great
circle's and is counted. The address comes from the settings and from nowhere else.
"""

import asyncio
import time
from collections.abc import Sequence

import httpx
import msgspec
import numpy as np
import structlog
from numpy.typing import NDArray

from runtime import geo
from runtime.settings import Settings
from scheduling.road_memory import NOTHING, Told, laid_over
from scheduling.road_tables import (
    SERVICES,
    Ask,
    Block,
    Cell,
    Paved,
    Service,
    Terms,
    guessed,
    places_of,
    straight,
    with_matrix,
)  # fmt: skip
from scheduling.run import Roads
from scheduling.travel import Matrix
from schemas.base import Place
from schemas.plan import Problem
from schemas.problems import Refusal

log = structlog.get_logger("doorstep.roads")

ASK_SECONDS_MAX = 5.0
TABLE_SECONDS_MAX = 60.0
WAITS = (0.1, 0.5)
"""How long before each further attempt at a block."""
AT_ONCE = 4
FAILED_MAX = 4
"""After so many blocks in a row without an answer the service counts as away for this table."""
PLACES_MAX = 1_500
KEPT_PLACES = 4_000
KEPT_SECONDS = 86_400.0
Ints = NDArray[np.int32]


class Kept:
    """Answers of one service and profile by rounded place; the whole is forgotten after a day."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self.rows: dict[Place, int] = {}
        self._table = np.full((2, 0, 0), -1, np.int32)
        self._since = time.monotonic()

    def numbers(self, places: Sequence[Place]) -> Ints:
        """Rows of places, made where there were none."""
        fresh = [each for each in places if each not in self.rows]
        full = len(self.rows) + len(fresh) > KEPT_PLACES
        if full or time.monotonic() - self._since > KEPT_SECONDS:
            self._forget()
            fresh = list(places)
        for each in fresh:
            self.rows[each] = len(self.rows)
        have, need = self._table.shape[1], len(self.rows)
        if need > have:
            wider = np.full((2, need, need), -1, np.int32)
            wider[:, :have, :have] = self._table
            self._table = wider
        return np.array([self.rows[each] for each in places], dtype=np.int32)

    def read(self, rows: Ints) -> Ints:
        """Seconds and metres between rows; -1 where nothing was told."""
        found: Ints = self._table[:, rows[:, None], rows[None, :]]
        return found

    def write(self, rows: Ints, columns: Ints, *, cells: Sequence[Sequence[Cell | None]]) -> None:
        """Keeps what an answer told."""
        for row, told in zip(rows, cells, strict=True):
            for column, cell in zip(columns, told, strict=True):
                if cell is not None:
                    self._table[:, row, column] = cell

    def take(self, places: Sequence[Place], known: Told) -> None:
        """Keeps what was told to another process, where nothing is kept yet."""
        rows = self.numbers(places)
        square = np.ix_(rows, rows)
        here = {place: row for row, place in enumerate(places)}
        nothing = np.full((len(places), len(places)), -1, np.int32)
        there = laid_over((nothing, nothing), known, rows=here)
        for table, told in zip(self._table, there, strict=True):
            table[square] = np.where(table[square] < 0, told, table[square])


class Asker:
    """One road service at one address."""

    def __init__(
        self, service: Service, client: httpx.AsyncClient, *, key: str = "", profile: str = ""
    ) -> None:
        self._service, self._client = service, client
        self._terms = Terms(profile=profile or service.profile, key=key)
        self._kept = Kept()
        self._failed = 0

    async def __call__(self, problem: Problem, known: Told | None = None) -> Paved:
        """A day over the roads; what is known is not asked for, and cells without an answer are the
        great circle's, and counted."""
        places = places_of(problem)
        if not 1 < len(places) <= PLACES_MAX:
            return straight(problem, estimated=len(places) ** 2)
        provider = f"{self._service.name}/{self._terms.profile}"
        if known is None or known.provider != provider:
            known = Told(provider=provider, places=(), seconds=NOTHING, metres=NOTHING)
        # what is known stands together, so that blocks of it need not be asked for
        old = self._kept.rows.keys() | set(known.places)
        places = tuple(sorted(places, key=lambda each: each not in old))
        rows = self._kept.numbers(places)
        self._kept.take(places, known)
        self._failed = 0
        asked = await self._fill(places, rows)
        seconds, metres = self._kept.read(rows)
        lost = (seconds < 0) & ~np.eye(len(places), dtype=np.bool_)
        circle = guessed(problem, places)
        matrix = Matrix(
            seconds=np.where(seconds < 0, circle.seconds, seconds),
            metres=np.where(seconds < 0, circle.metres, metres),
        )
        if lost.any():
            log.warning("roads_estimated", cells=int(lost.sum()), of=len(places) ** 2)
        return Paved(
            problem=with_matrix(problem, places, matrix=matrix),
            provider=self._service.name,
            cells=len(places) ** 2,
            estimated=int(lost.sum()),
            asked=asked,
            told=Told(provider=provider, places=places, seconds=seconds, metres=metres),
        )

    async def _fill(self, places: tuple[Place, ...], rows: Ints) -> int:
        """Asks for every block that has a hole; returns for how many."""
        lost = (self._kept.read(rows)[0] < 0) & ~np.eye(len(rows), dtype=np.bool_)
        tall, wide = self._service.origins_max, self._service.targets_max
        holes = [
            (slice(top, top + tall), slice(left, left + wide))
            for top in range(0, len(rows), tall)
            for left in range(0, len(rows), wide)
            if lost[top : top + tall, left : left + wide].any()
        ]
        queue = iter(holes)

        async def ask() -> None:
            for down, across in queue:
                if self._failed >= FAILED_MAX:
                    return
                cells = await self._told(Block(origins=places[down], targets=places[across]))
                self._failed = 0 if cells is not None else self._failed + 1
                if cells is not None:
                    self._kept.write(rows[down], rows[across], cells=cells)

        try:
            async with asyncio.timeout(TABLE_SECONDS_MAX):
                await asyncio.gather(*(ask() for _ in range(AT_ONCE)))
        except TimeoutError:
            log.warning("roads_late", cells=int(lost.sum()))
        return len(holes)

    async def _told(self, block: Block) -> list[list[Cell | None]] | None:
        """What the service says of a block, or None where it does not after some attempts."""
        if self._service.shifted:
            block = Block(
                origins=tuple(map(geo.to_gcj02, block.origins)),
                targets=tuple(map(geo.to_gcj02, block.targets)),
            )
        ask = self._service.ask(block, self._terms)
        for wait in (*WAITS, None):
            try:
                reply = await self._send(ask)
                if reply.is_success:
                    return self._service.read(reply.content, block)
                if reply.status_code < 500 and reply.status_code != 429:
                    return None
            except (httpx.HTTPError, msgspec.DecodeError, ValueError, TimeoutError):
                pass
            if wait is not None:
                await asyncio.sleep(wait)
        return None

    async def _send(self, ask: Ask) -> httpx.Response:
        # httpx bounds each wait for bytes, not the whole: a service may drip
        async with asyncio.timeout(ASK_SECONDS_MAX):
            if ask.body is None:
                return await self._client.get(ask.path, params=ask.query, headers=ask.headers)
            headers = {"content-type": "application/json", **ask.headers}
            return await self._client.post(ask.path, content=ask.body, headers=headers)


def roads(settings: Settings) -> Roads:
    """What asks for ways, as `DOORSTEP_ROADS` says: `none` or `KIND:ADDRESS`."""
    kind, _, address = settings.roads.partition(":")
    if kind == "none":
        return as_the_crow_flies
    service, url = SERVICES.get(kind), httpx.URL(address)
    if service is None or url.scheme not in ("http", "https") or not url.host:
        known = ", ".join(SERVICES)
        raise Refusal("unsafe_settings", reason=f"DOORSTEP_ROADS is none or KIND:URL of {known}")
    client = httpx.AsyncClient(
        base_url=url, timeout=ASK_SECONDS_MAX, trust_env=False, follow_redirects=False
    )
    return Asker(service, client, key=settings.roads_key, profile=settings.roads_profile)


async def as_the_crow_flies(problem: Problem, _known: Told | None = None) -> Paved:
    """The day as it is: great circles, lengthened by the detour of streets."""
    return straight(problem)
