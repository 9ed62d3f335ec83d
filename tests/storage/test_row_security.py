"""The net under every WHERE: what the application's role can and cannot see, whatever a query
forgets."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from storage import row_security, scope
from storage.engine import make_engine
from storage.tables import metadata

EAST, WEST = (UUID(int=n) for n in (1, 2))
SETUP = """
INSERT INTO unit (id, name_zh) VALUES ('a', 'a'), ('b', 'b');
INSERT INTO grid (id, unit_id, code) VALUES (:east, 'a', 'east'), (:west, 'a', 'west');
INSERT INTO premises (id, unit_id, account, grid_id, address, address_given, customer_class,
  row_hash) VALUES (:p1, 'a', '1', :east, 'x', 'x', 'r', ''), (:p2, 'a', '2', :west, 'x', 'x', 'r',
  ''), (:p3, 'b', '3', NULL, 'x', 'x', 'r', '');
INSERT INTO record (id, unit_id, kind, premises_id) VALUES (:p1, 'a', 'premises', :p1),
  (:p2, 'a', 'premises', :p2), (:p3, 'b', 'premises', :p3);
INSERT INTO audit (unit_id, n, at, actor, action, subject, previous_hash, hash)
  VALUES ('a', 1, now(), 'x', 'x', 'x', '', 'h')
"""


@pytest.fixture
async def app(database: AsyncEngine, database_url: str) -> AsyncIterator[AsyncEngine]:
    """The application's engine over two units, one of them with two grids."""
    given = {"east": EAST, "west": WEST} | {f"p{n}": UUID(int=10 + n) for n in (1, 2, 3)}
    async with database.begin() as tx:
        for each in SETUP.split(";\n"):
            names = {name: given[name] for name in given if f":{name}" in each}
            await tx.execute(sa.text(each), names)
    engine = make_engine(database_url, role=scope.APP_ROLE)
    yield engine
    await engine.dispose()


async def accounts(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as tx:
        return list(await tx.scalars(sa.text("SELECT account FROM premises ORDER BY account")))


async def records(engine: AsyncEngine) -> int:
    async with engine.connect() as tx:
        return await tx.scalar(sa.text("SELECT count(*) FROM record"))


async def test_a_query_that_forgets_its_unit_sees_only_the_one_that_was_entered(app):
    with scope.within("a"):
        assert (await accounts(app), await records(app)) == (["1", "2"], 2)
    with scope.within("b"):
        assert (await accounts(app), await records(app)) == (["3"], 1)
    with scope.within("b' OR 'a' = 'a"):
        assert await accounts(app) == []
    with scope.everywhere():
        assert await accounts(app) == ["1", "2", "3"]


async def test_somebody_limited_to_a_grid_sees_nothing_of_the_next_one(app):
    with scope.within("a", grids=[EAST]):
        assert (await accounts(app), await records(app)) == (["1"], 1)
    with scope.within("b", grids=[EAST]):
        assert (await accounts(app), await records(app)) == ([], 0)


async def test_without_a_scope_no_transaction_begins(app):
    scope.leave()
    with pytest.raises(LookupError):
        await accounts(app)


async def test_requests_that_wait_for_each_other_keep_their_own_units(app):
    async def seen(unit: str) -> list[str]:
        scope.enter(unit)
        found = []
        for _ in range(10):
            found.append(tuple(await accounts(app)))
        return found

    answers = await asyncio.gather(*(seen(each) for each in "ab" * 8))
    assert all(set(each) == {("1", "2")} for each in answers[0::2])
    assert all(set(each) == {("3",)} for each in answers[1::2])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'somebody else'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "DELETE FROM commitment_event",
        "UPDATE commitment_event SET kind = 'met'",
        "ALTER TABLE audit DISABLE ROW LEVEL SECURITY",
        "DROP TABLE audit",
        "INSERT INTO premises (id, unit_id, account, address, address_given, customer_class,"
        " row_hash) VALUES (gen_random_uuid(), 'b', '9', 'x', 'x', 'r', '')",
        "UPDATE premises SET unit_id = 'b'",
        "CREATE TABLE mine (id int)",
    ],
)
async def test_the_application_cannot_rewrite_a_chain_or_leave_its_unit(app, statement):
    with scope.within("a"), pytest.raises(DBAPIError) as refused:
        async with app.begin() as tx:
            await tx.execute(sa.text(statement))
    assert "42501" in str(getattr(refused.value.orig, "sqlstate", "")), refused.value


def test_every_row_that_hangs_on_premises_is_held_by_their_grid():
    hanging = {table.name for table in metadata.sorted_tables if "premises_id" in table.c}
    assert not hanging - set(row_security._THROUGH)


async def test_every_table_is_guarded_or_says_why_not(database):
    async with database.connect() as tx:
        rows = await tx.execute(
            sa.text("SELECT tablename, qual FROM pg_policies WHERE policyname = 'doorstep'")
        )
        found = {row[0]: row[1] for row in rows}
    assert set(found) == set(metadata.tables)
    assert {name for name, qual in found.items() if qual == "true"} == set(row_security.FREE)
