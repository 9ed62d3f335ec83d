"""The company's identity provider: discovery, the code's exchange, and the signature of who came."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt

from runtime.settings import Settings
from schemas.problems import Refusal

ALGORITHMS = ["RS256", "ES256", "PS256", "EdDSA"]
"""Signatures only: `none` and anything with a shared secret are not in the list."""
SECONDS_MAX = 5.0


class OpenIdProvider:
    """One issuer of the settings; its own document says where everything is."""

    def __init__(self, settings: Settings) -> None:
        self._issuer = settings.oidc_issuer.rstrip("/")
        self._client = settings.oidc_client
        self._secret = settings.oidc_secret
        self._back = f"{settings.public_url.rstrip('/')}/board/"
        self._document: dict[str, str] = {}
        self._keys: jwt.PyJWKClient | None = None

    async def address(self, *, state: str, nonce: str, challenge: str) -> str:
        """Where the browser signs in."""
        place = await self._place("authorization_endpoint")
        asked = {
            "response_type": "code",
            "client_id": self._client,
            "redirect_uri": self._back,
            "scope": "openid email profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{place}?{urlencode(asked)}"

    async def claims(self, code: str, *, verifier: str, nonce: str) -> Mapping[str, Any]:
        """Who came back, with a signature of the issuer over our name and this attempt's nonce."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "client_id": self._client,
            "code_verifier": verifier,
        }
        if self._secret:
            form["client_secret"] = self._secret
        place = await self._place("token_endpoint")
        try:
            async with httpx.AsyncClient(timeout=SECONDS_MAX, follow_redirects=False) as client:
                reply = await client.post(place, data=form)
            token = reply.json()["id_token"] if reply.status_code == 200 else ""
            # the library fetches keys with a blocking call
            said = await asyncio.to_thread(self._verified, str(token), await self._key_client())
        except (httpx.TransportError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
            raise Refusal("sign_in_failed") from error
        if said.get("nonce") != nonce:
            raise Refusal("sign_in_failed")
        return said

    def _verified(self, token: str, keys: jwt.PyJWKClient) -> Mapping[str, Any]:
        key = keys.get_signing_key_from_jwt(token)
        said: Mapping[str, Any] = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=self._client,
            issuer=self._issuer,
            leeway=60,
            options={"require": ["exp", "iat", "iss", "sub", "aud", "nonce"]},
        )
        return said

    async def _key_client(self) -> jwt.PyJWKClient:
        if self._keys is None:
            place = await self._place("jwks_uri")
            self._keys = jwt.PyJWKClient(place, cache_keys=True, timeout=SECONDS_MAX)
        return self._keys

    async def _place(self, name: str) -> str:
        if not self._document:
            where = f"{self._issuer}/.well-known/openid-configuration"
            try:
                async with httpx.AsyncClient(timeout=SECONDS_MAX, follow_redirects=False) as client:
                    said = (await client.get(where)).raise_for_status().json()
            except (httpx.HTTPError, ValueError) as error:
                raise Refusal("unavailable", part="identity provider") from error
            if said.get("issuer", "").rstrip("/") != self._issuer:
                raise Refusal("unavailable", part="identity provider")
            self._document = {key: value for key, value in said.items() if isinstance(value, str)}
        found = self._document.get(name, "")
        if not found:
            raise Refusal("unavailable", part="identity provider")
        return found
