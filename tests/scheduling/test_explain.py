"""Reasons that a dispatcher reads, each shown by forcing the job in and asking the checker."""

from datetime import date

import msgspec
import numpy as np
import pytest

from scheduling import insertion, layout, reasons
from scheduling.check import check
from scheduling.explain import assigned, explain, explainer
from scheduling.layout import lay_out, routes_of
from scheduling.problem import REASON_CODES
from scheduling.solver import Budget, solve
from schemas.plan import Band, Fixed, Job, Lunch, Point, Problem, Route, Stop, Technician
from tests.scheduling.days import HOUR, generated

QUICK = Budget(seconds=None, iterations=60)
replace = msgspec.structs.replace

SHOWN = {
    "skill": {"skill"},
    "certificate": {"certificate"},
    "excluded": {"excluded"},
    "tablet_unreachable": {"tablet_unreachable"},
    "window": {"window"},
    "window_outside_shift": {"window", "shift"},
    "due": {"due"},
    "shift_end": {"shift"},
    "shift_too_short": {"shift"},
    "pushes_next": {"window", "due"},
    "pinned_neighbour": {"fixed_moved"},
    "pinned_hour": {"fixed_moved"},
    "on_unreachable_tablet": {"on_unreachable_tablet"},
    "standby": {"standby"},
    "overload": {"overload"},
    "fixed_elsewhere": {"fixed_moved"},
    "lunch": {"lunch_missing"},
    "no_lawful_hour": {"window", "earliest", "due"},
}
"""Which rules the checker must find broken where a reason is true."""


def forced(problem, plan, job, *, technician, place):
    """The plan with a job pushed into somebody's route at a place, whatever breaks."""
    laid = lay_out(problem, routes_of(plan))
    t = [each.id for each in problem.technicians].index(technician)
    places = np.full(len(problem.technicians), -1)
    places[t] = place
    lines = layout.inserted(laid, job, places=places)
    walk = layout.walked(lines)
    names = [problem.jobs[n] for n in laid.routes[t]]
    names.insert(place, job)
    stops = tuple(
        Stop(
            job=each.id,
            arrive_seconds=int(walk.arrive[t, p]),
            start_seconds=int(walk.start[t, p]),
            end_seconds=int(walk.start[t, p]) + each.duration_seconds,
            travel_seconds=int(lines.drive[t, p]),
            travel_metres=0,
        )
        for p, each in enumerate(names)
    )
    lunch = int(walk.lunch[t])
    route = Route(
        technician=technician, stops=stops, lunch_start_seconds=lunch if lunch >= 0 else None
    )
    others = tuple(each for each in plan.routes if each.technician != technician)
    left = tuple(each for each in plan.unassigned if each != job.id)
    return replace(plan, routes=(*others, route), unassigned=left)


@pytest.fixture(scope="module", params=range(4))
def day(request):
    problem = generated(4, 80, seed=20 + request.param)
    first = solve(problem, seed=2, budget=QUICK)
    pins = {
        stop.job: Fixed(technician=route.technician, start_seconds=stop.start_seconds)
        for route in first.routes
        for stop in route.stops[1::4]
    }
    dark = replace(problem.technicians[1], reachable=False)
    problem = replace(
        problem,
        jobs=tuple(replace(each, fixed=pins.get(each.id)) for each in problem.jobs),
        technicians=(problem.technicians[0], dark, *problem.technicians[2:]),
    )
    return problem, solve(problem, seed=1, budget=QUICK)


def test_every_unassigned_job_has_reasons_that_count_everybody(day):
    problem, plan = day
    told = explain(problem, plan)
    assert [each.job for each in told] == list(plan.unassigned)
    assert len(told) > 10
    for each in told:
        assert sum(reason.count for reason in each.reasons) == len(problem.technicians)
        assert all(reason.zh and reason.en for reason in each.reasons)


def test_forcing_a_job_in_breaks_the_rule_that_was_named(day):
    problem, plan = day
    laid = lay_out(problem, routes_of(plan))
    empty = layout.alone(laid)
    shown = set()
    for name in plan.unassigned:
        job = problem.jobs[laid.numbers[name]]
        found = insertion.evaluate(laid, job)
        best = insertion.least_bad(found)
        told = reasons.codes(laid, found, empty=empty)
        told = reasons.refined(laid, found, told=told)
        for t, (person, code) in enumerate(zip(problem.technicians, told, strict=True)):
            if code == "able":
                continue
            paper = code in REASON_CODES
            place = 0 if paper else int(best[t])
            broken = {
                each.code
                for each in check(
                    problem, forced(problem, plan, job, technician=person.id, place=place)
                )
                if each.technician in ("", person.id)
            }
            assert broken & SHOWN[code], (name, person.id, code, broken)
            shown.add(code)
    assert len(shown) >= 4


def test_no_place_of_a_route_takes_a_job_that_was_refused(day):
    problem, plan = day
    laid = lay_out(problem, routes_of(plan))
    for name in plan.unassigned[:6]:
        job = problem.jobs[laid.numbers[name]]
        told = reasons.codes(laid, insertion.evaluate(laid, job), empty=layout.alone(laid))
        for t, (person, code) in enumerate(zip(problem.technicians, told, strict=True)):
            if code == "able":
                continue
            for place in range(len(laid.routes[t]) + 1):
                assert check(problem, forced(problem, plan, job, technician=person.id, place=place))


def one(job, **changes):
    home = Point(latitude=39.0, longitude=116.0)
    person = Technician(
        id="Wang", home=home, shift=Band(opens=8 * HOUR, closes=10 * HOUR), skills=("repair",)
    )
    return Problem(day=date(2026, 1, 5), technicians=(replace(person, **changes),), jobs=(job,))


JOB = Job(
    id="j", place=Point(latitude=39.0, longitude=116.0), duration_seconds=HOUR, skills=("repair",)
)


@pytest.mark.parametrize(
    ("job", "changes", "code"),
    [
        ({"skills": ("welding",)}, {}, "skill"),
        ({}, {"certificates": {"repair": date(2020, 1, 1)}}, "certificate"),
        ({"never": ("Wang",)}, {}, "excluded"),
        ({}, {"reachable": False}, "tablet_unreachable"),
        ({"windows": (Band(opens=20 * HOUR, closes=21 * HOUR),)}, {}, "window_outside_shift"),
        ({"windows": (Band(opens=6 * HOUR, closes=7 * HOUR),)}, {}, "window"),
        ({"due_seconds": 7 * HOUR}, {}, "due"),
        ({"duration_seconds": 3 * HOUR}, {}, "shift_too_short"),
        (
            {"duration_seconds": 2 * HOUR},
            {"lunch": Lunch(opens=8 * HOUR, closes=9 * HOUR, duration_seconds=HOUR)},
            "lunch",
        ),
        (
            {"windows": (Band(opens=6 * HOUR, closes=7 * HOUR),), "earliest_seconds": 8 * HOUR},
            {},
            "no_lawful_hour",
        ),
    ],
)  # fmt: skip
def test_each_rule_is_named(job, changes, code):
    problem = one(replace(JOB, **job), **changes)
    told = explain(problem, solve(problem, budget=QUICK))
    assert [reason.code for reason in told[0].reasons] == [code]


def test_the_cheapest_relaxation_says_how_much_overtime_would_do_and_it_does():
    problem = one(replace(JOB, duration_seconds=2 * HOUR + 1300))
    (told,) = explain(problem, solve(problem, budget=QUICK))
    assert told.ask == "overtime"
    assert told.overtime_seconds == 1500
    assert told.relaxation == "with 25 minutes overtime Wang could"
    person = problem.technicians[0]
    longer = Band(opens=person.shift.opens, closes=person.shift.closes + told.overtime_seconds)
    enough = replace(problem, technicians=(replace(person, shift=longer),))
    assert solve(enough, budget=QUICK).unassigned == ()


def test_an_assigned_job_knows_its_next_best_and_what_stands_against_the_others():
    problem = generated(5, 30, seed=7)
    plan = solve(problem, seed=1, budget=QUICK)
    asked = explainer(problem, plan)
    placed = [stop.job for route in plan.routes for stop in route.stops]
    told = assigned(asked, placed)
    assert [each.job for each in told] == placed
    for each in told:
        assert each.next_technician != each.technician
        if each.next_seconds is not None:
            moved = {r.technician: [s.job for s in r.stops] for r in plan.routes}
            moved[each.technician].remove(each.job)
            laid = lay_out(problem, moved)
            found = insertion.evaluate(laid, problem.jobs[laid.numbers[each.job]])
            t = [p.id for p in problem.technicians].index(each.next_technician)
            assert insertion.cheapest(found)[1][t] == each.next_seconds
