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
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from runtime.outbox import LANES, Lane, Memory, Photo
from schemas.access import Tokens
from schemas.problems import Refusal
from schemas.sync import (
    OPERATIONS_MAX,
    Bundle,
    DigestAnswer,
    FieldValue,
    Outcome,
    PackAnswer,
    SyncAnswer,
)
from schemas.template import Item
from storage import checklists
from sync.digest import digests, group_of
from sync.template import severity

PIECE = 256 * 1024
TRIES_MAX = 60
BUSY_SECONDS = 0.2
DEPTH = 2
"""256 groups: a mailbox of 10,000 records differs in groups of forty."""
T = TypeVar("T")


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
        """Turns a code into a tablet; its private key never leaves it.

        Where there is one in this file already, it becomes another and keeps whatever it holds.
        """
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes_raw()
        wish = {
            "code": code,
            "label": path.stem,
            "public_key": base64.b64encode(public).decode(),
        }
        reply = httpx.post(f"{server}/api/v1/devices/enrol", json=wish, timeout=30)
        given = _good(reply).json()
        if path.exists():
            known = cls.open(path)
            known.memory.become(
                UUID(given["tablet"]),
                technician=UUID(given["technician"]),
                access=given["access"],
                refresh=given["refresh"],
            )
            known.memory.server = server
            known.memory.key = base64.b64encode(key.private_bytes_raw()).decode()
            known.save()
            return known
        memory = Memory(
            server=server,
            tablet=UUID(given["tablet"]),
            technician=UUID(given["technician"]),
            access=given["access"],
            refresh=given["refresh"],
            boot=uuid4(),
            booted_at=now - timedelta(hours=1),
            key=base64.b64encode(key.private_bytes_raw()).decode(),
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
        items = checklists.items_of(self.memory.shown(record).get("template"))
        urgent = any(
            _signed(items, name) or (name in items and severity(items, name, value=value) > 0)
            for name, value in fields.items()
        )
        self.memory.answer(record, fields, now=now, urgent=urgent)
        self.save()

    def photo(self, content: bytes, *, media_type: str, lane: Lane = "original") -> str:
        """Keeps a photo and returns the name by which answers speak of it."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.path.with_suffix("") / sha256
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if all(each.sha256 != sha256 for each in self.memory.photos):
            self.memory.photos.append(
                Photo(sha256=sha256, path=str(path), media_type=media_type, lane=lane)
            )
        self.save()
        return sha256

    def unsent(self) -> int:
        """How much is only here."""
        return self.memory.unsent()

    def sync(self, *, now: datetime, server: str | None = None) -> None:
        """Sends everything and hears everything; a cut link is tried again from where it was
        cut."""
        target, renewed = server or self.memory.server, False
        for _ in range(TRIES_MAX):
            try:
                while self._exchange(target, now=now):
                    pass
                self._send_photos(target)
                return
            except (httpx.TransportError, httpx.StreamError):
                self.cut += 1
            except Refusal as refusal:
                if refusal.code == "tablet_revoked" and not self.memory.revoked:
                    # the last word: what is only here goes to a person at the office
                    self.memory.revoked = True
                    self.save()
                    if self.memory.outbox:
                        continue
                if refusal.code == "not_signed_in" and not renewed:
                    # days offline: the access token is over, the refresh token is not
                    renewed = True
                    self._renew(target)
                    continue
                # a server that is busy says so; everything else is an answer
                if refusal.code not in ("unavailable", "upload_offset"):
                    raise
                self.cut += 1
                time.sleep(BUSY_SECONDS)
        raise Refusal("unavailable", part="link", tries=TRIES_MAX)

    def heal(self, *, server: str | None = None) -> int:
        """Compares what is held with the mailboxes and mends it; returns how many groups differed.

        For a tablet whose store was damaged, or was put back from an old copy. Nothing of the
        outbox is touched.
        """
        target, held = server or self.memory.server, self.memory.versions()
        wish: dict[str, Any] = {"depth": DEPTH, "groups": digests(held, depth=DEPTH)}
        different = self._post(f"{target}/api/v1/sync/digest", wish, kind=DigestAnswer).different
        more = bool(different)
        while more:
            of_groups = {
                key: version
                for key, version in self.memory.versions().items()
                if group_of(key, depth=DEPTH) in different
            }
            wish = {"depth": DEPTH, "groups": dict.fromkeys(different, ""), "records": of_groups}
            answer = self._post(f"{target}/api/v1/sync/digest", wish, kind=DigestAnswer)
            self.memory.heal(answer)
            self.save()
            more = answer.more
        return len(different)

    def pack(self, grid: str, until: date, *, server: str | None = None) -> int:
        """Takes a grid along; the premises come with the next exchange."""
        target = server or self.memory.server
        wish = {"grid": grid, "until": until}
        return self._post(f"{target}/api/v1/sync/packs", wish, kind=PackAnswer).records

    def bundle(self, *, now: datetime) -> Bundle:
        """What is unsent as a signed file, to be carried by a tablet with a network."""
        payload = msgspec.json.encode(
            {
                "tablet": self.memory.tablet,
                "made_at": now,
                "operations": self.memory.outbox[:OPERATIONS_MAX],
            }
        )
        key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(self.memory.key))
        return Bundle(tablet=self.memory.tablet, payload=payload, signature=key.sign(payload))

    def carry(self, bundle: Bundle, *, server: str | None = None) -> dict[str, int]:
        """Brings another's file in; how many operations came to which outcome."""
        target = server or self.memory.server
        answer = self._post(f"{target}/api/v1/sync/bundles", bundle, kind=dict[str, list[Outcome]])
        return dict(Counter(each.outcome for each in answer["outcomes"]))

    def _post(self, address: str, body: Any, *, kind: type[T]) -> T:
        reply = httpx.post(
            address,
            content=msgspec.json.encode(body),
            headers=self._headers() | {"Content-Type": "application/json"},
            timeout=60,
        )
        return msgspec.json.decode(_good(reply).content, type=kind)

    def _renew(self, server: str) -> None:
        wish = {"refresh": self.memory.refresh}
        given = self._post(f"{server}/api/v1/session/refresh", wish, kind=Tokens)
        self.memory.access, self.memory.refresh = given.access, given.refresh
        self.save()

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
        for each in sorted(self.memory.photos, key=lambda photo: LANES.index(photo.lane)):
            if each.sent or each.refused:
                continue
            try:
                self._upload(server, each)
                each.sent = True
            except Refusal as refusal:
                if refusal.code not in ("photo_type", "photo_dimensions", "upload_too_long"):
                    raise
                # said aloud and kept; the others go on
                each.refused = refusal.code
                self.memory.refused.append(f"{each.sha256}: {refusal.code}")
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


def _signed(items: Mapping[str, Item], name: str) -> bool:
    return name == "signature" or (name in items and items[name].kind == "signature")


def _good(reply: httpx.Response) -> httpx.Response:
    if reply.is_success:
        return reply
    try:
        code = reply.json()["code"]
    except (ValueError, KeyError):
        raise Refusal("unavailable", status=reply.status_code) from None
    raise Refusal(code, status=reply.status_code, **(reply.json().get("details") or {}))
