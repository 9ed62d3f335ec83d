"""Hazards have a life, quarantine an end, and odd visits a second look."""

from uuid import uuid4

import pytest
from sqlalchemy import text

from runtime.server_commands import add_staff
from tests.api.conftest import enrolled, signed_in
from tests.api.test_tablets_over_http import inspection, operation, sync

PHOTO, OTHER = "a" * 64, "b" * 64


async def hazard_of(client, region, answers):
    """A visit with a finding; returns office, tablet, stop and the hazard's id."""
    office, _, _, tablet, stop, _ = await inspection(client)
    await sync(client, tablet, [operation(stop["visit"], 1, fields=answers)])
    async with region.connect() as tx:
        found = await tx.scalar(text("SELECT id FROM hazard"))
    return office, tablet, stop, str(found)


async def step(client, office, hazard, name, **given):
    body = {"step": name, "reason": "as seen on site", **given}
    return await client.post(f"/api/v1/hazards/{hazard}/steps", json=body, headers=office)


async def test_a_hazard_lives_from_found_to_closed_with_every_step_on_file(client, region):
    office, tablet, stop, hazard = await hazard_of(client, region, {"R03": "open_plan"})
    for name, given, state in (
        ("notify", {"evidence": PHOTO}, "notified"),
        ("rectify", {}, "rectifying"),
        ("ask_recheck", {}, "recheck"),
    ):
        done = await step(client, office, hazard, name, **given)
        assert done.json()["state"] == state, done.text
    refused = await step(client, office, hazard, "close", evidence=PHOTO)
    assert refused.json()["code"] == "hazard_reviewer_needed"
    reviewer = await signed_in(client, "reviewer")
    closed = (await step(client, reviewer, hazard, "close", evidence=PHOTO)).json()
    assert closed["state"] == "closed"
    assert [each["step"] for each in closed["body"]["steps"]] == [
        "notify", "rectify", "ask_recheck", "close",
    ]  # fmt: skip
    assert closed["body"]["steps"][0]["evidence"] == PHOTO
    again = await step(client, reviewer, hazard, "notify", evidence=PHOTO)
    assert again.json()["code"] == "hazard_step"


@pytest.fixture(autouse=True)
async def reviewer(region):
    """A safety reviewer beside the usual staff."""
    async with region.begin() as tx:
        await add_staff(tx, "guan", password="only-in-tests-1234")  # noqa: S106
        await tx.execute(
            text(
                "INSERT INTO account (id, unit_id, login, name, password_hash, role, active)"
                " SELECT gen_random_uuid(), unit_id, 'reviewer', '安全审核员', password_hash,"
                " 'safety_reviewer', true FROM account WHERE login = 'dispatcher'"
            )
        )


async def test_a_notice_without_its_paper_is_no_notice(client, region):
    office, _, _, hazard = await hazard_of(client, region, {"R03": "open_plan"})
    assert (await step(client, office, hazard, "notify")).json()["code"] == "hazard_notice_needed"


async def test_a_critical_hazard_closes_by_a_recheck_on_site_alone(client, region):
    office, tablet, stop, hazard = await hazard_of(client, region, {"R12": "fail"})
    reviewer = await signed_in(client, "reviewer")
    refused = await step(client, reviewer, hazard, "close", evidence=PHOTO)
    assert refused.json()["code"] == "hazard_recheck_needed"
    # the visit that found it is no recheck of it
    refused = await step(client, reviewer, hazard, "close", recheck=stop["visit"])
    assert refused.json()["code"] == "hazard_recheck_needed"


async def test_only_a_reviewer_with_a_photo_lowers_a_grade_and_anybody_raises_it(client, region):
    office, _, _, hazard = await hazard_of(client, region, {"R03": "open_plan"})
    lower = {"grade": "minor", "evidence": PHOTO}
    refused = await step(client, office, hazard, "regrade", **lower)
    assert refused.json()["code"] == "hazard_reviewer_needed"
    reviewer = await signed_in(client, "reviewer")
    without = await step(client, reviewer, hazard, "regrade", grade="minor")
    assert without.json()["code"] == "hazard_reviewer_needed"
    assert (await step(client, office, hazard, "regrade", grade="critical")).is_success
    lowered = (await step(client, reviewer, hazard, "regrade", **lower)).json()
    assert lowered["grade"] == "minor"
    assert lowered["body"]["steps"][-1]["from"] == ["open", "critical"]


async def quarantined(client, region, said):
    """An operation in quarantine; returns office, stop and the entry."""
    office, _, _, tablet, stop, _ = await inspection(client)
    given = said(stop["visit"])
    answer = (await sync(client, tablet, [given])).json()
    assert answer["outcomes"][0]["outcome"] == "quarantined"
    listed = (await client.get("/api/v1/quarantine", headers=office)).json()["items"]
    return office, tablet, stop, given, listed[0]["id"]


async def decide(client, office, entry, decision):
    body = {"decision": decision, "reason": "checked with the technician"}
    return await client.post(f"/api/v1/quarantine/{entry}/decide", json=body, headers=office)


async def test_what_cannot_be_applied_even_now_stays_in_quarantine(client, region):
    office, _, _, _, entry = await quarantined(
        client, region, lambda visit: operation(visit, 1, fields={"R12": 7})
    )
    assert (await decide(client, office, entry, "release")).json()["code"] == "quarantine_still"
    assert len((await client.get("/api/v1/quarantine", headers=office)).json()["items"]) == 1
    assert (await decide(client, office, entry, "reject")).status_code == 204
    assert (await client.get("/api/v1/quarantine", headers=office)).json()["items"] == []
    assert (await decide(client, office, entry, "reject")).json()["code"] == "conflict_closed"


async def test_the_last_word_of_a_lost_tablet_is_released_into_the_visit(client, region):
    office, _, _, tablet, stop, _ = await inspection(client)
    path = f"/api/v1/devices/{tablet['tablet']}/revoke"
    await client.post(path, json={"reason": "lost"}, headers=office)
    said = operation(stop["visit"], 1, fields={"R12": "fail"})
    await sync(client, {"Authorization": tablet["Authorization"]}, [said])
    (entry,) = (await client.get("/api/v1/quarantine", headers=office)).json()["items"]
    assert entry["code"] == "tablet_revoked"
    done = await decide(client, office, entry["id"], "release")
    assert done.status_code == 204, done.text
    async with region.connect() as tx:
        fields = await tx.scalar(
            text("SELECT fields FROM record WHERE id = :v"), {"v": stop["visit"]}
        )
        hazards = await tx.scalar(text("SELECT count(*) FROM hazard"))
    assert (fields["R12"], hazards) == ("fail", 1)


async def test_what_was_rejected_stays_rejected_when_the_tablet_is_enrolled_anew(client, region):
    office, _, person, tablet, stop, _ = await inspection(client)
    path = f"/api/v1/devices/{tablet['tablet']}/revoke"
    await client.post(path, json={"reason": "lost"}, headers=office)
    said = operation(stop["visit"], 1, fields={"R12": "fail"})
    await sync(client, tablet, [said])
    (entry,) = (await client.get("/api/v1/quarantine", headers=office)).json()["items"]
    assert (await decide(client, office, entry["id"], "reject")).status_code == 204
    anew = await enrolled(client, person["id"])
    (outcome,) = (await sync(client, anew, [said])).json()["outcomes"]
    assert (outcome["outcome"], outcome["code"]) == ("duplicate", "quarantined")
    changed = {**said, "fields": {"R12": "pass"}}
    (outcome,) = (await sync(client, anew, [changed])).json()["outcomes"]
    assert (outcome["outcome"], outcome["code"]) == ("quarantined", "id_reused")
    async with region.connect() as tx:
        fields = await tx.scalar(
            text("SELECT fields FROM record WHERE id = :v"), {"v": stop["visit"]}
        )
    assert "R12" not in fields


async def test_what_comes_again_under_a_new_enrolment_before_anybody_decided_is_taken_in(
    client, region
):
    office, _, person, tablet, stop, _ = await inspection(client)
    path = f"/api/v1/devices/{tablet['tablet']}/revoke"
    await client.post(path, json={"reason": "lost"}, headers=office)
    said, other = (operation(stop["visit"], n, fields={"R12": "fail"}) for n in (1, 2))
    await sync(client, tablet, [said, other])
    anew = await enrolled(client, person["id"])
    answer = (await sync(client, anew, [said])).json()
    assert answer["outcomes"][0]["outcome"] == "applied"
    assert len((await client.get("/api/v1/quarantine", headers=office)).json()["items"]) == 1
    async with region.connect() as tx:
        rows = await tx.execute(
            text("SELECT operation_id, status, decided_by, reason FROM quarantine ORDER BY status")
        )
        entries = [(str(row[0]), *row[1:]) for row in rows]
    assert entries == [
        (other["id"], "open", None, None),
        (said["id"], "released", person["name"], "sent_again"),
    ]


async def test_what_else_waits_goes_on_waiting_when_one_operation_is_released(client, region):
    office, _, _, tablet, stop, _ = await inspection(client)
    waits = operation(stop["visit"], 1, fields={"note": "after"}, after=[str(uuid4())])
    bad = operation(stop["visit"], 2, fields={"R12": 7})
    answer = (await sync(client, tablet, [waits, bad])).json()
    assert [each["outcome"] for each in answer["outcomes"]] == ["held", "quarantined"]
    (entry,) = (await client.get("/api/v1/quarantine", headers=office)).json()["items"]
    await decide(client, office, entry["id"], "release")
    async with region.connect() as tx:
        outcome = await tx.scalar(
            text("SELECT outcome FROM operation WHERE id = :o"), {"o": waits["id"]}
        )
    assert outcome == "held"


async def test_bytes_that_are_no_operation_cannot_be_released(client, region):
    office, _, _, _, entry = await quarantined(
        client, region, lambda visit: operation(visit, 1, kind="nonsense")
    )
    refused = await decide(client, office, entry, "release")
    assert refused.json()["code"] == "quarantine_unreadable"


async def marks(client, office):
    return (await client.get("/api/v1/review-marks/2026-11-24", headers=office)).json()


async def test_a_photo_and_a_signature_used_for_two_homes_are_marked(client, clock):
    office, _, _, tablet, stop, first = await inspection(client)
    shown = next(each for each in first["changes"] if each["record"] == stop["visit"])
    answers = {"R12.photos": [PHOTO], "signature": OTHER}
    spot = {"kind": "create", "record_kind": "visit", "premises": shown["premises"]}
    said = [
        operation(stop["visit"], 1, fields=answers),
        operation(str(uuid4()), 2, fields=answers, **spot),
    ]
    assert (await marks(client, office))["marks"] == []
    await sync(client, tablet, said)
    kinds = sorted(each["kind"] for each in (await marks(client, office))["marks"])
    assert kinds == ["same_photo", "same_photo", "same_signature", "same_signature"]


async def test_a_position_far_from_the_address_and_an_impossible_speed_are_marked(client, clock):
    office, _, _, tablet, stop, _ = await inspection(client)
    home = {"lat": stop["latitude"], "lon": stop["longitude"], "accuracy_m": 20}
    away = {**home, "lat": home["lat"] + 0.5}
    boot = "019aaaaa-0000-7000-8000-0000000000b0"
    clocked = {
        "sent_at": clock.at.isoformat(), "uptime_ms": 7_200_000, "boot": boot,
        "heard_at": clock.at.isoformat(), "heard_uptime_ms": 7_200_000,
    }  # fmt: skip
    said = [
        operation(
            stop["visit"], n, kind="command", command=state, boot=boot, uptime_ms=minutes * 60_000,
            fields={"position": place},
        )
        for n, (state, minutes, place) in enumerate(
            [("en_route", 80, away), ("on_site", 90, home), ("in_progress", 95, home)], 1
        )
    ]  # fmt: skip
    await sync(client, tablet, said, clock=clocked)
    found = (await marks(client, office))["marks"]
    assert [each["kind"] for each in found] == ["far_from_address", "impossible_speed"]
    assert found[0]["detail"]["metres"] > 50_000


async def test_a_supervisor_takes_in_a_notice_on_working_days_and_a_dispatcher_does_not(client):
    wish = {
        "year": 2027, "source": "国办发明电〔2026〕00号", "layer": "official",
        "days": [{"on": "2027-01-01", "works": False}],
    }  # fmt: skip
    path = "/api/v1/calendar/notices"
    dispatcher = await signed_in(client, "dispatcher")
    assert (await client.post(path, json=wish, headers=dispatcher)).json()["code"] == "not_allowed"
    supervisor = await signed_in(client, "supervisor")
    done = (await client.post(path, json=wish, headers=supervisor)).json()
    assert (done["days"], done["official_until"]) == (1, 2027)
    wish["days"] = [{"on": "2026-12-31", "works": False}]
    refused = await client.post(path, json=wish, headers=supervisor)
    assert (refused.status_code, refused.json()["code"]) == (422, "calendar_notice")
