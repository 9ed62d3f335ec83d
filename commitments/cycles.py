"""Inspection cycles: when premises are due next, and the days on which the work is best done."""

from collections.abc import Sequence
from datetime import date
from re import compile as pattern
from unicodedata import normalize

import numpy as np

from commitments.calendar import months_after
from commitments.rules import rule_for
from schemas.commitment import Rule
from schemas.cycles import Levelling

Months = np.ndarray
_HOUSE = pattern(r"\d")
CYCLE_RULES = {"resident": "3a", "non_resident": "3b", "rural_piped": "3c"}
"""Clause 3: residents within 24 months, non-residents within 12, rural piped within 6; a unit may lay
down less."""


def due_on(
    rules: Sequence[Rule],
    customer_class: str | None,
    *,
    inspected_on: date | None,
    first_gas_on: date | None,
) -> date | None:
    """The interval runs from the last completed inspection, else from first gas-on, by the rule of
    that day.

    None where the class is unknown or gas was never on: a person has to look first.
    """
    since = inspected_on or first_gas_on
    if customer_class not in CYCLE_RULES or since is None:
        return None
    rule = rule_for(rules, CYCLE_RULES[str(customer_class)], on_day=since)
    return months_after(since, int(rule.limit))


def level(due_month: np.ndarray, *, months: int, lead_months: int) -> np.ndarray:
    """Gives each premises a month not after its due month, so that months are equally full.

    `due_month` counts months from now (0 is this month, negative is overdue). Earliest due first,
    each month up to the running mean that the rest still needs; at most `lead_months` early.
    """
    order = np.argsort(due_month, kind="stable")
    chosen = np.zeros(len(due_month), dtype=np.int64)
    due = np.clip(due_month[order], 0, months - 1)
    taken = 0
    for month in range(months):
        # the fullest stretch that begins here decides how much has to be done now
        ahead = np.searchsorted(due, np.arange(month, months), side="right") - taken
        need = int(np.ceil((ahead / np.arange(1, months - month + 1)).max(initial=0)))
        early = int(np.searchsorted(due, month + lead_months, side="right"))
        until = min(taken + max(need, 0), early)
        until = max(until, int(np.searchsorted(due, month, side="right")))
        chosen[order[taken:until]] = month
        taken = until
    chosen[order[taken:]] = months - 1
    return chosen


def place_of(address: str) -> str:
    """The compound or village of an address: what stands before the first house number.

    英国宫家园一期8号楼1单元303室 and …20号楼… are one place; so are the houses of a village.
    """
    plain = normalize("NFKC", address)
    found = _HOUSE.search(plain)
    # a compound has shops at its edge, which are no place of their own
    return (plain[: found.start()] if found else plain).removesuffix("商铺").strip()


def level_places(due_month: Months, place: Months, *, how: Levelling) -> Months:
    """Gives each premises a month as `level` does, and lets a trip take its neighbours along.

    Every month is as full as plain levelling makes it. What is due comes first; then neighbours of
    what is due, if they fall due within `gather_months`; then the earliest due. `place` numbers
    the compounds and villages from 0.
    """
    months = how.months
    due = np.clip(due_month, 0, months - 1)
    quota = np.bincount(level(due, months=months, lead_months=how.lead_months), minlength=months)
    chosen = np.full(len(due), months - 1, dtype=np.int64)
    left = np.ones(len(due), dtype=bool)
    for month in range(months):
        here = np.flatnonzero(left & (due <= month + how.lead_months))
        must = due[here] <= month
        size = max(int(quota[month]), int(must.sum()))
        visited = np.zeros(int(place.max(initial=-1)) + 1, dtype=bool)
        visited[place[here[must]]] = True
        near = visited[place[here]] & (due[here] <= month + how.gather_months)
        rank = np.where(must, 0, np.where(near, 1, 2))
        taken = here[np.lexsort((place[here], due[here], rank))[:size]]
        chosen[taken] = month
        left[taken] = False
    return chosen


def days_within(place: Months, days: int) -> Months:
    """Spreads one month's premises evenly over its working days, each place on neighbouring ones.

    Returns for each premises the number of its day, from 0.
    """
    order = np.argsort(place, kind="stable")
    chosen = np.empty(len(place), dtype=np.int64)
    chosen[order] = np.arange(len(place)) * days // max(1, len(place))
    return chosen


def months_between(first: date, later: date) -> int:
    """How many month names lie between two days: 0 in the same month, negative before it."""
    return (later.year - first.year) * 12 + later.month - first.month
