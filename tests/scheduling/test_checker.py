"""The independent checker: nothing to find in what the engine makes, everything in what was planted."""

import os
from datetime import timedelta

import msgspec
import pytest

from scheduling.check import check, cost
from scheduling.solver import Budget, solve
from schemas.plan import Access, Band, Fixed, Point
from tests.scheduling.days import HOUR, generated
from tests.scheduling.rich_days import rich

DAYS = int(os.environ.get("PLAN_DAYS", "40"))
"""How many generated days; `make check-plans` asks for a thousand."""
replace = msgspec.structs.replace


@pytest.mark.parametrize("seed", range(DAYS))
def test_the_checker_finds_nothing_and_agrees_with_the_kernels_cost(seed):
    make = generated if seed % 4 == 0 else rich
    problem = make(3 + seed % 7, 15 + seed % 50, seed=seed)
    threads = 2 if seed % 5 == 0 else 1
    plan = solve(problem, seed=seed, budget=Budget(seconds=None, iterations=150, threads=threads))
    assert check(problem, plan) == ()
    assert cost(problem, plan) == plan.cost


@pytest.fixture(scope="module")
def day():
    """A day that has something of everything, and its plan."""
    problem = rich(9, 70, seed=5)
    return problem, solve(problem, seed=1, budget=Budget(seconds=None, iterations=3000))


def codes(problem, plan):
    return {each.code for each in check(problem, plan)}


def routes_with(plan, wanted):
    return [n for n, route in enumerate(plan.routes) if wanted(route)]


def test_the_day_has_something_of_everything(day):
    problem, plan = day
    assert codes(problem, plan) == set()
    placed = {stop.job for route in plan.routes for stop in route.stops}
    jobs = [each for each in problem.jobs if each.id in placed]
    assert any(each.crew for each in jobs) and any(each.fixed for each in jobs)
    assert any(each.fixed and each.fixed.started for each in jobs)
    assert any(each.lunch_start_seconds for each in plan.routes)


def shifted(plan, at, n, seconds):
    route = plan.routes[at]
    stop = route.stops[n]
    moved = replace(
        stop, start_seconds=stop.start_seconds + seconds, end_seconds=stop.end_seconds + seconds
    )
    stops = (*route.stops[:n], moved, *route.stops[n + 1 :])
    return replaced(plan, at, replace(route, stops=stops))


def replaced(plan, at, route):
    return replace(plan, routes=(*plan.routes[:at], route, *plan.routes[at + 1 :]))


def where(plan, job):
    for at, route in enumerate(plan.routes):
        for n, stop in enumerate(route.stops):
            if stop.job == job:
                return at, n
    raise AssertionError(job)


def crew_of(problem, plan):
    placed = {stop.job for route in plan.routes for stop in route.stops}
    one = next(each for each in problem.jobs if each.crew and each.id in placed)
    other = next(each for each in problem.jobs if each.crew == one.crew and each.id != one.id)
    return one.id, other.id


def test_planted_half_a_crew_is_caught(day):
    problem, plan = day
    at, n = where(plan, crew_of(problem, plan)[0])
    route = plan.routes[at]
    fewer = replace(route, stops=route.stops[:n] + route.stops[n + 1 :])
    assert "crew_halved" in codes(problem, replaced(plan, at, fewer))


def test_planted_a_crew_that_meets_at_two_instants_is_caught(day):
    problem, plan = day
    at, n = where(plan, crew_of(problem, plan)[0])
    assert "crew_apart" in codes(problem, shifted(plan, at, n, 60))


def test_planted_a_crew_of_one_person_is_caught(day):
    problem, plan = day
    one, other = (where(plan, each) for each in crew_of(problem, plan))
    stop = plan.routes[other[0]].stops[other[1]]
    route = plan.routes[one[0]]
    alone = replaced(plan, one[0], replace(route, stops=(*route.stops, stop)))
    rest = alone.routes[other[0]]
    stops = rest.stops[: other[1]] + rest.stops[other[1] + 1 :]
    assert "crew_alone" in codes(problem, replaced(alone, other[0], replace(rest, stops=stops)))


def pinned(problem, plan, started):
    job = next(j for j in problem.jobs if j.fixed and j.fixed.started == started)
    return job, *where(plan, job.id)


@pytest.mark.parametrize("started", [True, False])
def test_planted_a_fixed_visit_that_moves_is_caught(day, started):
    problem, plan = day
    _, at, n = pinned(problem, plan, started)
    assert "fixed_moved" in codes(problem, shifted(plan, at, n, 120))


def test_planted_something_before_a_started_visit_is_caught(day):
    problem, plan = day
    for job in problem.jobs:
        if job.fixed and job.fixed.started:
            at, n = where(plan, job.id)
            route = plan.routes[at]
            if len(route.stops) > 1:
                stops = (route.stops[1], route.stops[0], *route.stops[2:])
                changed = replaced(plan, at, replace(route, stops=stops))
                assert "before_started" in codes(problem, changed)
                return
    raise AssertionError("nobody has begun and goes on")


def test_planted_a_fixed_visit_that_is_dropped_is_caught(day):
    problem, plan = day
    job, at, n = pinned(problem, plan, False)
    route = plan.routes[at]
    fewer = replace(route, stops=route.stops[:n] + route.stops[n + 1 :])
    left = replace(replaced(plan, at, fewer), unassigned=(*plan.unassigned, job.id))
    assert "fixed_moved" in codes(problem, left)


def test_planted_wrong_travel_is_caught(day):
    problem, plan = day
    at = routes_with(plan, lambda r: len(r.stops) > 1)[0]
    route = plan.routes[at]
    stop = replace(route.stops[-1], travel_seconds=route.stops[-1].travel_seconds + 5)
    changed = replaced(plan, at, replace(route, stops=(*route.stops[:-1], stop)))
    assert "travel" in codes(problem, changed)


def test_planted_a_return_that_is_too_early_is_caught(day):
    problem, plan = day
    at = routes_with(plan, lambda r: r.stops)[0]
    route = replace(plan.routes[at], back_seconds=plan.routes[at].back_seconds - 600)
    assert "home_too_early" in codes(problem, replaced(plan, at, route))


def test_planted_a_lunch_while_working_is_caught(day):
    problem, plan = day
    for at, route in enumerate(plan.routes):
        for stop in route.stops:
            lunch = route.lunch_start_seconds
            if lunch and stop.end_seconds > lunch + 2700 and stop.start_seconds > lunch:
                late = replace(route, lunch_start_seconds=stop.start_seconds + 60)
                found = codes(problem, replaced(plan, at, late))
                assert found & {"lunch_while_working", "lunch_outside_band", "too_early", "shift"}
                return
    raise AssertionError("nobody works after lunch")


def busy(plan):
    return next(n for n, route in enumerate(plan.routes) if len(route.stops) > 1)


def twice(problem, plan):
    at = busy(plan)
    route = plan.routes[at]
    return replaced(plan, at, replace(route, stops=(*route.stops, route.stops[0])))


def named(plan, **changes):
    at = busy(plan)
    route = plan.routes[at]
    stops = (replace(route.stops[0], **changes), *route.stops[1:])
    return replaced(plan, at, replace(route, stops=stops))


@pytest.mark.parametrize(
    ("plant", "code"),
    [
        (twice, "job_twice"),
        (lambda _, plan: replace(plan, routes=plan.routes[1:]), "job_lost"),
        (
            lambda _, plan: replace(
                plan, unassigned=(*plan.unassigned, plan.routes[busy(plan)].stops[0].job)
            ),
            "assigned_and_unassigned",
        ),
        (lambda _, plan: replace(plan, routes=(*plan.routes, plan.routes[busy(plan)])), "two_routes"),
        (
            lambda _, plan: replaced(plan, 0, replace(plan.routes[0], technician="nobody")),
            "unknown_technician",
        ),
        (lambda _, plan: named(plan, job="nothing"), "unknown_job"),
        (
            lambda _, plan: named(
                plan, end_seconds=plan.routes[busy(plan)].stops[0].end_seconds - 60
            ),
            "duration",
        ),
    ],
)  # fmt: skip
def test_planted_a_plan_that_does_not_add_up_is_caught(day, plant, code):
    problem, plan = day
    assert code in codes(problem, plant(problem, plan))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"skills": ("nobody's",)}, "skill"),
        ({"windows": (Band(opens=0, closes=60),)}, "window"),
        ({"earliest_seconds": 40 * HOUR, "windows": ()}, "earliest"),
        ({"earliest_seconds": 0, "due_seconds": 60}, "due"),
        ({"only": ("nobody",)}, "excluded"),
    ],
)
def test_planted_a_job_that_may_not_be_done_so_is_caught(day, changes, code):
    problem, plan = day
    placed = {stop.job for route in plan.routes for stop in route.stops}
    job = next(e for e in problem.jobs if e.id in placed and not e.fixed and not e.crew)
    jobs = tuple(replace(e, **changes) if e.id == job.id else e for e in problem.jobs)
    assert code in codes(replace(problem, jobs=jobs), plan)


def test_planted_a_certificate_that_has_run_out_is_caught(day):
    problem, plan = day
    skilled = {each.id for each in problem.jobs if each.skills and not each.fixed}
    at = next(n for n, r in enumerate(plan.routes) if any(s.job in skilled for s in r.stops))
    past = problem.day - timedelta(days=1)
    people = tuple(
        replace(each, certificates=dict.fromkeys(each.skills, past))
        if each.id == plan.routes[at].technician
        else each
        for each in problem.technicians
    )
    assert "certificate" in codes(replace(problem, technicians=people), plan)


def test_planted_a_day_without_its_lunch_is_caught(day):
    problem, plan = day
    at = next(n for n, route in enumerate(plan.routes) if route.lunch_start_seconds is not None)
    hungry = replaced(plan, at, replace(plan.routes[at], lunch_start_seconds=None))
    assert "lunch_missing" in codes(problem, hungry)


def person_changed(day, **changes):
    problem, plan = day
    begun = {each.id for each in problem.jobs if each.fixed and each.fixed.started}
    fresh = [each for each in plan.routes if each.stops and each.stops[0].job not in begun]
    busy = max(fresh, key=lambda each: len(each.stops)).technician
    people = tuple(
        replace(each, **changes) if each.id == busy else each for each in problem.technicians
    )
    return codes(replace(problem, technicians=people), plan)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"absences": (Band(opens=8 * HOUR, closes=18 * HOUR),)}, "absent"),
        ({"capacity": -1}, "overload"),
        ({"standby": True}, "standby"),
        ({"reachable": False}, "tablet_unreachable"),
        ({"start": Point(latitude=38.0, longitude=116.0)}, "too_early"),
        ({"end": Point(latitude=38.0, longitude=116.0)}, "shift"),
        ({"shift": Band(opens=8 * HOUR, closes=9 * HOUR), "overtime_seconds": 60}, "shift"),
    ],
)
def test_planted_a_person_who_cannot_is_caught(day, changes, code):
    assert code in person_changed(day, **changes)


def test_planted_a_job_taken_from_a_tablet_that_nobody_reaches_is_caught(day):
    problem, plan = day
    jobs = {each.id: each for each in problem.jobs}
    at = max(range(len(plan.routes)), key=lambda n: len(plan.routes[n].stops))
    stop = next(s for s in plan.routes[at].stops if not jobs[s.job].fixed)
    dark = next(t for n, t in enumerate(problem.technicians) if t.id != plan.routes[at].technician)
    people = tuple(
        replace(t, reachable=False) if t.id == dark.id else t for t in problem.technicians
    )
    held = tuple(replace(j, holder=dark.id) if j.id == stop.job else j for j in problem.jobs)
    assert "on_unreachable_tablet" in codes(replace(problem, technicians=people, jobs=held), plan)


@pytest.mark.parametrize(
    "changes",
    [
        {"tier": "emergency"},
        {"access": (Access(opens=0, closes=48 * HOUR, odds=0.0),)},
        {"told_seconds": 0},
        {"group": "elsewhere", "prefers": "nobody"},
        {"holder": "nobody"},
        {"grid": "Z"},
    ],
)
def test_the_cost_counts_each_rule(day, changes):
    problem, plan = day
    placed = {stop.job for route in plan.routes for stop in route.stops}
    jobs = [
        replace(
            each, group=None, prefers=None, holder=None, access=(), told_seconds=None, grid=None
        )
        for each in problem.jobs
    ]
    problem = replace(problem, jobs=tuple(jobs))
    job = next(
        each
        for each in jobs
        if (each.id in placed) != ("tier" in changes)
        and not each.fixed
        and each.tier != "emergency"
    )
    people = tuple(replace(each, grids=("A",)) for each in problem.technicians)
    before = replace(problem, technicians=people)
    jobs = tuple(replace(j, **changes) if j.id == job.id else j for j in problem.jobs)
    assert cost(replace(before, jobs=jobs), plan) != cost(before, plan)


def test_a_pin_that_contradicts_another_is_not_hidden_from_the_checker():
    problem = generated(2, 10, seed=3)
    plan = solve(problem, budget=Budget(seconds=None, iterations=20))
    fixed = Fixed(technician="T0", start_seconds=0)
    jobs = tuple(replace(each, fixed=fixed) for each in problem.jobs)
    assert "fixed_moved" in codes(replace(problem, jobs=jobs), plan)


PLANS = int(os.environ.get("RANDOM_PLANS", "200"))


@pytest.mark.parametrize("seed", range(PLANS // 100))
def test_the_checker_and_the_kernel_agree_on_a_hundred_random_plans(seed):
    """Plans half made: a few rounds, whatever the dice say, begun from nothing or from another."""
    problem = rich(3 + seed % 6, 12 + seed % 40, seed=10_000 + seed)
    before = None
    for n in range(100):
        budget = Budget(seconds=None, iterations=1 + n % 7)
        plan = solve(problem, seed=seed * 100 + n, budget=budget, start=before if n % 3 else None)
        assert check(problem, plan) == ()
        assert cost(problem, plan) == plan.cost
        before = plan
