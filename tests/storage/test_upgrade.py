"""A new version over a database in which people work: nothing is lost, nobody is locked out for
long, and the version before goes on."""

import asyncio
import re
import uuid
from pathlib import Path

import pytest
from sqlalchemy import text

from schemas.problems import Refusal
from storage import embedded, migrate
from storage.engine import make_engine
from storage.tables import metadata
from tests.api.conftest import region_template as region_template

VERSIONS = Path(migrate.__file__).parent / "migrations" / "versions"
REVISIONS = sorted(path.name.split("_")[0] for path in VERSIONS.glob("a*.py"))
BEFORE_THE_FIRST_RELEASE = "a0010"
"""Up to here nothing had been installed anywhere: these may take away."""
COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable = 'YES' OR column_default IS NOT NULL
  OR is_identity = 'YES' FROM information_schema.columns
WHERE table_schema = 'public' AND table_name <> 'alembic_version'
"""
UNIQUE = """
SELECT c.relname, i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE i.indisunique AND c.relnamespace = 'public'::regnamespace
"""
CHECKS = """
SELECT conrelid::regclass::text, conname FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'x', 'f') AND conrelid <> 0
"""


@pytest.fixture
def older(cluster: embedded.Cluster):
    """A fresh database at an older revision, by its address."""
    made = []

    def at(revision: str) -> str:
        name = f"t{uuid.uuid4().hex[:16]}"
        made.append(name)
        cluster.ensure_database(name)
        asyncio.run(migrate.upgrade(cluster.url(name), revision=revision))
        return cluster.url(name)

    yield at
    for name in made:
        cluster.drop_database(name)


async def asked(url: str, *statements: str) -> list[list[tuple]]:
    engine = make_engine(url, statement_seconds=120)
    try:
        async with engine.connect() as tx:
            return [[tuple(row) for row in await tx.execute(text(each))] for each in statements]
    finally:
        await engine.dispose()


async def copied(source: str, target: str) -> None:
    """Every row of a database at head, as far as the older one has tables and columns for it."""
    reading, writing = make_engine(source, statement_seconds=120), make_engine(target)
    (columns,) = await asked(target, COLUMNS)
    known: dict[str, list[str]] = {}
    for table, column, *_ in columns:
        known.setdefault(table, []).append(column)
    async with reading.connect() as held, writing.begin() as tx:
        await tx.execute(text("SET LOCAL session_replication_role = replica"))
        for table in metadata.sorted_tables:
            names = [each for each in known.get(table.name, []) if each in table.c]
            if not names:
                continue
            listed = ", ".join(f'"{each}"' for each in names)
            rows = await held.scalar(
                text(f'SELECT json_agg(t)::text FROM (SELECT {listed} FROM "{table.name}") t')
            )
            await tx.execute(text(f'DELETE FROM "{table.name}"'))
            insert = (
                f'INSERT INTO "{table.name}" ({listed}) OVERRIDING SYSTEM VALUE SELECT {listed}'
            )
            given = f'json_populate_recordset(NULL::public."{table.name}", CAST(:rows AS json))'
            await tx.execute(text(f"{insert} FROM {given}"), {"rows": rows or "[]"})
    await reading.dispose()
    await writing.dispose()


async def counts(url: str) -> dict[str, int]:
    names = [each.name for each in metadata.sorted_tables]
    found = await asked(url, *(f'SELECT count(*) FROM "{each}"' for each in names))
    return {name: rows[0][0] for name, rows in zip(names, found, strict=True)}


@pytest.mark.parametrize("revision", [REVISIONS[0], REVISIONS[-2]])
def test_a_populated_database_of_an_earlier_version_comes_up_with_every_row(
    cluster, region_template, older, revision
):
    source, url = cluster.url(region_template), older(revision)
    asyncio.run(copied(source, url))
    names = {row[0] for row in asyncio.run(asked(url, COLUMNS))[0]}
    asyncio.run(migrate.upgrade(url))
    assert asyncio.run(migrate.current(url)) == migrate.HEAD
    before, after = asyncio.run(counts(source)), asyncio.run(counts(url))
    assert {n: c for n, c in after.items() if n in names} == {
        n: c for n, c in before.items() if n in names
    }
    assert sum(after.values()) > 1_000


def test_what_ended_at_midnight_is_due_the_day_before_from_a0017_on(older):
    url = older("a0016")
    kept = """
    INSERT INTO commitment (id, unit_id, rule_code, rule_version, clause, facts, started_at, state,
      due_at, due_on, provisional, events, head_hash, verdict)
    SELECT gen_random_uuid(), 'u', x.rule, 'v', x.rule, '{}', now(), 'running', x.due_at, x.due_on,
      false, 0, '', '{}' FROM (VALUES
        ('3e', '2026-11-15 00:00+08'::timestamptz, '2026-11-15'::date),
        ('13c', '2026-11-15 18:00+08', '2026-11-15'),
        ('14', '2026-11-15 00:00+08', '2026-11-14'),
        ('12', '2026-11-15 00:00+08', '2026-11-15')) x (rule, due_at, due_on)"""

    async def written():
        engine = make_engine(url)
        async with engine.begin() as tx:
            await tx.execute(
                text("INSERT INTO unit (id, name_zh, settings) VALUES ('u', 'u', '{}')")
            )
            await tx.execute(text(kept))
        await engine.dispose()

    asyncio.run(written())
    asyncio.run(migrate.upgrade(url))
    (rows,) = asyncio.run(asked(url, "SELECT rule_code, due_on::text FROM commitment"))
    assert dict(rows) == {
        "3e": "2026-11-14", "13c": "2026-11-15", "14": "2026-11-14", "12": "2026-11-15",
    }  # fmt: skip


@pytest.mark.parametrize("n", range(1, len(REVISIONS)), ids=REVISIONS[1:])
def test_a_migration_takes_nothing_from_the_version_before_it(older, n):
    if REVISIONS[n] <= BEFORE_THE_FIRST_RELEASE:
        return
    old = asyncio.run(asked(older(REVISIONS[n - 1]), COLUMNS, UNIQUE, CHECKS))
    new = asyncio.run(asked(older(REVISIONS[n]), COLUMNS, UNIQUE, CHECKS))
    tables = {row[0] for row in old[0]}
    was = {(table, column): (kind, free) for table, column, kind, free in old[0]}
    now = {(table, column): (kind, free) for table, column, kind, free in new[0]}
    for place, (kind, free) in was.items():
        assert place in now, f"{place}: the version before reads it; drop it a version later"
        assert now[place][0] == kind, f"{place}: the version before reads a {kind}"
        assert now[place][1] or not free, f"{place}: the version before writes nothing there"
    fresh = {place for place in now if place[0] in tables} - set(was)
    bare = [place for place in fresh if not now[place][1]]
    assert not bare, f"{bare}: the version before does not fill it: give it a default"
    stricter = {each for k in (1, 2) for each in set(new[k]) - set(old[k]) if each[0] in tables}
    assert not stricter, f"{stricter}: what the version before writes may break it"


def test_every_revision_is_named_in_order_so_that_a_newer_schema_is_known_as_one():
    assert all(re.fullmatch(r"a\d{4}", each) for each in REVISIONS)
    assert REVISIONS[-1] == migrate.HEAD
    assert migrate.serves(migrate.HEAD) and migrate.serves("a9999") and not migrate.serves("a0001")


def test_a_migration_that_does_not_get_its_lock_says_so_and_changes_nothing(older, monkeypatch):
    url = older("a0009")
    monkeypatch.setattr(migrate, "LOCK_SECONDS_MAX", 1)

    async def story() -> None:
        engine = make_engine(url, statement_seconds=120)
        async with engine.begin() as busy:
            await busy.execute(text("LOCK TABLE quarantine IN ROW EXCLUSIVE MODE"))
            with pytest.raises(Refusal, match="database_busy"):
                await migrate.upgrade(url)
            # whoever works goes on working: the migration left no lock behind
            await busy.execute(text("SELECT count(*) FROM quarantine"))
        assert await migrate.current(url) == "a0009"
        await migrate.upgrade(url)
        assert await migrate.current(url) == migrate.HEAD
        await engine.dispose()

    asyncio.run(story())
