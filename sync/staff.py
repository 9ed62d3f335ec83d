"""Shell: staff sign in at the company's identity provider; nobody gets an account by signing in."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.access import Tokens
from schemas.ambient import Ambient
from schemas.problems import Refusal
from schemas.single_sign_on import SignInElsewhere, SignInReturned
from storage import access
from sync.devices import Keys, hashed, welcomed

AWAY_FOR = timedelta(minutes=10)


class Provider(Protocol):
    """The identity provider, spoken to by runtime."""

    async def address(self, *, state: str, nonce: str, challenge: str) -> str:
        """Where the browser signs in."""

    async def claims(self, code: str, *, verifier: str, nonce: str) -> Mapping[str, Any]:
        """Who came back, signed by the provider. Refuses `sign_in_failed`."""


async def begin(
    engine: AsyncEngine, provider: Provider, *, keys: Keys, ambient: Ambient
) -> SignInElsewhere:
    """An attempt with secrets of its own: state, nonce and the verifier whose hash goes along."""
    state, nonce, verifier = (urlsafe_b64encode(keys.dice(33)).decode() for _ in range(3))
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = urlsafe_b64encode(digest).decode().rstrip("=")
    row = {
        "state_hash": hashed(state),
        "verifier": verifier,
        "nonce": nonce,
        "expires_at": ambient.now + AWAY_FOR,
    }
    async with engine.begin() as tx:
        await access.add_attempt(tx, row)
    address = await provider.address(state=state, nonce=nonce, challenge=challenge)
    return SignInElsewhere(address=address, state=state)


async def complete(
    engine: AsyncEngine,
    provider: Provider,
    *,
    came: SignInReturned,
    keys: Keys,
    ambient: Ambient,
) -> Tokens:
    """A state is good once; the account is the one that an administrator tied to this person.

    Refuses `sign_in_failed` alike for every reason: a guesser learns nothing.
    """
    async with engine.begin() as tx:
        attempt = await access.take_attempt(tx, hashed(came.state), now=ambient.now)
    if attempt is None:
        raise Refusal("sign_in_failed")
    said = await provider.claims(came.code, verifier=attempt.verifier, nonce=attempt.nonce)
    subject = f"{said['iss']}|{said['sub']}"
    async with engine.begin() as tx:
        row = await access.account_by_subject(tx, subject)
        if row is None and said.get("email_verified") is True:
            row = await access.tie_subject(tx, str(said.get("email", "")), subject=subject)
        if row is None:
            raise Refusal("sign_in_failed")
        return await welcomed(tx, row, keys=keys, ambient=ambient)
