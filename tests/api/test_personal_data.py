"""Personal data: masked by role, erased on request, coarse after a day, gone after its time; and an
audit that an outsider can check."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from runtime import chores, people_commands
from runtime.ambient import fixed
from runtime.audit_commands import exported
from schemas.problems import Refusal
from storage import check_audit, personal, scope
from storage.tables import customer, premises, record, visit
from tests.api.conftest import UNIT, enrolled, signed_in


async def first_stop(client):
    office = await signed_in(client, "dispatcher")
    day = (await client.get("/api/v1/days/2026-11-24", headers=office)).json()
    person = next(each for each in day["technicians"] if each["stops"])
    return office, person, person["stops"][0]


async def fields_of(client, order, who):
    headers = await signed_in(client, who)
    story = (await client.get(f"/api/v1/work-orders/{order}", headers=headers)).json()
    return story["visits"][0]["fields"]


async def test_who_judges_the_work_sees_neither_number_nor_whole_name(client):
    _, _, stop = await first_stop(client)
    seen = await fields_of(client, stop["work_order"], "dispatcher")
    masked = await fields_of(client, stop["work_order"], "auditor")
    assert seen["customer_phone"] and "*" not in seen["customer_phone"]
    assert "*" in masked["customer_phone"] and seen["customer_phone"] not in json.dumps(masked)
    assert masked["customer_name"] == seen["customer_name"][:1] + "**"
    assert masked["address"] == seen["address"]


async def test_a_person_who_is_erased_is_nowhere_and_the_work_stays(client, region, clock):
    _, person, stop = await first_stop(client)
    before = await fields_of(client, stop["work_order"], "dispatcher")
    async with region.connect() as tx:
        account = await tx.scalar(
            sa.select(premises.c.account)
            .join(visit, visit.c.premises_id == premises.c.id)
            .where(visit.c.id == stop["visit"])
        )
    changed = await people_commands.erased(region, UNIT, account=account, reason="asked for it")
    assert changed >= 1
    after = await fields_of(client, stop["work_order"], "dispatcher")
    assert (after["customer_name"], after["customer_phone"]) == ("", "")
    assert {k: v for k, v in after.items() if not k.startswith("customer_")} == {
        k: v for k, v in before.items() if not k.startswith("customer_")
    }
    async with region.connect() as tx:
        held = " ".join(str(row) for row in await tx.execute(sa.select(customer, record.c.fields)
            .join(premises, premises.c.customer_id == customer.c.id)
            .join(record, record.c.premises_id == premises.c.id)
            .where(premises.c.account == account)))  # fmt: skip
    assert before["customer_phone"] not in held and before["customer_name"] not in held
    # a tablet hears of it like of any other change
    tablet = await enrolled(client, person["id"])
    tablet.pop("tablet")
    page = (await client.post("/api/v1/sync", json={}, headers=tablet)).json()
    told = next(each for each in page["changes"] if each["record"] == stop["visit"])
    assert told["fields"]["customer_phone"] == ""
    with pytest.raises(Refusal):
        await people_commands.erased(region, UNIT, account="nobody", reason="x")


async def test_whose_data_a_tablet_held_is_answered_from_its_mailbox(client, region):
    _, person, _ = await first_stop(client)
    tablet = await enrolled(client, person["id"])
    async with region.connect() as tx:
        rows = await personal.on_tablet(tx, UNIT, tablet_id=tablet["tablet"])
        accounts = {row["account"] for row in rows}
        due = set(
            await tx.scalars(
                sa.select(premises.c.account)
                .join(visit, visit.c.premises_id == premises.c.id)
                .where(visit.c.technician_id == person["id"])
            )
        )
    assert due and due <= accounts


async def test_nobody_is_seen_without_consent_off_duty_or_for_long(client, region, clock):
    _, person, _ = await first_stop(client)
    tablet = await enrolled(client, person["id"])
    tablet.pop("tablet")
    clock.at += timedelta(hours=4)  # noon of the unit
    night = clock.at - timedelta(hours=10)
    places = [
        {"at": each.isoformat(), "latitude": 27.123456, "longitude": 106.654321}
        for each in (night, clock.at)
    ]
    seen = {"items": places}
    refused = await client.post("/api/v1/positions", json=seen, headers=tablet)
    assert refused.json()["code"] == "consent_missing"
    agree = {"agreed": True}
    await client.post("/api/v1/positions/consent", json=agree, headers=tablet)
    assert (await client.post("/api/v1/positions", json=seen, headers=tablet)).status_code == 204
    async with region.connect() as tx:
        held = list(await tx.execute(sa.text("SELECT place, coarse FROM position")))
    assert len(held) == 1 and "27.1" not in held[0][0]
    later = fixed(clock.at + timedelta(hours=25))
    ring_engine = client._transport.app.state.services.engine

    with scope.everywhere():
        await chores.retention(ring_engine, ambient=later)
        async with ring_engine.connect() as tx:
            row = (await tx.execute(sa.text("SELECT id, place, coarse FROM position"))).one()
            place = personal.sealing.opened(tx, row.place, column="position.place", row=row.id)
    assert (place, row.coarse) == ("[27.12,106.65]", True)
    await client.post("/api/v1/positions/consent", json={"agreed": False}, headers=tablet)
    async with region.connect() as tx:
        assert await tx.scalar(sa.text("SELECT count(*) FROM position")) == 0


async def test_what_is_kept_no_longer_goes(client, region, clock):
    await signed_in(client, "agent")
    await client.post("/api/v1/session", json={"login": "agent", "password": "wrong"})
    late = fixed(clock.at + timedelta(days=400))
    assert await chores.retention(region, ambient=late) >= 3
    async with region.connect() as tx:
        for table in ("token", "sign_in_failure", "rate_bucket"):
            assert await tx.scalar(sa.text(f"SELECT count(*) FROM {table}")) == 0
        assert await tx.scalar(sa.text("SELECT count(*) FROM audit")) > 0


async def test_an_outsider_checks_the_audit_with_a_script_that_needs_nothing_of_ours(
    client, region
):
    await signed_in(client, "agent")
    lines = [each.decode() for each in await exported(region, UNIT)]
    count, head = check_audit.checked(lines)
    assert count == len(lines) > 2 and len(head) == 64
    forged = json.loads(lines[1]) | {"actor": "somebody else"}
    with pytest.raises(ValueError, match="entry 2"):
        check_audit.checked([lines[0], json.dumps(forged), *lines[2:]])
    with pytest.raises(ValueError, match="entry 2"):
        check_audit.checked([lines[0], *lines[2:]])
