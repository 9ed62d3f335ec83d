"""Technicians and requests: rows few enough to be kept whole."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import cast
from zoneinfo import ZoneInfo

from runtime.imports.cells import (
    BETWEEN,
    Cells,
    plain,
    read_clock,
    read_instant,
    read_place,
)
from runtime.imports.mapping import Mapping
from schemas.base import Place
from schemas.registry import Request, Technician
from schemas.work import CaseRequest, Channel, Kind, Window

PARTS = re.compile(r"[;；,，、]")
NUMBER = re.compile(r"[A-Za-z0-9_-]{1,40}")


def technician(
    cells: Cells, mapping: Mapping, *, as_of: date, middle: Place | None
) -> Technician | None:
    """One technician; None, with a note, where the row cannot be planned with."""
    number = _number(cells)
    opens, closes = cells.clock("shift_opens"), cells.clock("shift_closes")
    if not number:
        return None
    # a shift that is guessed would send somebody out at the wrong hour
    if opens is None or closes is None or opens >= closes:
        cells.notes.add("time_unreadable", field="shift_opens", given="", done="put_aside")
        return None
    lunch_opens, lunch_closes = _lunch(cells)
    return Technician(
        number=number,
        name=cells.text("name"),
        phone=cells.text("phone"),
        station=cells.text("station"),
        skills=_skills(cells, mapping),
        certificate_until=_certificate(cells, as_of),
        home=_home(cells, mapping, middle=middle),
        shift_opens=opens,
        shift_closes=closes,
        lunch_opens=lunch_opens,
        lunch_closes=lunch_closes,
        grids=tuple(_parts(cells.text("grids"))),
        vehicle=mapping.code("vehicle", cells.text("vehicle")) or cells.text("vehicle"),
    )


def request(cells: Cells, mapping: Mapping, *, known: Callable[[str], bool]) -> Request | None:
    """One request; None, with a note, where intake could not know what is asked or since when."""
    number = _number(cells)
    kind = mapping.code("kind", cells.text("kind"))
    received_at = _received(cells, mapping)
    if number and kind is None:
        cells.notes.add("kind_unknown", field="kind", given=cells.raw("kind"), done="put_aside")
    if not number or kind is None or received_at is None:
        return None
    account = plain(cells.text("account"))
    # kept all the same: somebody asked for something, and a person has to answer
    account_known = known(account)
    if not account_known:
        cells.notes.add("request_unknown_account", field="account", given=account, done="put_aside")
    return Request(
        request=CaseRequest(
            number=number,
            kind=cast(Kind, kind),
            channel=_channel(cells, mapping),
            account=account,
            received_at=received_at,
            description=cells.text("description"),
            window=_window(cells, mapping),
            purchased_on=cells.day("purchased_on"),
        ),
        account_known=account_known,
    )


def _number(cells: Cells) -> str:
    given = plain(cells.text("number"))
    if NUMBER.fullmatch(given):
        return given
    cells.notes.add("key_missing", field="number", given=given, done="put_aside")
    return ""


def _parts(given: str) -> list[str]:
    return [each for part in PARTS.split(given) if (each := part.strip())]


def _skills(cells: Cells, mapping: Mapping) -> tuple[str, ...]:
    skills: list[str] = []
    for given in _parts(cells.text("skills")):
        skill = mapping.code("skill", given)
        if skill is None:
            cells.notes.add("skill_unknown", field="skills", given=given, done="put_aside")
        # order is kept, because companies list the main skill first
        elif skill not in skills:
            skills.append(skill)
    return tuple(skills)


def _certificate(cells: Cells, as_of: date) -> date | None:
    """The last valid day; it is kept when it has passed, so that no plan takes it as open-ended."""
    until = cells.day("certificate_until")
    if until is not None and until < as_of:
        cells.notes.add(
            "certificate_expired", field="certificate_until", given=str(until), done="noted"
        )
    return until


def _lunch(cells: Cells) -> tuple[time | None, time | None]:
    given = plain(cells.text("lunch"))
    if not given:
        return None, None
    times = [read_clock(each.strip()) for each in BETWEEN.split(given)]
    if len(times) == 2 and times[0] and times[1] and times[0] < times[1]:
        return times[0], times[1]
    cells.notes.add("time_unreadable", field="lunch", given=given, done="put_aside")
    return None, None


def _home(cells: Cells, mapping: Mapping, *, middle: Place | None) -> Place | None:
    # not a finding of its own kind: those count premises, and a home only shortens a drive
    given = (cells.text("longitude"), cells.text("latitude"), cells.text("datum"))
    home, trouble = read_place(given, mapping, middle=middle)
    if trouble is not None:
        cells.notes.add(
            "home_repaired" if home else "home_unknown",
            field="longitude",
            given=" ".join(given),
            done="repaired" if home else "put_aside",
        )
    return home


def _received(cells: Cells, mapping: Mapping) -> datetime | None:
    given = plain(cells.text("received_at"))
    # exports carry the wall clock of the unit and no zone; the mapping says which one it is
    found = read_instant(given, ZoneInfo(mapping.timezone))
    if found is None:
        cells.notes.add("time_unreadable", field="received_at", given=given, done="put_aside")
        return None
    return found.astimezone(UTC)


def _channel(cells: Cells, mapping: Mapping) -> Channel:
    given = cells.text("channel")
    found = mapping.code("channel", given)
    if found is None:
        cells.notes.add("channel_unknown", field="channel", given=given, done="noted")
    return cast(Channel, found or "other")


def _window(cells: Cells, mapping: Mapping) -> Window | None:
    """Hours as companies write them: `2026-11-18 18:00-20:00`, local to the unit."""
    given = plain(cells.text("window"))
    if not given:
        return None
    day, _, hours = given.partition(" ")
    ends = [each.strip() for each in BETWEEN.split(hours)]
    zone = ZoneInfo(mapping.timezone)
    if len(ends) == 2:
        opens, closes = (read_instant(f"{day} {each.zfill(5)}", zone) for each in ends)
        if opens and closes and opens < closes:
            return Window(opens=opens.astimezone(UTC), closes=closes.astimezone(UTC))
    cells.notes.add("time_unreadable", field="window", given=given, done="put_aside")
    return None
