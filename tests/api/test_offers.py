"""Slots inside the promise, sold once."""

import asyncio
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from tests.api.conftest import signed_in

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


@pytest.fixture
async def office(client, clock):
    clock.at = NOON
    return await signed_in(client, "dispatcher")


async def order(client, office, region, *, n):
    """A new request for a repair, and its work order."""
    async with region.connect() as tx:
        account = await tx.scalar(
            text(
                "SELECT account FROM premises WHERE latitude IS NOT NULL ORDER BY id LIMIT 1 OFFSET :n"
            ),
            {"n": n},
        )
    wish = {"kind": "repair", "channel": "hotline", "account": account,
            "received_at": NOON.isoformat()}  # fmt: skip
    case = (await client.post("/api/v1/cases", json=wish, headers=office)).json()
    return case["id"], case["work_orders"][0]["id"]


async def offers(client, office, case, **more):
    query = "&".join(f"{name}={value}" for name, value in {"days": 3, **more}.items())
    reply = await client.get(f"/api/v1/offers?case_id={case}&{query}", headers=office)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def book(client, office, offer, work_order):
    wish = {"work_order_id": work_order}
    return await client.post(f"/api/v1/offers/{offer}/book", json=wish, headers=office)


async def test_slots_lie_inside_the_promise_cheapest_first_and_a_booking_holds_one(
    client, office, region
):
    case, work_order = await order(client, office, region, n=3)
    told = await offers(client, office, case, **{"from": "2026-11-25"})
    assert told["items"], "tomorrow is empty"
    added = [each["added_seconds"] for each in told["items"]]
    assert added == sorted(added)
    # a repair is promised within 24 hours: nothing is offered beyond
    due = datetime.fromisoformat(told["items"][0]["due_at"])
    assert all(datetime.fromisoformat(each["opens"]) < due for each in told["items"])
    done = await book(client, office, told["items"][0]["offer_id"], work_order)
    assert done.status_code == 201, done.text
    day = (await client.get(f"/api/v1/days/{done.json()['day']}", headers=office)).json()
    held = [stop for each in day["technicians"] for stop in each["stops"]]
    assert [each["state"] for each in held] == ["held"]
    assert held[0]["work_order"] == work_order
    again = await book(client, office, told["items"][0]["offer_id"], work_order)
    assert again.json()["code"] == "offer_gone"


async def test_the_same_slot_is_never_sold_twice_however_many_ask_at_once(client, office, region):
    made = [await order(client, office, region, n=n) for n in range(5, 29)]
    told = await offers(client, office, made[0][0], **{"from": "2026-11-25"})
    offer = told["items"][0]["offer_id"]
    replies = await asyncio.gather(*(book(client, office, offer, one) for _, one in made))
    codes = [each.status_code for each in replies]
    assert set(codes) <= {201, 409}
    assert 0 < codes.count(201) < len(made)
    assert all(each.json()["code"] == "offer_gone" for each in replies if each.status_code == 409)
    async with region.connect() as tx:
        overlaps = await tx.scalar(
            text(
                "SELECT count(*) FROM stop a JOIN stop b ON a.technician_id = b.technician_id"
                " AND a.id < b.id AND a.during && b.during WHERE NOT a.released AND NOT b.released"
            )
        )
    assert overlaps == 0
    rest = await offers(client, office, made[0][0], **{"from": "2026-11-25"})
    assert rest["kept_free_seconds"] > 0


@pytest.mark.parametrize("offer", ["x", "20261125-1-2", "20269999-28800-36000"])
async def test_an_offer_that_was_never_made_is_not_found(client, office, region, offer):
    _, work_order = await order(client, office, region, n=3)
    assert (await book(client, office, offer, work_order)).status_code == 404


async def premises_of(region, n):
    async with region.connect() as tx:
        return await tx.scalar(
            text(
                "SELECT id FROM premises WHERE latitude IS NOT NULL AND customer_class = 'resident'"
                " ORDER BY id LIMIT 1 OFFSET :n"
            ),
            {"n": n},
        )


async def test_slots_are_told_before_there_is_a_case_and_booked_once_there_is(
    client, office, region
):
    home = await premises_of(region, 3)
    ask = f"/api/v1/premises/{home}/offers?kind=repair&from=2026-11-25&days=3"
    told = (await client.get(ask, headers=office)).json()
    assert told["items"]
    # as if it were requested now: a repair within 24 hours
    due = datetime.fromisoformat(told["items"][0]["due_at"])
    assert due == NOON.replace(day=25)
    assert all(datetime.fromisoformat(each["opens"]) < due for each in told["items"])
    async with region.connect() as tx:
        account = await tx.scalar(text("SELECT account FROM premises WHERE id = :id"), {"id": home})
        assert await tx.scalar(text("SELECT count(*) FROM work_order WHERE premises_id = :id AND case_id IS NOT NULL AND kind = 'repair' AND state = 'ready'"), {"id": home}) == 0  # fmt: skip
    wish = {"kind": "repair", "channel": "hotline", "account": account, "received_at": NOON.isoformat()}  # fmt: skip
    case = (await client.post("/api/v1/cases", json=wish, headers=office)).json()
    same = await offers(client, office, case["id"], **{"from": "2026-11-25"})
    assert same["items"] == told["items"], "what was told holds for the case that follows"
    done = await book(client, office, told["items"][0]["offer_id"], case["work_orders"][0]["id"])
    assert done.status_code == 201, done.text


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("00000000-0000-4000-8000-000000000001/offers?kind=repair", 404, "not_found"),
        ("{home}/offers?kind=refund", 422, "invalid_field"),
        ("{home}/offers?kind=dancing", 422, "invalid_field"),
        ("{home}/offers", 422, "invalid_field"),
    ],
)
async def test_what_cannot_be_asked_about_is_refused(client, office, region, path, status, code):
    home = await premises_of(region, 3)
    reply = await client.get(f"/api/v1/premises/{path.format(home=home)}", headers=office)
    assert reply.status_code == status, reply.text
    assert reply.json()["code"] == code


async def levelled_to(region, day, *, seconds):
    """The unit's waiting inspections, all levelled to one day and as long as said."""
    async with region.begin() as tx:
        await tx.execute(
            text(
                "UPDATE work_order SET level_on = :day, duration_seconds = :seconds WHERE id IN"
                " (SELECT w.id FROM work_order w WHERE w.kind = 'inspection' AND w.state = 'ready'"
                " AND NOT EXISTS (SELECT 1 FROM stop s WHERE s.work_order_id = w.id)"
                " ORDER BY w.id LIMIT 20)"
            ),
            {"day": day, "seconds": seconds},
        )


async def test_a_day_that_its_levelled_work_fills_is_sold_only_where_the_promise_leaves_no_other(
    client, office, region
):
    home = await premises_of(region, 3)
    install = f"/api/v1/premises/{home}/offers?kind=appliance_install&from=2026-11-25&days=3"
    before = (await client.get(install, headers=office)).json()
    days = {each["day"] for each in before["items"]}
    assert {"2026-11-25", "2026-11-26"} <= days and before["days_full"] == []
    await levelled_to(region, date(2026, 11, 25), seconds=4 * 3600)
    after = (await client.get(install, headers=office)).json()
    assert after["days_full"] == ["2026-11-25"]
    assert {each["day"] for each in after["items"]} == days - {"2026-11-25"}
    # a repair has to come within 24 hours: its promise goes before what was levelled
    repair = f"/api/v1/premises/{home}/offers?kind=repair&from=2026-11-25&days=3"
    told = (await client.get(repair, headers=office)).json()
    assert told["days_full"] == ["2026-11-25"]
    assert {each["day"] for each in told["items"]} == {"2026-11-25"}
