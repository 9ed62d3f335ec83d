"""A unit's plans drive as fast as its people did."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from runtime.ambient import fixed
from scheduling.learning import learn
from scheduling.run import asked_of
from scheduling.speeds import WHOLE
from storage import live
from tests.api.conftest import DAY, UNIT


async def test_done_visits_teach_a_speed_and_the_next_plan_uses_it(region):
    evening = datetime(2026, 11, 24, 12, tzinfo=UTC)
    async with region.begin() as tx:
        await tx.execute(
            text(
                "UPDATE visit v SET state = 'ended', started_at = lower(s.during),"
                " ended_at = upper(s.during) FROM stop s WHERE s.visit_id = v.id AND NOT s.released"
            )
        )
    assert await learn(region, UNIT, ambient=fixed(evening)) > 0
    again = await learn(region, UNIT, ambient=fixed(evening + timedelta(hours=1)))
    async with region.connect() as tx:
        kmh = (await live.speeds(tx, UNIT))[WHOLE]
        kept = await tx.scalar(text("SELECT count(*) FROM speed"))
        asked = await asked_of(tx, UNIT, on_day=DAY + timedelta(days=1), now=evening)
    assert kept == again
    assert kmh is not None and 4 < kmh < 90
    assert asked.problem.speed_kmh == pytest.approx(kmh)
