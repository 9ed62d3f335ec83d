"""Personal data: masked by role, erased on request, coarse after a day, gone after its time; and an
audit that an outsider can check."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

from api import masking
from runtime import chores, notify, people_commands
from runtime.ambient import fixed, live
from runtime.audit_commands import exported
from schemas.problems import Refusal
from storage import check_audit, personal, scope
from storage.blobs import photo_path
from storage.tables import (
    attachment,
    attachment_use,
    customer,
    metadata,
    premises,
    record,
    visit,
)
from tests.api.conftest import EVENING as AS_OF
from tests.api.conftest import UNIT, enrolled, signed_in
from tests.api.test_tablets_over_http import operation, sync


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


@pytest.fixture
def erased(region, tmp_path):
    """Erases the customer of an account, as the command does."""
    spool = notify.FileGateway(tmp_path / "notifications")

    async def gone(account, *, reason="asked for it"):
        return await people_commands.erased(
            region, UNIT, account=account, reason=reason, spool=spool
        )

    return gone


async def test_a_person_who_is_erased_is_nowhere_and_the_work_stays(client, region, erased):
    _, person, stop = await first_stop(client)
    before = await fields_of(client, stop["work_order"], "dispatcher")
    async with region.connect() as tx:
        account = await tx.scalar(
            sa.select(premises.c.account)
            .join(visit, visit.c.premises_id == premises.c.id)
            .where(visit.c.id == stop["visit"])
        )
    changed = await erased(account)
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
        await erased("nobody")


async def everything(region):
    """Every row of every table there is: table to one text; bytes as they are read."""
    said = {}
    async with region.connect() as tx:
        for table in metadata.sorted_tables:
            values = [value for row in await tx.execute(sa.select(table)) for value in row]
            read = (v.decode("utf-8", "replace") if type(v) is bytes else repr(v) for v in values)
            said[table.name] = " ".join(read)
    return said


TOLD = {"record", "operation", "quarantine", "case", "day_change", "commitment_event", "audit"}
CHAINS = {"commitment_event", "audit"}
"""Never rewritten: docs/privacy.md says so, and that nobody is named in them."""


async def said_at_the_office(client, office, stop, *, case, why):
    """Somebody writes about the person where no form asks for a name."""
    api = "/api/v1"
    cancel = {"kind": "cancel", "visit_id": stop["visit"], "reason": why}
    reject = {"decision": "reject", "reason": why}
    paid = {"step": "money_sent", "at": "2026-11-23T23:30:00+08:00"}
    entry = (await client.get(f"{api}/quarantine", headers=office)).json()["items"][0]["id"]
    for path, wish in (
        ("days/2026-11-24/events", cancel),
        (f"quarantine/{entry}/decide", reject),
        (f"cases/{case}/events", paid | {"facts": {"amount_fen": 100, "voucher": why}}),
    ):
        reply = await client.post(f"{api}/{path}", json=wish, headers=office)
        assert reply.is_success, reply.text


async def test_erasing_reaches_what_tablets_and_office_wrote_about_the_person(
    client, region, erased, tmp_path
):
    office, person, stop = await first_stop(client)
    before = await fields_of(client, stop["work_order"], "dispatcher")
    name, number = before["customer_name"], "13911112222"
    async with region.begin() as tx:
        home = await tx.scalar(sa.select(visit.c.premises_id).where(visit.c.id == stop["visit"]))
        account = await tx.scalar(sa.select(premises.c.account).where(premises.c.id == home))
        mine = sa.select(premises.c.customer_id).where(premises.c.id == home)
        await tx.execute(
            sa.update(customer)
            .where(customer.c.id == mine.scalar_subquery())
            .values(phone=number, name="欧阳泄露")
        )
        await tx.execute(
            sa.update(record)
            .where(record.c.id == stop["visit"])
            .values(fields=before | {"customer_phone": number, "customer_name": "欧阳泄露"})
        )
    name = "欧阳泄露"
    wish = {
        "kind": "refund", "channel": "hotline", "account": account,
        "received_at": "2026-11-23T23:00:00+08:00", "description": f"{name}说联系{number}",
    }  # fmt: skip
    case = (await client.post("/api/v1/cases", json=wish, headers=office)).json()["id"]
    tablet = await enrolled(client, person["id"])
    tablet.pop("tablet")
    note = {"text": f"{name}不在家，打{number}"}
    good = operation(stop["visit"], 1, fields={"R12": "pass", "note": f"{name} {number}"})
    said = [
        {**operation(stop["visit"], 2, fields={}), "kind": "create", "record_kind": "note",
         "premises": str(home), "record": str(uuid4()), "fields": note},
        good,
        operation(stop["visit"], 3, fields={"no_such_item": f"{name} {number}"}),
    ]  # fmt: skip
    first = (await sync(client, tablet)).json()
    told = (await sync(client, tablet, said, first["cursor"])).json()["outcomes"]
    assert "quarantined" in {each["outcome"] for each in told}, told
    await said_at_the_office(client, office, stop, case=case, why=f"{name} {number}")
    spool = notify.FileGateway(tmp_path / "notifications")
    for to in (number, "13700000000"):
        await spool.send(to, f"给{to}", key=uuid4())
    held = await everything(region)
    assert {table for table, text in held.items() if number in text and name in text} >= TOLD
    await erased(account)
    held = await everything(region)
    left = {table for table, text in held.items() if number in text or name in text}
    assert left == CHAINS
    lines = (tmp_path / "notifications" / "sms.jsonl").read_text().splitlines()
    assert [json.loads(each)["to"] for each in lines] == ["", "13700000000"]
    assert number not in "".join(lines)
    again = await erased(account, reason="once more")
    assert again == 0


async def test_evidence_outlives_the_name_by_three_years_and_then_goes(
    client, region, erased, tmp_path
):
    _, _, stop = await first_stop(client)
    blobs = client._transport.app.state.services.blobs
    shared, alone = "a" * 64, "b" * 64
    async with region.begin() as tx:
        rows = (await tx.execute(sa.select(visit.c.id, premises.c.account, premises.c.customer_id)
            .join(premises, premises.c.id == visit.c.premises_id))).all()  # fmt: skip
        mine = next(row for row in rows if str(row.id) == stop["visit"])
        other = next(row for row in rows if row.customer_id != mine.customer_id)
        uses = ((alone, mine.id), (shared, mine.id), (shared, other.id))
        for sha in (shared, alone):
            await tx.execute(sa.insert(attachment).values(
                unit_id=UNIT, sha256=sha, state="verified", declared_at=AS_OF))  # fmt: skip
            await blobs.put_piece(sha, 0, piece=b"x")
            await blobs.finish(sha, [0], target=photo_path(UNIT, sha))
        for sha, key in uses:
            await tx.execute(sa.insert(attachment_use).values(
                unit_id=UNIT, sha256=sha, record_id=key, visit_id=key, field="p"))  # fmt: skip
    await erased(mine.account)
    soon, late = (fixed(live().now + timedelta(days=days)) for days in (1_000, 1_100))
    assert await chores.evidence(region, blobs, ambient=soon) == 0
    assert await chores.evidence(region, blobs, ambient=late) == 1
    assert await chores.evidence(region, blobs, ambient=late) == 0
    assert await blobs.read(photo_path(UNIT, alone)) is None
    assert await blobs.read(photo_path(UNIT, shared)) == b"x"
    headers = await signed_in(client, "dispatcher")
    assert (await client.get(f"/api/v1/attachments/{alone}", headers=headers)).status_code == 404


def test_a_number_within_a_sentence_is_masked_and_an_account_is_not():
    said = {"payload": '{"text":"打13911112222"}', "account": "13911112222", "n": "113911112222"}
    assert masking.masked(said) == {**said, "payload": '{"text":"打139******22"}'}


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
