"""Who should have left for the next visit has left, as long as nobody says otherwise."""

import numpy as np
import pytest

from scheduling import layout
from scheduling.layout import first_job, walked
from scheduling.live import options
from tests.scheduling.test_live_story import Office, at

MINUTES = 60


def next_visits(office):
    """Of everybody whose next visit is a drive away: the row, the visit, its start, the drive."""
    live = office.live()
    walk = walked(live.laid.lines)
    for t, route in enumerate(live.laid.routes):
        drive = int(live.laid.lines.drive[t, 0])
        if route and drive > 10 * MINUTES:
            yield t, live.laid.problem.jobs[route[0]].id, int(walk.start[t, 0]), drive


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_half_way_to_a_visit_nobody_is_late_for_it_and_whoever_turns_round_starts_from_now(seed):
    office = Office(seed)
    office.until(7, 45)
    seen = 0
    for t, name, start, drive in list(next_visits(office)):
        office.now = at(start - drive // 2)
        live = office.live()
        laid = live.laid
        if laid.routes[t][:1] != (laid.numbers[name],) or live.asked.starts[name] != start:
            continue
        seen += 1
        assert int(walked(laid.lines).start[t, 0]) == start
        assert name not in live.late
        # somebody else's work, put before it
        now, who = laid.since.now_seconds, laid.problem.technicians[t].id
        for other in laid.problem.jobs:
            for each in options(live, other) if other.fixed is None else ():
                if each.technician == who and each.place == 0:
                    point = first_job(laid.problem) + laid.numbers[other.id]
                    way = int(layout.between(laid.ways, laid.seq[t, :1], end=np.array([point]))[0])
                    assert each.start >= now + way
    assert seen > 2


def test_who_did_not_begin_when_told_is_not_taken_to_be_under_way():
    office = Office(1)
    office.until(7, 45)
    t, name, start, _ = next(next_visits(office))
    office.now = at(start + 10 * MINUTES)
    live = office.live()
    assert int(walked(live.laid.lines).start[t, 0]) > live.laid.since.now_seconds
    assert name not in live.laid.since.coming
