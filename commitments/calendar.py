"""Days of the unit: which are worked, who said so, and counting along them.

Readings: 民法典 201–204. The day of the event is not counted; the last day ends at 24:00 local.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from schemas.base import Value
from schemas.problems import Refusal

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAYS_MAX = 3_660


class Calendar(Value, frozen=True):
    """Named days over plain weekends. A year outside the official ones is a guess and says so.

    `days` holds what a State Council notice or an operator laid down: worked or not; `name` says which
    guess ships for years to come.
    """

    days: dict[date, bool]
    official_until: int
    official_from: int = 2004
    zone: ZoneInfo = SHANGHAI
    name: str = ""

    def works(self, day: date) -> bool:
        """Whether the company works on a day: what is laid down, else Monday to Friday."""
        named = self.days.get(day)
        return day.weekday() < 5 if named is None else named

    def provisional(self, day: date) -> bool:
        """Whether no State Council notice about that year is known here."""
        return not self.official_from <= day.year <= self.official_until


def local_day(calendar: Calendar, instant: datetime) -> date:
    """The unit's day in which an instant lies."""
    return instant.astimezone(calendar.zone).date()


def end_of_day(calendar: Calendar, day: date) -> datetime:
    """24:00 of a day (民法典 203), as an instant in UTC."""
    following = datetime.combine(day + timedelta(days=1), time(), calendar.zone)
    return following.astimezone(UTC)


def last_day(calendar: Calendar, until: datetime) -> date:
    """The day whose 24:00 an instant is, else the day in which it lies: what ends at midnight was due
    the day before."""
    local = until.astimezone(calendar.zone)
    midnight = local.time() == time()
    return local.date() - timedelta(days=1) if midnight else local.date()


def working_days_after(
    calendar: Calendar, start: date, *, count: int, paused: frozenset[date] = frozenset()
) -> tuple[date, ...]:
    """The `count` working days after `start`, the day of the event not counted.

    Days in `paused` stand still. Refuses `calendar_without_working_day` where none comes.
    """
    found: list[date] = []
    day = start
    for _ in range(min(DAYS_MAX, (date.max - start).days)):
        if len(found) == count:
            return tuple(found)
        day += timedelta(days=1)
        if calendar.works(day) and day not in paused:
            found.append(day)
    raise Refusal("calendar_without_working_day", start=start.isoformat(), count=count)


def months_after(start: date, months: int) -> date:
    """The same day `months` later, or the last day of a month that has no such day.

    2024-08-31 + 6 months is 2025-02-28. A safety maximum is not moved past a holiday.
    """
    index = start.year * 12 + start.month - 1 + months
    year, month = divmod(index, 12)
    if year > date.max.year - 1:
        raise Refusal("fact_not_a_time", value=start.isoformat())
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))


def days_between(first: date, last: date) -> frozenset[date]:
    """Every day from `first` to `last`, both included."""
    return frozenset(first + timedelta(days=n) for n in range((last - first).days + 1))
