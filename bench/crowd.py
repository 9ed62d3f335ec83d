"""A crowd of tablets at one door, in a process of its own and over bare sockets.

A client library that keeps thousands of requests in one pool is slower than the server it should
overwhelm: with httpx in the bench's own process a refusal seemed to take 72 s, all of it the
caller's own queue (2026-11-25).
"""

import asyncio
import time
from typing import Any

from bench.sync_load import body_of, notes
from schemas.base import Value

ANSWER_SECONDS_MAX = 30.0


class Offer(Value, frozen=True):
    """Who asks, how often a second, for how long."""

    port: int
    tokens: tuple[str, ...]
    rate: float
    seconds: float


class Answered(Value, frozen=True):
    """A status (0 for none), how long it took, and whether a refusal said when to come again."""

    status: int
    seconds: float
    says_when: bool


def offer(wish: Offer) -> tuple[float, list[Answered]]:
    """Asks at that rate whatever is answered; when the last was sent (`time.monotonic`), and all
    answers."""
    return asyncio.run(_offer(wish))


async def _offer(wish: Offer) -> tuple[float, list[Answered]]:
    said = [0] * len(wish.tokens)
    begun, asked = time.monotonic(), list[asyncio.Task[Answered]]()
    while (past := time.monotonic() - begun) < wish.seconds:
        for _ in range(int(past * wish.rate) - len(asked)):
            who = len(asked) % len(wish.tokens)
            said[who] += 1
            request = _request(wish.tokens[who], body_of(notes(1, first=said[who])))
            asked.append(asyncio.create_task(_ask(wish.port, request)))
        await asyncio.sleep(0.005)
    over = time.monotonic()
    return over, await asyncio.gather(*asked)


def _request(token: str, body: bytes) -> bytes:
    head = (
        "POST /api/v1/sync HTTP/1.1\r\nHost: doorstep\r\nConnection: close\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


async def _ask(port: int, request: bytes) -> Answered:
    begun, writer = time.monotonic(), None
    status, says_when = 0, False
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            head: Any = await reader.readuntil(b"\r\n\r\n")
            await reader.read()
            status = int(head.split(b" ", 2)[1])
            says_when = b"retry-after:" in head.lower()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        pass
    finally:
        if writer is not None:
            writer.close()
    return Answered(status=status, seconds=time.monotonic() - begun, says_when=says_when)
