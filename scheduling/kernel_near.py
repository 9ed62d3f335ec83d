"""Who is near whom, for ten thousand jobs in a second: the least of each row, kept in order."""

from typing import Any

from numba import njit

from scheduling.kernel import BESIDE_AT, BESIDE_MAX, COMPILED, NEAR_MAX

FAR = 10**9


@njit(**COMPILED)
def keep_least(row: Any, values: Any, most: int, value: int, job: int) -> None:
    """Puts a job among the `most` least of a row, after those that are as near."""
    if value >= values[most - 1]:
        return
    k = most - 1
    while k > 0 and values[k - 1] > value:
        values[k], row[k] = values[k - 1], row[k - 1]
        k -= 1
    values[k], row[k] = value, job


@njit(**COMPILED)
def apart(hours: Any, one: int, other: int, way: int) -> int:
    """How far a job is just after another, in tenths: travel, and a fifth of the least wait.

    `hours` are the first and the last start and the duration of each job. What must be late is FAR.
    """
    if hours[one, 0] + hours[one, 2] + way > hours[other, 1]:
        return FAR
    wait = hours[other, 0] - (hours[one, 1] + hours[one, 2] + way)
    return int(10 * way + 2 * max(wait, 0))


@njit(**COMPILED)
def neighbours(seconds: Any, hours: Any, table: Any, pad: Any) -> None:
    """Fills in, per job, those that can well come just before (1) or after (2) it, and those beside.

    Nearness in hours and travel together as PyVRP has it, after Vidal et al. (2013), section 4.2.
    """
    jobs = hours.shape[0]
    for job in range(jobs):
        pad[:] = FAR
        near, beside = table[job, :NEAR_MAX], table[job, BESIDE_AT:]
        for other in range(jobs):
            if other == job:
                continue
            out, into = int(seconds[job, other]), int(seconds[other, job])
            least = min(apart(hours, job, other, out), apart(hours, other, job, into))
            keep_least(near, pad[0], NEAR_MAX, least, other)
            keep_least(beside, pad[1], BESIDE_MAX, 10 * min(out, into), other)
        for k in range(NEAR_MAX - 1, -1, -1):
            other, sides = near[k], 0
            if other >= 0:
                into, out = int(seconds[other, job]), int(seconds[job, other])
                sides += 1 if apart(hours, other, job, into) < FAR else 0
                sides += 2 if apart(hours, job, other, out) < FAR else 0
            table[job, 2 * k], table[job, 2 * k + 1] = other, sides
