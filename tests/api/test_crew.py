"""A crew lead sees the own crew's day and nothing else."""

from runtime.server import hash_password
from tests.api.conftest import DAY, PASSWORD, enrolled, signed_in
from tests.api.test_guards_and_bodies import filled, operations
from tests.api.test_identity import add
from tests.api.test_tablets_over_http import sync

SEEN = {"/api/v1/crew/{day}", "/api/v1/session"}
PAPERS = {"/api/v1/visits/{visit_id}/sheet.pdf", "/api/v1/hazards/{hazard_id}/notice.pdf"}


async def lead(client, region, *grids):
    await add(
        region, "lead", password_hash=hash_password(PASSWORD), grids=list(grids), role="crew_lead"
    )
    return await signed_in(client, "lead")


async def day_of(client):
    office = await signed_in(client, "dispatcher")
    return (await client.get(f"/api/v1/days/{DAY}", headers=office)).json()["technicians"]


async def test_a_lead_sees_the_crew_with_visits_and_what_is_unsent(client, region):
    office = await signed_in(client, "dispatcher")
    people = (await client.get("/api/v1/technicians", headers=office)).json()["items"]
    orders = (await client.get("/api/v1/work-orders?limit=500", headers=office)).json()["items"]
    # which work a plan of a second gives to whom is its business: any visit in a grid of its own
    grid, person = next(
        (order["grid"], each)
        for order in orders
        for each in people
        if order["on_day"] == str(DAY)
        and order["technician"] == each["name"]
        and order["grid"] in each["grids"]
    )
    headers = await lead(client, region, grid)
    tablet = await enrolled(client, person["id"])
    assert (await sync(client, tablet, unsent=7)).is_success
    seen = (await client.get(f"/api/v1/crew/{DAY}", headers=headers)).json()
    assert {each["technician"] for each in seen["members"]} == {
        each["id"] for each in people if grid in each["grids"]
    }
    mine = next(each for each in seen["members"] if each["technician"] == person["id"])
    assert (mine["unsent"], seen["unsent"]) == (7, 7) and mine["seen_at"]
    there = {order["number"] for order in orders if order["grid"] == grid}
    shown = {visit["number"] for each in seen["members"] for visit in each["visits"]}
    assert shown and shown <= there


async def test_a_lead_without_grids_leads_nobody_and_a_dispatcher_sees_every_crew(client, region):
    nobody = (await client.get(f"/api/v1/crew/{DAY}", headers=await lead(client, region))).json()
    assert nobody["members"] == []
    office = await signed_in(client, "dispatcher")
    everybody = (await client.get(f"/api/v1/crew/{DAY}", headers=office)).json()
    assert len(everybody["members"]) == len(await day_of(client))


async def test_everything_else_is_closed_to_a_lead_and_signing_out_is_not(client, region):
    headers, closed = await lead(client, region, "云泽-东"), set()
    open_ = {"/api/v1/session/refresh", "/api/v1/devices/enrol"}
    for method, path, handler in operations(client):
        if not path.startswith("/api/v1") or "body" in handler.opt and path in open_:
            continue
        if path in SEEN | PAPERS:
            continue
        reply = await client.request(method, filled(path), headers=headers)
        if reply.status_code != 403:
            closed.add((method, path, reply.status_code))
    strangers = ("/track/", "/appointments/", "/session", "/enrol")
    assert not [each for each in closed if not any(word in each[1] for word in strangers)]
    assert (await client.delete("/api/v1/session", headers=headers)).status_code == 204
    assert (await client.get(f"/api/v1/crew/{DAY}", headers=headers)).status_code == 401
