"""Generated working days of a gas company for the planning bench: the same seed gives the same day.

A town of clusters with villages around it; inspections, repairs and installations; five skills;
booked and due windows; a lunch that floats. All penalties are on one scale of seconds (tier
`routine`), so that peers which know nothing of strict tiers minimise the same sum.
"""

import math
import random
from datetime import date

from schemas.plan import Band, Job, Lunch, Point, Problem, Technician

HOUR, MINUTE = 3600, 60
JOBS_EACH = 10
CENTRE = (39.40, 116.30)
LUNCH = Lunch(opens=11 * HOUR + 1800, closes=14 * HOUR + 900, duration_seconds=45 * MINUTE)
HOLDERS = {"repair": 0.7, "install": 0.5, "boiler": 0.25, "pressure": 0.12}
"""How many technicians hold each skill besides inspection, which all do."""
PENALTY = {
    "promised": 100_000, "booked": 40_000, "install_due": 30_000, "repair": 20_000,
    "overdue": 15_000, "install": 6_000, "week": 5_000, "month": 2_500,
}  # fmt: skip


def day_of(technicians: int, *, seed: int) -> Problem:
    """One day with ten jobs a technician."""
    dice = random.Random(f"{technicians}/{seed}")
    towns = [
        (dice.uniform(-16, 16), dice.uniform(-16, 16)) for _ in range(max(4, technicians // 6))
    ]
    villages = []
    for _ in range(max(3, technicians // 16)):
        angle, far = dice.uniform(0, 2 * math.pi), dice.gauss(45, 4)
        villages.append((far * math.cos(angle), far * math.sin(angle)))
    people = [_person(n, dice, point=_point(dice, towns, villages)) for n in range(technicians)]
    people = _enough(people, dice)
    jobs = tuple(
        _job(n, dice, point=_point(dice, towns, villages)) for n in range(JOBS_EACH * technicians)
    )
    return Problem(
        day=date(2026, 11, 24), technicians=tuple(people), jobs=jobs, speed_kmh=30.0, detour=1.35
    )


def _point(
    dice: random.Random, towns: list[tuple[float, float]], villages: list[tuple[float, float]]
) -> Point:
    kind = dice.random()
    if kind < 0.12:
        x, y = (each + dice.gauss(0, 2) for each in dice.choice(villages))
    elif kind < 0.7:
        x, y = (min(20, max(-20, each + dice.gauss(0, 2.5))) for each in dice.choice(towns))
    else:
        x, y = dice.uniform(-20, 20), dice.uniform(-20, 20)
    east = 111.2 * math.cos(math.radians(CENTRE[0]))
    return Point(latitude=CENTRE[0] + y / 111.2, longitude=CENTRE[1] + x / east)


def _person(n: int, dice: random.Random, *, point: Point) -> Technician:
    opens = dice.choices([8, 7, 10], [0.7, 0.15, 0.15])[0] * HOUR
    skills = ["inspection", *(each for each, share in HOLDERS.items() if dice.random() < share)]
    shift = Band(opens=opens, closes=opens + 9 * HOUR)
    return Technician(id=f"T{n}", home=point, shift=shift, skills=tuple(skills), lunch=LUNCH)


def _enough(people: list[Technician], dice: random.Random) -> list[Technician]:
    """At least two people, and a tenth of all, hold each skill."""
    for skill in HOLDERS:
        while sum(skill in each.skills for each in people) < max(2, len(people) // 10):
            n = dice.randrange(len(people))
            if skill not in people[n].skills:
                old = people[n]
                people[n] = Technician(
                    id=old.id,
                    home=old.home,
                    shift=old.shift,
                    skills=(*old.skills, skill),
                    lunch=LUNCH,
                )
    return people


def _job(n: int, dice: random.Random, *, point: Point) -> Job:
    kind = dice.choices(["inspection", "repair", "install"], [0.6, 0.25, 0.15])[0]
    opens, closes, due = 7 * HOUR, 19 * HOUR, False
    if kind == "inspection":
        minutes, skills = dice.randrange(15, 26), ("inspection",)
        what = dice.choices(["overdue", "week", "month"], [0.1, 0.3, 0.6])[0]
    elif kind == "repair":
        minutes = dice.randrange(30, 61)
        skills = (dice.choices(["repair", "boiler", "pressure"], [0.75, 0.15, 0.1])[0],)
        due = dice.random() < 0.6
        what = "promised" if due else "repair"
        closes = int(max(9.5, dice.uniform(8, 18)) * HOUR) if due else closes
    else:
        minutes = dice.randrange(50, 91)
        skills = ("install",) if dice.random() < 0.8 else ("install", "boiler")
        what = "install_due" if dice.random() < 0.34 else "install"
    if dice.random() < {"inspection": 0.2, "repair": 0.4, "install": 0.6}[kind]:
        begins = dice.choice([8, 10, 13, 15]) * HOUR
        if not due:
            what, opens, closes = "booked", begins, begins + 2 * HOUR
        elif begins + HOUR < closes:
            opens, closes = begins, min(closes, begins + 2 * HOUR)
    return Job(
        id=f"J{n}",
        place=point,
        duration_seconds=minutes * MINUTE,
        skills=skills,
        windows=(Band(opens=opens, closes=closes),),
        penalty_seconds=PENALTY[what],
    )
