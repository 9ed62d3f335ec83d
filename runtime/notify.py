"""Sends what has to leave the house: SMS through a gateway, facts to webhooks.

A notification is claimed under a lease, sent outside any transaction, and then settled: a worker
that dies in between makes it be sent again, so receivers know each by its id. Webhooks are signed as
the Standard Webhooks specification says (`webhook-id`, `webhook-timestamp`, `webhook-signature`).
"""

import asyncio
import base64
import hashlib
import hmac
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import httpx
import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from runtime import targets, wording
from runtime.settings import Settings
from schemas.ambient import Ambient
from schemas.base import Value
from schemas.problems import Refusal
from storage import notifications
from storage.services import services

AT_ONCE = 50
SEND_SECONDS_MAX = 10.0
NO_NUMBER = "no_number"
WAITS = tuple(timedelta(seconds=each) for each in (5, 30, 120, 600, 3_600, 4 * 3_600, 12 * 3_600))
"""How long after each failure the next attempt comes; after the last of them none does."""


class Gateway(Protocol):
    """Whoever brings a text to a telephone."""

    async def send(self, phone: str, text: str, *, key: UUID) -> None:
        """Hands a text over; raises where it was not taken. `key` lets it know a repetition."""


class FileGateway:
    """The default: texts are appended to a file of the day, for whoever carries them on."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "sms.jsonl"

    def forget(self, phone: str) -> None:
        """Texts to this number that still lie here say neither number nor text any more.

        Written over in place and as long as before: who appends meanwhile is in nobody's way.
        """
        if not self._file.exists():
            return
        mine = b'"to":' + msgspec.json.encode(phone)
        with self._file.open("r+b") as spool:
            at = 0
            for line in spool.readlines():
                if mine in line and line.endswith(b"\n"):
                    left = msgspec.json.encode({**msgspec.json.decode(line), "to": "", "text": ""})
                    spool.seek(at)
                    spool.write(left[:-1].ljust(len(line) - 2) + b"}\n")
                at += len(line)

    async def send(self, phone: str, text: str, *, key: UUID) -> None:
        """One JSON object a line."""
        line = msgspec.json.encode({"id": key, "to": phone, "text": text}) + b"\n"
        self._file.parent.mkdir(parents=True, exist_ok=True)
        target = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(target, line)
        finally:
            os.close(target)


def spool(settings: Settings) -> FileGateway:
    """Where texts wait for whoever carries them on."""
    return FileGateway(settings.state_folder / "notifications")


class Sender(Value, frozen=True):
    """What sending needs."""

    gateway: Gateway
    client: httpx.AsyncClient
    secret: bytes
    hosts: Sequence[str]


async def notify(engine: AsyncEngine, sender: Sender, *, ambient: Ambient) -> int:
    """Gathers what happened and sends what is due; returns how many were sent or tried."""
    async with engine.begin() as tx:
        await notifications.gather(tx, now=ambient.now)
    async with engine.begin() as tx:
        claimed = await notifications.claim(tx, now=ambient.now, limit=AT_ONCE)
    errors = await asyncio.gather(*(_tried(sender, row, now=ambient.now) for row in claimed))
    for row, error in zip(claimed, errors, strict=True):
        async with engine.begin() as tx:
            if error is None:
                await notifications.sent(tx, row["id"], now=ambient.now)
            else:
                again = next_attempt(row["attempts"], now=ambient.now)
                if error == NO_NUMBER:
                    # nobody was told, and nobody will be: it is not said to have been sent
                    again = None
                await notifications.failed(
                    tx, row["id"], error=error, next_at=again, now=ambient.now
                )
    return len(claimed)


def next_attempt(attempts: int, *, now: datetime) -> datetime | None:
    """When to try again after so many attempts, or None where it is given up."""
    return now + WAITS[attempts - 1] if attempts <= len(WAITS) else None


def secret_of(root: bytes, webhook_id: UUID) -> bytes:
    """A webhook's own secret, made from the installation's: nothing has to be stored."""
    return hmac.digest(root, b"webhook:" + webhook_id.bytes, hashlib.sha256)


def shown(secret: bytes) -> str:
    """A secret as receivers' libraries read it."""
    return "whsec_" + base64.b64encode(secret).decode()


def signature(secret: bytes, *, message: str, at: int, body: bytes) -> str:
    """The value of `webhook-signature`: HMAC-SHA256 over id, timestamp and body."""
    signed = f"{message}.{at}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


async def _tried(sender: Sender, row: Any, *, now: datetime) -> str | None:
    """What went wrong, in a word that carries no personal data, or None."""
    try:
        async with asyncio.timeout(SEND_SECONDS_MAX):
            if isinstance(row["phone"], Refusal):
                raise row["phone"]
            if row["receiver"] == "sms":
                if not row["phone"]:
                    return NO_NUMBER
                await sender.gateway.send(row["phone"], _worded(row), key=row["id"])
            else:
                await _posted(sender, row, now=now)
    except Refusal as refusal:
        return f"{refusal.code}: {refusal.details.get('reason', '')}"
    except httpx.HTTPStatusError as error:
        return f"answered {error.response.status_code}"
    except Exception as error:
        # whatever a gateway raises, the others of this round are settled all the same
        return type(error).__name__
    return None


def _worded(row: Any) -> str:
    told = row["payload"]
    service = services().kinds.get(told["work"])
    return wording.text(row["kind"], told, work=service.zh if service else "上门服务")


async def _posted(sender: Sender, row: Any, *, now: datetime) -> None:
    target = targets.read(row["url"] or "", hosts=sender.hosts)
    place = await asyncio.to_thread(targets.address, target)
    body = msgspec.json.encode(
        {
            "id": row["id"],
            "kind": row["kind"],
            "unit": row["unit_id"],
            "at": row["created_at"],
            "data": row["payload"],
        }
    )
    at, message = int(now.timestamp()), str(row["id"])
    secret = secret_of(sender.secret, UUID(row["receiver"]))
    scheme = "https" if target.secure else "http"
    shield = f"[{place}]" if ":" in place else place
    reply = await sender.client.post(
        f"{scheme}://{shield}:{target.port}{target.path}",
        content=body,
        headers={
            "host": target.host if target.port == 443 else f"{target.host}:{target.port}",
            "content-type": "application/json",
            "webhook-id": message,
            "webhook-timestamp": str(at),
            "webhook-signature": signature(secret, message=message, at=at, body=body),
        },
        # the certificate is that of the name, whatever address was judged
        extensions={"sni_hostname": target.host},
        follow_redirects=False,
    )
    if not reply.is_success:
        raise httpx.HTTPStatusError("refused", request=reply.request, response=reply)
