"""What the outside world gives to a shell: the instant it acts at and fresh identifiers."""

from collections.abc import Callable
from uuid import UUID

from schemas.base import Instant, Value


class Ambient(Value, frozen=True):
    """Made once a request or task by runtime, so that nothing below reads a clock or a dice."""

    now: Instant
    new_id: Callable[[], UUID]
