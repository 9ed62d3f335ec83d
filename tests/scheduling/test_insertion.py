"""The insertion engine against brute force, and its reasons against the independent checker."""

import msgspec
import numpy as np
import pytest

from scheduling import insertion, layout, lines, reasons
from scheduling.layout import Since, lay_out, routes_of
from scheduling.solver import Budget, solve
from schemas.plan import Fixed
from tests.scheduling.days import HOUR, generated

QUICK = Budget(seconds=None, iterations=60)
replace = msgspec.structs.replace


def planned(people, jobs, *, seed):
    problem = generated(people, jobs, seed=seed)
    return problem, solve(problem, seed=seed, budget=QUICK)


def answers(laid, job):
    """Every place of every route by walking it: nothing may break."""
    found = insertion.evaluate(laid, job)
    people, places = found.fits.shape
    for place in range(places):
        allowed = laid.lines.count >= place
        chosen = np.where(allowed, place, -1)
        walk = lines.walk(layout.inserted(laid, job, places=chosen))
        for t in range(people):
            if allowed[t] and found.valid[t, place] and found.why[t] == 0:
                yield bool(found.fits[t, place]), not lines.broken(walk)[t]


@pytest.mark.parametrize("seed", range(12))
def test_every_answer_is_the_one_that_walking_the_route_gives(seed):
    problem, plan = planned(6, 60, seed=seed)
    laid = lay_out(problem, routes_of(plan))
    assert not lines.broken(lines.walk(laid.lines)).any()
    counted = 0
    for name in plan.unassigned[:8]:
        for said, shown in answers(laid, problem.jobs[laid.numbers[name]]):
            assert said == shown
            counted += 1
    assert counted > 20


@pytest.mark.parametrize("seed", range(6))
def test_the_same_holds_at_noon_with_visits_that_began_and_visits_that_are_pinned(seed):
    problem, plan = planned(6, 60, seed=seed)
    now = 11 * HOUR
    fixed = {
        stop.job: Fixed(
            technician=route.technician,
            start_seconds=stop.start_seconds,
            started=stop.start_seconds < now,
        )
        for route in plan.routes
        for stop in route.stops
        if stop.start_seconds < now or stop.start_seconds % 7 == 0
    }
    jobs = tuple(replace(each, fixed=fixed.get(each.id)) for each in problem.jobs)
    problem = replace(problem, jobs=jobs)
    laid = lay_out(problem, routes_of(plan), since=Since(now_seconds=now))
    counted = 0
    for name in plan.unassigned[:8]:
        for said, shown in answers(laid, problem.jobs[laid.numbers[name]]):
            assert said == shown
            counted += 1
    assert counted > 5


@pytest.mark.parametrize("seed", range(6))
def test_a_route_that_is_replaced_leaves_the_day_as_if_it_were_laid_out_anew(seed):
    problem, plan = planned(5, 50, seed=seed)
    routes = routes_of(plan)
    laid = lay_out(problem, routes)
    who = max(routes, key=lambda name: len(routes[name]))
    t = [each.id for each in problem.technicians].index(who)
    for length in (0, 1, len(routes[who]) - 1):
        kept = routes[who][:length]
        changed = layout.with_route(laid, t, route=tuple(laid.numbers[each] for each in kept))
        anew = lay_out(problem, {**routes, who: kept})
        for job in problem.jobs[:5]:
            one, other = insertion.evaluate(changed, job), insertion.evaluate(anew, job)
            assert insertion.cheapest(one)[1].tolist() == insertion.cheapest(other)[1].tolist()


def test_every_technician_has_a_place_or_a_named_reason():
    problem, plan = planned(6, 90, seed=2)
    laid = lay_out(problem, routes_of(plan))
    seen = set()
    for name in plan.unassigned:
        found = insertion.evaluate(laid, problem.jobs[laid.numbers[name]])
        said = reasons.codes(laid, found, empty=layout.alone(laid))
        assert len(said) == len(problem.technicians)
        assert all(code in reasons.WORDS for code in said)
        seen |= set(said)
    assert {"skill", "shift_end"} <= seen or {"skill", "pushes_next"} <= seen
