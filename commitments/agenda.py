"""An appointment as customers keep it: an iCalendar entry (RFC 5545), and which hours may be asked.

Written by hand: one event of eight lines, where a library would bring a parser and time zones.
"""

from datetime import UTC, datetime, timedelta

from schemas.base import Span
from schemas.problems import Refusal

HOURS_MIN, HOURS_MAX = timedelta(minutes=30), timedelta(hours=8)
AHEAD_MAX = timedelta(days=60)
LINE_BYTES_MAX = 75


def may_move(wanted: Span, *, due_at: datetime | None, now: datetime) -> None:
    """Hours to come, half an hour to eight long, and within the deadline of the promise.

    Refuses `appointment_times`, and `appointment_after_due`: an appointment after the deadline is a
    waiver, and that needs an agreement of its own (clauses 11 and 13).
    """
    length = wanted.closes - wanted.opens
    if not HOURS_MIN <= length <= HOURS_MAX or not now <= wanted.opens <= now + AHEAD_MAX:
        raise Refusal("appointment_times")
    if due_at is not None and wanted.closes > due_at:
        raise Refusal("appointment_after_due", due_at=due_at.isoformat())


def ics(uid: str, span: Span, *, words: tuple[str, str], now: datetime) -> str:
    """One event; `words` are its title and its description. Times are UTC, lines end in CRLF."""
    title, description = words
    lines = [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Doorstep//Appointment//ZH", "METHOD:PUBLISH",
        "BEGIN:VEVENT", f"UID:{uid}", f"DTSTAMP:{_utc(now)}", f"DTSTART:{_utc(span.opens)}",
        f"DTEND:{_utc(span.closes)}", f"SUMMARY:{_escaped(title)}",
        f"DESCRIPTION:{_escaped(description)}", "END:VEVENT", "END:VCALENDAR",
    ]  # fmt: skip
    return "".join(f"{part}\r\n" for line in lines for part in _folded(line))


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _escaped(words: str) -> str:
    for char in ("\\", ";", ","):
        words = words.replace(char, f"\\{char}")
    return words.replace("\r", "").replace("\n", "\\n")


def _folded(line: str) -> list[str]:
    # RFC 5545 3.1 counts octets, and a fold must not cut a character in two
    parts, held = [], ""
    for char in line:
        if len((held + char).encode()) > LINE_BYTES_MAX:
            parts.append(held)
            held = " "
        held += char
    return [*parts, held]
