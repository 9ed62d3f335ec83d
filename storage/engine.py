"""The way to the database: one engine a process, one transaction a request or task."""

from typing import Any

import msgspec
from sqlalchemy import URL, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storage.scope import ScopedConnection

Transaction = AsyncConnection
"""An open transaction. Whoever opened it commits; nobody below does."""

STATEMENT_SECONDS_MAX = 5


def database_url(address: str) -> URL:
    """Accepts what other tools call a PostgreSQL URL and points it at asyncpg."""
    return make_url(address).set(drivername="postgresql+asyncpg")


def make_engine(
    url: str | URL,
    *,
    connections: int = 8,
    statement_seconds: int = STATEMENT_SECONDS_MAX,
    role: str | None = None,
    ring: object | None = None,
) -> AsyncEngine:
    """An engine with a bounded pool; a statement that runs longer than its limit is cancelled.

    With a `role` (storage.scope.APP_ROLE) it sees what its scope shows; without, it is the owner:
    migrations, and set-up before anybody is served. The `ring` opens sealed columns (see sealing).
    """
    target = database_url(url) if isinstance(url, str) else url
    settings = {
        "application_name": "doorstep",
        "statement_timeout": str(statement_seconds * 1000),
        "timezone": "UTC",
        # a generic plan is right for these short keyed queries and saves planning every time
        "jit": "off",
    }
    return create_async_engine(
        target,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=False,
        execution_options={} if ring is None else {"ring": ring},
        json_serializer=_to_json,
        json_deserializer=msgspec.json.decode,
        connect_args={"server_settings": settings | ({"role": role} if role else {})}
        | ({"connection_class": ScopedConnection} if role else {}),
    )


async def patient(tx: Transaction, *, seconds: int) -> None:
    """Lets statements of this transaction run longer than a request may: a year of a million premises
    is read and written in statements of their own length."""
    await tx.execute(text(f"SET LOCAL statement_timeout = {int(seconds) * 1000}"))


async def driver(tx: Transaction) -> Any:
    """The asyncpg connection under a transaction, for COPY, unnest and prepared statements.

    SQLAlchemy begins a transaction with its own first statement only: without one, whatever is sent
    to the driver would be committed at once, statement by statement, and no lock would hold.
    """
    raw = await tx.get_raw_connection()
    connection: Any = raw.driver_connection
    if not connection.is_in_transaction():
        await tx.execute(text("SELECT 1"))
    return connection


def _to_json(value: object) -> str:
    return msgspec.json.encode(value).decode()
