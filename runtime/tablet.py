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
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import msgspec

from runtime.outbox import Memory, Photo
from schemas.problems import Refusal
from schemas.sync import FieldValue, SyncAnswer

PIECE = 256 * 1024
TRIES_MAX = 60
BUSY_SECONDS = 0.2


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

    def command(self, record: str, state: str, *, now: datetime, **said: FieldValue) -> None:
        """The visit comes into a state."""
        self.memory.command(record, state, now=now, **said)
        self.save()

    def answer(self, record: str, fields: dict[str, FieldValue], *, now: datetime) -> None:
        """Answers under the visit's checklist; their versions as shown go with them."""
        self.memory.answer(record, fields, now=now)
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
        return self.memory.unsent()

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

    def _exchange(self, server: str, *, now: datetime) -> bool:
        """One round trip; True while there is more to say or to hear."""
        sent, request = self.memory.request(now=now)
        reply = httpx.post(
            f"{server}/api/v1/sync",
            content=msgspec.json.encode(request),
            headers=self._headers() | {"Content-Type": "application/json"},
            timeout=60,
        )
        try:
            answer = msgspec.json.decode(_good(reply).content, type=SyncAnswer)
        except Refusal as refusal:
            if refusal.code != "cursor_of_another_epoch":
                raise
            self.memory.begin_again()
            self.save()
            return True
        self.exchanges += 1
        more = self.memory.take(sent, answer, now=now)
        # outcomes, records and the cursor that speaks of them become durable together
        self.save()
        return more

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
