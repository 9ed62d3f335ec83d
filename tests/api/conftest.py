"""An application over a fresh database with a unit, staff and two technicians."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from api.app import create_app
from runtime import sample_region
from runtime.ambient import fixed
from runtime.opening import open_region
from runtime.server import services
from runtime.server_commands import add_staff
from runtime.settings import Settings
from scheduling import publish, run
from storage import work

UNIT, PASSWORD = "guan", "only-in-tests-1234"
DAY, AS_OF = date(2026, 11, 24), date(2026, 11, 23)
EVENING = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


class Now:
    """The clock of the application under test."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)

    def __call__(self):
        return fixed(self.at)


class InProcess:
    """Runs the solver here, so that a test waits for no other process."""

    def submit(self, function, *arguments):
        from concurrent.futures import Future

        done: Future = Future()
        done.set_result(function(*arguments))
        return done


@pytest.fixture
def clock() -> Now:
    return Now()


@pytest.fixture
async def region(database: AsyncEngine, tmp_path: Path) -> AsyncEngine:
    """A small region, opened, planned and published."""
    size = sample_region.Size(premises=300, technicians=4, requests=40)
    sample_region.write_region(tmp_path / "region", size=size, seed=3, as_of=AS_OF)
    ambient = fixed(EVENING)
    await open_region(database, tmp_path / "region", unit=(UNIT, AS_OF), ambient=ambient)
    async with database.begin() as tx:
        await add_staff(tx, UNIT, password=PASSWORD)
    order = run.Order(on_day=DAY, seconds=1.0)
    plan_id = await run.request(database, UNIT, order=order, ambient=ambient)
    await run.take_one(database, InProcess(), worker="test", make_ambient=lambda: ambient)
    async with database.connect() as tx:
        row = await work.plan_of(tx, UNIT, plan_id=plan_id)
    assert row.report["checker_violations"] == 0
    await publish.publish(database, UNIT, plan_id=plan_id, actor="test", ambient=ambient)
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
