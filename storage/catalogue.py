"""What ships as data: rules, the calendar, grades. Read once a process."""

from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import holidays
import msgspec
import yaml

from commitments.calendar import Calendar
from commitments.rules import read_rules
from schemas.commitment import Rule
from schemas.rulebook import RuleDraft

CATALOGUE = Path(__file__).with_name("catalogue")
OFFICIAL_FROM, OFFICIAL_UNTIL = 2004, 2026
"""Years whose State Council notice the `holidays` package holds; later ones it guesses silently."""
STATUTORY = ((1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3))
"""Holidays whose date the regulation itself names (全国年节及纪念日放假办法, 2025): nobody waits for a
notice to know them. What moves with the moon, make-up days and days in lieu are the notice's."""
STATUTORY_YEARS = 10
"""For so many years to come."""


@cache
def rules() -> tuple[Rule, ...]:
    """The handbook's sixteen clauses, and the law beside them."""
    return read_rules(document("rules.yaml"))


@cache
def clauses() -> dict[str, str]:
    """What each of the sixteen clauses is about, by its number."""
    return {str(n): str(zh) for n, zh in document("rules.yaml")["clauses"].items()}


@cache
def drafts() -> dict[str, RuleDraft]:
    """The shipped rules as they are written, by code: what a unit begins from."""
    book = document("rules.yaml")
    given = msgspec.convert([*book["rules"], *book["statutory_extra"]], list[RuleDraft])
    return {each.id: each for each in given}


@cache
def calendar() -> Calendar:
    """Official years with their make-up days; years to come are provisional: weekends, and the
    holidays whose date the regulation names; years before are plain weekends."""
    known = holidays.country_holidays("CN", years=range(OFFICIAL_FROM, OFFICIAL_UNTIL + 1))
    days: dict[date, bool] = {}
    day = date(OFFICIAL_FROM, 1, 1)
    while day.year <= OFFICIAL_UNTIL:
        worked = known.is_working_day(day)
        if worked != (day.weekday() < 5):
            days[day] = worked
        day += timedelta(days=1)
    for year in range(OFFICIAL_UNTIL + 1, OFFICIAL_UNTIL + 1 + STATUTORY_YEARS):
        fixed = [date(year, month, on) for month, on in STATUTORY]
        days |= {each: False for each in fixed if each.weekday() < 5}
    name = f"{OFFICIAL_UNTIL}+{len(STATUTORY)}"
    return Calendar(
        days=days, official_from=OFFICIAL_FROM, official_until=OFFICIAL_UNTIL, name=name
    )


def document(name: str) -> Any:
    """One file of the catalogue."""
    return yaml.safe_load((CATALOGUE / name).read_text("utf-8"))
