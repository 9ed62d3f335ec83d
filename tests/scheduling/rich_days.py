"""Generated days with every constraint of the design at once: the same seed gives the same day."""

import random
from datetime import date

import msgspec

from schemas.plan import Access, Band, Fixed, Job, Lunch, Point, Problem, Technician
from tests.scheduling.days import HOUR, SKILLS

replace = msgspec.structs.replace
DAY = date(2026, 11, 24)


def rich(people: int, jobs: int, *, seed: int) -> Problem:
    """Stations, absences, overtime, reserve, standby, loads, crews, groups, odds, pins, fairness."""
    dice = random.Random(seed)
    villages = [_place(dice) for _ in range(max(1, jobs // 8))]
    technicians = tuple(_technician(n, dice) for n in range(people))
    work = [_job(n, dice, villages=villages, people=people) for n in range(jobs)]
    for n in range(0, jobs - 1, 9):
        work[n], work[n + 1] = _crew(work[n], work[n + 1], name=f"C{n}")
    _pin(work, technicians, dice)
    problem = Problem(
        day=DAY,
        technicians=technicians,
        jobs=tuple(work),
        fairness_seconds=dice.choice([0, 600]),
    )
    return problem


def _place(dice: random.Random) -> Point:
    return Point(
        latitude=39.4 + dice.uniform(-0.12, 0.12), longitude=116.3 + dice.uniform(-0.15, 0.15)
    )


def _technician(n: int, dice: random.Random) -> Technician:
    opens = dice.choice([7, 8, 9]) * HOUR
    lunch = Lunch(opens=11 * HOUR + 1800, closes=13 * HOUR + 1800, duration_seconds=2700)
    gone = dice.choice([9, 14, 15]) * HOUR
    return Technician(
        id=f"T{n}",
        home=_place(dice),
        start=_place(dice) if dice.random() < 0.3 else None,
        end=_place(dice) if dice.random() < 0.3 else None,
        shift=Band(opens=opens, closes=opens + 9 * HOUR),
        skills=tuple(dice.sample(SKILLS, 2)),
        certificates={"repair": date(2026, 1, 1)} if dice.random() < 0.1 else {},
        lunch=lunch if dice.random() < 0.8 else None,
        grids=tuple(dice.sample("ABC", dice.randrange(3))),
        absences=(Band(opens=gone, closes=gone + HOUR),) if dice.random() < 0.3 else (),
        overtime_seconds=dice.choice([0, 0, 3600]),
        reserve_seconds=dice.choice([0, 0, 3600]),
        standby=n > 0 and dice.random() < 0.1,
        capacity=dice.choice([None, 6]),
        reachable=n == 0 or dice.random() < 0.9,
    )


def _job(n: int, dice: random.Random, *, villages: list[Point], people: int) -> Job:
    windows = ()
    if dice.random() < 0.4:
        opens = dice.randrange(8, 16) * HOUR
        windows = (Band(opens=opens, closes=opens + 2 * HOUR),)
        if dice.random() < 0.3:
            windows = (*windows, Band(opens=opens + 4 * HOUR, closes=opens + 5 * HOUR))
    village = dice.randrange(len(villages))
    tiers = ("emergency", "breaks_today", "booked", "due_soon", "routine")
    grouped = dice.random() < 0.4
    some = [f"T{each}" for each in range(people)]
    return Job(
        id=f"J{n}",
        place=villages[village] if grouped else _place(dice),
        duration_seconds=dice.choice([1200, 1800, 2400, 3600]),
        skills=(dice.choice(SKILLS),),
        windows=windows,
        tier=dice.choices(tiers, [0.3, 1, 2, 3, 4])[0],
        penalty_seconds=dice.randrange(1800, 7200),
        due_seconds=dice.choice([None, None, None, 15 * HOUR]),
        grid=dice.choice([None, "A", "B", "C"]),
        group=f"G{village}" if grouped else None,
        never=tuple(dice.sample(some, 1)) if dice.random() < 0.1 else (),
        prefers=dice.choice(some) if dice.random() < 0.2 else None,
        holder=dice.choice(some) if dice.random() < 0.3 else None,
        told_seconds=dice.randrange(8, 17) * HOUR if dice.random() < 0.2 else None,
        access=(
            (
                Access(opens=0, closes=12 * HOUR, odds=0.5),
                Access(opens=17 * HOUR, closes=19 * HOUR, odds=0.9),
            )
            if dice.random() < 0.3
            else ()
        ),
        load=dice.choice([0, 0, 1, 2]),
    )


def _crew(one: Job, other: Job, *, name: str) -> tuple[Job, Job]:
    alike = {"crew": name, "tier": "booked", "place": one.place, "only": (), "holder": None}
    return replace(one, **alike), replace(other, **alike)


def _pin(work: list[Job], technicians: tuple[Technician, ...], dice: random.Random) -> None:
    """Every third person has begun somewhere, and every third has an afternoon visit pinned."""
    free = [n for n, job in enumerate(work) if job.crew is None]
    dice.shuffle(free)
    for person in technicians:
        if not free or dice.random() < 0.5:
            continue
        n = free.pop()
        started = dice.random() < 0.5
        at = person.shift.opens + 600 if started else person.shift.opens + 7 * HOUR
        fixed = Fixed(technician=person.id, start_seconds=at, started=started)
        place = work[n].place if started else (person.end or person.home)
        work[n] = replace(work[n], fixed=fixed, place=place, load=0, duration_seconds=1200)
