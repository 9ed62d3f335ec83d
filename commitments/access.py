"""Access: what was done to reach a customer, in two figures that are never mixed.

A visit that found nobody never resets an interval; it only counts towards the duty to offer.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from commitments.calendar import Calendar, end_of_day, local_day
from schemas.base import Span, Value

ATTEMPTS_REQUIRED = 3
WINDOW_OPENS = timedelta(days=75)
EVENING_FROM_HOUR, NOON_HOUR, EVENING_UNTIL_HOUR = 18, 12, 21
BANDS = {
    "morning": (8, NOON_HOUR),
    "afternoon": (NOON_HOUR, EVENING_FROM_HOUR),
    "evening": (EVENING_FROM_HOUR, EVENING_UNTIL_HOUR),
}


class Attempt(Value, frozen=True):
    """A visit that did not end in an inspection."""

    at: datetime
    notice_left: bool


class Kept(Value, frozen=True):
    """The two figures for one premises."""

    due_on: date
    interval_kept: bool | None
    duty_kept: bool
    bands_tried: tuple[str, ...]
    missing: tuple[str, ...]


def kept(
    due_on: date,
    *,
    completed_on: date | None,
    attempts: Sequence[Attempt],
    seen: tuple[Calendar, datetime],
) -> Kept:
    """Interval actually kept by its last lawful day, and duty to offer kept: attempts, notices and
    bands tried.

    `seen` is the unit's calendar and the instant of judging. `interval_kept` is None while the
    last lawful day is not over and nothing was completed.
    """
    calendar, now = seen
    # knocking after the last lawful day mends nothing, so it is not counted
    in_time = [each for each in attempts if local_day(calendar, each.at) <= due_on]
    missing = offered(attempts, due_on=due_on, calendar=calendar)
    open_still = completed_on is None and now <= end_of_day(calendar, due_on)
    # the first figure knows only completed inspections, the second only what was offered
    interval = completed_on is not None and completed_on <= due_on
    return Kept(
        due_on=due_on,
        interval_kept=None if open_still else interval,
        duty_kept=interval or not missing,
        bands_tried=tuple(sorted({band_of(each.at, calendar) for each in in_time})),
        missing=() if interval else missing,
    )


def offered(attempts: Sequence[Attempt], *, due_on: date, calendar: Calendar) -> tuple[str, ...]:
    """What is missing of the duty to offer: three days, an evening or day of rest, a notice each.

    Knocking after the last lawful day mends nothing, so it is not counted.
    """
    in_time = [each for each in attempts if local_day(calendar, each.at) <= due_on]
    found = []
    # three knocks on one day are one try
    if len({local_day(calendar, each.at) for each in in_time}) < ATTEMPTS_REQUIRED:
        found.append("attempts_on_other_days")
    if not any(_unusual(each.at, calendar) for each in in_time):
        found.append("evening_or_weekend")
    if not all(each.notice_left for each in in_time):
        found.append("notice_each_time")
    return tuple(found)


def next_band(attempts: Sequence[Attempt], calendar: Calendar) -> tuple[bool, str]:
    """The next try is another kind of day and another time band: `(weekend, band)`.

    Evening and weekend come first, because people at work are what a first knock misses.
    """
    tried = {(_free(each.at, calendar), band_of(each.at, calendar)) for each in attempts}
    order = [(False, "evening"), (True, "morning"), (True, "afternoon")]
    order += [(False, "morning"), (False, "afternoon"), (True, "evening")]
    return next((each for each in order if each not in tried), order[0])


def preheating_window(
    planned_start: date, *, actual_start: date | None, calendar: Calendar
) -> Span:
    """Rural piped premises are inspected from 75 days before heating to the day before (3e).

    Opens by the planned start and closes by the actual one where the city moved it: opening
    early was lawful when it was done, closing late would not be.
    """
    # heating brings the load and the danger, whatever day was planned
    last = (actual_start or planned_start) - timedelta(days=1)
    return Span(
        opens=end_of_day(calendar, planned_start - WINDOW_OPENS - timedelta(days=1)),
        closes=end_of_day(calendar, last),
    )


def band_of(at: datetime, calendar: Calendar) -> str:
    """The band of the day in which an instant lies; `night` is outside every band."""
    # outside every band nobody is expected to open: it proves no fair offer
    hour = at.astimezone(calendar.zone).hour
    return next((name for name, (opens, ends) in BANDS.items() if opens <= hour < ends), "night")


def _free(at: datetime, calendar: Calendar) -> bool:
    return not calendar.works(local_day(calendar, at))


def _unusual(at: datetime, calendar: Calendar) -> bool:
    return _free(at, calendar) or band_of(at, calendar) == "evening"
