"""A live day of twelve events, from the first visit to the last: what has begun and what is pinned
never moves, emergencies are placed at once, and no promise breaks that need not."""

from datetime import date, time, timedelta
from uuid import UUID

import msgspec
import pytest

from scheduling import layout, lines
from scheduling.demand import Day, demand, midnight_of, now_seconds
from scheduling.diff import PROMISED, changes, placed_ahead
from scheduling.emergencies import SOON_GRACE_SECONDS, frozen_ahead
from scheduling.events import SEARCH_SEED, loosened, movable
from scheduling.live import options, row_of, stands
from scheduling.pins import FROZEN_SECONDS
from scheduling.repair import repair, retimed
from scheduling.solver import Budget, solve
from schemas.day import PersonRow, WorkRow
from schemas.problems import Refusal
from tests.scheduling.days import generated

replace = msgspec.structs.replace
DAY = date(2026, 11, 24)
BEGINS = midnight_of(DAY)
ROUNDS = 1_000


def at(seconds):
    return BEGINS + timedelta(seconds=seconds)


class Office:
    """A day of a dozen technicians, told as rows, changed by events like the shell does it."""

    def __init__(self, seed):
        self.problem = generated(12, 90, seed=seed)
        plan = solve(self.problem, seed=1, budget=Budget(seconds=None, iterations=400))
        numbers = {each.id: n for n, each in enumerate(self.problem.technicians)}
        place = {
            stop.job: (numbers[route.technician], stop.start_seconds, stop.end_seconds)
            for route in plan.routes
            for stop in route.stops
        }
        self.people = [self.person(n, each) for n, each in enumerate(self.problem.technicians)]
        self.work = [
            self.row(n, each, place.get(each.id)) for n, each in enumerate(self.problem.jobs)
        ]
        self.now = at(7 * 3600 + 1800)
        self.fixed = {}
        self.moved = 0

    def person(self, n, each):
        return PersonRow(
            id=UUID(int=n + 1),
            number=each.id,
            name=each.id,
            latitude=each.home.latitude,
            longitude=each.home.longitude,
            skills=list(each.skills),
            grids=[],
            shift_opens=time(8),
            shift_closes=time(17, 30),
            lunch_opens=time(12),
            lunch_closes=time(13),
            tablet=UUID(int=n + 1000),
            unsent=0,
            seen_at=at(0),
            shift_kind=None,
            opens_at=None,
            closes_at=None,
            certificates=dict(each.certificates),
        )

    def row(self, n, each, place, **more):
        # a row has one window: the one that the plan chose
        open_ = [band for band in each.windows if place and band.opens <= place[1] <= band.closes]
        window = next(iter(open_ or each.windows), None)
        promised = each.tier in PROMISED
        given = {
            "visit_id": UUID(int=n + 10_000),
            "work_order_id": UUID(int=n + 20_000),
            "technician_id": UUID(int=place[0] + 1) if place else None,
            "state": "planned",
            "pinned": n % 17 == 0 and place is not None,
            "pending_decision": False,
            "certification": "open",
            "started_at": None,
            "ended_at": None,
            "outcome": None,
            "accepted": [],
            "record_version": 1,
            "stop_id": UUID(int=n + 30_000) if place else None,
            "arrive_at": at(place[1]) if place else None,
            "starts_at": at(place[1]) if place else None,
            "ends_at": at(place[2]) if place else None,
            "travel_seconds": 0,
            "number": each.id,
            "kind": "repair",
            "tier": "normal",
            "case_id": UUID(int=n + 40_000) if promised else None,
            "skills": list(each.skills),
            "duration_seconds": each.duration_seconds,
            "window_opens": at(window.opens) if window else None,
            "window_closes": at(window.closes) if window else None,
            "earliest_at": None,
            "due_at": at(20 * 3600) if each.tier == "breaks_today" else None,
            "latitude": each.place.latitude,
            "longitude": each.place.longitude,
            "address": each.id,
            "grid": None,
        }
        return WorkRow(**{**given, **more})

    def until(self, hour, minute=0):
        """Time passes; who was to begin has begun, who was to end has ended."""
        self.now = at(hour * 3600 + minute * 60)
        self.people = [replace(each, seen_at=self.now) for each in self.people]
        self.work = [self.lived(each) for each in self.work]
        for each in self.work:
            if each.state != "planned" or each.pinned:
                self.fixed.setdefault(each.job, (each.technician_id, each.starts_at))

    def lived(self, row):
        if row.starts_at is None or row.state == "ended" or row.starts_at > self.now:
            return row
        begun = replace(row, state="on_site", started_at=row.starts_at)
        if row.ends_at <= self.now:
            return replace(begun, state="ended", ended_at=row.ends_at)
        return begun

    def day(self, **more):
        return replace(Day(on_day=DAY, people=self.people, work=self.work, now=self.now), **more)

    def live(self, day=None):
        day = day or self.day()
        return stands(demand(day), now_seconds=now_seconds(DAY, self.now))

    def jobs(self, live, chosen):
        return [
            live.laid.problem.jobs[live.laid.numbers[row.job]]
            for row in self.work
            if chosen(row) and row.job in live.laid.numbers
        ]

    def repaired(self, live, loose, touched=()):
        """Repairs, carries the changes out in the rows, and holds what every event must hold."""
        done = repair(live, loose, improve=searched)
        asked = replace(live.asked, problem=done.laid.problem)
        had = [name for name in done.left if asked.rows[name].technician_id]
        found = changes(asked, placed_ahead(done.laid, retimed(done, touched)), dropped=had)
        by_visit = {each.visit_id: each for each in found}
        for row in self.work:
            change = by_visit.get(row.visit_id)
            if change is not None:
                assert row.state == "planned", "what has begun never moves"
                assert not row.pinned, "what is pinned never moves"
        self.work = [self.changed(row, by_visit.get(row.visit_id)) for row in self.work]
        self.moved += len([each for each in found if each.kind == "moved"])
        self.hold(live, done)
        return done, found

    def changed(self, row, change):
        if change is None:
            return row
        if change.after is None:
            return replace(row, technician_id=None, starts_at=None, ends_at=None, arrive_at=None)
        return replace(
            row,
            technician_id=change.after.technician_id,
            arrive_at=change.after.arrive_at,
            starts_at=change.after.starts_at,
            ends_at=change.after.ends_at,
        )

    def on_the_way(self, live, who):
        """How many visits somebody is not called back from."""
        route = live.laid.routes[row_of(live.laid, who)]
        return frozen_ahead(live.laid, route)

    def hold(self, live, done):
        for row in self.work:
            if row.job in self.fixed:
                assert (row.technician_id, row.starts_at) == self.fixed[row.job]
        assert not lines.broken(layout.walked(done.laid.lines)).any()
        # a promise that was dropped has no free place anywhere
        after = replace(live, laid=done.laid)
        for name in done.left:
            job = done.laid.problem.jobs[done.laid.numbers[name]]
            if job.tier in PROMISED:
                assert not any(each.feasible for each in options(after, job)), name
        # nor has one that comes late, unless it is on a tablet that nobody reaches or begins soon
        # (as before the event, it is nobody's choice whose tablet is not heard)
        now = self.live(self.day(silent=frozenset(map(UUID, live.asked.silent))))
        soon = now.laid.since.now_seconds + FROZEN_SECONDS
        for name in now.late:
            job = now.laid.problem.jobs[now.laid.numbers[name]]
            spared = {*live.asked.silent, *live.laid.since.hungry}
            held = job.fixed or job.holder in spared or now.asked.starts[name] < soon
            if job.tier in PROMISED and not held:
                original = next(each for each in live.asked.problem.jobs if each.id == name)
                assert not any(each.feasible for each in options(now, original)), name
        names = {each.id for each in done.laid.problem.technicians}
        spans = {}
        for row in self.work:
            if row.technician_id and row.starts_at and str(row.technician_id) in names:
                stands_ = row.job in self.fixed
                spans.setdefault(row.technician_id, []).append(
                    (row.starts_at, row.ends_at, stands_)
                )
        for held in spans.values():
            held.sort()
            # a visit that lasts over a pinned hour cannot move, nor can the pin
            pairs = zip(held, held[1:], strict=False)
            assert all(a[1] <= b[0] or (a[2] and b[2]) for a, b in pairs), "in two places"


def searched(problem, plan):
    """The search after an event by rounds alone: the same on a slow machine (how long it takes is
    measured in bench/live.py)."""
    budget = Budget(seconds=None, iterations=ROUNDS)
    return solve(problem, seed=SEARCH_SEED, budget=budget, start=plan)


def mine(row, who):
    return row.technician_id == who and row.state == "planned" and not row.pinned


# in 111 only who stays after the shift can come to an emergency
@pytest.mark.parametrize("seed", [*range(1, 11), 111])
def test_a_day_of_twelve_events(seed):
    lived_through(seed)


def lived_through(seed):
    """A day of twelve events; every event is held to what every event must hold."""
    office = Office(seed)
    told = []

    def emergency(n, hour, minute):
        office.until(hour, minute)
        spot = office.problem.jobs[n]
        row = office.row(900 + hour * 60 + minute, spot, None, tier="emergency", visit_id=None)
        row = replace(row, skills=["repair"], window_opens=None, window_closes=None)
        office.work.append(replace(row, visit_id=UUID(int=50_000 + hour * 60 + minute)))
        live = office.live()
        (job,) = office.jobs(live, lambda each: each.job == str(office.work[-1].visit_id))
        done, found = office.repaired(live, [replace(job, tier="emergency")])
        assert job.id not in done.left, "an emergency is always placed"
        # nobody could have come much sooner without leaving something undone for it
        starts = now_seconds(DAY, office.work[-1].starts_at)
        sooner = [
            each.start
            for each in options(live, job)
            if each.feasible and each.place >= office.on_the_way(live, each.technician)
        ]
        assert starts <= min(sooner, default=starts) + SOON_GRACE_SECONDS
        told.append(("emergency", len(found)))

    def ill(n):
        who = office.people[n].id
        loose = [each for each in office.jobs(office.live(), lambda row: mine(row, who))
                 if not each.fixed]  # fmt: skip
        office.people[n] = replace(office.people[n], shift_kind="sick", closes_at=office.now)
        _, found = office.repaired(loosened(office.day(), loose), loose)
        assert not [row for row in office.work if mine(row, who) and row.job not in office.fixed]
        told.append(("sick", len(found)))

    emergency(5, 8, 40)  # 1
    office.until(9, 5)  # 2: somebody is ill
    ill(2)

    office.until(9, 40)  # 3: a visit overruns
    running = next(row for row in office.work if row.state == "on_site")
    before = office.live()
    longer = replace(running, ends_at=running.ends_at + timedelta(minutes=50))
    office.work = [longer if row.job == running.job else row for row in office.work]
    late = set(office.live().late) - set(before.late)
    loose = [each for each in office.jobs(before, lambda row: row.job in late) if not each.fixed]
    loose = movable(loosened(office.day(), loose), loose)
    live = loosened(office.day(), loose)
    _, found = office.repaired(live, loose, touched={str(running.technician_id)})
    told.append(("overrun", len(found)))

    office.until(10, 10)  # 4, 5: customers cancel
    for _ in range(2):
        gone = next(row for row in office.work if row.state == "planned" and row.technician_id
                    and not row.pinned and row.job not in office.fixed)  # fmt: skip
        office.work = [row for row in office.work if row.job != gone.job]
        live = office.live()
        free = office.jobs(live, lambda row: row.technician_id is None)
        _, found = office.repaired(live, free)
        told.append(("cancel", len(found)))

    emergency(11, 10, 30)  # 6
    office.until(11, 0)  # 7: nobody opens
    door = next(row for row in office.work if row.state == "on_site")
    ended = replace(door, state="ended", ended_at=office.now, ends_at=office.now)
    office.work = [ended if row.job == door.job else row for row in office.work]
    live = office.live()
    _, found = office.repaired(live, office.jobs(live, lambda row: row.technician_id is None))
    told.append(("no_access", len(found)))

    office.until(11, 30)  # 8: a tablet is silent, work stays
    quiet = office.people[4]
    held = [(row.job, row.starts_at) for row in office.work if mine(row, quiet.id)]
    live = office.live(office.day(silent=frozenset({quiet.id})))
    _, found = office.repaired(live, office.jobs(live, lambda row: row.technician_id is None))
    assert held == [(row.job, row.starts_at) for row in office.work if mine(row, quiet.id)]
    told.append(("tablet_silent", len(found)))

    day = office.day(silent=frozenset({quiet.id}))  # 9: and is moved knowingly
    live = office.live(day)
    loose = [
        replace(each, holder=None) for each in office.jobs(live, lambda row: mine(row, quiet.id))
    ]
    loose = movable(live, [each for each in loose if each.fixed is None])
    _, found = office.repaired(live, loose)
    told.append(("tablet_silent, moved", len(found)))

    emergency(17, 13, 20)  # 10
    office.until(14, 0)  # 11: another is ill
    ill(7)
    emergency(23, 14, 30)  # 12

    assert len(told) == 12
    office.until(18)
    assert all(
        row.state == "ended" for row in office.work if row.job in office.fixed and row.starts_at
    )


def test_a_day_that_the_search_refuses_is_repaired_without_it():
    """Pins that come late make a neighbourhood that no plan can keep: the event stands all the same."""

    def refused(_problem, _plan):
        raise Refusal("plan_problem", field="jobs.x.fixed", reason="cannot begin then")

    office = Office(1)
    office.until(9, 5)
    who = office.people[2].id
    loose = [each for each in office.jobs(office.live(), lambda row: mine(row, who))
             if not each.fixed]  # fmt: skip
    live = loosened(office.day(), loose)
    with_search, without = (repair(live, loose, improve=each) for each in (refused, None))
    assert (with_search.routes, with_search.left) == (without.routes, without.left)
    assert with_search.routes
