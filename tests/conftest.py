"""What tests share: a PostgreSQL of their own, a fresh migrated database each, and real input if
it is there."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from storage import embedded, migrate
from storage.engine import make_engine

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Cluster]:
    """A server for this test process, without fsync, with a migrated template database."""
    memory = Path("/dev/shm")
    base = memory if memory.is_dir() else tmp_path_factory.mktemp("postgres")
    folder = base / f"doorstep-test-{uuid.uuid4().hex[:12]}"
    started = embedded.start(folder, durable=False)
    started.ensure_database("doorstep_template")
    asyncio.run(migrate.upgrade(started.url("doorstep_template")))
    yield started
    started.stop()
    embedded.remove(folder)


@pytest.fixture
def database_url(cluster: embedded.Cluster) -> Iterator[str]:
    """A fresh database made from the template."""
    name = f"t{uuid.uuid4().hex[:16]}"
    cluster.ensure_database(name, template="doorstep_template")
    yield cluster.url(name)
    cluster.drop_database(name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine over it."""
    engine = make_engine(database_url, statement_seconds=60)
    yield engine
    await engine.dispose()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real input beside the project; a clone without it says so."""
    if not SHARED.is_dir():
        pytest.skip("NEEDS ../shared/data, which is not part of a clone")
    return SHARED
