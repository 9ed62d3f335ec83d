"""What the last reviewer left: late photos, one danger found twice at once, the unit's own day."""

import asyncio
import base64
import hashlib
import random
from datetime import timedelta
from uuid import UUID, uuid4

import msgspec
import sqlalchemy as sa
from sqlalchemy import text

from runtime import audit_commands
from runtime.demo.work import picture
from schemas.office import ConflictRow
from storage import records
from storage.tables import hazard
from tests.api.conftest import UNIT, signed_in
from tests.api.test_tablets_over_http import NOON, inspection, operation, sync


async def certification(region, visit):
    async with region.connect() as tx:
        found = await tx.execute(
            text("SELECT certification FROM visit WHERE id = :v"), {"v": visit}
        )
        return found.scalar_one()


async def uploaded(client, tablet, photo):
    sha256 = hashlib.sha256(photo).hexdigest()
    named = base64.b64encode(sha256.encode()).decode()
    headers = {**tablet, "Upload-Length": str(len(photo)), "Upload-Metadata": f"sha256 {named}"}
    begun = await client.post("/api/v1/attachments", headers=headers)
    sent = await client.patch(
        begun.headers["location"],
        content=photo,
        headers={
            **tablet,
            "Content-Type": "application/offset+octet-stream",
            "Upload-Offset": "0",
        },
    )
    assert sent.status_code == 204, sent.text


async def test_a_photo_that_is_declared_after_certification_makes_the_visit_wait_again(
    client, region
):
    _, _, _, tablet, stop, _ = await inspection(client)
    first, late = picture(random.Random(1)), picture(random.Random(2))
    visit, names = stop["visit"], [hashlib.sha256(each).hexdigest() for each in (first, late)]
    await sync(
        client,
        tablet,
        [
            operation(visit, 1, kind="command", command="in_progress"),
            operation(visit, 2, fields={"R02.photos": names[:1]}),
            operation(visit, 3, kind="command", command="field_done"),
        ],
    )
    await uploaded(client, tablet, first)
    assert await certification(region, visit) == "certified"
    await sync(client, tablet, [operation(visit, 4, fields={"R02.photos": names[1:]})])
    assert await certification(region, visit) == "waiting_evidence"
    await uploaded(client, tablet, late)
    assert await certification(region, visit) == "certified"


async def test_one_danger_that_two_tablets_find_in_the_same_instant_is_one_hazard(client, region):
    _, _, _, _, stop, first = await inspection(client)
    shown = next(each for each in first["changes"] if each["record"] == stop["visit"])

    def found(grade, minutes):
        at = NOON + timedelta(minutes=minutes)
        return {
            "id": uuid4(), "unit_id": UNIT, "premises_id": UUID(shown["premises"]),
            "visit_id": UUID(stop["visit"]), "item": "R12", "grade": grade, "statutory": None,
            "state": "open", "found_at": at, "due_at": at + timedelta(days=7), "body": {},
            "version": 1,
        }  # fmt: skip

    async def second():
        async with region.begin() as tx:
            await records.save_hazards(tx, [found("critical", 5)], new=True)

    async with region.begin() as tx:
        await records.save_hazards(tx, [found("major", 0)], new=True)
        # neither sees the other's row yet: the second waits at the key
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.2)
        assert not waiting.done()
    await waiting
    async with region.connect() as tx:
        (row,) = (await tx.execute(sa.select(hazard))).all()
    assert (row.grade, row.found_at) == ("critical", NOON)


async def test_a_day_of_review_marks_is_a_day_of_the_units_own_zone(client, region, clock):
    _, _, _, tablet, stop, _ = await inspection(client)
    far = {"lat": 1.0, "lon": 2.0, "accuracy_m": 10}
    clock.at = NOON
    said = operation(stop["visit"], 1, kind="command", command="on_site", fields={"position": far})
    await sync(client, tablet, [said])

    async def days():
        office = await signed_in(client, "dispatcher")
        paths = [f"/api/v1/review-marks/2026-11-{day}" for day in (24, 25)]
        replies = [await client.get(path, headers=office) for path in paths]
        return [each.json()["visits"] for each in replies]

    assert await days() == [1, 0]
    async with region.begin() as tx:
        # fourteen hours ahead of Greenwich: its day is over two hours before noon there
        await tx.execute(text("UPDATE unit SET timezone = 'Pacific/Kiritimati'"))
    assert await days() == [1, 0]
    async with region.begin() as tx:
        await tx.execute(text("UPDATE operation SET corrected_at = '2026-11-24T10:30:00Z'"))
    assert await days() == [0, 1]


async def test_every_open_conflict_is_listed_with_all_values_authors_and_times(client, region):
    office, _, _, tablet, stop, _ = await inspection(client)
    wish = {"fields": {"R03": "separate_ventilated"}}
    await client.post(f"/api/v1/visits/{stop['visit']}/edit", json=wish, headers=office)
    await sync(client, tablet, [operation(stop["visit"], 1, fields={"R03": "open_plan"})])
    (told,) = await audit_commands._open_conflicts(region, UNIT)
    assert {each.value for each in told.values} == {"separate_ventilated", "open_plan"}
    assert all(each.author and each.at_ms and each.received_at for each in told.values)
    (shown,) = (await client.get("/api/v1/conflicts", headers=office)).json()["items"]
    assert msgspec.convert(shown, ConflictRow) == told


async def test_a_visit_with_a_danger_of_the_law_is_certified_only_by_its_written_notice(
    client, region
):
    _, _, _, tablet, stop, _ = await inspection(client)
    visit = stop["visit"]
    said = [
        operation(visit, 1, fields={"R03": "bedroom_use"}),
        operation(visit, 2, kind="command", command="field_done"),
    ]
    await sync(client, tablet, said)
    assert await certification(region, visit) == "needs_notice"
    async with region.connect() as tx:
        danger = await tx.scalar(text("SELECT id FROM hazard WHERE visit_id = :v"), {"v": visit})
    office = await signed_in(client, "dispatcher")
    wish = {"step": "notify", "reason": "served by hand", "evidence": "f" * 64}
    path = f"/api/v1/hazards/{danger}/steps"
    assert (await client.post(path, json=wish, headers=office)).status_code == 200
    assert await certification(region, visit) == "certified"
