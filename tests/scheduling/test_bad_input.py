"""The table of bad input: refused with the field and the reason, or planned with the job left out."""

from datetime import date
from time import monotonic

import msgspec
import pytest

from scheduling.check import check
from scheduling.explain import explain
from scheduling.problem import ABLE, NO_SKILL, prepare
from scheduling.solver import Budget, Watch, solve
from schemas.plan import Access, Band, Fixed, Job, Lunch, MatrixGiven, Point, Problem, Technician
from schemas.problems import Refusal
from tests.scheduling.days import HOUR

replace = msgspec.structs.replace
QUICK = Budget(seconds=None, iterations=50)
HOME = Point(latitude=39.0, longitude=116.0)
PERSON = Technician(
    id="t",
    home=HOME,
    shift=Band(opens=8 * HOUR, closes=17 * HOUR),
    skills=("repair",),
    lunch=Lunch(opens=11 * HOUR, closes=13 * HOUR, duration_seconds=1800),
)
JOB = Job(id="j", place=HOME, duration_seconds=600, skills=("repair",))


def problem(person=PERSON, job=JOB, **more):
    return Problem(day=date(2026, 1, 5), technicians=(person,), jobs=(job,), **more)


def planned(given):
    """The plan, which the checker must have nothing against."""
    plan = solve(given, budget=QUICK)
    assert check(given, plan) == ()
    return plan


NAN, AWAY = float("nan"), Point(latitude=39.0, longitude=400.0)
TABLE = MatrixGiven(seconds=((0, 9), (9, 0)), metres=((0, 9), (9, 0)))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (problem(job=replace(JOB, duration_seconds=-60)), "jobs.j.duration_seconds"),
        (problem(job=replace(JOB, penalty_seconds=0)), "jobs.j.penalty_seconds"),
        (problem(job=replace(JOB, windows=(Band(opens=60, closes=0),))), "jobs.j.windows"),
        (problem(job=replace(JOB, windows=(Band(opens=-5, closes=0),))), "jobs.j.windows"),
        (problem(job=replace(JOB, place=Point(latitude=NAN, longitude=1.0))), "jobs.j.place"),
        (problem(job=replace(JOB, place=AWAY)), "jobs.j.place"),
        (problem(job=replace(JOB, place=Point())), "jobs.j.place"),
        (
            problem(
                person=replace(PERSON, home=Point(index=0)),
                job=replace(JOB, place=Point(index=2)),
                matrix=TABLE,
            ),
            "jobs.j.place",
        ),
        (
            problem(job=replace(JOB, access=(Access(opens=0, closes=9, odds=1.5),))),
            "jobs.j.access",
        ),
        (problem(job=replace(JOB, crew="c")), "jobs.j.crew"),
        (
            problem(job=replace(JOB, fixed=Fixed(technician="x", start_seconds=0))),
            "jobs.j.fixed",
        ),
        # a pin before the shift, and one that the person cannot leave in time
        (
            problem(job=replace(JOB, fixed=Fixed(technician="t", start_seconds=HOUR))),
            "jobs.j.fixed",
        ),
        (
            problem(job=replace(JOB, fixed=Fixed(technician="t", start_seconds=17 * HOUR))),
            "jobs.j.fixed",
        ),
        (
            problem(person=replace(PERSON, lunch=Lunch(opens=0, closes=60, duration_seconds=600))),
            "technicians.t.lunch",
        ),
        (
            problem(person=replace(PERSON, shift=Band(opens=9 * HOUR, closes=8 * HOUR))),
            "technicians.t.shift",
        ),
        (
            problem(person=replace(PERSON, absences=(Band(opens=9, closes=8),))),
            "technicians.t.absences",
        ),
        (problem(person=replace(PERSON, start=Point())), "technicians.t.start"),
        (
            problem(
                person=replace(PERSON, home=Point(index=0)),
                job=replace(JOB, place=Point(index=1)),
                matrix=MatrixGiven(seconds=((0, -7), (9, 0)), metres=((0, 9), (9, 0))),
            ),
            "matrix.seconds",
        ),
        (
            problem(
                person=replace(PERSON, home=Point(index=0)),
                job=replace(JOB, place=Point(index=1)),
                matrix=MatrixGiven(seconds=((0, 9), (9, 0)), metres=((0,), (9, 0))),
            ),
            "matrix.metres",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_its_field_and_a_reason(given, field):
    with pytest.raises(Refusal) as refused:
        solve(given, budget=QUICK)
    assert refused.value.code == "plan_problem"
    assert refused.value.details["field"] == field
    assert refused.value.details["reason"]


def test_pins_that_contradict_each_other_are_refused():
    pin = Fixed(technician="t", start_seconds=10 * HOUR)
    two = tuple(replace(JOB, id=name, fixed=pin) for name in ("a", "b"))
    with pytest.raises(Refusal) as refused:
        solve(replace(problem(), jobs=two), budget=QUICK)
    assert refused.value.details["field"] == "jobs.b.fixed"


def reasons(given):
    """Why a plan leaves its only job out, said to a person."""
    (left,) = explain(given, planned(given))
    assert all(each.zh and each.en and each.count == 1 for each in left.reasons)
    return left.job, [each.code for each in left.reasons]


@pytest.mark.parametrize(
    ("job", "why"),
    [
        (replace(JOB, skills=("no such skill",)), "skill"),
        (replace(JOB, windows=(Band(opens=20 * HOUR, closes=21 * HOUR),)), "window_outside_shift"),
        (replace(JOB, windows=(Band(opens=0, closes=60),)), "window"),
        # far out at sea
        (replace(JOB, place=Point(latitude=20.0, longitude=135.0)), "due"),
        (replace(JOB, place=Point(latitude=0.0, longitude=0.0)), "due"),
        (replace(JOB, duration_seconds=20 * HOUR), "shift_too_short"),
        (
            replace(JOB, windows=(Band(opens=9 * HOUR, closes=9 * HOUR),), earliest_seconds=10 * HOUR),
            "no_lawful_hour",
        ),
        (replace(JOB, only=("nobody",)), "excluded"),
        (replace(JOB, load=9), "overload"),
    ],
)  # fmt: skip
def test_what_nobody_can_do_is_left_out_with_its_reason_and_nothing_else_is(job, why):
    person = replace(PERSON, capacity=5)
    given = replace(problem(person, job), jobs=(job, replace(JOB, id="other")))
    assert reasons(given) == ("j", [why])


def test_a_place_without_a_way_is_left_out_with_its_reason():
    away = MatrixGiven(seconds=((0, -1), (-1, 0)), metres=((0, -1), (-1, 0)))
    given = problem(
        replace(PERSON, home=Point(index=0)), replace(JOB, place=Point(index=1)), matrix=away
    )
    assert reasons(given) == ("j", ["unreachable"])


def test_a_day_without_anybody_leaves_everything_out_and_a_day_without_work_is_empty():
    nobody = replace(problem(), technicians=())
    (left,) = explain(nobody, planned(nobody))
    assert (left.job, [each.code for each in left.reasons]) == ("j", ["no_technician"])
    idle = replace(problem(), jobs=())
    plan = planned(idle)
    assert plan.unassigned == () and [each.stops for each in plan.routes] == [()]
    assert explain(idle, plan) == ()


@pytest.mark.parametrize(
    "job",
    [
        replace(JOB, windows=(Band(opens=9 * HOUR, closes=9 * HOUR),)),
        # what is overdue already is done late rather than never
        replace(JOB, earliest_seconds=9 * HOUR, due_seconds=8 * HOUR),
        replace(JOB, duration_seconds=0),
        replace(JOB, windows=tuple(Band(opens=n * HOUR, closes=(n + 2) * HOUR) for n in range(8))),
    ],
)
def test_what_only_looks_odd_is_planned(job):
    assert planned(problem(job=job)).unassigned == ()


def test_an_unknown_skill_is_the_first_rule_that_stands_against_a_job():
    prepared = prepare(problem(job=replace(JOB, skills=("no such skill",))))
    assert prepared.why.tolist() == [[NO_SKILL]]
    assert prepare(problem()).why.tolist() == [[ABLE]]


def test_ten_thousand_jobs_for_one_person_end_within_their_budget():
    person = replace(PERSON, home=Point(index=0))
    jobs = tuple(
        replace(JOB, id=str(n), place=Point(index=1), duration_seconds=60 + n % 50)
        for n in range(10_000)
    )
    plan = planned(replace(problem(person, matrix=TABLE), jobs=jobs))
    assert len(plan.unassigned) + len(plan.routes[0].stops) == 10_000
    assert len(plan.routes[0].stops) > 250


def test_a_search_can_be_stopped_at_any_time_and_keeps_the_best():
    jobs = tuple(replace(JOB, id=str(n)) for n in range(30))
    told: list[float] = []
    watch = Watch(progress=lambda share, cost: told.append(share), stop=lambda: len(told) >= 3)
    begun = monotonic()
    plan = solve(replace(problem(), jobs=jobs), budget=Budget(seconds=3600.0), watch=watch)
    assert monotonic() - begun < 600
    assert len(told) == 3 and plan.routes[0].stops
    assert check(replace(problem(), jobs=jobs), plan) == ()
