"""The live channel of the board."""

import asyncio
from contextlib import suppress
from typing import Any

import msgspec
from litestar import Router, WebSocket, websocket
from litestar.exceptions import WebSocketDisconnect

from api.guards import STAFF, stranger
from api.live import GREETING_MAX, Notifier, Watcher
from api.services import Services
from schemas.access import Principal
from schemas.base import Wire
from storage import scope
from sync import devices

Socket = WebSocket[Any, Any, Any]
HELLO_SECONDS_MAX = 5.0
SEND_SECONDS_MAX = 5.0
CHECK_SECONDS = 60.0
"""A sign-out or a revoked account ends its open boards within this."""
HELLO_BYTES_MAX = 400
NOT_SIGNED_IN, NOT_ALLOWED, TOO_MANY, TOO_SLOW = 4401, 4403, 4429, 4408


class Hello(Wire, frozen=True):
    """The first message: a browser cannot give a WebSocket a header, and an address is logged."""

    token: str


@websocket("/live", guards=[stranger])
async def live(socket: Socket) -> None:
    """Says which topics changed: day, plans, commitments, conflicts, tablets, cases.

    The first message is the token; staff only. Nothing else that a client says is listened to.
    """
    use: Services = socket.app.state.services
    notifier: Notifier = socket.app.state.notifier
    await socket.accept()
    if notifier.greeting >= GREETING_MAX:
        await socket.close(code=TOO_MANY, reason="too_many_requests")
        return
    notifier.greeting += 1
    try:
        token = await _hello(socket)
    finally:
        notifier.greeting -= 1
    who = await _principal(use, token)
    if who is None:
        await socket.close(code=NOT_SIGNED_IN, reason="not_signed_in")
        return
    if who.role not in STAFF:
        await socket.close(code=NOT_ALLOWED, reason="not_allowed")
        return
    if notifier.full(who.account_id):
        await socket.close(code=TOO_MANY, reason="too_many_requests")
        return
    watcher = notifier.join(who.unit_id, account=who.account_id)
    gone = asyncio.create_task(_until_gone(socket))
    try:
        await _tell_on(socket, watcher, gone=gone, use=use, token=token)
    finally:
        notifier.leave(watcher)
        gone.cancel()


async def _tell_on(
    socket: Socket, watcher: Watcher, *, gone: asyncio.Task[None], use: Services, token: str
) -> None:
    watcher.tell(set())
    while True:
        news = asyncio.create_task(watcher.news())
        done, _ = await asyncio.wait(
            {news, gone}, timeout=CHECK_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if gone in done:
            news.cancel()
            return
        if news not in done:
            news.cancel()
            if await _principal(use, token) is None:
                await socket.close(code=NOT_SIGNED_IN, reason="not_signed_in")
                return
            continue
        try:
            sending = socket.send_json({"topics": news.result()})
            await asyncio.wait_for(sending, timeout=SEND_SECONDS_MAX)
        except TimeoutError:
            # its line is full: it joins again and fetches what it shows
            await socket.close(code=TOO_SLOW, reason="too_slow")
            return


async def _hello(socket: Socket) -> str:
    try:
        text = await asyncio.wait_for(socket.receive_text(), timeout=HELLO_SECONDS_MAX)
        return msgspec.json.decode(text[:HELLO_BYTES_MAX], type=Hello).token
    except (TimeoutError, WebSocketDisconnect, msgspec.DecodeError):
        return ""


async def _principal(use: Services, token: str) -> Principal | None:
    if not 20 <= len(token) <= 100:
        return None
    with scope.everywhere():  # whose token it is decides which unit
        return await devices.principal(use.engine, token, now=use.ambient().now)


async def _until_gone(socket: Socket) -> None:
    with suppress(WebSocketDisconnect):
        while True:
            await socket.receive_data(mode="text")


router = Router(path="/api/v1", route_handlers=[live], tags=["Live"])
