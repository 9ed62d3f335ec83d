"""Bookable slots: what a customer may choose from, and what was chosen."""

from typing import Annotated

from msgspec import Meta

from schemas.base import UUID, Instant, Value, Wire, date


class OfferShown(Value, frozen=True):
    """A bookable slot: the hours that a customer is told, cheapest first."""

    offer_id: str
    day: date
    opens: Instant
    closes: Instant
    technician_id: UUID
    added_seconds: int
    due_at: Instant | None


class Offers(Value, frozen=True):
    """Slots inside the promise; `kept_free_seconds` a day stays in reserve for emergencies. Days
    whose levelled work leaves no room are offered only where no other day has a slot. `roads` told
    the ways."""

    items: tuple[OfferShown, ...]
    kept_free_seconds: int
    days_full: tuple[date, ...] = ()
    roads: str = "great_circle"


class BookWish(Wire, frozen=True):
    """The customer takes a slot for a work order that exists."""

    work_order_id: UUID
    note: Annotated[str, Meta(max_length=500)] = ""


class Booked(Value, frozen=True):
    """A slot that is held: nobody else can be sold it."""

    work_order_id: UUID
    technician_id: UUID
    day: date
    opens: Instant
    closes: Instant
