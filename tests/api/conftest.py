"""An application over a fresh database with a unit, staff and two technicians."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from unittest.mock import patch
from uuid import UUID

import httpx
import pytest
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from api.app import create_app
from runtime import sample_region
from runtime.ambient import fixed
from runtime.opening import open_region
from runtime.server import services
from runtime.server_commands import add_staff
from runtime.settings import Settings
from scheduling import publish, run, solver
from storage import embedded, work
from storage.engine import make_engine

UNIT, PASSWORD = "guan", "only-in-tests-1234"
DAY, AS_OF = date(2026, 11, 24), date(2026, 11, 23)
EVENING = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ROUNDS_A_SECOND, _Budget = 20_000, solver.Budget


class Now:
    """The clock of the application under test."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)

    def __call__(self):
        return fixed(self.at)


class InProcess:
    """Runs the solver here and by rounds: no other process to wait for, one plan on any machine.

    A plan that depends on how fast the machine is makes tests that fail on a machine nobody has.
    """

    def submit(self, function, *arguments):
        done: Future = Future()
        with patch.object(solver, "Budget", by_rounds):
            done.set_result(function(*arguments))
        return done


def by_rounds(seconds: float) -> solver.Budget:
    """As many rounds as a slow machine finds in these seconds."""
    return _Budget(seconds=None, iterations=int(seconds * ROUNDS_A_SECOND))


def numbered() -> Callable[[], UUID]:
    """Ids that rise and are the same in every run; a plan's draws follow the order of its ids."""
    numbers = count(1)
    return lambda: UUID(int=(0x0198_0000_0000_7000_8000 << 48) + next(numbers))


@pytest.fixture
def clock() -> Now:
    return Now()


@pytest.fixture(scope="session")
def region_template(cluster: embedded.Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with a small region, opened, planned and published: made once, copied often."""
    name = "doorstep_region"
    # a module that imports this fixture makes one of its own of it, over the same server
    if cluster.ensure_database(name, template="doorstep_template"):
        asyncio.run(_fill(cluster.url(name), tmp_path_factory.mktemp("region")))
    return name


async def _fill(url: str, folder: Path) -> None:
    database = make_engine(url, statement_seconds=60)
    ambient = fixed(EVENING, make=numbered())
    size = sample_region.Size(premises=300, technicians=4, requests=40)
    sample_region.write_region(folder, size=size, seed=3, as_of=AS_OF)
    await open_region(database, folder, unit=(UNIT, AS_OF), ambient=ambient)
    async with database.begin() as tx:
        await add_staff(tx, UNIT, password=PASSWORD)
    order = run.Order(on_day=DAY, seconds=1.0)
    plan_id = await run.request(database, UNIT, order=order, ambient=ambient)
    await run.take_one(database, InProcess(), worker="test", make_ambient=lambda: ambient)
    async with database.connect() as tx:
        row = await work.plan_of(tx, UNIT, plan_id=plan_id)
    assert row.report["checker_violations"] == 0
    await publish.publish(database, UNIT, plan_id=plan_id, actor="test", ambient=ambient)
    await database.dispose()


@pytest.fixture
def region(
    cluster: embedded.Cluster, region_template: str, database_url: str, database: AsyncEngine
) -> AsyncEngine:
    """A copy of the region of its own; nobody has connected to this test's database yet."""
    name = make_url(database_url).database
    assert name is not None
    cluster.drop_database(name)
    cluster.ensure_database(name, template=region_template)
    return database


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The settings of the application under test."""
    return Settings(state=str(tmp_path / "state"))


@pytest.fixture
async def client(
    region: AsyncEngine, database_url: str, settings: Settings, clock: Now
) -> AsyncIterator[httpx.AsyncClient]:
    """The application, spoken to without a network."""
    made = services(settings, database_url)
    given = {name: getattr(made, name) for name in type(made).__struct_fields__}
    app = create_app(type(made)(**{**given, "ambient": clock}))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://doorstep") as speaking:
        yield speaking
    await made.engine.dispose()


async def signed_in(client: httpx.AsyncClient, login: str) -> dict[str, str]:
    reply = await client.post("/api/v1/session", json={"login": login, "password": PASSWORD})
    return {"Authorization": f"Bearer {reply.json()['access']}"}


async def enrolled(client: httpx.AsyncClient, technician: str) -> dict[str, str]:
    office = await signed_in(client, "dispatcher")
    code = await client.post(
        "/api/v1/enrolment-codes", json={"technician": technician}, headers=office
    )
    wish = {"code": code.json()["code"], "label": "tablet"}
    reply = await client.post("/api/v1/devices/enrol", json=wish)
    return {"Authorization": f"Bearer {reply.json()['access']}", "tablet": reply.json()["tablet"]}
