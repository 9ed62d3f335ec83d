"""Work for two: both at one instant or nobody, from the request to the tablets."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from runtime.ambient import fixed
from scheduling import events, publish, run
from storage import work
from tests.api.conftest import EVENING, UNIT, InProcess, enrolled, signed_in

TOMORROW = date(2026, 11, 25)
DAY = "/api/v1/days/2026-11-25"
HALVES = "SELECT count(*) FROM stop WHERE NOT released AND (visit_id = :of OR work_order_id = :of)"


@pytest.fixture
async def office(client, clock, region):
    # the evening before a day that nobody has planned
    clock.at = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    async with region.begin() as tx:
        every = "ARRAY['repair', 'ignition', 'inspection']"
        await tx.execute(text(f"UPDATE technician SET skills = {every}"))
    return await signed_in(client, "dispatcher")


async def request(client, office, region, *, n=3, **more):
    """A request for two people, and its work order."""
    async with region.connect() as tx:
        found = (
            "SELECT account FROM premises WHERE latitude IS NOT NULL"
            " AND customer_class = 'resident' ORDER BY account OFFSET :n"
        )
        account = await tx.scalar(text(found), {"n": n})
    wish = {"kind": "repair", "channel": "hotline", "account": account, "people": 2,
            "received_at": datetime(2026, 11, 24, 11, 0, tzinfo=UTC).isoformat()}  # fmt: skip
    reply = await client.post("/api/v1/cases", json=wish | more, headers=office)
    assert reply.status_code == 201, reply.text
    return reply.json()["id"], reply.json()["work_orders"][0]["id"]


async def board(client, office):
    return (await client.get(DAY, headers=office)).json()


def there(day, order):
    """Who has the order's visit, and its stops."""
    found = [
        (who["id"], stop)
        for who in day["technicians"]
        for stop in who["stops"]
        if stop["work_order"] == order
    ]
    return {who for who, _ in found}, [stop for _, stop in found]


async def post(client, office, name, **wish):
    return await client.post(f"{DAY}/{name}", json=wish, headers=office)


async def given(client, office, order, *, to=0):
    """The order by hand to one of the technicians, and who has it then."""
    day = await board(client, office)
    who = day["technicians"][to]["id"]
    wish = {"version": day["version"], "work_order_id": order, "technician_id": who}
    done = await post(client, office, "moves", **wish)
    assert done.status_code == 201, done.text
    both, stops = there(await board(client, office), order)
    assert who in both and len(both) == 2
    return both, stops[0]["visit"], done.json()


async def booked(region, of):
    async with region.connect() as tx:
        return await tx.scalar(text(HALVES), {"of": UUID(of)})


async def test_a_plan_sends_two_to_one_door_at_one_instant_and_tells_both_tablets(
    client, office, region, clock
):
    _, order = await request(client, office, region)
    ambient = fixed(clock.at)
    plan_id = await run.request(
        region, UNIT, order=run.Order(on_day=TOMORROW, seconds=1.0), ambient=ambient
    )
    await run.take_one(region, InProcess(), worker="test", make_ambient=lambda: ambient)
    async with region.connect() as tx:
        row = await work.plan_of(tx, UNIT, plan_id=plan_id)
    assert row.report["checker_violations"] == 0
    assert row.report["candidates"] == row.report["assigned"] + row.report["unassigned"]
    assert sum(1 for each in row.problem["jobs"] if each["crew"] == order) == 2
    shown = run.explained(row)
    assert order in {str(each.work_order) for each in (*shown.assigned, *shown.unassigned)}
    await publish.publish(region, UNIT, plan_id=plan_id, actor="test", ambient=ambient)
    both, stops = there(await board(client, office), order)
    assert len(both) == 2
    assert len({(stop["visit"], stop["starts_at"], stop["ends_at"]) for stop in stops}) == 1
    assert all(stop["people"] == 2 and {stop["technician_id"], stop["second_id"]} == both
               for stop in stops)  # fmt: skip
    assert await booked(region, stops[0]["visit"]) == 2
    for who in both:
        tablet = await enrolled(client, who)
        page = (await client.post("/api/v1/sync", json={"limit": 500}, headers=tablet)).json()
        told = {each["record"]: each for each in page["changes"]}
        fields = told[stops[0]["visit"]]["fields"]
        assert fields["second"] in both and len(fields["together"].split("、")) == 2


async def test_by_hand_a_second_is_found_and_nobody_is_sent_elsewhere_alone(client, office, region):
    _, order = await request(client, office, region)
    both, visit, _ = await given(client, office, order)
    day = await board(client, office)
    other = next(each["id"] for each in day["technicians"] if each["id"] not in both)
    told = (await post(client, office, "feasibility", visit_id=visit)).json()
    assert {each["code"] for each in told["technicians"]} == {"crew"}
    wish = {"version": day["version"], "visit_id": visit}
    alone = await post(client, office, "moves", **wish, technician_id=other)
    assert (alone.status_code, alone.json()["details"]["rule"]) == (409, "crew")
    back = await post(client, office, "moves", **wish)
    assert back.status_code == 201, back.text
    assert there(await board(client, office), order) == (set(), [])
    assert await booked(region, visit) == 0
    undone = await client.post(f"{DAY}/moves/{back.json()['move_id']}/undo", headers=office)
    assert undone.status_code == 201, undone.text
    assert there(await board(client, office), order)[0] == both
    assert await booked(region, visit) == 2


async def test_whoever_of_two_falls_ill_two_come_all_the_same_or_nobody(client, office, region):
    _, order = await request(client, office, region)
    both, visit, _ = await given(client, office, order)
    for ill in [*both, None]:
        now, stops = there(await board(client, office), order)
        assert len(now) in (0, 2) and await booked(region, visit) == len(now)
        assert len({(stop["starts_at"], stop["ends_at"]) for stop in stops}) <= 1
        if ill is not None:
            done = await post(client, office, "events", kind="sick", technician_id=ill)
            assert done.status_code == 201, done.text
            after, _ = there(await board(client, office), order)
            assert ill not in after
            known = Counter(each["visit_id"] for each in done.json()["changes"])
            assert known[visit] <= 1


async def test_a_cancelled_visit_frees_both_and_stays_on_both_tablets(client, office, region):
    _, order = await request(client, office, region)
    both, visit, _ = await given(client, office, order)
    tablets = [await enrolled(client, who) for who in both]
    done = await post(client, office, "events", kind="cancel", visit_id=visit, reason="moved")
    assert done.status_code == 201, done.text
    assert await booked(region, visit) == 0
    for tablet in tablets:
        page = (await client.post("/api/v1/sync", json={"limit": 500}, headers=tablet)).json()
        said = next(each for each in page["changes"] if each["record"] == visit)
        assert said["fields"]["state"] == "cancelled"


async def test_an_hour_agreed_by_telephone_is_kept_for_both_or_refused(client, office, region):
    _, order = await request(client, office, region)
    both, visit, _ = await given(client, office, order)
    day = await board(client, office)
    stop = there(day, order)[1][0]
    others = [each["id"] for each in day["technicians"] if each["id"] not in both]
    wish = {"technician": others[0], "second": others[0], "version": stop["version"],
            "starts_at": "2026-11-25T06:00:00Z"}  # fmt: skip
    twice = await client.post(f"/api/v1/visits/{visit}/assign", json=wish, headers=office)
    assert (twice.status_code, twice.json()["details"]["rule"]) == (409, "crew")
    wish["second"] = others[1]
    done = await client.post(f"/api/v1/visits/{visit}/assign", json=wish, headers=office)
    assert done.status_code in (200, 201, 204), done.text
    now, stops = there(await board(client, office), order)
    assert now == set(others[:2])
    assert {each["starts_at"] for each in stops} == {"2026-11-25T06:00:00Z"}


async def test_a_slot_that_is_sold_for_two_holds_two(client, office, region):
    case, order = await request(client, office, region)
    reply = await client.get(
        f"/api/v1/offers?case_id={case}&days=2&from=2026-11-25", headers=office
    )
    offer = reply.json()["items"][0]["offer_id"]
    wish = {"work_order_id": order}
    sold = await client.post(f"/api/v1/offers/{offer}/book", json=wish, headers=office)
    assert sold.status_code == 201, sold.text
    assert await booked(region, order) == 2
    both, stops = there(await board(client, office), order)
    assert len(both) == 2 and {each["state"] for each in stops} == {"held"}


async def test_the_first_gas_at_premises_is_work_for_two(client, office, region):
    _, order = await request(client, office, region, kind="relight", people=None)
    async with region.connect() as tx:
        found = text("SELECT people FROM work_order WHERE id = :id")
        assert await tx.scalar(found, {"id": UUID(order)}) == 2


async def test_two_at_one_door_contradict_each_other_nowhere(client, office, region):
    """The second says what the first has said, and answers as well; nobody has to decide."""
    _, order = await request(client, office, region)
    both, visit, _ = await given(client, office, order)
    day = await board(client, office)
    stop = there(day, order)[1][0]
    first, second = stop["technician_id"], stop["second_id"]
    assert {first, second} == both
    tablets = {who: await enrolled(client, who) for who in (first, second)}
    told = []
    for n, (who, word) in enumerate(
        [(first, "en_route"), (first, "on_site"), (second, "en_route"), (second, "on_site"),
         (second, "in_progress"), (first, "in_progress")], start=1
    ):  # fmt: skip
        tablet = tablets[who]
        said = {"id": str(UUID(int=n)), "n": n, "record": visit, "kind": "command",
                "record_kind": "visit", "command": word, "observed_at": EVENING.isoformat(),
                "uptime_ms": n}  # fmt: skip
        reply = await client.post("/api/v1/sync", json={"operations": [said]}, headers=tablet)
        assert reply.status_code == 200, reply.text
        told += [each["outcome"] for each in reply.json()["outcomes"]]
    assert set(told) <= {"applied", "merged"} and len(told) == 6, told
    stop = there(await board(client, office), order)[1][0]
    assert (stop["state"], stop["pending_decision"]) == ("on_site", False)


TORN = """
SELECT w.number, count(s.id) AS stops, count(DISTINCT s.technician_id) AS people,
  count(DISTINCT s.during) AS hours
FROM visit v JOIN work_order w ON w.id = v.work_order_id
LEFT JOIN stop s ON s.visit_id = v.id AND NOT s.released
WHERE w.people = 2 AND v.on_day = '2026-11-25' AND v.state = 'planned'
GROUP BY w.number, v.id HAVING count(s.id) NOT IN (0, 2)
  OR count(DISTINCT s.technician_id) <> count(s.id) OR count(DISTINCT s.during) > 1
"""


async def happening(client, office, *, dice, clock):
    """Something that happens to somebody or some visit of the day as it stands."""
    day = await board(client, office)
    well = [each for each in day["technicians"] if not each["absent"]]
    stops = [stop for each in well for stop in each["stops"] if stop["state"] == "planned"]
    if not stops:
        return None
    stop, who = dice.choice(stops), dice.choice(well)
    kind = dice.choice(["sick", "overrun", "overrun", "cancel", "no_access", "emergency"])
    if kind == "sick":
        return {"kind": kind, "technician_id": who["id"]} if len(well) > 2 else None
    if kind == "emergency":
        loose = [each for each in day["unassigned"] if not each["visit"] and each["latitude"]]
        return {"kind": kind, "work_order_id": dice.choice(loose)["work_order"]} if loose else None
    wish = {"kind": kind, "visit_id": stop["visit"], "reason": "so it is"}
    if kind == "overrun":
        ends = max(datetime.fromisoformat(stop["ends_at"]), clock.at)
        wish["until"] = (ends + timedelta(minutes=dice.choice([20, 60, 120]))).isoformat()
    return wish


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_happens_in_a_day_nobody_stands_alone_at_a_door_for_two(
    client, office, region, clock, seed, monkeypatch
):
    # by rounds alone, and with ids that follow from names: the same story on any machine
    monkeypatch.setattr(events, "SEARCH_SECONDS", None)
    dice = random.Random(seed)
    orders = [
        (await request(client, office, region, n=n, number=f"TWO-{n}"))[1] for n in range(0, 40, 5)
    ]
    ambient = fixed(clock.at)
    plan_id = await run.request(
        region, UNIT, order=run.Order(on_day=TOMORROW, seconds=1.0), ambient=ambient
    )
    await run.take_one(region, InProcess(), worker="test", make_ambient=lambda: ambient)
    await publish.publish(region, UNIT, plan_id=plan_id, actor="test", ambient=ambient)
    day = await board(client, office)
    assert sum(1 for order in orders if len(there(day, order)[0]) == 2) > 2
    clock.at = datetime(2026, 11, 25, 0, 30, tzinfo=UTC)
    for _ in range(8):
        clock.at += timedelta(minutes=20)
        # an hour of the day is longer than a sign-in
        office = await signed_in(client, "dispatcher")
        wish = await happening(client, office, dice=dice, clock=clock)
        if wish is None:
            continue
        reply = await post(client, office, "events", **wish)
        assert reply.status_code == 201, (wish, reply.text)
        async with region.connect() as tx:
            assert (await tx.execute(text(TORN))).all() == [], wish
    known = await run.request(
        region, UNIT, order=run.Order(on_day=TOMORROW, seconds=0.5), ambient=fixed(clock.at)
    )
    now = fixed(clock.at)
    await run.take_one(region, InProcess(), worker="test", make_ambient=lambda: now)
    async with region.connect() as tx:
        again = await work.plan_of(tx, UNIT, plan_id=known)
    assert (again.state, again.report["checker_violations"]) == ("solved", 0)
