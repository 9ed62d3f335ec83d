"""Generated days for tests and benches: the same seed gives the same day."""

import random
from datetime import date

from schemas.plan import Band, Job, Lunch, Point, Problem, Technician

HOUR = 3600
SKILLS = ("inspection", "repair", "appliance_install")


def generated(people: int, jobs: int, *, seed: int) -> Problem:
    """A day with skills, windows, lunch, tiers and certificates."""
    dice = random.Random(seed)
    return Problem(
        day=date(2026, 11, 24),
        technicians=tuple(_technician(n, dice) for n in range(people)),
        jobs=tuple(_job(n, dice) for n in range(jobs)),
    )


def _place(dice: random.Random) -> Point:
    return Point(
        latitude=39.4 + dice.uniform(-0.15, 0.15), longitude=116.3 + dice.uniform(-0.2, 0.2)
    )


def _technician(n: int, dice: random.Random) -> Technician:
    return Technician(
        id=f"T{n}",
        home=_place(dice),
        shift=Band(opens=8 * HOUR, closes=17 * HOUR + 1800),
        skills=tuple(dice.sample(SKILLS, 2)),
        certificates={"repair": date(2026, 1, 1)} if n == 0 else {},
        lunch=Lunch(opens=11 * HOUR + 1800, closes=13 * HOUR + 1800, duration_seconds=HOUR),
    )


def _job(n: int, dice: random.Random) -> Job:
    windows = ()
    if dice.random() < 0.4:
        opens = dice.randrange(8, 16) * HOUR
        windows = (Band(opens=opens, closes=opens + 2 * HOUR),)
        if dice.random() < 0.3:
            windows = (*windows, Band(opens=opens + 4 * HOUR, closes=opens + 5 * HOUR))
    tier = dice.choices(["breaks_today", "booked", "due_soon", "routine"], [1, 2, 3, 4])[0]
    return Job(
        id=f"J{n}",
        place=_place(dice),
        duration_seconds=dice.choice([1200, 1800, 2400, 3600]),
        skills=(dice.choice(SKILLS),),
        windows=windows,
        tier=tier,
        penalty_seconds=dice.randrange(1800, 7200),
    )
