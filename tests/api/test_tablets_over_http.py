"""A tablet's life through the real API and a real PostgreSQL."""

import base64
import hashlib
import random
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from runtime.demo.work import picture
from tests.api.conftest import enrolled, signed_in

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


async def board(client):
    office = await signed_in(client, "dispatcher")
    reply = await client.get("/api/v1/days/2026-11-24", headers=office)
    return office, reply.json()


async def with_route(client):
    office, day = await board(client)
    # however far the planner came in its half second, whoever inspects most is asked
    person = max(
        day["technicians"],
        key=lambda each: sum(stop["kind"] == "inspection" for stop in each["stops"]),
    )
    tablet = await enrolled(client, person["id"])
    return office, day, person, tablet


def operation(record, n, **given):
    return {
        "id": str(uuid7()),
        "n": n,
        "record": record,
        "kind": "patch",
        "observed_at": NOON.isoformat(),
        "template": "RES-INSP@2026.1",
        **given,
    }


async def sync(client, tablet, operations=(), cursor="", **more):
    body = {"operations": list(operations), "cursor": cursor, **more}
    return await client.post("/api/v1/sync", json=body, headers=tablet)


async def inspection(client):
    office, day, person, tablet = await with_route(client)
    stop = next(each for each in person["stops"] if each["kind"] == "inspection")
    first = (await sync(client, tablet)).json()
    return office, day, person, tablet, stop, first


async def test_a_first_download_brings_the_whole_route_and_a_delta_brings_one_field(client):
    _, _, person, tablet, stop, first = await inspection(client)
    assert len(first["changes"]) == len(person["stops"])
    shown = next(each for each in first["changes"] if each["record"] == stop["visit"])
    assert shown["fields"]["address"] == stop["address"]
    said = operation(stop["visit"], 1, fields={"note": "door bell broken"})
    answer = (await sync(client, tablet, [said], first["cursor"])).json()
    assert answer["outcomes"][0]["outcome"] == "applied"
    assert [each["fields"] for each in answer["changes"]] == [{"note": "door bell broken"}]
    empty = await sync(client, tablet, cursor=answer["cursor"])
    assert "changes" not in empty.json()
    assert len(empty.content) <= 300


async def test_the_same_operation_twice_has_one_effect_and_tells_what_became_of_it(client):
    _, _, _, tablet, stop, first = await inspection(client)
    said = operation(stop["visit"], 1, fields={"R12": "fail"})
    await sync(client, tablet, [said])
    again = (await sync(client, tablet, [said])).json()
    assert again["outcomes"][0]["outcome"] == "duplicate"
    assert again["outcomes"][0]["code"] == "applied"
    changed = {**said, "fields": {"R12": "pass"}}
    reused = (await sync(client, tablet, [changed])).json()
    assert (reused["outcomes"][0]["outcome"], reused["outcomes"][0]["code"]) == (
        "quarantined",
        "id_reused",
    )


async def test_one_malformed_operation_harms_no_other_and_is_kept(client):
    office, _, _, tablet, stop, _ = await inspection(client)
    good = operation(stop["visit"], 1, fields={"R12": "pass"})
    naive = operation(stop["visit"], 2, observed_at="2026-11-24T08:00:00")
    foreign = operation(str(uuid4()), 3, fields={"note": "x"})
    answer = (await sync(client, tablet, [naive, good, foreign])).json()
    assert [each["outcome"] for each in answer["outcomes"]] == ["quarantined", "applied", "held"]
    kept = (await client.get("/api/v1/quarantine", headers=office)).json()["items"]
    assert [each["code"] for each in kept] == ["operation_malformed"]


async def test_an_operation_for_somebody_elses_visit_is_not_written(client):
    _, day, person, tablet, _, _ = await inspection(client)
    other = next(
        stop for each in day["technicians"] if each["id"] != person["id"] for stop in each["stops"]
    )
    said = operation(other["visit"], 1, fields={"R12": "pass"}, template="RES-INSP@2026.1")
    answer = (await sync(client, tablet, [said])).json()
    assert answer["outcomes"][0]["code"] == "not_yours"


async def test_a_reassigned_visit_leaves_one_tablet_and_late_work_reaches_the_new_holder(client):
    office, day, person, tablet, stop, first = await inspection(client)
    for other in day["technicians"]:
        wish = {
            "technician": other["id"],
            "starts_at": "2026-11-24T21:00:00+08:00",
            "version": 1,
        }
        if other["id"] == person["id"]:
            continue
        path = f"/api/v1/visits/{stop['visit']}/assign"
        if (await client.post(path, json=wish, headers=office)).status_code == 204:
            break
    else:
        pytest.fail("nobody could take the visit")
    late = operation(stop["visit"], 1, fields={"R12": "fail"})
    answer = (await sync(client, tablet, [late], first["cursor"])).json()
    assert answer["outcomes"][0]["outcome"] == "merged"
    assert answer["outcomes"][0]["code"] == "reassigned"
    assert answer["forget"] == [stop["visit"]]
    new = await enrolled(client, other["id"])
    shown = (await sync(client, new)).json()["changes"]
    mine = next(each for each in shown if each["record"] == stop["visit"])
    assert mine["fields"]["R12"] == "fail"


async def test_a_cancelled_visit_that_was_finished_offline_waits_for_a_person(client):
    office, _, _, tablet, stop, first = await inspection(client)
    path = f"/api/v1/visits/{stop['visit']}/cancel"
    assert (await client.post(path, json={"reason": "moved"}, headers=office)).status_code == 204
    said = [
        operation(stop["visit"], 1, fields={"R12": "fail"}),
        operation(stop["visit"], 2, kind="command", command="field_done"),
    ]
    answer = (await sync(client, tablet, said, first["cursor"])).json()
    assert [each["outcome"] for each in answer["outcomes"]] == ["applied", "conflict"]
    listed = (await client.get("/api/v1/conflicts", headers=office)).json()["items"]
    assert [each["field"] for each in listed] == ["state"]
    wish = {"reason": "the work was done", "value": "field_done"}
    path = f"/api/v1/conflicts/{listed[0]['id']}/resolve"
    assert (await client.post(path, json=wish, headers=office)).status_code == 204
    again = await client.post(path, json=wish, headers=office)
    assert again.json()["code"] == "conflict_closed"


async def test_a_photo_survives_cuts_and_certifies_its_visit(client, region, clock):
    _, _, _, tablet, stop, _ = await inspection(client)
    photo = picture(random.Random(1))
    sha256 = hashlib.sha256(photo).hexdigest()
    states = ("accepted", "en_route", "on_site", "in_progress")
    said = [operation(stop["visit"], n, kind="command", command=s) for n, s in enumerate(states, 1)]
    said.append(operation(stop["visit"], 5, fields={"R02.photos": [sha256]}))
    said.append(operation(stop["visit"], 6, kind="command", command="field_done"))
    clock.at = NOON + timedelta(minutes=5)
    answer = (await sync(client, tablet, said)).json()
    assert {each["outcome"] for each in answer["outcomes"]} == {"applied"}

    async def certification():
        async with region.connect() as tx:
            found = await tx.execute(
                text("SELECT certification FROM visit WHERE id = :id"), {"id": stop["visit"]}
            )
            return found.scalar_one()

    assert await certification() == "waiting_evidence"
    encoded = base64.b64encode(sha256.encode()).decode()
    headers = {**tablet, "Upload-Length": str(len(photo)), "Upload-Metadata": f"sha256 {encoded}"}
    begun = await client.post("/api/v1/attachments", headers=headers)
    assert begun.status_code == 201
    place, patch = begun.headers["location"], {"Content-Type": "application/offset+octet-stream"}
    half = len(photo) // 2
    first = await client.patch(
        place, content=photo[:half], headers={**tablet, **patch, "Upload-Offset": "0"}
    )
    assert first.headers["upload-offset"] == str(half)
    wrong = await client.patch(
        place, content=photo, headers={**tablet, **patch, "Upload-Offset": "0"}
    )
    assert wrong.json()["code"] == "upload_offset"
    asked = await client.head(place, headers=tablet)
    rest = await client.patch(
        place,
        content=photo[half:],
        headers={**tablet, **patch, "Upload-Offset": asked.headers["upload-offset"]},
    )
    assert rest.status_code == 204
    assert await certification() == "certified"
    same = await client.post("/api/v1/attachments", headers=headers)
    assert same.headers["upload-offset"] == str(len(photo))


async def test_bytes_that_are_not_the_declared_ones_are_thrown_away(client):
    _, _, _, tablet, _, _ = await inspection(client)
    encoded = base64.b64encode(b"0" * 64).decode()
    headers = {**tablet, "Upload-Length": "5", "Upload-Metadata": f"sha256 {encoded}"}
    begun = await client.post("/api/v1/attachments", headers=headers)
    refused = await client.patch(
        begun.headers["location"],
        content=b"<svg>",
        headers={
            **tablet,
            "Content-Type": "application/offset+octet-stream",
            "Upload-Offset": "0",
        },
    )
    assert refused.json()["code"] == "hash_mismatch"


async def test_a_revoked_tablet_gets_nothing_at_its_next_request(client):
    office, _, _, tablet, _, _ = await inspection(client)
    path = f"/api/v1/devices/{tablet['tablet']}/revoke"
    done = await client.post(path, json={"reason": "lost"}, headers=office)
    assert done.status_code == 204
    refused = await sync(client, tablet)
    assert (refused.status_code, refused.json()["code"]) == (403, "tablet_revoked")


async def test_hello_receipts_and_the_drained_certificate_agree(client):
    office, _, _, tablet, stop, _ = await inspection(client)
    said = [operation(stop["visit"], n, fields={"note": str(n)}) for n in (1, 2, 4)]
    await sync(client, tablet, said)
    wish = {"clock": {"sent_at": "2026-11-24T08:00:00+08:00"}}
    hello = (await client.post("/api/v1/sync/hello", json=wish, headers=tablet)).json()
    assert (hello["contiguous_n"], hello["highest_n"]) == (2, 4)
    receipts = (await client.get("/api/v1/sync/receipts", headers=tablet)).json()
    assert receipts["gaps"] == [[3, 3]]
    path = f"/api/v1/devices/{tablet['tablet']}/drained"
    assert (await client.get(path, headers=office)).json()["drained"] is False


async def test_no_double_booking_even_by_hand_written_sql(region):
    async with region.connect() as tx:
        row = (await tx.execute(text("SELECT * FROM stop LIMIT 1"))).one()
    with pytest.raises(Exception, match="stop_one_place_at_a_time"):
        async with region.begin() as tx:
            await tx.execute(
                text(
                    "INSERT INTO stop (id, unit_id, visit_id, technician_id, rank,"
                    " during, arrive_at)"
                    " SELECT gen_random_uuid(), unit_id, visit_id, technician_id, 9,"
                    " during, arrive_at"
                    " FROM stop WHERE id = :id"
                ),
                {"id": row.id},
            )
