"""Defects that a fresh reviewer proved over the real API; each stays fixed."""

from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import text

from tests.api.conftest import signed_in
from tests.api.test_safety_decisions import decide, hazard_of, reviewer, step
from tests.api.test_tablets_over_http import inspection, operation, sync

__all__ = ["reviewer"]


def spot(first, stop, n, **given):
    """A further visit to the same home, made on the spot."""
    home = next(each for each in first["changes"] if each["record"] == stop["visit"])["premises"]
    key = str(uuid4())
    made = operation(key, n, kind="create", record_kind="visit", premises=home, **given)
    return key, made


async def visit_row(region, visit):
    async with region.connect() as tx:
        return (
            await tx.execute(
                text(
                    "SELECT v.state, v.outcome, v.certification, w.state AS order_state FROM visit v"
                    " JOIN work_order w ON w.id = v.work_order_id WHERE v.id = :v"
                ),
                {"v": visit},
            )
        ).one()


async def test_a_number_that_the_database_would_not_give_back_is_put_aside(client):
    office, _, _, tablet, stop, _ = await inspection(client)
    answer = (
        await sync(client, tablet, [operation(stop["visit"], 1, fields={"R26": 1e16})])
    ).json()
    assert answer["outcomes"][0]["code"] == "number_too_large"
    good = (await sync(client, tablet, [operation(stop["visit"], 2, fields={"R26": 1.5})])).json()
    assert good["outcomes"][0]["outcome"] == "applied"


async def test_a_recheck_that_found_the_same_again_closes_nothing(client, region):
    office, tablet, stop, hazard = await hazard_of(client, region, {"R12": "fail"})
    first = (await sync(client, tablet)).json()
    again, made = spot(first, stop, 2, fields={"R12": "fail"}, observed_at="2026-11-24T12:00:00Z")
    done = operation(again, 3, kind="command", command="field_done")
    await sync(client, tablet, [made, done])
    boss = await signed_in(client, "reviewer")
    refused = await step(client, boss, hazard, "close", recheck=again)
    assert refused.json()["code"] == "hazard_recheck_needed"


async def test_a_recheck_that_found_it_sound_closes_a_critical_hazard(client, region, clock):
    office, tablet, stop, hazard = await hazard_of(client, region, {"R12": "fail"})
    first = (await sync(client, tablet)).json()
    clock.at = clock.at.replace(hour=6)
    again, made = spot(first, stop, 2, fields={"R12": "pass"})
    done = operation(again, 3, kind="command", command="field_done")
    await sync(client, tablet, [made, done])
    boss = await signed_in(client, "reviewer")
    closed = await step(client, boss, hazard, "close", recheck=again)
    assert closed.json().get("state") == "closed", closed.text


async def test_a_known_hazard_takes_the_worst_of_two_findings_of_one_push(client, region):
    _, tablet, stop, _ = await hazard_of(client, region, {"R15": ["near_wiring"]})
    worse = [
        operation(stop["visit"], 2, fields={"R15": ["load_hung"]}),
        operation(stop["visit"], 3, fields={"R15": ["near_wiring"]}),
    ]
    await sync(client, tablet, worse)
    async with region.connect() as tx:
        assert await tx.scalar(text("SELECT grade FROM hazard")) == "major"


async def test_a_visit_made_and_finished_in_one_push_is_finished(client, region):
    _, _, _, tablet, stop, first = await inspection(client)
    key, made = spot(first, stop, 1, fields={"R12": "pass"})
    await sync(client, tablet, [made, operation(key, 2, kind="command", command="field_done")])
    row = await visit_row(region, key)
    assert (row.state, row.outcome, row.order_state) == ("ended", "field_done", "field_done")


async def test_a_late_unlawful_command_leaves_outcome_and_certificate(client, region):
    _, _, _, tablet, stop, _ = await inspection(client)
    await sync(client, tablet, [operation(stop["visit"], 1, kind="command", command="field_done")])
    before = await visit_row(region, stop["visit"])
    late = operation(stop["visit"], 2, kind="command", command="no_access")
    assert (await sync(client, tablet, [late])).json()["outcomes"][0]["outcome"] == "conflict"
    after = await visit_row(region, stop["visit"])
    assert (after.outcome, after.certification) == (before.outcome, before.certification)
    assert after.outcome == "field_done"


@pytest.mark.parametrize(
    "given",
    [
        {"visit": str(uuid4())},
        {"uptime_ms": 2**52},
        {"observed_at": "9999-12-31T23:59:59Z"},
    ],
)
async def test_one_impossible_operation_stands_in_nobodys_way(client, given):
    _, _, _, tablet, stop, _ = await inspection(client)
    note = operation(
        str(uuid4()), 1, kind="create", record_kind="note", fields={"text": "x"}, **given
    )
    good = operation(stop["visit"], 2, fields={"note": "y"})
    reply = await sync(client, tablet, [note, good])
    assert reply.status_code == 200
    assert [each["outcome"] for each in reply.json()["outcomes"]] == ["quarantined", "applied"]


async def test_clocks_paths_and_days_that_cannot_be_are_no_failure(client):
    office, _, _, tablet, stop, _ = await inspection(client)
    said = [operation(stop["visit"], 1, fields={"note": "y"})]
    clock = {"sent_at": "9999-12-31T23:59:59Z", "uptime_ms": 5, "boot": str(uuid4())}
    assert (await sync(client, tablet, said, clock=clock)).status_code == 200
    for path in ("/api/v1/review-marks/0001-01-01", "/api/v1/quarantine?status=%00",
                 "/api/v1/attachments/%00"):  # fmt: skip
        assert (await client.get(path, headers=office)).status_code in (404, 422), path


async def test_bytes_that_are_no_text_hide_no_other_entry_of_the_quarantine(client):
    office, _, _, tablet, _, _ = await inspection(client)
    body = msgspec.msgpack.encode({"operations": [{"id": str(uuid4()), "n": 1, "bad": 300}]})
    headers = tablet | {"Content-Type": "application/msgpack"}
    reply = await client.post("/api/v1/sync", content=body, headers=headers)
    assert reply.json()["outcomes"][0]["outcome"] == "quarantined"
    listed = await client.get("/api/v1/quarantine", headers=office)
    assert len(listed.json()["items"]) == 1


async def edit(client, who, stop, fields):
    path = f"/api/v1/visits/{stop['visit']}/edit"
    return await client.post(path, json={"fields": fields}, headers=who)


async def test_one_person_at_the_office_does_not_take_back_anothers_finding(client, region, clock):
    office, _, _, tablet, stop, _ = await inspection(client)
    supervisor = await signed_in(client, "supervisor")
    await edit(client, supervisor, stop, {"R12": "fail"})
    clock.at = clock.at.replace(hour=1)
    await edit(client, await signed_in(client, "dispatcher"), stop, {"R12": "pass"})
    async with region.connect() as tx:
        fields = await tx.scalar(
            text("SELECT fields FROM record WHERE id = :v"), {"v": stop["visit"]}
        )
    assert fields["R12"] == "fail"


@pytest.mark.parametrize(
    "fields", [{"state": "closed"}, {"template": "nope@1"}, {"R12": 7}, {"R26": 1e16}]
)
async def test_the_office_writes_answers_and_nothing_else(client, fields):
    office, _, _, _, stop, _ = await inspection(client)
    assert (await edit(client, office, stop, fields)).json()["code"] == "invalid_field"


async def test_nobody_decides_what_was_said_after_the_conflict_was_read(client, region):
    office, _, _, tablet, stop, _ = await inspection(client)
    await edit(client, office, stop, {"R03": "separate_ventilated"})
    await sync(client, tablet, [operation(stop["visit"], 1, fields={"R03": "open_plan"})])
    (conflict,) = (await client.get("/api/v1/conflicts", headers=office)).json()["items"]
    supervisor = await signed_in(client, "supervisor")
    await edit(client, supervisor, stop, {"R03": "bedroom_use"})
    path = f"/api/v1/conflicts/{conflict['id']}/resolve"
    wish = {"choice": 0, "reason": "as I read it"}
    stale = await client.post(path, json=wish, headers=office)
    assert stale.json()["code"] == "conflict_stale"
    shown = (await client.get("/api/v1/conflicts", headers=office)).json()["items"]
    again = next(each for each in shown if each["id"] == conflict["id"])
    assert "bedroom_use" in [each["value"] for each in again["values"]]
    bad = await client.post(path, json={"value": 7, "reason": "?"}, headers=office)
    assert bad.json()["code"] == "invalid_field"
    worst = next(n for n, each in enumerate(again["values"]) if each["value"] == "bedroom_use")
    done = await client.post(path, json={"choice": worst, "reason": "seen"}, headers=office)
    assert done.status_code == 204, done.text
    assert (await client.get("/api/v1/conflicts", headers=office)).json()["items"] == []


async def test_what_waited_and_cannot_be_applied_is_shown(client):
    office, _, _, tablet, stop, _ = await inspection(client)
    first = operation(stop["visit"], 1, fields={"note": "x"})
    await sync(
        client, tablet, [operation(stop["visit"], 2, fields={"R12": 7}, after=[first["id"]])]
    )
    await sync(client, tablet, [first])
    (entry,) = (await client.get("/api/v1/quarantine", headers=office)).json()["items"]
    assert entry["code"] == "answer_type"
    assert (await decide(client, office, entry["id"], "reject")).status_code == 204


async def test_one_id_with_two_contents_in_one_batch_loses_neither(client):
    office, _, _, tablet, stop, _ = await inspection(client)
    first = operation(stop["visit"], 1, fields={"note": "first"})
    other = first | {"fields": {"R12": "fail"}}
    answer = (await sync(client, tablet, [first, other])).json()
    assert [each.get("code") for each in answer["outcomes"]] == [None, "id_reused"]
    (entry,) = (await client.get("/api/v1/quarantine", headers=office)).json()["items"]
    assert "fail" in entry["payload"]
