"""Feasibility and an emergency through the API, over PostgreSQL: `python -m bench.live_api`.

Protocol: an embedded PostgreSQL with fsync on and the application's role and policies; a made-up
region of 200 technicians, planned and published, half past ten with everything gone by as planned;
the whole application in this process, spoken to without a network. 200 visits are asked about one after another, twice; CPU seconds are those of
this process and of PostgreSQL together, wall seconds beside them. The last line is JSON.
"""

import asyncio
import json
import time
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import numpy as np
from sqlalchemy import text

from api.app import create_app
from bench.cpu import seconds as cpu_seconds
from runtime import sample_region
from runtime.ambient import fixed
from runtime.database import own_server
from runtime.opening import open_region
from runtime.server import services
from runtime.server_commands import add_staff
from runtime.settings import Settings
from scheduling import publish, run, solver
from storage import migrate
from storage.engine import make_engine

UNIT, PASSWORD = "bench", "only-in-the-bench-1"
DAY, EVENING = date(2026, 11, 24), datetime(2026, 11, 23, 10, tzinfo=UTC)
MORNING = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)
SIZE = sample_region.Size(premises=9_000, technicians=200, requests=400)
ASKED = 200
GONE_BY = """
UPDATE visit v SET started_at = lower(s.during), state = CASE WHEN upper(s.during) <= :now
    THEN 'ended' ELSE 'on_site' END,
  ended_at = CASE WHEN upper(s.during) <= :now THEN upper(s.during) END
FROM stop s WHERE s.visit_id = v.id AND lower(s.during) <= :now
"""


async def planned(url: str, folder: Path) -> int:
    """A region whose day is published; how many visits it has."""
    engine = make_engine(url, statement_seconds=600)
    ambient = fixed(EVENING)
    sample_region.write_region(folder, size=SIZE, seed=5, as_of=EVENING.date())
    await open_region(engine, folder, unit=(UNIT, EVENING.date()), ambient=ambient)
    async with engine.begin() as tx:
        await add_staff(tx, UNIT, password=PASSWORD)
    order = run.Order(on_day=DAY, seconds=10.0)
    plan_id = await run.request(engine, UNIT, order=order, ambient=ambient)
    with run.own_process() as pool:
        await run.take_one(engine, pool, worker="bench", make_ambient=lambda: ambient)
    done = await publish.publish(engine, UNIT, plan_id=plan_id, actor="bench", ambient=ambient)
    async with engine.begin() as tx:
        await tx.execute(text(GONE_BY), {"now": MORNING})
    await engine.dispose()
    return done["stops"]


async def measured(url: str, postmaster: int, *, state: str) -> dict[str, Any]:
    """What a question costs, and what an emergency does."""
    made = services(Settings(state=state, rate_factor=1000.0), url)
    given = {name: getattr(made, name) for name in type(made).__struct_fields__}
    app = create_app(type(made)(**{**given, "ambient": lambda: fixed(MORNING)}))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://doorstep") as client:
        wish = {"login": "dispatcher", "password": PASSWORD}
        token = (await client.post("/api/v1/session", json=wish)).json()["access"]
        office = {"Authorization": f"Bearer {token}"}
        day = (await client.get(f"/api/v1/days/{DAY}", headers=office)).json()
        stops = [one for each in day["technicians"] for one in each["stops"]]
        visits = [one["visit"] for one in stops if one["state"] == "planned"][:ASKED]

        async def asked(visit: str) -> tuple[float, float]:
            wall, cpu = time.perf_counter(), time.process_time() + cpu_seconds(postmaster)
            reply = await client.post(
                f"/api/v1/days/{DAY}/feasibility", json={"visit_id": visit}, headers=office
            )
            reply.raise_for_status()
            used = time.process_time() + cpu_seconds(postmaster) - cpu
            return 1000 * (time.perf_counter() - wall), 1000 * used

        await asked(visits[0])  # lays the day out, once a minute and change
        figures = np.array([await asked(visit) for visit in (*visits, *visits)])
        event = {"kind": "emergency", "visit_id": visits[-1]}
        begun = time.process_time() + cpu_seconds(postmaster)
        reply = await client.post(f"/api/v1/days/{DAY}/events", json=event, headers=office)
        reply.raise_for_status()
        spent = time.process_time() + cpu_seconds(postmaster) - begun
    await made.engine.dispose()
    wall, cpu = figures.T
    return {
        "technicians": len(day["technicians"]),
        "feasibility_wall_ms_p50": round(float(np.percentile(wall, 50)), 1),
        "feasibility_wall_ms_p95": round(float(np.percentile(wall, 95)), 1),
        # the clock of a process's CPU ticks in hundredths, so a mean says more than a percentile
        "feasibility_cpu_ms_mean": round(float(cpu.mean()), 1),
        "emergency_cpu_seconds": round(spent, 2),
        "emergency_changes": len(reply.json()["changes"]),
    }


def main() -> None:
    """Makes, asks, prints."""
    solver.warm()
    with TemporaryDirectory(prefix="doorstep-bench-") as folder, own_server(Path(folder)) as server:
        server.ensure_database("bench")
        url = server.url("bench")
        asyncio.run(migrate.upgrade(url))
        (pid_file,) = Path(folder).rglob("postmaster.pid")
        with TemporaryDirectory() as region:
            stops = asyncio.run(planned(url, Path(region)))
        postmaster = int(pid_file.read_text().split()[0])
        told = asyncio.run(measured(url, postmaster, state=folder))
    print(json.dumps({"visits": stops, **told}))


if __name__ == "__main__":
    main()
