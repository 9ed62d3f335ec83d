"""Who comes in: principals, sign-in, enrolment."""

from typing import Annotated, Literal

from msgspec import Meta

from schemas.base import UUID, Instant, Name, Text, Value, Wire

Role = Literal[
    "technician",
    "crew_lead",
    "dispatcher",
    "agent",
    "safety_reviewer",
    "supervisor",
    "auditor",
    "administrator",
    "revoked",
]
"""`revoked` is a tablet that may still hand in what it holds, into quarantine, and nothing else."""


class Principal(Value, frozen=True):
    """Who a request comes from. Scope follows from this alone, never from what a body says."""

    unit_id: str
    role: Role
    name: str
    account_id: UUID | None = None
    tablet_id: UUID | None = None
    technician_id: UUID | None = None
    grids: tuple[UUID, ...] | None = None
    """The grids that an account is limited to; None where it sees the whole unit."""


class Sender(Value, frozen=True):
    """A tablet that speaks, and the technician it belongs to."""

    unit_id: str
    tablet_id: UUID
    technician_id: UUID


class SignIn(Wire, frozen=True):
    """A member of staff signs in."""

    login: Annotated[str, Meta(min_length=1, max_length=60)]
    password: Annotated[str, Meta(min_length=1, max_length=200)]


class Refresh(Wire, frozen=True):
    """A refresh token is traded for a new pair, once."""

    refresh: Annotated[str, Meta(min_length=20, max_length=100)]


class Tokens(Wire, frozen=True):
    """A pair of opaque tokens; `expires_at` is that of the access token."""

    access: str
    refresh: str
    expires_at: Instant
    role: Role
    name: str
    unit: str


class EnrolmentWish(Wire, frozen=True):
    """A dispatcher asks for a code for a technician's new tablet."""

    technician: UUID


class EnrolmentCode(Wire, frozen=True):
    """A single-use code, good for ten minutes."""

    code: str
    expires_at: Instant


class Enrol(Wire, frozen=True):
    """An install becomes a tablet; `first_n` is the number of the first operation that is only on
    it, where it was another tablet before."""

    code: Annotated[str, Meta(min_length=6, max_length=20)]
    label: Name
    public_key: Annotated[str, Meta(max_length=200)] | None = None
    first_n: Annotated[int, Meta(ge=1, le=2**53)] = 1


class Enrolled(Wire, frozen=True):
    """What a tablet needs to begin."""

    tablet: UUID
    technician: UUID
    technician_name: str
    access: str
    refresh: str
    expires_at: Instant
    epoch: UUID


class Revoke(Wire, frozen=True):
    """Why a tablet gets nothing more."""

    reason: Literal["lost", "stolen", "left", "replaced"]


class Reason(Wire, frozen=True):
    """Why somebody decided something."""

    reason: Text


class Assign(Wire, frozen=True):
    """A visit goes to somebody, at an hour; `version` is that of the visit's record on screen. Of
    work for two `second` goes along; without it whoever went along before."""

    technician: UUID
    starts_at: Instant
    version: int
    second: UUID | None = None
    reason: Annotated[str, Meta(max_length=500)] = ""
