"""What a visit came to, decided by a person: the same follows as if the tablet's word had been lawful."""

import pytest
from sqlalchemy import text

from tests.api.conftest import signed_in
from tests.api.test_gas_and_meters import first_relight
from tests.api.test_tablets_over_http import NOON, inspection, operation, sync

WALK = ("accepted", "en_route", "on_site", "in_progress", "field_done")


async def one(region, sql, **given):
    async with region.connect() as tx:
        return (await tx.execute(text(sql), given)).one()


async def visit_of(region, visit):
    return await one(
        region,
        "SELECT v.state, v.outcome, v.pending_decision, v.certification, w.state AS work,"
        " r.fields->>'state' AS shown, r.fields->>'pending_decision' AS waits"
        " FROM visit v JOIN work_order w ON w.id = v.work_order_id JOIN record r ON r.id = v.id"
        " WHERE v.id = :v",
        v=visit,
    )


async def heard(region, visit):
    return await one(
        region,
        "SELECT count(*) FROM commitment_event e JOIN commitment c ON c.id = e.commitment_id"
        " JOIN visit v ON v.premises_id = c.premises_id"
        " WHERE v.id = :v AND e.kind = 'inspection_completed'",
        v=visit,
    )


async def decided(client, office, visit, **wish):
    shown = (await client.get("/api/v1/conflicts", headers=office)).json()["items"]
    waiting = next(each for each in shown if (each["record"], each["field"]) == (visit, "state"))
    path = f"/api/v1/conflicts/{waiting['id']}/resolve"
    return await client.post(path, json={"reason": "seen", **wish}, headers=office)


async def done_after_a_cancel(client):
    office, _, _, tablet, stop, first = await inspection(client)
    visit = stop["visit"]
    await client.post(f"/api/v1/visits/{visit}/cancel", json={"reason": "moved"}, headers=office)
    said = [operation(visit, n, kind="command", command=s) for n, s in enumerate(WALK, 1)]
    answer = (await sync(client, tablet, said, first["cursor"])).json()
    assert {each["code"] for each in answer["outcomes"]} == {"after_cancel"}
    return office, tablet, visit, answer["cursor"]


async def test_work_that_is_accepted_ends_its_visit_and_its_promise_hears_of_it(client, region):
    office, tablet, visit, cursor = await done_after_a_cancel(client)
    assert (await visit_of(region, visit)).pending_decision
    assert (await decided(client, office, visit, choice=1)).status_code == 204
    assert tuple(await visit_of(region, visit)) == (
        "ended", "field_done", False, "certified", "field_done", "field_done", None,
    )  # fmt: skip
    assert tuple(await heard(region, visit)) == (1,)
    times = await one(region, "SELECT started_at, ended_at FROM visit WHERE id = :v", v=visit)
    assert None not in tuple(times)
    shown = (await sync(client, tablet, cursor=cursor)).json()["changes"]
    assert [each["fields"]["state"] for each in shown if each["record"] == visit] == ["field_done"]


async def test_work_that_is_not_accepted_leaves_the_visit_as_it_was_and_waits_for_nobody(
    client, region
):
    office, _, visit, _ = await done_after_a_cancel(client)
    assert (await decided(client, office, visit, value="cancelled")).status_code == 204
    left = await visit_of(region, visit)
    assert (left.state, left.outcome, left.pending_decision) == ("cancelled", None, False)
    assert (left.shown, left.waits) == ("cancelled", None)
    assert tuple(await heard(region, visit)) == (0,)


@pytest.mark.parametrize("value", ["closed", "banana", 7])
async def test_nobody_decides_for_a_state_that_nobody_said(client, region, value):
    office, _, visit, _ = await done_after_a_cancel(client)
    refused = await decided(client, office, visit, value=value)
    assert refused.json()["code"] == "invalid_field"
    assert (await visit_of(region, visit)).pending_decision


async def test_what_ended_well_is_not_undone_by_a_second_word(client, region):
    office, _, _, tablet, stop, _ = await inspection(client)
    visit = stop["visit"]
    await sync(client, tablet, [operation(visit, 1, kind="command", command="field_done")])
    late = operation(visit, 2, kind="command", command="no_access")
    (outcome,) = (await sync(client, tablet, [late])).json()["outcomes"]
    assert outcome["code"] == "second_completion"
    assert (await decided(client, office, visit, choice=1)).json()["code"] == "invalid_field"
    assert (await decided(client, office, visit, choice=0)).status_code == 204
    stands = await visit_of(region, visit)
    assert (stands.outcome, stands.shown, stands.pending_decision) == (
        "field_done", "field_done", False,
    )  # fmt: skip


async def test_a_person_lets_no_first_gas_on_that_the_gate_refuses(client, region):
    outcome, _, _ = await first_relight(client, region, inspected_on=None)
    assert outcome["code"] == "first_gas_on_gate"
    office, visit = await waiting(client, region)
    refused = await decided(client, office, visit, value="field_done")
    assert (refused.status_code, refused.json()["code"]) == (409, "first_gas_on_gate")
    assert (await visit_of(region, visit)).pending_decision
    # somebody had looked before, and the office hears of it only now
    async with region.begin() as tx:
        await tx.execute(
            text("UPDATE premises SET last_inspection_on = :d WHERE first_gas_on IS NULL"
                 " AND id = (SELECT premises_id FROM visit WHERE id = :v)"),
            {"d": NOON.date(), "v": visit},
        )  # fmt: skip
    assert (await decided(client, office, visit, value="field_done")).status_code == 204
    assert (await visit_of(region, visit)).outcome == "field_done"
    told = await one(
        region,
        "SELECT count(*) FROM commitment_event e JOIN commitment c ON c.id = e.commitment_id"
        " WHERE e.kind = 'gas_on_signed' AND c.rule_code = '10'",
    )
    assert tuple(told) == (1,)


async def waiting(client, region):
    row = await one(region, "SELECT record_id FROM conflict WHERE status = 'open'")
    return await signed_in(client, "dispatcher"), str(row.record_id)
