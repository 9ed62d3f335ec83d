"""Events over HTTP: the day is repaired, the database agrees, and what is undone is as it was."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.api.conftest import signed_in
from tests.api.test_live_day import DAY, board, busiest, holder_of


@pytest.fixture
async def office(client, clock):
    # nine o'clock in Hebei: nobody has said that anything began
    clock.at = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
    return await signed_in(client, "dispatcher")


async def happens(client, office, **wish):
    reply = await client.post(f"{DAY}/events", json=wish, headers=office)
    assert reply.status_code == 201, reply.text
    return reply.json()


def planned(day, who):
    person = next(each for each in day["technicians"] if each["id"] == who)
    return [stop for stop in person["stops"] if stop["state"] == "planned" and not stop["pinned"]]


async def test_a_day_in_which_everything_happens_once(client, office, clock):
    day = await board(client, office)
    ill = busiest(day)["id"]
    done = await happens(client, office, kind="sick", technician_id=ill, reason="fever")
    now = await board(client, office)
    assert planned(now, ill) == []
    assert {each["kind"] for each in done["changes"]} <= {"moved", "dropped", "retimed"}
    assert done["version"] == now["version"] == day["version"] + 1
    lost = {each["visit_id"] for each in done["changes"] if each["kind"] == "dropped"}
    assert lost <= {each["visit"] for each in now["unassigned"]}

    well = max((each for each in now["technicians"] if each["id"] != ill),
               key=lambda each: len(each["stops"]))  # fmt: skip
    first = planned(now, well["id"])[0]
    until = datetime.fromisoformat(first["ends_at"]) + timedelta(minutes=40)
    await happens(client, office, kind="overrun", visit_id=first["visit"], until=until.isoformat())
    now = await board(client, office)
    stops = planned(now, well["id"])
    kept = next(each for each in stops if each["visit"] == first["visit"])
    assert datetime.fromisoformat(kept["ends_at"]) == until
    later = [each for each in stops if each["starts_at"] > kept["starts_at"]]
    assert all(datetime.fromisoformat(each["starts_at"]) >= until for each in later)

    gone = stops[-1]["visit"]
    done = await happens(client, office, kind="cancel", visit_id=gone, reason="moved house")
    assert ("cancelled", gone) in {(each["kind"], each["visit_id"]) for each in done["changes"]}
    assert holder_of(await board(client, office), gone) is None

    door = planned(await board(client, office), well["id"])[0]["visit"]
    await happens(client, office, kind="no_access", visit_id=door, reason="nobody opened")
    after = await board(client, office)
    stop = next(one for who in after["technicians"] for one in who["stops"] if one["visit"] == door)
    assert stop["state"] == "ended"

    quiet = await happens(client, office, kind="tablet_silent", technician_id=well["id"])
    assert {each["visit_id"] for each in quiet["risks"]} >= {
        each["visit"] for each in planned(after, well["id"])
    }
    assert not any(each["moved"] for each in quiet["risks"])

    loose = after["unassigned"]
    if loose:
        wish = {"visit_id": loose[0]["visit"]} if loose[0]["visit"] else {
            "work_order_id": loose[0]["work_order"]}  # fmt: skip
        placed = await happens(client, office, kind="emergency", **wish)
        assert placed["took"] < 30
    told = (await client.get(f"{DAY}/changes?since={day['version']}", headers=office)).json()
    kinds = [each["kind"] for each in told["items"]]
    assert kinds[:5] == ["sick", "overrun", "cancel", "no_access", "tablet_silent"]


async def test_an_illness_that_was_a_mistake_is_undone(client, office):
    day = await board(client, office)
    ill = busiest(day)["id"]
    had = {stop["visit"]: stop["starts_at"] for stop in planned(day, ill)}
    done = await happens(client, office, kind="sick", technician_id=ill)
    back = await client.post(f"{DAY}/moves/{done['move_id']}/undo", headers=office)
    assert back.status_code == 201, back.text
    now = await board(client, office)
    assert {stop["visit"]: stop["starts_at"] for stop in planned(now, ill)} == had


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        ({"kind": "sick"}, 404, "not_found"),
        ({"kind": "cancel", "visit_id": "019aaaaa-0000-7000-8000-000000000001"}, 404, "not_found"),
        ({"kind": "emergency"}, 422, "invalid_field"),
        ({"kind": "storm"}, 422, "invalid_field"),
    ],
)
async def test_an_event_that_says_too_little_is_refused(client, office, wish, status, code):
    reply = await client.post(f"{DAY}/events", json=wish, headers=office)
    assert (reply.status_code, reply.json()["code"]) == (status, code)


async def test_what_overruns_into_a_pinned_visit_never_moves_it_and_nobody_is_in_two_places(
    client, office, region
):
    day = await board(client, office)
    who = busiest(day)["id"]
    first, *_, last = planned(day, who)
    between = planned(day, who)[1:-1]
    assert between, "somebody has at least three visits"
    async with region.begin() as tx:
        await tx.execute(
            text("UPDATE visit SET pinned = true WHERE id = :id"), {"id": last["visit"]}
        )
    until = datetime.fromisoformat(last["starts_at"]) + timedelta(minutes=30)
    await happens(client, office, kind="overrun", visit_id=first["visit"], until=until.isoformat())
    now = await board(client, office)
    stops = next(each for each in now["technicians"] if each["id"] == who)["stops"]
    pin = next(each for each in stops if each["visit"] == last["visit"])
    assert (pin["starts_at"], pin["ends_at"]) == (last["starts_at"], last["ends_at"])
    spans = sorted((each["starts_at"], each["ends_at"]) for each in stops)
    assert all(one[1] <= other[0] for one, other in zip(spans, spans[1:], strict=False))
    # and what had to go is somewhere: with somebody else, later, or shown as nobody's
    seen = {one["visit"] for each in now["technicians"] for one in each["stops"]}
    loose = {each["visit"] for each in now["unassigned"]}
    assert {each["visit"] for each in between} <= seen | loose


async def link_to(client, region, visit, *, opens):
    """The signed link of a visit's customer, whose hours were agreed as the day has them."""
    async with region.begin() as tx:
        case = await tx.scalar(
            text(
                "UPDATE work_order SET window_opens = :o, window_closes = :c"
                " WHERE id = (SELECT work_order_id FROM visit WHERE id = :v) RETURNING case_id"
            ),
            {"o": opens, "c": opens + timedelta(hours=1), "v": visit},
        )
        code = await tx.scalar(text('SELECT tracking_code FROM "case" WHERE id = :c'), {"c": case})
    page = (await client.get(f"/api/v1/track/{code}")).json()
    return f"/api/v1/appointments/{page['appointment']['link']}/move"


@pytest.mark.parametrize("days", [0, 1])
async def test_a_customer_who_moves_the_hours_is_planned_anew(client, office, region, days):
    day = await board(client, office)
    async with region.begin() as tx:
        # far enough that the promise itself forbids nothing
        await tx.execute(text("UPDATE work_order SET due_at = NULL"))
        cases = set((await tx.scalars(text(
            "SELECT v.id FROM visit v JOIN work_order w ON w.id = v.work_order_id"
            " WHERE w.case_id IS NOT NULL"))).all())  # fmt: skip
    stop = next(
        stop
        for who in day["technicians"]
        for stop in planned(day, who["id"])
        if UUID(stop["visit"]) in cases
    )
    starts = datetime.fromisoformat(stop["starts_at"])
    url = await link_to(client, region, stop["visit"], opens=starts)
    noon = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
    late = noon + timedelta(hours=2 if starts < noon else -2)
    opens = late + timedelta(days=days)
    hours = {"opens": opens.isoformat(), "closes": (opens + timedelta(hours=2)).isoformat()}
    reply = await client.post(url, json=hours)
    assert reply.status_code == 200, reply.text
    now = await board(client, office)
    assert now["version"] == day["version"] + 1
    told = (await client.get(f"{DAY}/changes?since={day['version']}", headers=office)).json()
    (change,) = told["items"]
    assert (change["kind"], change["actor"]) == ("hours_moved", "customer")
    holder = holder_of(now, stop["visit"])
    if holder is not None:
        assert days == 0
        stops = planned(now, holder)
        found = next(each for each in stops if each["visit"] == stop["visit"])
        assert opens <= datetime.fromisoformat(found["starts_at"]) <= opens + timedelta(hours=2)
    else:
        assert stop["visit"] in {each["visit"] for each in now["unassigned"]}
    async with region.connect() as tx:
        waits = await tx.scalar(
            text("SELECT pending_decision FROM visit WHERE id = :v"), {"v": stop["visit"]}
        )
    assert waits is False


async def test_who_did_a_later_visit_first_is_in_nobodys_way(client, office, clock):
    """The visit that was to be under way keeps its place, and the day can be changed further."""
    day = await board(client, office)
    who = busiest(day)["id"]
    first, later = planned(day, who)[0], planned(day, who)[2]
    clock.at = datetime.fromisoformat(first["starts_at"]) + timedelta(minutes=5)
    office = await signed_in(client, "dispatcher")
    await happens(client, office, kind="no_access", visit_id=later["visit"], reason="nobody opened")
    now = await board(client, office)
    person = next(each for each in now["technicians"] if each["id"] == who)
    states = {each["visit"]: each["state"] for each in person["stops"]}
    assert (states[first["visit"]], states[later["visit"]]) == ("planned", "ended")
    until = datetime.fromisoformat(first["ends_at"]) + timedelta(hours=2)
    done = await happens(
        client, office, kind="overrun", visit_id=first["visit"], until=until.isoformat()
    )
    assert any(who == (each["after"] or {}).get("technician_id") for each in done["changes"])
