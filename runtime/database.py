"""Which database this process talks to: the server that is named, or one of our own in a folder."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from runtime import keys
from runtime.settings import Settings, database_url_given, read_settings
from schemas.problems import Refusal
from storage import embedded, migrate
from storage.engine import make_engine

T = TypeVar("T")

COMMAND_SECONDS = 120
"""A statement of a command: nobody waits at a tablet for it, and a year is read whole."""


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The address of a running PostgreSQL; one that was started here is stopped at the end."""
    given = database_url_given()
    if given is not None:
        yield given
        return
    with own_server(settings.state_folder / "postgres", archive=settings.archive) as cluster:
        cluster.ensure_database("doorstep")
        yield cluster.url("doorstep")


def asked(question: Callable[[AsyncEngine, str], Awaitable[T]]) -> T:
    """What a command asks of this installation's database: the engine and the unit go in.

    One of our own in which nothing ever was gets its tables first; in somebody else's, that is for
    `doorstep migrate` to do.
    """
    settings = read_settings()

    async def answered(url: str) -> T:
        if await migrate.current(url) is None:
            if database_url_given() is not None:
                raise Refusal("unavailable", reason="run `doorstep migrate` first")
            await migrate.upgrade(url)
        engine = make_engine(url, ring=keys.ring(settings), statement_seconds=COMMAND_SECONDS)
        try:
            return await question(engine, settings.unit)
        finally:
            await engine.dispose()

    with database(settings) as url:
        return asyncio.run(answered(url))


@contextmanager
def own_server(
    folder: Path, *, durable: bool = True, archive: bool = False
) -> Iterator[embedded.Cluster]:
    """An embedded PostgreSQL for as long as the block runs."""
    cluster = embedded.start(folder, durable=durable, archive=archive)
    try:
        yield cluster
    finally:
        cluster.stop()
