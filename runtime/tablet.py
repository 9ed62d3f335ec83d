"""The reference tablet: keeps everything in one file, says nothing is saved before it is, sends
it all.

It is what a third party should build: an outbox that is durable before the user is told, one
exchange at a time, outcomes by operation, and a cursor that moves only with the records it speaks
of.
"""

import base64
import hashlib
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
from uuid_utils.compat import uuid7

from schemas.base import UUID as Id
from schemas.problems import Refusal
from schemas.sync import FieldValue, Operation, SyncAnswer, TabletClock

BATCH = 100
PIECE = 256 * 1024
TRIES_MAX = 60
BUSY_SECONDS = 0.2
FINAL = ("applied", "merged", "conflict", "quarantined", "duplicate", "held")


class Held(msgspec.Struct, kw_only=True):
    """A record as this tablet shows it; versions by field."""

    kind: str
    version: int
    fields: dict[str, FieldValue]
    versions: dict[str, int]


class Photo(msgspec.Struct, kw_only=True):
    """A file that an answer names and that has to be sent."""

    sha256: str
    path: str
    media_type: str
    sent: bool = False


class Memory(msgspec.Struct, kw_only=True):
    """All of a tablet's state; written in one piece."""

    server: str
    tablet: Id
    technician: Id
    access: str
    refresh: str
    boot: Id
    booted_at: datetime
    cursor: str = ""
    next_n: int = 1
    records: dict[str, Held] = {}
    outbox: list[Operation] = []
    outcomes: dict[str, str] = {}
    refused: list[str] = []
    photos: list[Photo] = []
    forgotten: list[str] = []


class Tablet:
    """One install. `now` is its wall clock; its uptime runs with it unless somebody turns the
    clock."""

    def __init__(self, path: Path, memory: Memory) -> None:
        self.path = path
        self.memory = memory
        self.exchanges = 0
        self.cut = 0

    @classmethod
    def open(cls, path: Path) -> "Tablet":
        """The tablet as it was last saved."""
        return cls(path, msgspec.json.decode(path.read_bytes(), type=Memory))

    @classmethod
    def enrol(cls, path: Path, *, server: str, code: str, now: datetime) -> "Tablet":
        """Turns a code into a tablet; its key never leaves it."""
        wish = {"code": code, "label": path.stem}
        reply = httpx.post(f"{server}/api/v1/devices/enrol", json=wish, timeout=30)
        given = _good(reply).json()
        memory = Memory(
            server=server,
            tablet=UUID(given["tablet"]),
            technician=UUID(given["technician"]),
            access=given["access"],
            refresh=given["refresh"],
            boot=uuid4(),
            booted_at=now - timedelta(hours=1),
        )
        tablet = cls(path, memory)
        tablet.save()
        return tablet

    def save(self) -> None:
        """Durable before it looks saved: written beside, synced, then put in place."""
        fresh = self.path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(self.memory))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)

    def visits(self) -> list[tuple[str, Held]]:
        """Today's route in order."""
        found = [(key, each) for key, each in self.memory.records.items() if each.kind == "visit"]
        return sorted(found, key=lambda pair: str(pair[1].fields.get("starts_at", "")))

    def command(self, record: str, state: str, *, now: datetime, **said: FieldValue) -> None:
        """The visit comes into a state."""
        self._capture(record, now=now, kind="command", command=state, fields=said)
        held = self.memory.records.get(record)
        if held is not None:
            held.fields["state"] = state
        self.save()

    def answer(self, record: str, fields: dict[str, FieldValue], *, now: datetime) -> None:
        """Answers under the visit's checklist; their versions as shown go with them."""
        held = self.memory.records[record]
        template = held.fields.get("template")
        base = {name: held.versions[name] for name in fields if name in held.versions}
        self._capture(
            record,
            now=now,
            kind="patch",
            fields=fields,
            base=base,
            template=str(template) if template else None,
        )
        held.fields.update(fields)
        self.save()

    def photo(self, content: bytes, *, media_type: str) -> str:
        """Keeps a photo and returns the name by which answers speak of it."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.path.with_suffix("") / sha256
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if all(each.sha256 != sha256 for each in self.memory.photos):
            self.memory.photos.append(Photo(sha256=sha256, path=str(path), media_type=media_type))
        self.save()
        return sha256

    def unsent(self) -> int:
        """How much is only here."""
        return len(self.memory.outbox) + sum(1 for each in self.memory.photos if not each.sent)

    def sync(self, *, now: datetime, server: str | None = None) -> None:
        """Sends everything and hears everything; a cut link is tried again from where it was
        cut."""
        target = server or self.memory.server
        for _ in range(TRIES_MAX):
            try:
                while self._exchange(target, now=now):
                    pass
                self._send_photos(target)
                return
            except (httpx.TransportError, httpx.StreamError):
                self.cut += 1
            except Refusal as refusal:
                # a server that is busy says so; everything else is an answer
                if refusal.code not in ("unavailable", "upload_offset"):
                    raise
                self.cut += 1
                time.sleep(BUSY_SECONDS)
        raise Refusal("unavailable", part="link", tries=TRIES_MAX)

    def _capture(self, record: str, *, now: datetime, **given: Any) -> None:
        uptime = now - self.memory.booted_at
        operation = Operation(
            id=uuid7(),
            n=self.memory.next_n,
            record=UUID(record),
            observed_at=now.astimezone(UTC),
            uptime_ms=int(uptime.total_seconds() * 1000),
            boot=self.memory.boot,
            **given,
        )
        self.memory.next_n += 1
        self.memory.outbox.append(operation)

    def _exchange(self, server: str, *, now: datetime) -> bool:
        """One round trip; True while there is more to say or to hear."""
        memory, sent = self.memory, self.memory.outbox[:BATCH]
        uptime = now - memory.booted_at
        clock = TabletClock(
            sent_at=now, uptime_ms=int(uptime.total_seconds() * 1000), boot=memory.boot
        )
        request = {
            "cursor": memory.cursor,
            "operations": sent,
            "unsent": len(memory.outbox) - len(sent),
            "clock": clock,
        }
        reply = httpx.post(
            f"{server}/api/v1/sync",
            content=msgspec.json.encode(request),
            headers=self._headers() | {"Content-Type": "application/json"},
            timeout=60,
        )
        answer = msgspec.json.decode(_good(reply).content, type=SyncAnswer)
        self.exchanges += 1
        self._settle(sent, answer)
        self._hear(answer)
        memory.cursor = answer.cursor
        # outcomes, records and the cursor that speaks of them become durable together
        self.save()
        return answer.more or bool(memory.outbox)

    def _settle(self, sent: list[Operation], answer: SyncAnswer) -> None:
        told = dict(zip((each.id for each in sent), answer.outcomes, strict=True))
        for key, outcome in told.items():
            self.memory.outcomes[str(key)] = outcome.outcome
            if outcome.outcome == "quarantined":
                self.memory.refused.append(f"{key}: {outcome.code}")
        self.memory.outbox = [each for each in self.memory.outbox if each.id not in told]

    def _hear(self, answer: SyncAnswer) -> None:
        records = self.memory.records
        for change in answer.changes:
            key = str(change.record)
            held = records.get(key)
            if held is None or change.whole:
                held = records[key] = Held(kind=change.kind, version=0, fields={}, versions={})
            held.version = change.version
            held.fields.update(change.fields)
            for name in change.fields:
                held.versions[name] = change.versions.get(name, change.version)
        for forgotten in answer.forget:
            # what was captured on it is sent already, or still in the outbox: nothing is lost
            records.pop(str(forgotten), None)
            self.memory.forgotten.append(str(forgotten))

    def _send_photos(self, server: str) -> None:
        for each in self.memory.photos:
            if not each.sent:
                self._upload(server, each)
                each.sent = True
                self.save()

    def _upload(self, server: str, photo: Photo) -> None:
        content = Path(photo.path).read_bytes()
        pairs = {"sha256": photo.sha256, "filetype": photo.media_type}
        metadata = ",".join(
            f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in pairs.items()
        )
        headers = self._headers() | {"Tus-Resumable": "1.0.0"}
        reply = _good(
            httpx.post(
                f"{server}/api/v1/attachments",
                headers=headers | {"Upload-Length": str(len(content)), "Upload-Metadata": metadata},
                timeout=60,
            )
        )
        offset = int(reply.headers["Upload-Offset"])
        while offset < len(content):
            reply = _good(
                httpx.patch(
                    f"{server}{reply.headers.get('Location') or reply.request.url.path}",
                    content=content[offset : offset + PIECE],
                    headers=headers
                    | {
                        "Upload-Offset": str(offset),
                        "Content-Type": "application/offset+octet-stream",
                    },
                    timeout=60,
                )
            )
            offset = int(reply.headers["Upload-Offset"])

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.memory.access}"}


def _good(reply: httpx.Response) -> httpx.Response:
    if reply.is_success:
        return reply
    try:
        code = reply.json()["code"]
    except (ValueError, KeyError):
        raise Refusal("unavailable", status=reply.status_code) from None
    raise Refusal(code, status=reply.status_code, **(reply.json().get("details") or {}))
