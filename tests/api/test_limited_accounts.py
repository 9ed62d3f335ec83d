"""Accounts that see some grids only: what concerns the whole unit is not theirs."""

import pytest

from runtime.server import hash_password
from tests.api.conftest import PASSWORD, enrolled, signed_in
from tests.api.test_guards_and_bodies import filled
from tests.api.test_identity import add

WHOLE = [
    "POST /outages", "POST /outages/{outage_id}/steps", "POST /register", "POST /register/calls",
    "PUT /settings/promises", "POST /heating-seasons", "POST /calendar/notices", "POST /rules",
    "POST /rules/check", "POST /rules/{code}/{version}/end", "DELETE /rules/{code}/{version}",
    "POST /webhooks", "GET /webhooks", "DELETE /webhooks/{webhook_id}", "GET /notifications",
    "GET /audit", "GET /plans/{plan_id}/diff", "GET /plans/{plan_id}/explain", "POST /plans",
    "POST /plans/{plan_id}/stop", "POST /plans/{plan_id}/publish", "POST /workflows",
    "POST /cycles/level", "POST /what-if", "POST /enrolment-codes",
    "POST /devices/{device_id}/revoke",
]  # fmt: skip


async def test_what_concerns_the_whole_unit_is_closed_to_an_account_that_sees_some_grids(
    client, region
):
    await add(
        region, "east", password_hash=hash_password(PASSWORD), grids=["云泽-东"], role="supervisor"
    )
    headers, open_ = await signed_in(client, "east"), []
    for each in WHOLE:
        method, path = each.split()
        reply = await client.request(method, "/api/v1" + filled(path), headers=headers)
        if reply.status_code != 403:
            open_.append((each, reply.status_code))
    assert not open_, open_


async def test_a_change_of_the_day_in_other_grids_is_not_told_to_who_does_not_see_them(
    client, region
):
    await add(region, "east", password_hash=hash_password(PASSWORD), grids=["nowhere"])
    everything, some = await signed_in(client, "dispatcher"), await signed_in(client, "east")
    day = (await client.get("/api/v1/days/2026-11-24", headers=everything)).json()
    visit = next(
        stop["visit"] for each in day["technicians"] for stop in each["stops"] if not stop["pinned"]
    )
    wish = {"reason": "the customer called"}
    url = f"/api/v1/visits/{visit}/cancel"
    assert (await client.post(url, json=wish, headers=everything)).status_code == 204
    changes = "/api/v1/days/2026-11-24/changes"
    assert visit in (await client.get(changes, headers=everything)).text
    assert (await client.get(changes, headers=some)).json()["items"] == []


@pytest.mark.parametrize("word", ["é" * 30, "x", ""])
async def test_a_bearer_of_any_letters_does_not_read_the_figures(client, word):
    services = client._transport.app.state.services
    guarded = type(services)(
        **{name: getattr(services, name) for name in services.__struct_fields__}
        | {"metrics": type(services.metrics)(own=services.metrics.own, token="t" * 40)}
    )
    client._transport.app.state.services = guarded
    headers = {"Authorization": f"Bearer {word}".encode("latin-1")}
    reply = await client.get("/metrics", headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (401, "not_signed_in")


async def test_the_audit_names_the_tablet_that_was_revoked_and_for_whom_a_code_was_made(client):
    boss = await signed_in(client, "supervisor")
    day = (await client.get("/api/v1/days/2026-11-24", headers=boss)).json()
    person = day["technicians"][0]["id"]
    tablet = (await enrolled(client, person))["tablet"]
    lost = await client.post(
        f"/api/v1/devices/{tablet}/revoke", json={"reason": "lost"}, headers=boss
    )
    assert lost.status_code == 204
    rows = (await client.get("/api/v1/audit?limit=500", headers=boss)).json()
    said = {(each["action"], each["subject"]) for each in rows}
    assert {("enrolment_code", person), ("revoked.lost", tablet)} <= said
