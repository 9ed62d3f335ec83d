"""Standing duties: the unit's own parameters, and the dated records that they are judged from."""

from datetime import time
from typing import Annotated, Literal

from msgspec import Meta

from schemas.base import Count, Instant, Name, Text, Value, Wire, date

PublicItem = Literal["price", "process", "fee", "hotline", "emergency_phone", "complaint_channel"]
PublicChannel = Literal["window", "web", "wechat", "gov_platform"]
Desk = Literal["emergency", "hotline"]
Kilopascal = Annotated[float, Meta(ge=0, le=10_000)]
Label = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^\S(.*\S)?$")]
"""What a company calls its grids, halls, stations and regions: in any script, not padded."""
Number = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:+-]{1,60}$")]


class Band(Wire, frozen=True):
    """Local hours of every day, half-open; a band never passes midnight."""

    opens: time
    closes: time


class PromiseSettings(Wire, frozen=True):
    """What the handbook leaves to the company (clauses 1, 2, 4, 5, 15). Nothing is judged before
    `standing_since`, and the hotline's desk (clause 6) not before `hotline_since`: the day from which
    on the unit records who sits there, never one that is over."""

    standing_since: date | None = None
    hotline_since: date | None = None
    halls: Annotated[list[Label], Meta(max_length=200)] = []
    peak_bands: Annotated[list[Band], Meta(max_length=6)] = []
    restore_at_night: bool = False
    pressure_low_kpa: Kilopascal = 1.5
    pressure_high_kpa: Kilopascal = 3.0
    unplanned_minutes_max: Count = 0
    remote_grids: Annotated[list[Label], Meta(max_length=500)] = []
    public_check_days: Annotated[int, Meta(ge=1, le=366)] = 30
    judge_after_hours: Annotated[int, Meta(ge=0, le=240)] = 12
    window_days: Annotated[int, Meta(ge=1, le=180)] = 75


class QualityReport(Wire, frozen=True, tag_field="kind", tag="quality_report"):
    """A certificate of gas quality (GB 17820), first and last day of validity included."""

    number: Number
    valid_from: date
    valid_to: date
    document: Text


class Pressure(Wire, frozen=True, tag_field="kind", tag="pressure"):
    """A reading of supply pressure at a station, in kPa."""

    station: Label
    at: Instant
    kpa: Kilopascal


class Shift(Wire, frozen=True, tag_field="kind", tag="shift"):
    """Somebody sits at a desk."""

    desk: Desk
    person: Name
    opens: Instant
    closes: Instant


class HallOpening(Wire, frozen=True, tag_field="kind", tag="hall_opening"):
    """A hall was open on a day."""

    hall: Label
    on: date
    opens: Instant
    closes: Instant


class PublicCheck(Wire, frozen=True, tag_field="kind", tag="public_check"):
    """Somebody looked whether an item is public on a channel; `document` shows it."""

    item: PublicItem
    channel: PublicChannel
    on: date
    live: bool
    document: Text


class PhoneCall(Wire, frozen=True, tag_field="kind", tag="call"):
    """A call as the telephone system recorded it; nobody answered where `answered_at` is empty."""

    desk: Desk
    number: Number
    rang_at: Instant
    answered_at: Instant | None = None
    agent: Annotated[str, Meta(max_length=60)] = ""


Record = QualityReport | Pressure | Shift | HallOpening | PublicCheck | PhoneCall


class Records(Wire, frozen=True):
    """Dated records; all of them are kept or none."""

    records: Annotated[list[Record], Meta(min_length=1, max_length=5_000)]


class CallFile(Wire, frozen=True):
    """A telephone system's export as CSV text: number, rang_at, answered_at, agent[, desk]."""

    csv: Annotated[str, Meta(min_length=1, max_length=1_500_000)]


class Kept(Value, frozen=True):
    """How many records were new, known already, and how many clocks they started."""

    added: int
    known: int
    clocks: int


class RegisterRow(Value, frozen=True):
    """A dated record as it lies in the register."""

    kind: str
    key: str
    opens_at: Instant
    closes_at: Instant | None
    body: dict[str, str | int | float | bool | None]
    received_at: Instant
    written_by: str


class RegisterPage(Value, frozen=True):
    """Records of a kind in order, the first 500 of the stretch."""

    items: list[RegisterRow]


class Judged(Value, frozen=True):
    """What a look at the register came to."""

    opened: int
    judged: int


class SeasonWish(Wire, frozen=True):
    """When heating starts in a region: planned, and later the day on which it did."""

    region: Label
    season: Annotated[str, Meta(pattern=r"^20[0-9]{2}-20[0-9]{2}$")]
    planned_start: date
    source: Text
    grids: Annotated[list[Label], Meta(max_length=500)] = []
    actual_start: date | None = None


class Season(Value, frozen=True):
    """A heating season and the window in which rural homes are inspected before it."""

    region: str
    season: str
    planned_start: date
    actual_start: date | None
    source: str
    grids: list[str]
    window_opens: Instant
    window_closes: Instant


class SeasonAnswer(Value, frozen=True):
    """What a season changed: clocks that began, and clocks whose end moved."""

    season: Season
    opened: int
    moved: int
