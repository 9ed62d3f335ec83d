"""Signing in at the company's identity provider (OpenID Connect, code flow with PKCE)."""

from typing import Annotated

from msgspec import Meta

from schemas.base import Wire


class SignInElsewhere(Wire, frozen=True):
    """Where the browser goes, and what has to come back with it."""

    address: str
    state: str


class SignInReturned(Wire, frozen=True):
    """What the identity provider sent the browser back with."""

    code: Annotated[str, Meta(min_length=1, max_length=2000)]
    state: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{20,100}$")]
