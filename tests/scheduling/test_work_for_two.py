"""Work for two: two jobs of the planner that begin at one instant, or neither."""

from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from scheduling import crews
from scheduling.check import check, cost
from scheduling.demand import Day, demand, now_seconds
from scheduling.diff import against, changes, people_of, placed_by
from scheduling.explain import explain
from scheduling.layout import lay_out
from scheduling.live import options, stands
from scheduling.pins import room_for_pins
from scheduling.problem import prepare
from scheduling.repair import repair
from scheduling.solver import Budget, solve
from schemas.plan import Plan
from tests.scheduling.test_what_a_day_asks import DAY, LI, MORNING, WANG, person, work

ZHAO = UUID(int=3)
TOLD = MORNING + timedelta(hours=3)
replace = msgspec.structs.replace


def pair(n, **more):
    """Work for two that Wang and Li were told to begin at eleven."""
    given = {
        "people": 2, "visit_id": UUID(int=500 + n), "state": "planned", "technician_id": WANG,
        "second_id": LI, "starts_at": TOLD, "arrive_at": TOLD, "ends_at": TOLD + timedelta(hours=1),
        "duration_seconds": 3600,
    }  # fmt: skip
    return work(n, **{**given, **more})


def day(*rows, people=(WANG, LI, ZHAO), **more):
    who = [each if not isinstance(each, UUID) else person(each) for each in people]
    return Day(on_day=DAY, people=who, work=rows, **more)


def planned(asked) -> Plan:
    plan = solve(asked.problem, budget=Budget(seconds=None, iterations=300))
    assert check(asked.problem, plan) == () and cost(asked.problem, plan) == plan.cost
    return plan


def test_an_order_for_two_is_two_jobs_and_one_change_of_the_day():
    asked = demand(day(work(1, people=2), work(2)))
    assert [each.crew for each in asked.problem.jobs] == [str(UUID(int=101))] * 2 + [None]
    plan = planned(asked)
    found = against(asked, plan)
    two = next(each for each in found.changes if each.work_order_id == UUID(int=101))
    assert len(people_of(two.after)) == 2 and (found.added, found.dropped) == (2, 0)


def test_where_only_one_person_can_nobody_is_sent_and_the_reason_is_that_two_are_needed():
    asked = demand(day(work(1, people=2), people=(WANG, person(LI, skills=["repair"]))))
    plan = planned(asked)
    assert len(plan.unassigned) == 2
    told = explain(asked.problem, plan)
    assert {each.code for each in told[0].reasons} == {"crew", "skill"}
    assert told[0].relaxation is None


def test_a_plan_that_leaves_two_where_they_are_changes_nothing_whoever_is_called_the_second():
    asked = demand(day(pair(1, window_opens=TOLD, window_closes=TOLD)))
    plan = planned(asked)
    assert {each.technician for each in plan.routes if each.stops} == {str(WANG), str(LI)}
    assert changes(asked, placed_by(plan)) == ()
    swapped = [
        replace(each, technician=str(LI if each.technician == str(WANG) else WANG))
        for each in placed_by(plan)
    ]
    assert changes(asked, swapped) == ()


def test_two_who_are_told_stand_in_the_live_day_like_a_pin_and_one_alone_is_offered_nobody():
    asked = demand(day(pair(1), pairs_stand=True))
    live = stands(asked)
    assert {job.fixed.start_seconds for job in live.laid.problem.jobs} == {11 * 3600}
    assert {each.code for each in options(live, live.laid.problem.jobs[0])} == {"crew"}


def test_of_two_one_of_whom_has_begun_elsewhere_for_too_long_both_begin_later():
    """A run in the middle of the day: what cannot be kept is let go of for both."""
    long = work(2, visit_id=UUID(int=700), technician_id=WANG, state="in_progress",
                started_at=MORNING, starts_at=MORNING, arrive_at=MORNING,
                ends_at=TOLD + timedelta(hours=1))  # fmt: skip
    now = TOLD - timedelta(minutes=5)
    for pinned in (False, True):
        asked = demand(day(long, pair(1, pinned=pinned), now=now))
        seconds = now_seconds(DAY, now)
        problem = stands(asked, now_seconds=seconds, meeting=True).laid.problem
        prepare(problem)
        halves = [each for each in problem.jobs if each.crew]
        assert len(halves) == 2
        plan = solve(problem, budget=Budget(seconds=None, iterations=200))
        assert check(problem, plan) == ()
        assert not plan.unassigned


@pytest.mark.parametrize("pinned", [False, True])
def test_for_two_whose_hour_has_passed_nobody_is_sent_away(pinned):
    """No room brings back an hour: on a morning of which nothing was heard every visit before a pair
    was taken out for it, and an emergency moved a hundred of them."""
    before = work(2, visit_id=UUID(int=700), technician_id=WANG, state="planned",
                  starts_at=MORNING + timedelta(hours=1), arrive_at=MORNING + timedelta(hours=1),
                  ends_at=MORNING + timedelta(minutes=80))  # fmt: skip
    early = {"starts_at": MORNING + timedelta(minutes=90), "ends_at": MORNING + timedelta(hours=3)}
    two = pair(1, arrive_at=early["starts_at"], pinned=pinned, **early)
    now = MORNING + timedelta(hours=4)
    live = stands(
        demand(day(before, two, now=now, pairs_stand=True)), now_seconds=now_seconds(DAY, now)
    )
    assert live.late.keys() == {each.id for each in live.laid.problem.jobs if each.crew}
    assert room_for_pins(live)[1] == []


def test_what_begins_with_one_is_no_work_for_two_any_more():
    begun = pair(1, second_id=None, state="on_site", started_at=TOLD)
    asked = demand(day(begun, now=TOLD))
    assert [each.crew for each in asked.problem.jobs] == [None]


@pytest.mark.parametrize("silent", [WANG, LI])
def test_a_half_on_a_tablet_that_is_not_heard_holds_the_other(silent):
    asked = demand(day(pair(1), now=TOLD + timedelta(minutes=10), silent=frozenset({silent})))
    assert [each.fixed is not None for each in asked.problem.jobs] == [True, True]
    prepare(asked.problem)


def test_an_emergency_for_two_is_met_soonest_and_other_work_cheapest():
    far = {"latitude": 39.9}
    people = (person(WANG), person(LI, shift_opens=MORNING.replace(hour=10).time()), ZHAO)
    asked = demand(day(work(1, people=2, tier="emergency"), people=people))
    live = stands(asked)
    soon = crews.meet(live.laid, live.laid.problem.jobs[0])
    assert {live.laid.problem.technicians[t].id for t in soon.who} == {str(WANG), str(ZHAO)}
    people = (
        person(WANG),
        person(LI, **far),
        person(ZHAO, shift_opens=MORNING.replace(hour=10).time()),
    )
    live = stands(demand(day(work(1, people=2), people=people)))
    cheap = crews.meet(live.laid, live.laid.problem.jobs[0])
    assert {live.laid.problem.technicians[t].id for t in cheap.who} == {str(WANG), str(ZHAO)}
    assert cheap.start >= 10 * 3600


def test_a_repair_places_both_at_one_instant_or_says_that_both_are_left():
    for people, left in (((WANG, LI), 0), ((WANG,), 2)):
        asked = demand(day(work(1, people=2), work(2), people=people))
        live = stands(replace(asked, routes={}, starts={}))
        loose = live.laid.problem.jobs
        done = repair(live, loose, improve=None)
        assert len(done.left) == left
        whole = lay_out(done.laid.problem, done.routes)
        holders = [
            who for who, names in done.routes.items() if asked.problem.jobs[0].id in names
            or asked.problem.jobs[1].id in names
        ]  # fmt: skip
        assert len(set(holders)) == 2 - left and whole
