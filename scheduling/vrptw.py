"""Solomon's and Gehring & Homberger's files as problems: plain vehicle routing with windows.

Under the DIMACS convention every distance is truncated to one decimal; here a tenth of a unit is a
second and a metre, so that everything is whole. Distance is minimised, not vehicles.
"""

from datetime import date
from math import isqrt

from schemas.plan import Band, Job, MatrixGiven, Plan, Point, Problem, Technician
from schemas.problems import Refusal

TENTHS = 10
ALL_SERVED = 10**6
"""What leaving a customer out costs, in a tier above all distance."""


def problem_of(text: str) -> Problem:
    """Reads the format of Solomon (1987). Refuses `plan_problem` where it is something else."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    try:
        at = next(n for n, line in enumerate(lines) if line[0] == "NUMBER")
        vehicles, capacity = int(lines[at + 1][0]), int(lines[at + 1][1])
        given = lines[at + 2 :]
        rows = [[int(float(x)) for x in each] for each in given if each[0].isdigit()]
        depot, customers = rows[0], rows[1:]
        hours = Band(opens=depot[4] * TENTHS, closes=depot[5] * TENTHS)
        vans = tuple(
            Technician(id=f"V{n + 1}", home=Point(index=0), shift=hours, capacity=capacity)
            for n in range(vehicles)
        )
        jobs = tuple(_job(each, row) for row, each in enumerate(customers, start=1))
    except (StopIteration, IndexError, ValueError) as error:
        raise Refusal("plan_problem", field="file", reason="not in Solomon's format") from error
    table = tuple(tuple(_tenths(a, b) for b in rows) for a in rows)
    matrix = MatrixGiven(seconds=table, metres=table)
    return Problem(day=date(1987, 1, 1), technicians=vans, jobs=jobs, matrix=matrix)


def answer_of(problem: Problem, plan: Plan, *, violations: int) -> dict[str, float | int | bool]:
    """Distance in the convention's units, vehicles used, and whether everybody is served."""
    return {
        "distance": plan.travel_metres / TENTHS,
        "routes": sum(1 for each in plan.routes if each.stops),
        "feasible": not violations and not plan.unassigned and bool(problem.technicians),
    }


def _job(row: list[int], index: int) -> Job:
    return Job(
        id=str(row[0]),
        place=Point(index=index),
        duration_seconds=row[6] * TENTHS,
        windows=(Band(opens=row[4] * TENTHS, closes=row[5] * TENTHS),),
        tier="booked",
        penalty_seconds=ALL_SERVED,
        load=row[3],
    )


def _tenths(one: list[int], other: list[int]) -> int:
    # the floor of ten times the distance, without a float in between
    return isqrt(100 * ((one[1] - other[1]) ** 2 + (one[2] - other[2]) ** 2))
