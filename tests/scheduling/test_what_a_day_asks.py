"""A day's problem from rows: who knows a case, which doors are neighbours, when doors open, how fast
people drive there, and what is kept back."""

from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from scheduling.check import check, cost
from scheduling.demand import FAIRNESS_SECONDS, RESERVE_SECONDS, Day, demand
from scheduling.doors import Tried, odds
from scheduling.problem import NOT_PREFERRED_SECONDS
from scheduling.solver import Budget, solve
from scheduling.speeds import WHOLE
from schemas.day import PersonRow, WorkRow
from schemas.plan import Access

DAY = date(2026, 11, 24)
MORNING = datetime(2026, 11, 24, 8, tzinfo=ZoneInfo("Asia/Shanghai"))
WANG, LI = UUID(int=1), UUID(int=2)
replace = msgspec.structs.replace


def person(who, **more):
    given = {
        "id": who, "number": str(who), "name": "", "latitude": 39.4, "longitude": 116.3,
        "skills": ["inspection", "repair"], "grids": [], "shift_opens": time(8),
        "shift_closes": time(17), "lunch_opens": None, "lunch_closes": None, "tablet": None,
        "unsent": None, "seen_at": None, "shift_kind": None, "opens_at": None, "closes_at": None,
        "certificates": {},
    }  # fmt: skip
    return PersonRow(**{**given, **more})


def work(n, **more):
    given = {
        "visit_id": None, "work_order_id": UUID(int=100 + n), "technician_id": None,
        "state": "unplaced", "pinned": False, "pending_decision": False, "certification": "open",
        "started_at": None, "ended_at": None, "outcome": None, "accepted": [],
        "record_version": None, "stop_id": None, "arrive_at": None, "starts_at": None,
        "ends_at": None, "travel_seconds": None, "number": str(n), "kind": "inspection",
        "tier": "normal", "case_id": None, "skills": ["inspection"], "duration_seconds": 1200,
        "window_opens": None, "window_closes": None, "earliest_at": None, "due_at": None,
        "latitude": 39.4 + n / 200, "longitude": 116.3, "address": f"和平路{n}号", "grid": "G1",
    }  # fmt: skip
    return WorkRow(**{**given, **more})


def asked(*rows, **more):
    people = [person(WANG), person(LI)]
    return demand(Day(on_day=DAY, people=people, work=rows, **more)).problem


def test_who_found_a_danger_is_preferred_for_the_recheck_and_gets_it():
    problem = asked(work(1, kind="repair", skills=["repair"], finder_id=LI))
    assert problem.jobs[0].prefers == str(LI)
    plan = solve(problem, budget=Budget(seconds=None, iterations=200))
    assert [each.technician for each in plan.routes if each.stops] == [str(LI)]
    assert check(problem, plan) == () and cost(problem, plan) == plan.cost
    other = replace(plan, routes=tuple(
        replace(each, technician=str(WANG if each.technician == str(LI) else LI))
        for each in plan.routes
    ))  # fmt: skip
    assert cost(problem, other).seconds - plan.cost.seconds == NOT_PREFERRED_SECONDS


def test_an_emergency_goes_to_who_is_near_and_a_finder_who_is_away_is_not_waited_for():
    hot = asked(work(1, tier="emergency", finder_id=LI)).jobs[0]
    assert (hot.prefers, hot.group) == (None, None)
    assert asked(work(1, finder_id=UUID(int=77))).jobs[0].prefers is None


def test_homes_of_one_compound_are_one_group_and_a_lone_home_is_none():
    problem = asked(
        work(1, address="英国宫家园一期8号楼1单元303室"),
        work(2, address="英国宫家园一期20号楼2单元101室"),
        work(3, address="金光道66号"),
    )
    groups = [each.group for each in problem.jobs]
    assert groups[0] == groups[1] == "英国宫家园一期"
    assert groups[2] is None


def test_doors_that_nobody_called_for_have_odds_by_band_and_others_open():
    doors = odds(
        [Tried(hour=9, rest=False, tries=200, opened=60), Tried(hour=18, rest=False, tries=100, opened=95)],
        rest=False,
    )  # fmt: skip
    assert [each.opens for each in doors] == [8 * 3600, 12 * 3600, 18 * 3600]
    morning, afternoon, evening = (each.odds for each in doors)
    assert morning < afternoon < evening, "an unknown band is as usual"
    hours = {"window_opens": MORNING, "window_closes": MORNING + timedelta(hours=2)}
    problem = asked(
        work(1), work(2, **hours), work(3, kind="repair", skills=["repair"]), doors=doors
    )
    assert [each.access for each in problem.jobs] == [doors, (), ()]


def test_a_door_that_stays_shut_in_the_morning_is_knocked_at_after_other_work():
    doors = (Access(opens=0, closes=12 * 3600, odds=0.1),)
    rows = [
        work(1, number="door"),
        work(3, number="other", kind="repair", skills=["repair"], duration_seconds=4 * 3600),
    ]
    order = {}
    for told in ((), doors):
        day = Day(on_day=DAY, people=[person(WANG)], work=rows, doors=told)
        problem = demand(day).problem
        plan = solve(problem, budget=Budget(seconds=None, iterations=300))
        assert check(problem, plan) == () and cost(problem, plan) == plan.cost
        order[told] = [stop.job for stop in plan.routes[0].stops]
        assert len(order[told]) == 2
    assert order[doors] == [rows[1].job, rows[0].job]


def test_few_knocks_prove_nothing():
    assert odds([Tried(hour=9, rest=False, tries=49, opened=1)], rest=False) == ()
    three = [Tried(hour=9, rest=False, tries=3, opened=0), Tried(hour=14, rest=False, tries=97, opened=90)]  # fmt: skip
    assert odds(three, rest=False)[0].odds > 0.7


def test_people_drive_as_fast_as_was_learned_of_the_area_and_the_agreed_hour():
    known = {WHOLE: 30.0, ("G1", -1): 20.0, ("G1", 8): 12.0, ("", 8): 25.0}
    hours = {"window_opens": MORNING, "window_closes": MORNING + timedelta(hours=1)}
    problem = asked(
        work(1), work(2, **hours), work(3, grid="G2", **hours), work(4, grid="G2"), speeds=known
    )
    assert problem.speed_kmh == 30.0
    assert [each.place.kmh for each in problem.jobs] == [20.0, 12.0, 25.0, None]
    plan = solve(problem, budget=Budget(seconds=None, iterations=200))
    assert check(problem, plan) == () and cost(problem, plan) == plan.cost


def test_something_of_every_day_is_kept_back_and_work_spreads():
    problem = asked(work(1))
    assert problem.fairness_seconds == FAIRNESS_SECONDS
    assert {each.reserve_seconds for each in problem.technicians} == {RESERVE_SECONDS}
    short = replace(person(WANG), closes_at=MORNING + timedelta(minutes=10))
    (brief,) = demand(Day(on_day=DAY, people=[short], work=[])).problem.technicians
    assert brief.reserve_seconds == 600, "no more than there is"


def test_what_somebody_said_beforehand_takes_longer_goes_on_taking_longer():
    told = {"technician_id": WANG, "state": "planned", "starts_at": MORNING, "arrive_at": MORNING}
    longer = work(1, **told, ends_at=MORNING + timedelta(hours=2))
    shorter = work(2, **told, ends_at=MORNING + timedelta(minutes=5))
    assert [each.duration_seconds for each in asked(longer, shorter).jobs] == [7200, 1200]
