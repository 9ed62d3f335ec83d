"""Core: a telephone system's export, read line by line; whatever is wrong says its line."""

import csv
from collections.abc import Iterable, Mapping
from datetime import datetime
from io import StringIO

import msgspec

from schemas.problems import Refusal
from schemas.standing import PhoneCall

NAMES = {
    "number": ("number", "call_id", "话单号", "流水号"),
    "rang_at": ("rang_at", "ring_at", "振铃时间", "来电时间"),
    "answered_at": ("answered_at", "接听时间", "应答时间"),
    "agent": ("agent", "坐席", "工号"),
    "desk": ("desk", "line", "热线"),
}
DESKS = {"": "hotline", "客服": "hotline", "抢险": "emergency"}
ROWS_MAX = 5_000


def read_calls(text: str) -> list[PhoneCall]:
    """Calls of a CSV with a header. Refuses `column_missing`, `file_empty`, `register_entry` with
    the line, `fact_without_zone` for an instant that does not say where it is."""
    reader = csv.DictReader(StringIO(text.lstrip("\ufeff")))
    calls = []
    try:
        found = _columns(reader.fieldnames or ())
        for line, row in enumerate(reader, start=2):
            if line > ROWS_MAX + 1:
                raise Refusal("register_entry", reason=f"more than {ROWS_MAX} calls in one file")
            calls.append(_call(line, {name: row.get(at) or "" for name, at in found.items()}))
    except csv.Error as error:
        raise Refusal("file_unreadable", reason=str(error)) from error
    if not calls:
        raise Refusal("file_empty")
    return calls


def _columns(header: Iterable[str]) -> dict[str, str]:
    given = {str(each).strip().lower(): str(each) for each in header}
    found = {name: given[word] for name, words in NAMES.items() for word in words if word in given}
    for name in ("number", "rang_at", "answered_at"):
        if name not in found:
            raise Refusal("column_missing", column=name)
    return found


def _call(line: int, row: Mapping[str, str]) -> PhoneCall:
    desk = row.get("desk", "").strip()
    answered = row["answered_at"].strip()
    given = {
        "kind": "call",
        "number": row["number"].strip(),
        "rang_at": _instant(line, row["rang_at"]),
        "answered_at": _instant(line, answered) if answered else None,
        "agent": row.get("agent", "").strip(),
        "desk": DESKS.get(desk, desk),
    }
    try:
        return msgspec.convert(given, PhoneCall)
    except msgspec.ValidationError as error:
        raise Refusal("register_entry", line=line, reason=str(error)) from error


def _instant(line: int, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise Refusal("fact_not_a_time", line=line, value=text[:40]) from error
    if at.tzinfo is None:
        raise Refusal("fact_without_zone", line=line)
    return at
