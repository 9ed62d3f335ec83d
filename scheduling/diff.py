"""A new day against the published one: what each technician and each customer would notice."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from scheduling import layout
from scheduling.demand import Demand, midnight_of
from scheduling.layout import Laid
from schemas.base import Value
from schemas.day import WorkRow
from schemas.live import ChangeKind, Placement, PlanDiff, VisitChange
from schemas.plan import Plan

PROMISED = frozenset({"emergency", "breaks_today", "booked"})


class Placed(Value, frozen=True):
    """A job in somebody's new day; seconds from local midnight."""

    job: str
    technician: str
    rank: int
    arrive: int
    start: int
    end: int
    travel: int = 0


def placed_by(plan: Plan) -> list[Placed]:
    """Where a plan puts each job."""
    return [
        Placed(
            job=stop.job,
            technician=route.technician,
            rank=rank,
            arrive=stop.arrive_seconds,
            start=stop.start_seconds,
            end=stop.end_seconds,
            travel=stop.travel_seconds,
        )
        for route in plan.routes
        for rank, stop in enumerate(route.stops, start=1)
    ]


def placed_ahead(laid: Laid, routes: Mapping[str, tuple[str, ...]]) -> list[Placed]:
    """Where new routes put each job: `routes` is technician to what is still to come, for those
    technicians whose day changes."""
    rows = [t for t, each in enumerate(laid.problem.technicians) if each.id in routes]
    for t in rows:
        chosen = routes[laid.problem.technicians[t].id]
        laid = layout.with_route(laid, t, route=tuple(laid.numbers[job] for job in chosen))
    lines = layout.rows_of(laid.lines, rows)
    walk = layout.walked(lines)
    out = []
    for row, t in enumerate(rows):
        person = laid.problem.technicians[t]
        for p, job in enumerate(routes[person.id]):
            out.append(
                Placed(
                    job=job,
                    technician=person.id,
                    rank=int(laid.done[t]) + p + 1,
                    arrive=int(walk.arrive[row, p]),
                    start=int(walk.start[row, p]),
                    end=int(walk.finish[row, p]),
                    travel=int(lines.drive[row, p]),
                )
            )
    return out


def changes(
    asked: Demand, placed: Iterable[Placed], *, dropped: Iterable[str] = ()
) -> tuple[VisitChange, ...]:
    """What differs from the day as it is published, in the order of the new one. `dropped` are jobs
    that somebody had and nobody has now."""
    midnight = midnight_of(asked.problem.day)
    fixed = {each.id for each in asked.problem.jobs if each.fixed is not None}
    pinned = (each for each in asked.problem.jobs if each.fixed and not each.fixed.started)
    standing = [held for each in pinned if (held := before_of(asked.rows[each.id])) is not None]
    found = []
    by_job = {each.job: each for each in placed}
    for each in by_job.values():
        row = asked.rows[each.job]
        if each.job in fixed or row.half:
            # what has begun and what is pinned never moves (I17); work for two is told once
            continue
        before, after = before_of(row), _placement(each, midnight)
        if row.people > 1 and (mate := by_job.get(row.second)) is not None:
            after = msgspec.structs.replace(after, second_id=UUID(mate.technician))
        if row.visit_id is None:
            # a slot that was sold becomes a visit like work that nobody had
            before = None
        if same(before, after):
            continue
        kind: ChangeKind = "added" if before is None else "moved"
        if before is not None and people_of(before) == people_of(after):
            kind = "retimed"
        found.append(_change(row, kind, before=before, after=after))
    for job in dropped:
        row = asked.rows[job]
        if row.visit_id is not None and not row.half and (held := before_of(row)) is not None:
            found.append(_change(row, "dropped", before=held, after=None))
    return tuple(each for each in found if not _needless(each, found, standing=standing))


def _needless(
    change: VisitChange, found: Sequence[VisitChange], *, standing: Sequence[Placement]
) -> bool:
    # before a pinned visit that is late others are late too; where what was told can stay told, it
    # stays, and nobody is published in two places
    before, after = change.before, change.after
    if change.kind != "retimed" or before is None or after is None:
        return False
    others = [each.after for each in found if each is not change and each.after is not None]
    return any(_clash(after, each) for each in standing) and not any(
        _clash(before, each) for each in [*others, *standing]
    )


def _clash(one: Placement, other: Placement) -> bool:
    return (
        not people_of(one).isdisjoint(people_of(other))
        and one.starts_at < other.ends_at
        and other.starts_at < one.ends_at
    )


def _change(
    row: WorkRow, kind: ChangeKind, *, before: Placement | None, after: Placement | None
) -> VisitChange:
    return VisitChange(
        kind=kind,
        # a visit that does not exist yet is named by its order until it is made
        visit_id=row.visit_id or row.work_order_id,
        work_order_id=row.work_order_id,
        before=before,
        after=after,
        new=row.visit_id is None,
    )


def before_of(row: WorkRow) -> Placement | None:
    """Where somebody has a job in the published day; the rank is not kept, it follows from the
    hours."""
    if row.technician_id is None or row.starts_at is None or row.ends_at is None:
        return None
    return Placement(
        technician_id=row.technician_id,
        rank=0,
        arrive_at=row.arrive_at or row.starts_at,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        second_id=row.second_id,
    )


def people_of(place: Placement) -> frozenset[UUID]:
    """Whose day a placement stands in."""
    return frozenset(each for each in (place.technician_id, place.second_id) if each)


def hours_of(row: WorkRow, *, begins: datetime) -> Literal["kept", "today", "away"]:
    """Whether a job stands within the hours agreed by now, or these are elsewhere in the day that
    `begins` then, or of another day. What nobody has, or a person pinned, stays."""
    opens, closes, held = row.window_opens, row.window_closes, before_of(row)
    if opens is None or closes is None or held is None or row.pinned:
        return "kept"
    if not begins <= opens < begins + timedelta(days=1):
        return "away"
    return "kept" if opens <= held.starts_at <= closes else "today"


def _placement(each: Placed, midnight: datetime) -> Placement:
    return Placement(
        technician_id=UUID(each.technician),
        rank=each.rank,
        arrive_at=midnight + timedelta(seconds=each.arrive),
        starts_at=midnight + timedelta(seconds=each.start),
        ends_at=midnight + timedelta(seconds=max(each.end, each.start + 1)),
    )


def same(one: Placement | None, other: Placement | None) -> bool:
    """Whether nobody would notice a difference: the same people at the same hour."""
    if one is None or other is None:
        return one is other
    return (people_of(one), one.starts_at, one.ends_at) == (
        people_of(other),
        other.starts_at,
        other.ends_at,
    )


def against(asked: Demand, plan: Plan) -> PlanDiff:
    """A plan against the published day, counted and in full."""
    placed = placed_by(plan)
    halves = {job for job, row in asked.rows.items() if row.half}
    held = {job for route in asked.routes.values() for job in route} - halves
    now = {each.job for each in placed} - halves
    known = {each.id for each in asked.problem.jobs}
    found = changes(asked, placed, dropped=sorted((held & known) - now))
    promised = {each.id for each in asked.problem.jobs if each.tier in PROMISED}
    kinds = [each.kind for each in found]
    orders = {job: row.work_order_id for job, row in asked.rows.items()}
    return PlanDiff(
        moved=kinds.count("moved"),
        retimed=kinds.count("retimed"),
        added=kinds.count("added"),
        dropped=kinds.count("dropped"),
        unchanged=len(now) - sum(1 for each in found if each.kind != "dropped"),
        promises_gained=tuple(sorted(orders[job] for job in (now - held) & promised)),
        promises_lost=tuple(sorted(orders[job] for job in (held & known - now) & promised)),
        travel_seconds=plan.travel_seconds,
        changes=found,
    )


def reversed_change(each: VisitChange) -> VisitChange:
    """What undoes a change."""
    kinds: dict[ChangeKind, ChangeKind] = {
        "added": "dropped",
        "dropped": "added",
        "moved": "moved",
        "retimed": "retimed",
        "cancelled": "added",
    }
    return msgspec.structs.replace(
        each, kind=kinds[each.kind], before=each.after, after=each.before, new=False
    )
