"""How fast clocks are folded, a year is levelled and a promise is explained.

Protocol: cores only, one process, no database. Clocks are drawn from the shipped rulebook with seed
1, each begun within the last 30 days; half have one pause that has ended. Levelling takes four
histories, kind and unkind; beside each peak stands the lowest that the due days themselves leave
(what falls due by a month has to be done by then, whoever plans it). Figures are the median of
`--rounds`. Run on an idle machine. The last line is JSON.

    python -m bench.commitments [--clocks 100000] [--premises 1000000] [--rounds 3]
"""

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np

from commitments.clock import fold
from commitments.cycles import level
from schemas.commitment import PAUSED, RESUMED, STARTED, Event, Rule
from storage import catalogue

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
SEED = 1
LEAD_MONTHS = 11
Clock = tuple[Rule, list[Event]]


def clocks(count: int) -> list[Clock]:
    """Open clocks of every rule that counts, drawn from one seed."""
    drawn = random.Random(SEED)  # nosec B311 - figures, not secrets
    rules = [each for each in catalogue.rules() if each.unit not in (None, "instant")]
    return [(drawn.choice(rules), _events(drawn)) for _ in range(count)]


def due_months(premises: int) -> np.ndarray:
    """Months to the due date of a first round: most of it was done in two months of one year."""
    drawn = np.random.default_rng(SEED)
    cliff = drawn.normal(8, 1.5, premises)
    spread = drawn.integers(0, 12, premises)
    return np.clip(np.where(drawn.random(premises) < 0.6, cliff, spread), -1, 11).astype(np.int64)


def histories(premises: int) -> dict[str, np.ndarray]:
    """A first round; a village that was connected in one quarter; a backlog after a bad year, a
    fifth of it overdue and two fifths due in three months; everybody due in the very next month."""
    drawn = np.random.default_rng(SEED)
    spread = drawn.integers(0, 12, premises)
    share = drawn.random(premises)
    backlog = np.where(share < 0.6, drawn.integers(0, 3, premises), spread)
    return {
        "first_round": due_months(premises),
        "one_quarter": np.where(share < 0.9, drawn.integers(8, 11, premises), spread),
        "backlog": np.where(share < 0.2, -1, backlog),
        "cliff_now": np.zeros(premises, dtype=np.int64),
    }


def levelled(due: np.ndarray, *, lead: int) -> dict[str, float]:
    """Peak over mean before and after, and the least that the due months allow."""
    filled = np.bincount(level(due, months=12, lead_months=lead), minlength=12)
    owed = np.bincount(due.clip(0), minlength=12)
    least = (np.cumsum(owed) / np.arange(1, 13)).max()
    return {
        "before": round(float(owed.max() / owed.mean()), 3),
        "after": round(float(filled.max() / filled.mean()), 3),
        "least_possible": round(float(least / owed.mean()), 3),
    }


def swept(given: Sequence[Clock]) -> None:
    """Folds every clock once."""
    calendar = catalogue.calendar()
    for rule, events in given:
        fold(rule, events, calendar=calendar, now=NOW)


def explained(given: Clock) -> bytes:
    """A promise with its events, each day counted and its verdict, as an answer carries them."""
    rule, events = given
    verdict = fold(rule, events, calendar=catalogue.calendar(), now=NOW)
    return msgspec.json.encode({"rule": rule, "events": events, "verdict": verdict})


def median_seconds(deed: Callable[[], object], rounds: int) -> float:
    """The median wall time of a deed."""
    found = []
    for _ in range(rounds):
        begun = time.perf_counter()
        deed()
        found.append(time.perf_counter() - begun)
    return statistics.median(found)


def _events(drawn: random.Random) -> list[Event]:
    begun = NOW - timedelta(minutes=drawn.randrange(30 * 24 * 60))
    events = [_event(STARTED, begun)]
    if drawn.random() < 0.5:
        since = begun + (NOW - begun) * 0.3
        events += [_event(PAUSED, since), _event(RESUMED, since + (NOW - begun) * 0.2)]
    return events


def _event(kind: str, at: datetime) -> Event:
    return Event(kind=kind, observed_at=at, received_at=at, source="bench", body={})


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clocks", type=int, default=100_000)
    parser.add_argument("--premises", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    catalogue.calendar()
    open_clocks = clocks(given.clocks)
    months = due_months(given.premises)
    longest = max(open_clocks, key=lambda each: each[0].limit * (each[0].unit == "working_day"))
    result = {
        "bench": "commitments",
        "clocks": given.clocks,
        "fold_seconds": round(median_seconds(lambda: swept(open_clocks), given.rounds), 2),
        "premises": given.premises,
        "level_seconds": round(
            median_seconds(lambda: level(months, months=12, lead_months=LEAD_MONTHS), given.rounds),
            2,
        ),
        "peak_over_mean": {
            f"{name}, {lead} months early": levelled(due, lead=lead)
            for name, due in histories(given.premises).items()
            for lead in (LEAD_MONTHS, 3)
        },
        "explain_ms": round(median_seconds(lambda: explained(longest), 99) * 1000, 3),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
