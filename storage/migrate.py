"""Brings a database to the current schema; the only way a schema changes."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex, CreateTable

from schemas.problems import Refusal
from storage import row_security
from storage.engine import make_engine
from storage.tables import metadata

SCRIPTS = Path(__file__).with_name("migrations")
LOCK_SECONDS_MAX = 10
MIGRATION_SECONDS_MAX = 600
LOCK_NOT_AVAILABLE = "55P03"
HEAD = "a0017"
"""The revision that this code was written for."""
# any number will do as long as every doorstep process uses the same one
MIGRATION_LOCK = 7_310_203


async def upgrade(url: str | URL, *, revision: str = "head") -> None:
    """Applies every migration up to `revision`; two processes at once do it once.

    Refuses `database_busy` where somebody holds what it needs for too long: nothing has changed then.
    """
    engine = make_engine(url, connections=1, statement_seconds=MIGRATION_SECONDS_MAX)
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS_MAX}s'"))
            await connection.execute(
                text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK}
            )
            await connection.run_sync(_upgrade, revision)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE:
            raise Refusal("database_busy", seconds=LOCK_SECONDS_MAX) from error
        raise
    finally:
        await engine.dispose()


def serves(found: str) -> bool:
    """Whether this code serves over a schema: its own, or a newer one, since a migration takes
    nothing away from the version before it. Revisions are named in order."""
    return found >= HEAD


async def current(url: str | URL) -> str | None:
    """The revision a database stands at, or None where no migration ever ran."""
    engine = make_engine(url, connections=1)
    try:
        async with engine.connect() as connection:
            known = await connection.scalar(text("SELECT to_regclass('alembic_version')"))
            if known is None:
                return None
            found = await connection.scalar(text("SELECT version_num FROM alembic_version"))
            return str(found)
    finally:
        await engine.dispose()


def statements() -> list[str]:
    """The schema that the tables describe, as statements in order: what a first migration
    freezes."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    written: list[str] = []
    for table in metadata.sorted_tables:
        written.append(str(CreateTable(table).compile(dialect=dialect)).strip())
        for index in sorted(table.indexes, key=lambda each: str(each.name)):
            written.append(str(CreateIndex(index).compile(dialect=dialect)).strip())
    return [_tidy(each) for each in written]


def _upgrade(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    if revision == "head":  # rights speak of the tables that this code knows
        row_security.apply(connection)


def _tidy(statement: str) -> str:
    lines = (line.rstrip().replace("\t", "    ") for line in statement.splitlines())
    return "\n".join(line for line in lines if line)
