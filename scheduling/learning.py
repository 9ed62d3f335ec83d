"""Shell: learns a unit's speeds from the visits of the last weeks."""

from datetime import timedelta

import numpy as np
from sqlalchemy.ext.asyncio import AsyncEngine

from scheduling.demand import ZONE
from scheduling.speeds import NO_AREA, Leg, learned
from scheduling.travel import metres_between
from schemas.ambient import Ambient
from storage import live

WINDOW = timedelta(days=60)


async def learn(engine: AsyncEngine, unit_id: str, *, ambient: Ambient) -> int:
    """Replaces what was known by what the last sixty days say; returns how many cells."""
    async with engine.begin() as tx:
        rows = await live.legs(tx, unit_id, since=ambient.now - WINDOW)
        places = [np.array([row[name] for row in rows], dtype=np.float64) for name in _PLACES]
        metres = metres_between((places[0], places[1]), (places[2], places[3]))
        found = learned(
            Leg(
                metres=float(far),
                seconds=(row["arrived_at"] - row["left_at"]).total_seconds(),
                area=row["area"] or NO_AREA,
                hour=row["arrived_at"].astimezone(ZONE).hour,
            )
            for row, far in zip(rows, metres, strict=True)
        )
        await live.save_speeds(
            tx,
            unit_id,
            rows=[
                {"unit_id": unit_id, "area": each.area, "hour": each.hour, "kmh": each.kmh,
                 "samples": each.samples, "learned_at": ambient.now}
                for each in found
            ],
        )  # fmt: skip
    return len(found)


_PLACES = ("from_latitude", "from_longitude", "latitude", "longitude")
