"""Notifications that leave the house: to customers by SMS, to other systems by webhook."""

from typing import Annotated, Literal

from msgspec import Meta

from schemas.base import UUID, Instant, Value, Wire

NotificationKind = Literal[
    "visit.booked", "visit.on_the_way", "visit.arrived", "visit.result", "commitment.at_risk"
]
Url = Annotated[str, Meta(min_length=9, max_length=500, pattern=r"^https?://")]


class WebhookWish(Wire, frozen=True):
    """A system of the company's own that wants to hear of some kinds of notification."""

    url: Url
    kinds: Annotated[list[NotificationKind], Meta(min_length=1, max_length=5)]


class Webhook(Value, frozen=True):
    """A receiver. `secret` signs what it gets and is shown to whoever may name receivers."""

    id: UUID
    url: str
    kinds: list[NotificationKind]
    created_at: Instant
    created_by: str
    secret: str
    ended_at: Instant | None = None


class Notification(Value, frozen=True):
    """One notification to one receiver (`sms` or a webhook's id) and what became of it."""

    id: UUID
    kind: NotificationKind
    receiver: str
    subject: str
    created_at: Instant
    next_at: Instant
    attempts: int
    sent_at: Instant | None = None
    gave_up_at: Instant | None = None
    last_error: str | None = None


class Notifications(Value, frozen=True):
    """A page of notifications, newest first; `next` continues it."""

    items: list[Notification]
    next: UUID | None = None
