"""Gas that is off: what is announced, what was done, and whom it touches."""

from typing import Annotated, Literal

from msgspec import Meta

from schemas.base import UUID, Instant, Name, Text, Value, Wire
from schemas.commitment import State
from schemas.standing import Label, PublicChannel
from schemas.work import Account, Number, Window

OutageState = Literal["announced", "off", "restored", "cancelled"]


class Notice(Wire, frozen=True):
    """What customers were told, when, on which channels, and what proves it."""

    text: Text
    at: Instant
    channels: Annotated[
        list[PublicChannel | Literal["sms", "door", "community"]], Meta(min_length=1, max_length=10)
    ]
    document: Text


class OutageWish(Wire, frozen=True):
    """A planned outage (with its notice and hours), or one that happened (with its instant)."""

    reason: Text
    number: Number | None = None
    planned: Window | None = None
    notice: Notice | None = None
    stopped_at: Instant | None = None
    grids: Annotated[list[Label], Meta(max_length=500)] = []
    accounts: Annotated[list[Account], Meta(max_length=5_000)] = []


class OutageStep(Wire, frozen=True):
    """Gas off, gas back, or called off. More than 24 hours need a reason and an approver."""

    step: Literal["stopped", "restored", "cancelled"]
    at: Instant
    reason: Annotated[str, Meta(max_length=2000)] = ""
    approver: Annotated[str, Meta(max_length=120)] = ""


class OutageClock(Value, frozen=True):
    """How one of the promises of clause 2 stands, and why."""

    id: UUID
    rule: str
    state: State
    due_at: Instant | None
    stopped_at: Instant | None


class OutageShown(Value, frozen=True):
    """An outage with how many premises it touched as they were then."""

    id: UUID
    number: str
    state: OutageState
    planned: bool
    reason: str
    noticed_at: Instant | None
    planned_opens: Instant | None
    planned_closes: Instant | None
    stopped_at: Instant | None
    restored_at: Instant | None
    premises: int
    written_by: str


class Touched(Value, frozen=True):
    """A premises as it was when the outage was written down."""

    premises: UUID
    account: str
    address: str
    customer_class: str


class OutageStory(Value, frozen=True):
    """An outage, its notice, its promises, and the first premises it touched."""

    outage: OutageShown
    notice: Notice | None
    clocks: list[OutageClock]
    touched: list[Touched]


class OutageList(Value, frozen=True):
    """Outages of the unit, the newest first."""

    items: list[OutageShown]


class GasWish(Wire, frozen=True):
    """Gas at premises: turned on for the first time, shut off, or restored."""

    to: Literal["first_on", "off", "on"]
    at: Instant
    reason: Text
    person: Name


class GasAnswer(Value, frozen=True):
    """How supply stands at premises after that."""

    premises: UUID
    account: str
    supply_state: str
    first_gas_on: str | None
