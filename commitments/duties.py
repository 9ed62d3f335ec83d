"""Standing duties and checks: promises that no single clock holds, judged from dated records."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta

from commitments.calendar import Calendar, days_between, local_day
from schemas.base import Span, Value
from schemas.problems import Refusal

NOTICE_LEAD = timedelta(hours=48)
OUTAGE_USUAL = timedelta(hours=24)
NIGHT_FROM_HOUR, NIGHT_UNTIL_HOUR = 22, 6
"""Between these hours nobody expects gas to come back: an open tap would go unnoticed."""


class Outage(Value, frozen=True):
    """A planned outage: what was announced and what was done."""

    noticed_at: datetime
    planned: Span
    stopped_at: datetime | None = None
    restored_at: datetime | None = None
    reason: str = ""
    approver: str = ""


class Finding(Value, frozen=True):
    """Whether one rule was kept, and why it was judged so."""

    rule: str
    kept: bool | None
    reason: str


class Proof(Value, frozen=True):
    """A dated look at one public item on one channel (clause 15)."""

    item: str
    channel: str
    checked_on: date
    live: bool


def may_announce(outage: Outage) -> None:
    """A planned outage is announced at least 48 hours before it begins (clause 2, 条例 art. 20).

    Refuses `outage_times` for a window that ends before it begins, `outage_notice_short` for a
    notice of less than 48 hours; exactly 48 is enough (民法典 1259).
    """
    if outage.planned.closes <= outage.planned.opens:
        raise Refusal("outage_times")
    # compared as a stretch of time: a rounded hour could hide a notice that is a minute short
    lead = outage.planned.opens - outage.noticed_at
    if lead < NOTICE_LEAD:
        raise Refusal("outage_notice_short", lead_hours=round(lead.total_seconds() / 3600, 2))


def outage_findings(
    outage: Outage, *, peaks: Sequence[Span], calendar: Calendar
) -> tuple[Finding, ...]:
    """The four sub-promises of clause 2, each judged for itself; None where it is still open.

    `peaks` are the unit's peak hours as spans. A stop of more than 24 hours is soft: a reason
    and an approver excuse it. Gas that comes back at night counts as not restored well.
    """
    return (
        _noticed(outage),
        _off_peak(outage, peaks),
        _usual_length(outage),
        _restored(outage, calendar),
    )


def days_without(recorded: Collection[date], *, since: date, until: date) -> tuple[date, ...]:
    """Every calendar day without a record is a breach (clauses 4a and 5: open 365 days)."""
    return tuple(sorted(days_between(since, until) - frozenset(recorded)))


def roster_gaps(shifts: Iterable[Span], *, window: Span) -> tuple[Span, ...]:
    """The stretches of a window that no shift covers (clauses 4a and 6: 24 hours a day)."""
    gaps: list[Span] = []
    covered_until = window.opens
    for shift in sorted(shifts, key=lambda each: each.opens):
        if shift.opens > covered_until:
            gaps.append(Span(opens=covered_until, closes=min(shift.opens, window.closes)))
        # a short shift inside a long one must not pull the cover back
        covered_until = max(covered_until, shift.closes)
        if covered_until >= window.closes:
            return tuple(gaps)
    return (*gaps, Span(opens=covered_until, closes=window.closes))


def public_gaps(
    proofs: Iterable[Proof], *, items: Sequence[str], channels: Sequence[str], since: date
) -> tuple[tuple[str, str], ...]:
    """Every item is live on every channel by a look no older than `since` (clause 15).

    The newest look decides: a copy that was found dead stays a gap until seen alive again.
    """
    # sorted by day, so that what is written last is what was seen last
    latest: dict[tuple[str, str], Proof] = {}
    for each in sorted(proofs, key=lambda proof: proof.checked_on):
        latest[each.item, each.channel] = each
    return tuple(
        (item, channel)
        for item in items
        for channel in channels
        if not _fresh(latest.get((item, channel)), since)
    )


def supply_findings(
    *,
    certificates: Iterable[tuple[date, date]],
    pressures_kpa: Sequence[float],
    pressure_range_kpa: tuple[float, float],
    on_day: date,
) -> tuple[Finding, ...]:
    """Gas of the standard, at the pressure that was promised (clause 1, GB 17820).

    `certificates` are first and last day of validity, both included; pressures in kPa.
    """
    low, high = pressure_range_kpa
    valid = any(first <= on_day <= last for first, last in certificates)
    # no reading at all is not a good reading: the second finding stays open then
    outside = [each for each in pressures_kpa if not low <= each <= high]
    return (
        Finding(
            rule="1", kept=valid, reason="quality report valid" if valid else "no valid report"
        ),
        Finding(
            rule="1",
            kept=None if not pressures_kpa else not outside,
            reason=f"{len(outside)} of {len(pressures_kpa)} pressures outside {low:g}–{high:g} kPa",
        ),
    )


def may_turn_on_first(*, inspected_at: datetime | None, at: datetime) -> None:
    """No first gas-on before the first inspection (clause 3d): `first_gas_on_gate`."""
    if inspected_at is None or inspected_at > at:
        raise Refusal("first_gas_on_gate")


def may_restore(*, shut_at: datetime, recheck_passed_at: datetime | None) -> None:
    """Gas that was shut off comes back only after a recheck that passed: `recheck_missing`."""
    # a recheck from before the shutting says nothing about what was shut
    if recheck_passed_at is None or recheck_passed_at <= shut_at:
        raise Refusal("recheck_missing")


def connection_findings(*, manager: str, service_fee_fen: int) -> tuple[Finding, ...]:
    """One account manager from the first day, and no service fee (clause 9e). Money in fen."""
    kept = bool(manager) and service_fee_fen == 0
    named = f"manager {manager}" if manager else "no account manager"
    return (Finding(rule="9e", kept=kept, reason=f"{named}, fee {service_fee_fen} fen"),)


def refusal_finding(
    rule: str, *, reason: str, served_at: datetime | None, due_at: datetime
) -> Finding:
    """A request that is not taken is answered with a reason in time (clauses 13d and 16c)."""
    kept = bool(reason) and served_at is not None and served_at <= due_at
    return Finding(rule=rule, kept=kept, reason=reason or "no reason was given")


def may_extend(*, reason: str, customer_agreed: bool) -> None:
    """An extension is agreed with the customer and says why (clause 16b)."""
    if not reason.strip() or not customer_agreed:
        raise Refusal("extension_without_reason")


def _noticed(outage: Outage) -> Finding:
    hours = (outage.planned.opens - outage.noticed_at).total_seconds() / 3600
    return Finding(rule="2a", kept=hours >= 48, reason=f"noticed {hours:g} hours before")


def _off_peak(outage: Outage, peaks: Sequence[Span]) -> Finding:
    planned = outage.planned
    # half-open spans: a window may end in the minute in which the peak begins
    hit = [each for each in peaks if each.opens < planned.closes and planned.opens < each.closes]
    return Finding(rule="2b", kept=not hit, reason=f"overlaps {len(hit)} peak bands")


def _usual_length(outage: Outage) -> Finding:
    if outage.stopped_at is None or outage.restored_at is None:
        return Finding(rule="2c", kept=None, reason="not restored yet")
    lasted = outage.restored_at - outage.stopped_at
    # 一般 in the handbook: the limit is soft, yet somebody has to answer for passing it
    excused = bool(outage.reason and outage.approver)
    said = f"lasted {lasted}"
    if lasted > OUTAGE_USUAL and excused:
        said += f", because {outage.reason}, approved by {outage.approver}"
    return Finding(rule="2c", kept=lasted <= OUTAGE_USUAL or excused, reason=said)


def _restored(outage: Outage, calendar: Calendar) -> Finding:
    back = outage.restored_at
    if back is None:
        return Finding(rule="2d", kept=None, reason="not restored yet")
    hour = back.astimezone(calendar.zone).hour
    if hour >= NIGHT_FROM_HOUR or hour < NIGHT_UNTIL_HOUR:
        day = local_day(calendar, back)
        return Finding(rule="2d", kept=False, reason=f"gas came back at night on {day}")
    kept = back <= outage.planned.closes
    return Finding(rule="2d", kept=kept, reason="in time" if kept else "after the announced end")


def _fresh(proof: Proof | None, since: date) -> bool:
    return proof is not None and proof.live and proof.checked_on >= since
