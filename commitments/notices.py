"""Core: a notice on working days, checked and laid over what is known."""

import csv
from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import date
from io import StringIO
from typing import Any

import msgspec

from commitments.calendar import Calendar
from schemas.calendar import Notice, NoticeDay
from schemas.problems import Refusal

_WORDS = {"1": True, "0": False, "true": True, "false": False, "是": True, "否": False,
          "上班": True, "休息": False, "works": True, "off": False}  # fmt: skip


def read_json(text: str) -> Notice:
    """A notice as JSON. Refuses `calendar_notice`."""
    try:
        return msgspec.json.decode(text, type=Notice)
    except msgspec.DecodeError as error:
        raise Refusal("calendar_notice", reason=str(error)) from error


def read_csv(text: str, *, source: str, layer: str = "official") -> Notice:
    """Rows of `on,works[,name]`; the year is that of the days. Refuses `calendar_notice`."""
    days = []
    for line, row in enumerate(_rows(text), start=2):
        try:
            works = _WORDS[(row.get("works") or "").strip().lower()]
            on = date.fromisoformat((row.get("on") or "").strip())
        except (KeyError, ValueError) as error:
            raise Refusal("calendar_notice", line=line, reason="on,works[,name]") from error
        days.append(NoticeDay(on=on, works=works, name=(row.get("name") or "").strip()))
    years = {each.on.year for each in days}
    if len(years) != 1:
        raise Refusal("calendar_notice", reason="one year a notice", years=sorted(years))
    return msgspec.convert(
        {"year": years.pop(), "source": source, "layer": layer, "days": days}, Notice
    )


def _rows(text: str) -> list[dict[str, str | None]]:
    try:
        return list(csv.DictReader(StringIO(text)))
    except csv.Error as error:
        raise Refusal("calendar_notice", reason=str(error)) from error


def checked(notice: Notice, calendar: Calendar) -> None:
    """Refuses `calendar_notice` for a day of another year or said twice or a guess about a year
    that is official, and `calendar_without_working_day` where a whole month would be off."""
    if notice.layer == "provisional" and notice.year <= calendar.official_until:
        raise Refusal("calendar_notice", year=notice.year, reason="official already")
    seen: set[date] = set()
    for each in notice.days:
        if each.on.year != notice.year:
            raise Refusal("calendar_notice", day=each.on.isoformat(), reason="another year")
        if each.on in seen:
            raise Refusal("calendar_notice", day=each.on.isoformat(), reason="said twice")
        seen.add(each.on)
    after = Calendar(
        days={**calendar.days, **{each.on: each.works for each in notice.days}},
        official_until=calendar.official_until,
        zone=calendar.zone,
    )
    for month in range(1, 13):
        last = monthrange(notice.year, month)[1]
        if not any(after.works(date(notice.year, month, day)) for day in range(1, last + 1)):
            raise Refusal(
                "calendar_without_working_day", start=date(notice.year, month, 1).isoformat()
            )


def complete(notice: Notice, rows: Sequence[Mapping[str, Any]]) -> list[NoticeDay]:
    """The days that a notice lays down: a day of its layer and year that it no longer names becomes
    a plain day again, said in so many words, since clocks were told of it."""
    named = {each.on for each in notice.days}
    left = [
        row["on_day"]
        for row in rows
        if row["layer"] == notice.layer == "official"
        and row["on_day"].year == notice.year
        and row["on_day"] not in named
    ]
    return [*notice.days, *(NoticeDay(on=day, works=day.weekday() < 5) for day in left)]


def laid(calendar: Calendar, rows: Sequence[Mapping[str, Any]]) -> Calendar:
    """A calendar with the layers of a unit over it."""
    days, until = _said(rows, official_until=calendar.official_until)
    return msgspec.structs.replace(calendar, days={**calendar.days, **days}, official_until=until)


def overlay(rows: Sequence[Mapping[str, Any]], *, official_until: int) -> dict[str, str | int]:
    """What the layers of a unit say together, as the body of an event: the operator prevails.

    A year is official once a notice for it was laid over one that was official already; what was
    guessed about it before then counts no more.
    """
    days, until = _said(rows, official_until=official_until)
    said = (f"{day}={'works' if works else 'off'}" for day, works in sorted(days.items()))
    return {"days": " ".join(said), "official_until": until}


def _said(
    rows: Sequence[Mapping[str, Any]], *, official_until: int
) -> tuple[dict[date, bool], int]:
    by_layer: dict[str, dict[date, bool]] = {"official": {}, "provisional": {}, "operator": {}}
    for row in rows:
        by_layer[row["layer"]][row["on_day"]] = row["working"]
    until = official_until
    while any(day.year == until + 1 for day in by_layer["official"]):
        until += 1
    # a guess that an official year overtook is taken back to the plain day, in so many words
    guessed = {
        day: works if day.year > until else day.weekday() < 5
        for day, works in by_layer["provisional"].items()
    }
    return {**guessed, **by_layer["official"], **by_layer["operator"]}, until
