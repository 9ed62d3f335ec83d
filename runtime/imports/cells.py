"""From the text of a cell to a value; the unreadable is noted and left empty, never guessed."""

import re
from collections.abc import Mapping as Map
from datetime import date, datetime, time, timedelta
from math import isfinite
from zoneinfo import ZoneInfo

from runtime.geo import to_wgs84
from runtime.imports.files import FORMULA
from runtime.imports.mapping import Mapping
from runtime.imports.notes import Notes
from schemas.base import Place

# day 0 of Excel's calendar once its 29 February 1900, which never was, is allowed for
EXCEL_EPOCH = date(1899, 12, 30)
YEARS = range(1950, 2101)
SERIAL = re.compile(r"[1-9][0-9]{4}(\.[0-9]+)?")
DAY = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?(?:[ T].*)?")
DAY_SHORT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
CLOCK = re.compile(r"([0-9]{1,2})[:：]([0-9]{2})(?::[0-9]{2})?")
BETWEEN = re.compile(r"\s*[-~—–至到]\s*")
WIDE = {code: code - 0xFEE0 for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B))}
WIDE |= {code: code - 0xFEE0 for code in range(0xFF41, 0xFF5B)}
"""Full-width digits and letters; full-width punctuation is good Chinese and stays."""
TEXT_CHARACTERS_MAX = 500


class Cells:
    """One row's cells by field, with the notes that reading them leaves."""

    def __init__(self, columns: Map[str, int], notes: Notes) -> None:
        self._columns = columns
        self._cells: list[str] = []
        self.notes = notes

    def load(self, cells: list[str]) -> None:
        """Takes the cells of the next row."""
        self._cells = cells

    def raw(self, field: str) -> str:
        """What stands there, without blanks around it; nothing where the column is absent."""
        column = self._columns.get(field)
        if column is None:
            return ""
        return self._cells[column].strip()

    def text(self, field: str) -> str:
        """Text that is safe to keep: no formula, no control characters, bounded."""
        given = self.raw(field)
        if given == FORMULA:
            self.notes.add("cell_formula", field=field, given="=…", done="put_aside")
            return ""
        if not given.isprintable():
            given = "".join(each for each in given if each.isprintable()).strip()
        if len(given) > TEXT_CHARACTERS_MAX:
            self.notes.add("value_unreadable", field=field, given=given, done="put_aside")
            return ""
        return given

    def day(self, field: str) -> date | None:
        """A day, however it was written; a spreadsheet's day number is converted and noted."""
        given = plain(self.text(field))
        if not given:
            return None
        if SERIAL.fullmatch(given):
            self.notes.add("date_excel_serial", field=field, given=given, done="repaired")
            return EXCEL_EPOCH + timedelta(days=int(float(given)))
        if (found := read_day(given)) is None:
            self.notes.add("date_unreadable", field=field, given=given, done="put_aside")
        return found

    def clock(self, field: str) -> time | None:
        """A time of day."""
        given = plain(self.text(field))
        found = read_clock(given)
        if found is None and given:
            self.notes.add("time_unreadable", field=field, given=given, done="put_aside")
        return found


def plain(text: str) -> str:
    """Full-width letters and digits made plain."""
    return text if text.isascii() else text.translate(WIDE)


def read_day(text: str) -> date | None:
    """The day that a text names, or None."""
    found = DAY.fullmatch(text) or DAY_SHORT.fullmatch(text)
    if found is None or int(found[1]) not in YEARS:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None


def read_clock(text: str) -> time | None:
    """The time of day that a text names, or None."""
    found = CLOCK.fullmatch(text)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        return None
    return time(int(found[1]), int(found[2]))


def read_instant(text: str, zone: ZoneInfo) -> datetime | None:
    """A day and a time of the unit's clock; a zone of its own is respected where one is written."""
    if read_day(text) is None:
        return None
    try:
        found = datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=zone)


def read_number(text: str) -> float | None:
    """A finite number, or None."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if isfinite(found) else None


def read_place(
    given: tuple[str, str, str], mapping: Mapping, *, middle: Place | None
) -> tuple[Place | None, str | None]:
    """A WGS-84 place from longitude, latitude and datum, and the kind of trouble if there was any.

    Repaired only where certain: a pair counts as swapped when it cannot lie in the country as it
    stands and lies in the region once turned round.
    """
    longitude_text, latitude_text, datum_text = given
    if not longitude_text or not latitude_text:
        return None, "coordinates_missing"
    longitude, latitude = read_number(longitude_text), read_number(latitude_text)
    if longitude is None or latitude is None:
        return None, "coordinates_unreadable"
    if longitude == 0 or latitude == 0:
        return None, "coordinates_zero"
    datum = mapping.code("datum", datum_text.upper())
    if datum is None:
        return None, "datum_unknown"
    place, trouble = _oriented(longitude, latitude, mapping=mapping, middle=middle)
    return (to_wgs84(place) if place and datum == "gcj02" else place), trouble


def _oriented(
    longitude: float, latitude: float, *, mapping: Mapping, middle: Place | None
) -> tuple[Place | None, str | None]:
    limits = mapping.coordinates
    place = Place(latitude=latitude, longitude=longitude)
    if limits.possible(place):
        return (place, None) if limits.near(place, middle) else (None, "coordinates_far")
    turned = Place(latitude=longitude, longitude=latitude)
    if limits.possible(turned) and limits.near(turned, middle):
        return turned, "coordinates_swapped"
    return None, "coordinates_far"
