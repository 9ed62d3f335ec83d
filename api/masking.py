"""What a role need not know about a person is masked on the way out, whichever route answers."""

from contextvars import ContextVar
from re import Match
from re import compile as pattern
from typing import Any

import msgspec
from litestar import Response

from schemas.access import Role

MASKING: frozenset[Role] = frozenset({"auditor", "safety_reviewer"})
"""Roles that judge the work and call nobody."""
NUMBERS = frozenset({"phone", "customer_phone"})
NAMES = frozenset({"customer_name"})
_WITHIN = pattern(r"(?<!\d)1[3-9]\d{9}(?!\d)")
"""A mobile number that somebody wrote into a sentence, or a tablet into what was put aside. A value
that is nothing else is an account or a serial as likely: those are told apart by their names."""
_masked: ContextVar[bool] = ContextVar("doorstep_masked", default=False)


def speak_to(role: Role | None) -> None:
    """From here on the answer of this request is for that role."""
    _masked.set(role in MASKING)


def answered(response: Response[Any]) -> Response[Any]:
    """The answer, masked where its reader's role asks for it."""
    if _masked.get() and not isinstance(response.content, bytes | str):
        plain = msgspec.to_builtins(response.content, enc_hook=str)
        response.content = masked(plain)
    return response


def masked(value: Any) -> Any:
    """Telephone numbers keep their ends, names their first sign; everything else stays."""
    if isinstance(value, dict):
        return {key: _field(key, each) for key, each in value.items()}
    if isinstance(value, str) and len(value) > 11:
        return _WITHIN.sub(_ends, value)
    return [masked(each) for each in value] if isinstance(value, list) else value


def _ends(number: Match[str]) -> str:
    return number[0][:3] + "******" + number[0][-2:]


def _field(key: Any, value: Any) -> Any:
    if isinstance(value, str) and key in NUMBERS:
        return value[:3] + "*" * max(0, len(value) - 5) + value[-2:] if len(value) > 5 else "*****"
    if isinstance(value, str) and key in NAMES:
        return value[:1] + "**"
    return masked(value)
