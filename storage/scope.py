"""Which unit a transaction sees: said where a request or task begins, held by the database.

Every statement names its unit in its own WHERE. This is the net under it (ADR 19): the application
speaks as `doorstep_app`, a role that owns nothing, and row-level security shows it the rows of the
unit that its transaction was opened for. `engine.begin()` stays the one way to open a transaction;
the first word on the wire is `BEGIN; SET LOCAL …`, so the net costs no round trip.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

import asyncpg

APP_ROLE = "doorstep_app"
EVERY_UNIT = "*"

_opening: ContextVar[str | None] = ContextVar("doorstep_scope", default=None)


def enter(unit_id: str, *, grids: Sequence[UUID] = ()) -> None:
    """From here on, this request or task sees one unit; of it only some grids, where they are
    named."""
    _opening.set(_words(unit_id, grids))


def enter_everywhere() -> None:
    """From here on, this request or task serves every unit: a worker's claim, a sign-in."""
    _opening.set(_words(EVERY_UNIT, ()))


def leave() -> None:
    """From here on nothing is seen until somebody enters: a request begins with this."""
    _opening.set(None)


@contextmanager
def within(unit_id: str, *, grids: Sequence[UUID] = ()) -> Iterator[None]:
    """One unit for the length of a block."""
    before = _opening.set(_words(unit_id, grids))
    try:
        yield
    finally:
        _opening.reset(before)


@contextmanager
def everywhere() -> Iterator[None]:
    """Every unit for the length of a block; who uses it says why beside it."""
    with within(EVERY_UNIT):
        yield


class ScopedConnection(asyncpg.Connection):
    """A connection whose transactions begin with the scope that was entered, or not at all."""

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
        """Runs a statement; a BEGIN is completed by the scope."""
        if not args and query.startswith("BEGIN"):
            opening = _opening.get()
            if opening is None:
                raise LookupError("no scope entered: see storage/scope.py")
            query = f"{query} {opening}"
        return await super().execute(query, *args, timeout=timeout)


def _words(unit_id: str, grids: Sequence[UUID]) -> str:
    # SET takes no parameters; a quote within a literal is written twice
    unit = unit_id.replace("'", "''")
    listed = ",".join(str(each) for each in grids)
    return f"SET LOCAL doorstep.unit = '{unit}'; SET LOCAL doorstep.grids = '{listed}'"
