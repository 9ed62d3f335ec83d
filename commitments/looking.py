"""Core: a look at the dated records of a day says whether a standing duty was kept, and why."""

from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from typing import Any, get_args

import msgspec

from commitments.calendar import Calendar, end_of_day, local_day
from commitments.duties import Proof, public_gaps, roster_gaps, supply_findings
from commitments.intake import midnight
from schemas.base import Span, Value, date
from schemas.problems import Refusal
from schemas.standing import (
    HallOpening,
    PhoneCall,
    Pressure,
    PromiseSettings,
    PublicChannel,
    PublicCheck,
    PublicItem,
    QualityReport,
    Record,
    Shift,
)
from schemas.work import Channel

STANDING = ("1", "4a", "5", "6b", "7", "15")
READS: Mapping[str, tuple[str, ...]] = {
    "1": ("quality_report", "pressure"),
    "4a": ("shift",),
    "5": ("hall_opening",),
    "6b": ("shift",),
    "7": (),
    "15": ("public_check",),
}
"""Which kinds of records a duty is judged from."""
DESKS = {"4a": "emergency", "6b": "hotline"}
"""Whose desk is never empty."""
AHEAD_OF_TIME = (Shift, QualityReport)
ITEMS, CHANNELS = get_args(PublicItem), get_args(PublicChannel)


class Duty(Value, frozen=True):
    """A standing duty of one day; `subject` is a hall where each has its own."""

    code: str
    day: date
    subject: str = ""


class Seen(Value, frozen=True):
    """What there is to see of a day: records by kind, and figures of cases and outages."""

    span: Span
    rows: Mapping[str, Sequence[Any]]
    channels: Mapping[str, int] = {}
    late_starts: int = 0
    unplanned_minutes: int = 0


def duties_of(day: date, settings: PromiseSettings) -> tuple[Duty, ...]:
    """The duties of a day: supply, emergency desk, channels; the hotline's desk once it is recorded;
    each hall; publicity when its turn comes."""
    found = [Duty(code=code, day=day) for code in ("1", "4a", "7")]
    if settings.hotline_since is not None and day >= settings.hotline_since:
        found.append(Duty(code="6b", day=day))
    found += [Duty(code="5", day=day, subject=hall) for hall in sorted(set(settings.halls))]
    since = settings.standing_since or day
    if (day - since).days % settings.public_check_days == 0:
        found.append(Duty(code="15", day=day))
    return tuple(found)


def judged(
    duty: Duty, seen: Seen, *, settings: PromiseSettings, calendar: Calendar
) -> tuple[bool, str]:
    """Whether the duty was kept on its day, and the reason that is written down with it."""
    if duty.code == "1":
        return _supplied(duty, seen, settings=settings)
    if duty.code in DESKS:
        shifts = [
            Span(opens=row.opens_at, closes=row.closes_at)
            for row in seen.rows["shift"]
            if row.body["desk"] == DESKS[duty.code]
        ]
        gaps = roster_gaps(shifts, window=seen.span)
        return not gaps, _said_gaps(gaps, calendar) or "somebody sat at the desk all day"
    if duty.code == "5":
        days = {local_day(calendar, row.opens_at) for row in seen.rows["hall_opening"]
                if row.body["hall"] == duty.subject}  # fmt: skip
        kept = duty.day in days
        return kept, f"hall {duty.subject} " + ("was open" if kept else "has no opening record")
    if duty.code == "7":
        foreign = sum(n for name, n in seen.channels.items() if name not in get_args(Channel))
        count = sum(seen.channels.values())
        used = ", ".join(f"{name} {n}" for name, n in sorted(seen.channels.items()))
        kept = not foreign and not seen.late_starts
        return kept, f"{count} requests ({used or 'none'}); {seen.late_starts} clocks began late"
    return _public(duty, seen, settings=settings)


def row_of(record: Record, calendar: Calendar) -> dict[str, Any]:
    """A record as the register keeps it: its kind, the key that makes it one, and its stretch."""
    body = msgspec.to_builtins(record)
    kind = body.pop("kind")
    key, opens, closes = _placed(record, calendar)
    return {
        "kind": kind,
        "key": key,
        "opens_at": opens.astimezone(UTC),
        "closes_at": None if closes is None else closes.astimezone(UTC),
        "body": body,
    }


def refuse_settings(given: PromiseSettings) -> None:
    """Bands that pass midnight or overlap, pressures that contradict each other: `register_entry`."""
    bands = sorted(given.peak_bands, key=lambda each: each.opens)
    for each in bands:
        if each.opens.tzinfo is not None or each.closes.tzinfo is not None:
            raise Refusal("register_entry", reason="a band is in local hours, without a zone")
        if each.closes <= each.opens:
            raise Refusal("register_entry", reason="a band ends before it begins")
    if any(b.opens < a.closes for a, b in zip(bands, bands[1:], strict=False)):
        raise Refusal("register_entry", reason="two bands overlap")
    if given.pressure_high_kpa <= given.pressure_low_kpa:
        raise Refusal("register_entry", reason="the highest pressure is not above the lowest")


def refuse_backdated(given: PromiseSettings, held: PromiseSettings, *, today: date) -> None:
    """A desk that nobody recorded is not judged for days that are over: `register_entry`."""
    since = given.hotline_since
    if since is not None and since != held.hotline_since and since < today:
        raise Refusal("register_entry", reason="hotline_since is a day that is over")


def _placed(record: Record, calendar: Calendar) -> tuple[str, Any, Any]:
    if isinstance(record, QualityReport):
        begins = midnight(calendar, record.valid_from)
        return record.number, begins, end_of_day(calendar, record.valid_to)
    if isinstance(record, Pressure):
        return f"{record.station}@{record.at.astimezone(UTC):%Y%m%dT%H%M%S}", record.at, None
    if isinstance(record, Shift):
        begun = record.opens.astimezone(UTC)
        return f"{record.desk}@{begun:%Y%m%dT%H%M}@{record.person}", record.opens, record.closes
    if isinstance(record, HallOpening):
        return f"{record.hall}@{record.on}", record.opens, record.closes
    if isinstance(record, PublicCheck):
        key = f"{record.item}@{record.channel}@{record.on}"
        return key, midnight(calendar, record.on), None
    assert isinstance(record, PhoneCall)
    return f"{record.desk}@{record.number}", record.rang_at, record.answered_at


def _supplied(duty: Duty, seen: Seen, *, settings: PromiseSettings) -> tuple[bool, str]:
    found = supply_findings(
        certificates=[
            (date.fromisoformat(row.body["valid_from"]), date.fromisoformat(row.body["valid_to"]))
            for row in seen.rows["quality_report"]
        ],
        pressures_kpa=[float(row.body["kpa"]) for row in seen.rows["pressure"]],
        pressure_range_kpa=(settings.pressure_low_kpa, settings.pressure_high_kpa),
        on_day=duty.day,
    )
    dark = seen.unplanned_minutes
    steady = dark <= settings.unplanned_minutes_max
    said = [each.reason for each in found]
    said.append(f"{dark} unplanned minutes without gas, {settings.unplanned_minutes_max} allowed")
    # no reading is no good reading: what nobody measured was not kept
    return steady and all(each.kept is True for each in found), "; ".join(said)


def _public(duty: Duty, seen: Seen, *, settings: PromiseSettings) -> tuple[bool, str]:
    proofs = [
        Proof(
            item=row.body["item"],
            channel=row.body["channel"],
            checked_on=date.fromisoformat(row.body["on"]),
            live=bool(row.body["live"]),
        )
        for row in seen.rows["public_check"]
    ]
    since = duty.day - timedelta(days=settings.public_check_days)
    gaps = public_gaps(proofs, items=ITEMS, channels=CHANNELS, since=since)
    count = len(ITEMS) * len(CHANNELS)
    told = " ".join(f"{item}@{channel}" for item, channel in gaps)
    return not gaps, f"{count - len(gaps)} of {count} seen alive {told}".strip()


def _said_gaps(gaps: Sequence[Span], calendar: Calendar) -> str:
    return " ".join(
        f"nobody from {each.opens.astimezone(calendar.zone):%H:%M}"
        f" to {each.closes.astimezone(calendar.zone):%H:%M}"
        for each in gaps
    )
