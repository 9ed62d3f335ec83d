"""The migrations and the tables say the same, and a second run of either changes nothing."""

import asyncio
import uuid

from sqlalchemy import text

from storage import embedded, migrate
from storage.engine import make_engine
from storage.tables import metadata

SHAPE = """
SELECT 'column' AS what, table_name || '.' || column_name AS name,
  data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '') AS said
FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
UNION ALL
SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
  AND conrelid <> 0 AND conrelid::regclass::text <> 'alembic_version'
UNION ALL
SELECT 'index', indexname, indexdef FROM pg_indexes
WHERE schemaname = 'public' AND tablename <> 'alembic_version'
"""


async def shape(url: str) -> set[tuple[str, str, str]]:
    engine = make_engine(url)
    async with engine.connect() as tx:
        rows = {tuple(row) for row in await tx.execute(text(SHAPE))}
    await engine.dispose()
    return rows


def test_a_migrated_database_is_the_one_that_the_tables_describe(
    cluster: embedded.Cluster, database_url: str
):
    name = f"t{uuid.uuid4().hex[:12]}"
    cluster.ensure_database(name)

    async def created() -> set[tuple[str, str, str]]:
        engine = make_engine(cluster.url(name))
        async with engine.begin() as tx:
            await tx.execute(text("CREATE EXTENSION IF NOT EXISTS btree_gist"))
            await tx.run_sync(metadata.create_all)
        await engine.dispose()
        return await shape(cluster.url(name))

    wanted, found = asyncio.run(created()), asyncio.run(shape(database_url))
    cluster.drop_database(name)
    assert len(found) > 300
    assert found == wanted


def test_migrating_twice_changes_nothing(database_url: str):
    before = asyncio.run(shape(database_url))
    asyncio.run(migrate.upgrade(database_url))
    assert asyncio.run(shape(database_url)) == before
    assert asyncio.run(migrate.current(database_url)) == migrate.HEAD


def test_two_processes_migrate_once(cluster: embedded.Cluster):
    name = f"t{uuid.uuid4().hex[:12]}"
    cluster.ensure_database(name)
    url = cluster.url(name)

    async def both() -> None:
        await asyncio.gather(migrate.upgrade(url), migrate.upgrade(url))

    asyncio.run(both())
    assert asyncio.run(migrate.current(url)) == migrate.HEAD
    cluster.drop_database(name)


def test_a_second_start_finds_the_server_that_runs_and_leaves_it_alone(tmp_path):
    tmp_path.chmod(0o755)
    first = embedded.start(tmp_path / "pg", durable=False)
    second = embedded.start(tmp_path / "pg", durable=False)
    second.stop()
    assert first.running()
    first.stop()
    assert not first.running()
    embedded.remove(tmp_path / "pg")
