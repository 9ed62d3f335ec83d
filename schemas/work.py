"""Requests, cases and work orders: what comes in through any channel and what it turns into."""

from typing import Annotated, Literal

from msgspec import Meta

from schemas.base import Instant, Name, Span, Text, Value, Wire, date

Kind = Literal[
    "repair",
    "inspection_booking",
    "appliance_install",
    "alteration",
    "relight",
    "refund",
    "complaint",
    "emergency",
    "enquiry",
    "pre_service",
]
"""The kinds of business that a request can be."""

Channel = Literal["hotline", "hall", "online_hall", "wechat", "field", "other"]
"""Clause 7: the channel is kept on every case, and the clock is the same for all of them."""

Number = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
Account = Annotated[str, Meta(min_length=1, max_length=40)]


class Window(Wire, frozen=True):
    """The hours that were agreed with the customer."""

    opens: Instant
    closes: Instant


class CaseRequest(Wire, frozen=True):
    """A customer's request as any channel hands it over.

    `received_at` is when the channel had it, not when somebody typed it: clocks start there.
    """

    kind: Kind
    channel: Channel
    account: Account
    received_at: Instant
    number: Number | None = None
    description: Annotated[str, Meta(max_length=2000)] = ""
    window: Window | None = None
    purchased_on: date | None = None


class WorkKind(Value, frozen=True):
    """What field work a kind of business needs."""

    template: str
    skills: tuple[str, ...]
    duration_minutes: int


class Service(Value, frozen=True):
    """One kind of business of the service catalogue."""

    zh: str
    en: str
    rules: dict[str, Literal["received", "purchased"]]
    work: WorkKind | None = None
    alarm: bool = False


class InspectionService(Value, frozen=True):
    """What the inspection of one class of premises needs."""

    template: str
    skills: tuple[str, ...]
    rule: str


class Services(Value, frozen=True):
    """The service catalogue."""

    version: str
    kinds: dict[str, Service]
    lead_days: int
    inspection_minutes: int
    inspections: dict[str, InspectionService]


class PremisesFacts(Value, frozen=True):
    """What intake has to know of the premises."""

    id: str
    account: str
    customer_class: str | None


class WorkOrderDraft(Value, frozen=True):
    """Field work that a case asks for."""

    kind: str
    template: str
    skills: tuple[str, ...]
    duration_seconds: int
    tier: Literal["emergency", "normal"]
    window: Span | None
    earliest_at: Instant | None
    due_at: Instant | None


class Rejection(Wire, frozen=True):
    """A request that did not become a case, and why."""

    number: str | None
    account: str
    code: Name
    zh: Text
    en: Text


__all__ = [
    "Account",
    "CaseRequest",
    "Channel",
    "InspectionService",
    "Kind",
    "Number",
    "PremisesFacts",
    "Rejection",
    "Service",
    "Services",
    "Window",
    "WorkKind",
    "WorkOrderDraft",
]
