"""The share of the simulation that runs with every change; `make sim` runs the whole of it."""

from collections import Counter
from uuid import UUID

import pytest

from tests.simulation import crash
from tests.simulation.dying import Busy
from tests.simulation.lanes import caught, over_memory, over_postgres
from tests.simulation.planted import FURTHER, PLANTED
from tests.simulation.scene import LIBRARY
from tests.simulation.schedule import BUSY_MAX, FAULTS, Schedule
from tests.simulation.worlds import MemoryWorld

SHARE = range(20_000, 20_600)
CHUNK = 60


@pytest.mark.parametrize("first", range(SHARE.start, SHARE.stop, CHUNK))
def test_no_schedule_of_faults_breaks_a_promise(first):
    ran = over_memory(range(first, first + CHUNK))
    assert ran.broken == []
    assert ran.operations > CHUNK * 20
    # each kind of fault happens in every sixty schedules many times over
    assert [name for name in FAULTS if not ran.fired[name]] == []


@pytest.mark.parametrize("first", [30_000, 30_006, 30_012])
async def test_no_schedule_of_faults_breaks_a_promise_over_postgresql(
    first, database_url, tmp_path
):
    ran = await over_postgres(database_url, range(first, first + 6), state=tmp_path)
    assert ran.broken == []
    assert ran.schedules == 6


@pytest.mark.parametrize("name", [*PLANTED, *FURTHER])
def test_a_planted_bug_is_noticed(name):
    after = caught(name)
    assert after is not None, f"a server with this mistake passes: {name}"


async def test_nothing_that_was_told_is_lost_by_kill_9_of_server_backend_or_postmaster(tmp_path):
    done = await crash.run(tmp_path, kills=5)
    assert (done["lost"], done["doubled"], done["unsent"]) == (0, 0, 0)
    assert done["kills"] == 5
    assert min(done["killed"].values()) >= 1
    assert done["told"] > 100


class BusyWorld(MemoryWorld):
    """The double behind a door that is closed for the first so many who come."""

    def __init__(self, closed_for: int) -> None:
        super().__init__(LIBRARY, epoch=UUID(int=1))
        self.closed_for = closed_for

    async def exchange(self, *given, **named):
        """As the double, once the door is open."""
        self.closed_for -= 1
        if self.closed_for >= 0:
            raise Busy
        return await super().exchange(*given, **named)


@pytest.mark.parametrize(("closed_for", "broken"), [(BUSY_MAX, False), (10_000, True)])
async def test_a_busy_server_is_asked_again_and_one_that_is_busy_for_ever_breaks_a_promise(
    closed_for, broken
):
    ran = await Schedule(11, BusyWorld(closed_for)).run()
    assert ran.fired["not_answered"] >= BUSY_MAX
    assert ("I16" in {each.invariant for each in ran.findings}) is broken
    assert broken or ran.findings == []


def test_the_same_seed_is_the_same_schedule():
    one, other = over_memory([11]), over_memory([11])
    assert one.operations == other.operations
    assert Counter(one.fired) == Counter(other.fired)
