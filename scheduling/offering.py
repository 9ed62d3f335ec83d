"""Shell: offers slots and sells each once. A sold slot is a stop without a visit: the same
constraint that keeps anybody from being in two places keeps it from being sold twice."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from scheduling.board import Days, with_row
from scheduling.demand import RESERVE_SECONDS, midnight_of
from scheduling.live import Live
from scheduling.offers import SLOTS, Held, held, slots, spare_seconds
from scheduling.travel import GREAT_CIRCLE
from schemas.access import Principal
from schemas.ambient import Ambient
from schemas.base import Value, date
from schemas.day import WorkRow
from schemas.ids import named
from schemas.offers import Booked, BookWish, Offers, OfferShown
from schemas.plan import Band, Job
from schemas.problems import Refusal
from storage import audit, live, work
from storage.engine import Transaction

LEG_SECONDS = 600
"""What the way to levelled work is taken to last before its day is planned."""


class Search(Value, frozen=True):
    """For which work, from which day on, over how many. `would_be` is an order that nobody has made
    yet."""

    case_id: UUID | None
    work_order_id: UUID | None
    since: date
    days: int
    would_be: WorkRow | None = None


async def offered(
    engine: AsyncEngine, unit_id: str, *, search: Search, use: tuple[Days, Ambient]
) -> Offers:
    """Bookable slots inside the promise, the cheapest first. Refuses `not_found`."""
    days, ambient = use
    found: list[OfferShown] = []
    full: list[date] = []
    async with engine.connect() as tx:
        row = search.would_be or await _row(tx, unit_id, search=search)
        wanted = [search.since + timedelta(days=n) for n in range(search.days)]
        table = await days.table(tx, unit_id)
        levelled = await live.levelled(tx, unit_id, days=wanted, but=row.work_order_id)
        for day in wanted:
            if not _open(row, day):
                continue
            known = await days.day(tx, unit_id, on_day=day, now=ambient.now)
            stands, job = _job(known.live, row, day=day)
            many, seconds = levelled.get(day, (0, 0))
            if spare_seconds(stands.laid) < seconds + many * LEG_SECONDS + job.duration_seconds:
                full.append(day)
            for each in slots(stands.laid, job):
                found.append(
                    OfferShown(
                        offer_id=f"{day:%Y%m%d}-{each.band.opens}-{each.band.closes}",
                        day=day,
                        opens=midnight_of(day) + timedelta(seconds=each.band.opens),
                        closes=midnight_of(day) + timedelta(seconds=each.band.closes),
                        technician_id=UUID(each.technician),
                        added_seconds=each.added_seconds,
                        due_at=row.due_at,
                    )
                )
    # a day that is needed for what was levelled to it is sold last: a promise goes before
    roomy = [each for each in found if each.day not in full]
    ranked = tuple(sorted(roomy or found, key=lambda each: (each.added_seconds, each.opens)))
    return Offers(
        items=ranked,
        kept_free_seconds=RESERVE_SECONDS,
        days_full=tuple(full),
        roads=table.provider if table else GREAT_CIRCLE,
    )


async def book(
    engine: AsyncEngine, who: Principal, *, offer_id: str, wish: BookWish, use: tuple[Days, Ambient]
) -> Booked:
    """Holds a slot for a work order, whoever comes. Refuses `not_found`, and `offer_gone` where the
    slot was sold meanwhile or the order has its hours already."""
    days, ambient = use
    day, band = _read(offer_id)
    try:
        async with engine.begin() as tx:
            version = await live.bump(tx, who.unit_id, on_day=day)
            rows = await live.orders(tx, who.unit_id, ids=[wish.work_order_id])
            if not rows:
                raise Refusal("not_found")
            if await live.is_held(tx, who.unit_id, order_id=wish.work_order_id):
                raise Refusal("offer_gone")
            known = await days.day(tx, who.unit_id, on_day=day, now=ambient.now)
            stands, job = _job(known.live, rows[0], day=day)
            kept = held(stands.laid, job, band=band) if _open(rows[0], day) else None
            if kept is None:
                raise Refusal("offer_gone")
            begins = midnight_of(day)
            slot = named(who.unit_id, "slot", wish.work_order_id, ambient.new_id())
            owner = {"unit_id": who.unit_id, "work_order_id": wish.work_order_id}
            await work.add_stops(tx, _stops(kept, owner | {"id": slot}, begins=begins))
            told = (
                begins + timedelta(seconds=band.opens),
                begins + timedelta(seconds=band.closes),
            )
            window = {"window_opens": told[0], "window_closes": told[1], "state": "scheduled"}
            await work.set_work_order_states(tx, [{"id": wish.work_order_id, **window}])
            await _noted(tx, who, wish=wish, place=(day, version), ambient=ambient)
    except IntegrityError as error:
        raise Refusal("offer_gone") from error
    return Booked(
        work_order_id=wish.work_order_id,
        technician_id=UUID(kept.technician),
        day=day,
        opens=told[0],
        closes=told[1],
    )


def _stops(kept: Held, common: dict[str, Any], *, begins: datetime) -> list[dict[str, Any]]:
    """The place that is held, and the second technician's beside it: rank 0, and rank 1."""
    starts, ends = (begins + timedelta(seconds=each) for each in (kept.start, kept.end))
    first = common | {
        "technician_id": UUID(kept.technician),
        "rank": 0,
        "during": f"[{starts.isoformat()},{ends.isoformat()})",
        "arrive_at": begins + timedelta(seconds=kept.arrive),
        "travel_seconds": 0,
        "travel_metres": 0,
    }
    if kept.second is None:
        return [first]
    beside = {"id": named(common["unit_id"], "slot", common["id"], "second"), "rank": 1}
    return [first, first | beside | {"technician_id": UUID(kept.second)}]


async def _noted(
    tx: Transaction, who: Principal, *, wish: BookWish, place: tuple[date, int], ambient: Ambient
) -> None:
    row = {
        "id": ambient.new_id(),
        "unit_id": who.unit_id,
        "on_day": place[0],
        "version": place[1],
        "kind": "booked",
        "subject": str(wish.work_order_id),
        "actor": who.name,
        "at": ambient.now,
        "reason": wish.note,
    }
    await live.add_change(tx, row)
    entry = audit.Entry(
        at=ambient.now, actor=who.name, action="slot.booked", subject=str(wish.work_order_id)
    )
    await audit.append(tx, who.unit_id, entry=entry)


async def _row(tx: Transaction, unit_id: str, *, search: Search) -> WorkRow:
    ids = [search.work_order_id] if search.work_order_id else []
    if search.case_id is not None:
        ids = await live.orders_of_case(tx, unit_id, case_id=search.case_id)
    rows = await live.orders(tx, unit_id, ids=ids)
    if not rows:
        raise Refusal("not_found")
    return rows[0]


def _open(row: WorkRow, day: date) -> bool:
    """Whether a day lies between the earliest start and the end of the promise."""
    begins = midnight_of(day)
    early = row.earliest_at is not None and row.earliest_at >= begins + timedelta(days=1)
    return not early and (row.due_at is None or row.due_at > begins)


def _job(stands: Live, row: WorkRow, *, day: date) -> tuple[Live, Job]:
    # the hours of an earlier appointment do not bind the new one; its promise does
    free = msgspec.structs.replace(row, window_opens=None, window_closes=None)
    return with_row(stands, free)


def _read(offer_id: str) -> tuple[date, Band]:
    try:
        day, opens, closes = offer_id.split("-")
        band = Band(opens=int(opens), closes=int(closes))
        found = date(int(day[:4]), int(day[4:6]), int(day[6:8]))
    except ValueError as error:
        raise Refusal("not_found") from error
    if band not in SLOTS:
        raise Refusal("not_found")
    return found, band
