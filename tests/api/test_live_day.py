"""The live day over HTTP: who could, moves by hand, undo, and what a stale screen is told."""

from datetime import UTC, datetime

import asyncpg
import pytest

from tests.api.conftest import enrolled, signed_in

DAY = "/api/v1/days/2026-11-24"


@pytest.fixture
async def office(client, clock):
    # before anybody sets out
    clock.at = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
    return await signed_in(client, "dispatcher")


async def board(client, office):
    return (await client.get(DAY, headers=office)).json()


def holder_of(day, visit):
    for each in day["technicians"]:
        if any(stop["visit"] == visit for stop in each["stops"]):
            return each["id"]
    return None


def busiest(day):
    return max(day["technicians"], key=lambda each: len(each["stops"]))


async def feasibility(client, office, visit):
    reply = await client.post(f"{DAY}/feasibility", json={"visit_id": visit}, headers=office)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def move(client, office, **wish):
    return await client.post(f"{DAY}/moves", json=wish, headers=office)


async def test_every_technician_is_named_best_first_with_minutes_or_a_rule(client, office):
    day = await board(client, office)
    assert day["version"] == 1
    visit = busiest(day)["stops"][-1]["visit"]
    told = await feasibility(client, office, visit)
    assert told["version"] == 1
    assert {each["technician_id"] for each in told["technicians"]} == {
        each["id"] for each in day["technicians"]
    }
    able = [each for each in told["technicians"] if each["feasible"]]
    assert able == told["technicians"][: len(able)]
    assert all(each["rank"] >= 1 and each["arrive_at"] for each in able)
    for each in told["technicians"][len(able) :]:
        assert each["code"] != "able" and each["words_zh"] and each["words_en"]


async def with_room(client, office):
    """A full day in which everybody has given back half of what they had."""
    day = await board(client, office)
    for each in day["technicians"]:
        for stop in each["stops"][1::2]:
            version = (await board(client, office))["version"]
            gone = {"visit_id": stop["visit"], "technician_id": None, "version": version}
            assert (await move(client, office, **gone)).status_code == 201
    return await board(client, office)


async def other_hands(client, office, day):
    """A visit that somebody else could take, and who."""
    for each in day["technicians"]:
        for stop in each["stops"]:
            told = await feasibility(client, office, stop["visit"])
            for one in told["technicians"]:
                if one["feasible"] and one["technician_id"] != each["id"]:
                    return stop["visit"], one
    pytest.fail("nobody could ever take anything from anybody")


async def test_a_move_changes_hands_in_both_mailboxes_and_an_undo_puts_all_back(client, office):
    day = await with_room(client, office)
    visit, best = await other_hands(client, office, day)
    first = await enrolled(client, holder_of(day, visit))
    second = await enrolled(client, best["technician_id"])
    # a tablet that was heard is a tablet that can be told
    before = {name: await visits_on(client, each) for name, each in (("1", first), ("2", second))}
    done = await move(
        client, office, visit_id=visit, technician_id=best["technician_id"], version=day["version"]
    )
    assert done.status_code == 201, done.text
    assert done.json()["version"] == day["version"] + 1
    now = await board(client, office)
    assert holder_of(now, visit) == best["technician_id"]
    assert now["version"] == day["version"] + 1
    assert visit in before["1"] and visit not in await visits_on(client, first)
    assert visit not in before["2"] and visit in await visits_on(client, second)
    back = await client.post(f"{DAY}/moves/{done.json()['move_id']}/undo", headers=office)
    assert back.status_code == 201, back.text
    again = await board(client, office)
    places = [
        {stop["visit"]: (each["id"], stop["starts_at"]) for each in one["technicians"]
         for stop in each["stops"]}
        for one in (day, again)
    ]  # fmt: skip
    assert places[0] == places[1]
    assert again["version"] == day["version"] + 2
    twice = await client.post(f"{DAY}/moves/{done.json()['move_id']}/undo", headers=office)
    assert twice.json()["code"] == "already_undone"


async def visits_on(client, tablet):
    """What the tablet would hold after a first download."""
    told = (
        await client.post("/api/v1/sync", json={"operations": [], "cursor": ""}, headers=tablet)
    ).json()
    return {each["record"] for each in told.get("changes", ()) if "fields" in each}


async def test_an_older_screen_is_told_who_changed_what(client, office):
    day = await board(client, office)
    one, other = busiest(day)["stops"][-2:]
    first = await move(client, office, visit_id=one["visit"], technician_id=None, version=1)
    assert first.status_code == 201, first.text
    late = await move(client, office, visit_id=other["visit"], technician_id=None, version=1)
    assert late.status_code == 409
    assert late.json()["code"] == "stale_version"
    details = late.json()["details"]
    assert details["version"] == 2
    assert details["changed"][0]["visits"] == [one["visit"]]
    assert details["changed"][0]["actor"]
    assert (await board(client, office))["version"] == 2
    told = (await client.get(f"{DAY}/changes?since=1", headers=office)).json()
    assert [each["kind"] for each in told["items"]] == ["move"]


async def test_a_visit_given_back_lies_among_the_unassigned_and_can_be_given_again(client, office):
    day = await board(client, office)
    who, visit = busiest(day)["id"], busiest(day)["stops"][-1]["visit"]
    await move(client, office, visit_id=visit, technician_id=None, version=1)
    now = await board(client, office)
    assert visit in {each["visit"] for each in now["unassigned"]}
    again = await move(client, office, visit_id=visit, technician_id=who, version=2)
    assert again.status_code == 201, again.text
    assert holder_of(await board(client, office), visit) == who


async def test_work_that_came_in_after_the_plan_waits_on_the_board_and_is_given_and_taken_back(
    client, office
):
    homes = (await client.get("/api/v1/premises?limit=20", headers=office)).json()["items"]
    account = next(each["account"] for each in homes if each["latitude"] is not None)
    wish = {
        "kind": "repair", "channel": "hotline", "account": account, "description": "灶具打不着火",
        "received_at": "2026-11-24T06:00:00+08:00",
    }  # fmt: skip
    case = (await client.post("/api/v1/cases", json=wish, headers=office)).json()
    order = case["work_orders"][0]["id"]
    waiting = (await board(client, office))["unassigned"]
    assert [each["grid"] for each in waiting if each["work_order"] == order]
    asked = await client.post(f"{DAY}/feasibility", json={"work_order_id": order}, headers=office)
    best = next(each for each in asked.json()["technicians"] if each["feasible"] or each["soft"])
    wish = {"version": 1, "work_order_id": order, "technician_id": best["technician_id"]}
    moved = await move(client, office, **wish, accept=best["soft"], reason="客户急用")
    assert moved.status_code == 201, moved.text
    day = await board(client, office)
    holders = {stop["work_order"]: who["id"] for who in day["technicians"] for stop in who["stops"]}
    assert holders[order] == best["technician_id"]
    assert order not in {each["work_order"] for each in day["unassigned"]}
    undone = await client.post(f"{DAY}/moves/{moved.json()['move_id']}/undo", headers=office)
    assert undone.status_code == 201, undone.text
    assert order in {each["work_order"] for each in (await board(client, office))["unassigned"]}


async def test_a_hard_rule_is_refused_by_name_whoever_accepts_it(client, office):
    day = await board(client, office)
    for each in day["technicians"]:
        for stop in each["stops"]:
            told = await feasibility(client, office, stop["visit"])
            hard = [one for one in told["technicians"] if not one["feasible"] and not one["soft"]]
            if hard:
                reply = await move(
                    client,
                    office,
                    visit_id=stop["visit"],
                    technician_id=hard[0]["technician_id"],
                    version=1,
                    accept=["window", "shift_end", "lunch", "pushes_next"],
                    reason="because",
                )
                assert reply.status_code == 409
                assert reply.json()["code"] == "rule_broken"
                assert reply.json()["details"]["rule"] == hard[0]["code"]
                assert reply.json()["details"]["words_zh"] == hard[0]["words_zh"]
                return
    pytest.fail("nobody was ever forbidden anything")


async def test_a_soft_rule_is_broken_only_knowingly_and_stays_with_the_visit(client, office, clock):
    clock.at = datetime(2026, 11, 24, 7, 30, tzinfo=UTC)
    office = await signed_in(client, "dispatcher")
    day = await board(client, office)
    for each in day["technicians"]:
        for stop in each["stops"]:
            if stop["state"] != "planned":
                continue
            told = await feasibility(client, office, stop["visit"])
            soft = [one for one in told["technicians"] if one["soft"]]
            if not soft:
                continue
            wish = {
                "visit_id": stop["visit"],
                "technician_id": soft[0]["technician_id"],
                "version": 1,
            }
            bare = await move(client, office, **wish)
            assert bare.json()["code"] == "rule_needs_accept"
            assert set(bare.json()["details"]["soft"]) == set(soft[0]["soft"])
            silent = await move(client, office, **wish, accept=soft[0]["soft"])
            assert silent.json()["code"] == "rule_needs_accept"
            done = await move(
                client, office, **wish, accept=soft[0]["soft"], reason="customer agreed by phone"
            )
            assert done.status_code == 201, done.text
            after = await board(client, office)
            kept = [
                one for who in after["technicians"] for one in who["stops"]
                if one["visit"] == stop["visit"]
            ]  # fmt: skip
            assert set(kept[0]["accepted"]) == set(soft[0]["soft"])
            return
    pytest.fail("nothing was ever soft")


async def test_feasibility_asks_the_database_once_for_a_day_that_did_not_change(
    client, office, monkeypatch
):
    day = await board(client, office)
    visit = busiest(day)["stops"][-1]["visit"]
    await feasibility(client, office, visit)
    asked = []
    original = asyncpg.Connection._execute

    async def spied(self, query, *args, **kwargs):
        asked.append(query)
        return await original(self, query, *args, **kwargs)

    monkeypatch.setattr(asyncpg.Connection, "_execute", spied)
    await feasibility(client, office, visit)
    about_the_day = [
        each for each in asked if "FROM board_day" in each or "LEFT JOIN shift" in each
    ]
    assert len(about_the_day) == 1
    assert len(asked) <= 4
