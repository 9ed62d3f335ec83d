"""The metadata that all tables share, and the few column shapes they are made of."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

NAMING = {
    "pk": "%(table_name)s_pkey",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "ck": "%(table_name)s_%(constraint_name)s_check",
}
metadata = sa.MetaData(naming_convention=NAMING)


def key() -> sa.Column[Any]:
    """A UUIDv7 made by whoever first saw the thing: a tablet, or runtime."""
    return sa.Column("id", sa.Uuid(), primary_key=True)


def unit() -> sa.Column[Any]:
    """The operating unit that owns the row; every read is scoped by it, and units can be
    sharded."""
    return sa.Column("unit_id", sa.Text, sa.ForeignKey("unit.id"), nullable=False)


def text(name: str, *, optional: bool = False, default: str | None = None) -> sa.Column[Any]:
    """A text column, required unless said otherwise."""
    return sa.Column(name, sa.Text, nullable=optional, server_default=default)


def instant(name: str, *, optional: bool = False) -> sa.Column[Any]:
    """A moment with its zone, stored in UTC."""
    return sa.Column(name, sa.TIMESTAMP(timezone=True), nullable=optional)


def day(name: str, *, optional: bool = False) -> sa.Column[Any]:
    """A business day of the unit."""
    return sa.Column(name, sa.Date, nullable=optional)


def whole(name: str, *, optional: bool = False, default: int | None = None) -> sa.Column[Any]:
    """A 64-bit whole number."""
    server_default = None if default is None else str(default)
    return sa.Column(name, sa.BigInteger, nullable=optional, server_default=server_default)


def flag(name: str, *, default: bool = False) -> sa.Column[Any]:
    """Yes or no, never unknown."""
    return sa.Column(
        name, sa.Boolean, nullable=False, server_default="true" if default else "false"
    )


def document(name: str, *, optional: bool = False, default: str | None = "{}") -> sa.Column[Any]:
    """A JSON document whose shape a struct in schemas/ owns."""
    server_default = None if optional else default
    return sa.Column(name, JSONB, nullable=optional, server_default=server_default)


def written(name: str) -> sa.Column[Any]:
    """A JSON document that is kept as it was written: nobody asks the database what is in it but
    now and then, and parsing it at every write and read was a fifth of a push."""
    return sa.Column(name, sa.JSON, nullable=False, server_default="{}")


def to(target: str, *, optional: bool = False) -> sa.Column[Any]:
    """A reference named after the table that it points at."""
    column = f"{target}_id"
    return sa.Column(column, sa.Uuid(), sa.ForeignKey(f"{target}.id"), nullable=optional)
