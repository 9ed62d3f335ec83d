"""Rules, events and verdicts: what was promised, what happened, and what follows."""

from typing import Literal

from schemas.base import Instant, Value, date

State = Literal[
    "running",
    "paused",
    "met",
    "met_late_excused",
    "breached",
    "waived_by_agreement",
    "not_applicable",
    "provisional",
    "overdue_evidence_pending",
]

Fact = str | int | float | bool | None
Facts = dict[str, Fact]
ClockUnit = Literal["hour", "minute", "working_day", "calendar_day", "month", "instant", "ring"]

STARTED, PAUSED, RESUMED, WAIVED = "started", "paused", "resumed", "waived"
CALENDAR = "calendar_changed"
"""Days that became known, or changed, after the clock began: they travel in the clock's own chain."""
AMENDED, ATTEMPTED, VOIDED = "amended", "attempted_in_vain", "not_applicable"


class Event(Value, frozen=True):
    """Something that happened to a commitment: when it was true, when the company learned of it.

    `observed_at` is the corrected instant where trust is verified, else the instant of arrival.
    """

    kind: str
    observed_at: Instant
    received_at: Instant
    source: str
    body: Facts = {}


JUDGED = "judged"
"""A look at dated records that ends a check or a standing duty: its body says `kept` and why."""


class Milestone(Value, frozen=True):
    """What should have happened by a share of the time (appointment agreed, crew dispatched)."""

    kind: str
    share: float


class Escalation(Value, frozen=True):
    """Which roles are told at a stage; a stage of its own lies at a share of the time, or hours
    after the due instant."""

    stage: str
    to: tuple[str, ...]
    share: float | None = None
    after_hours: float | None = None


class Rule(Value, frozen=True):
    """One measurable promise under a clause, in one version.

    `limit` counts `unit`s, `by_area` where it differs; a standing duty or check has neither.
    `stops` are event kinds, all or any of which end the clock. `law` marks what stands beside the
    handbook; in a `window` what happened before it opened does not count. `applies` says to whom it is
    promised, with bounds as {value, inclusive}; a rule goes `over` another one that applies as well.
    What others prove (`proven_by`) begins no clock of its own.
    """

    code: str
    clause: str
    version: str
    zh: str
    kind: str = "clock"
    unit: ClockUnit | None = None
    limit: float = 0
    start: str | None = None
    stops: tuple[str, ...] = ()
    every_stop: bool = False
    soft: bool = False
    at_least: bool = False
    pauses: tuple[str, ...] = ()
    waivable: bool = False
    field_proof: bool = False
    source: str = "handbook"
    law: bool = False
    window: bool = False
    by_area: dict[str, float] = {}
    milestones: tuple[Milestone, ...] = ()
    escalation: tuple[Escalation, ...] = ()
    applies: dict[str, Fact | dict[str, Fact]] = {}
    over: str = ""
    proven_by: tuple[str, ...] = ()
    effective_from: date | None = None
    effective_to: date | None = None


class Stage(Value, frozen=True):
    """A point of a commitment's life and the instant at which it was true."""

    name: str
    at: Instant


class Pause(Value, frozen=True):
    """A stretch in which the clock stood still, with its reason and document."""

    since: Instant
    until: Instant | None
    reason: str
    document: str


class Verdict(Value, frozen=True):
    """What the events of a commitment fold to at an instant.

    `days` are the days counted one by one; `wake_at` is when time alone changes something next; a
    provisional one says by which `guess` about years to come.
    """

    state: State
    started_at: Instant
    due_at: Instant | None
    due_on: date | None
    provisional: bool
    stopped_at: Instant | None = None
    wake_at: Instant | None = None
    stages: tuple[Stage, ...] = ()
    pauses: tuple[Pause, ...] = ()
    days: tuple[date, ...] = ()
    late_seconds: int = 0
    proof_received_at: Instant | None = None
    guess: str = ""
