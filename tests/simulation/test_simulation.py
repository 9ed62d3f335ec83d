"""The share of the simulation that runs with every change; `make sim` runs the whole of it."""

from collections import Counter

import pytest

from tests.simulation import crash
from tests.simulation.lanes import caught, over_memory, over_postgres
from tests.simulation.planted import FURTHER, PLANTED
from tests.simulation.schedule import FAULTS

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


def test_the_same_seed_is_the_same_schedule():
    one, other = over_memory([11]), over_memory([11])
    assert one.operations == other.operations
    assert Counter(one.fired) == Counter(other.fired)
