"""Under load the door closes early: who cannot be served now is told at once when to come again.

A process works on a bounded number of requests. Waiting for the bytes of a slow client is no work:
a tablet on a bad link, or somebody who dribbles on purpose, keeps nobody else out.
"""

import asyncio

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send
from litestar.types.asgi_types import HTTPReceiveMessage, WebSocketReceiveMessage

from api import problems
from api.services import Services
from schemas.problems import Refusal

WORKING_MAX = 96
"""Requests that are worked on at the same time: a few for each connection to the database."""
WAITING_MAX = 1_000
"""Requests whose body is still on its way."""
CHUNK_SECONDS_MAX = 30
AGAIN_SECONDS = 2
OPEN = ("/health/", "/metrics")


class Door:
    """Middleware in front of everything but what tells whether this process lives."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request in, or answers `unavailable` with `Retry-After`."""
        if scope["type"] != ScopeType.HTTP or scope["path"].startswith(OPEN):
            await self.app(scope, receive, send)
            return
        services: Services = scope["litestar_app"].state.services
        gate = services.gate
        if gate.working >= WORKING_MAX or gate.waiting >= WAITING_MAX:
            gate.turned_away += 1
            await problems.send("unavailable", send, retry_after_seconds=AGAIN_SECONDS)
            return

        async def patient() -> HTTPReceiveMessage | WebSocketReceiveMessage:
            gate.working -= 1
            gate.waiting += 1
            try:
                async with asyncio.timeout(CHUNK_SECONDS_MAX):
                    return await receive()
            except TimeoutError as error:
                raise Refusal("body_too_slow", seconds=CHUNK_SECONDS_MAX) from error
            finally:
                gate.waiting -= 1
                gate.working += 1

        gate.working += 1
        try:
            await self.app(scope, patient, send)
        finally:
            gate.working -= 1
