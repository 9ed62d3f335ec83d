"""The reference tablet: keeps everything in one file, says nothing is saved before it is, sends
it all.

It is what a third party should build: an outbox that is durable before the user is told, one
exchange at a time, outcomes by operation, and a cursor that moves only with the records it speaks
of. The file may be used by several processes: a technician goes on answering while it sends.
"""

import base64
import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from runtime import durable
from runtime.link import REFUSED, good, upload
from runtime.outbox import LANES, Lane, Memory, Photo
from schemas.access import Tokens
from schemas.problems import Refusal
from schemas.sync import (
    Bundle,
    DigestAnswer,
    FieldValue,
    Outcome,
    PackAnswer,
    SyncAnswer,
)
from schemas.template import Item, Template
from storage import checklists
from sync.digest import digests, group_of
from sync.template import items_by_code, severity

TRIES_MAX = 60
NOT_FOUND = 404
BUSY_SECONDS, WAIT_SECONDS_MAX = 0.2, 30.0
BEGIN_AGAIN = ("cursor_of_another_epoch", "cursor_forged")
"""The server is another life of the database, or forgot that it handed this cursor out."""
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
            "first_n": cls.open(path).memory.first_n() if path.exists() else 1,
        }
        reply = httpx.post(f"{server}/api/v1/devices/enrol", json=wish, timeout=30)
        given = good(reply).json()
        if path.exists():
            known = cls.open(path)
            with known.changing() as memory:
                memory.become(
                    UUID(given["tablet"]),
                    technician=UUID(given["technician"]),
                    access=given["access"],
                    refresh=given["refresh"],
                )
                memory.server = server
                memory.key = base64.b64encode(key.private_bytes_raw()).decode()
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
        """Durable before it looks saved."""
        durable.write(self.path, msgspec.json.encode(self.memory))

    @contextmanager
    def changing(self) -> Iterator[Memory]:
        """What to change, as it stands in the file, and saved at the end of the block.

        Read anew under the file's lock: another process may have saved an answer meanwhile.
        """
        with durable.locked(self.path.with_suffix(".lock")):
            if self.path.exists():
                self.memory = msgspec.json.decode(self.path.read_bytes(), type=Memory)
            yield self.memory
            self.save()

    def awake(self, boot: UUID, uptime: timedelta, *, now: datetime) -> None:
        """In which boot of the machine this is, and for how long: no wall clock has a part in it."""
        with self.changing() as memory:
            memory.boot, memory.booted_at = boot, now - uptime

    def command(self, record: str, state: str, *, now: datetime, **said: FieldValue) -> None:
        """The visit comes into a state."""
        with self.changing() as memory:
            memory.command(record, state, now=now, **said)

    def answer(self, record: str, fields: dict[str, FieldValue], *, now: datetime) -> None:
        """Answers under the visit's checklist; their versions as shown go with them."""
        with self.changing() as memory:
            urgent = self._urgent(memory.shown(record).get("template"), fields)
            memory.answer(record, fields, now=now, urgent=urgent)

    def create(
        self, kind: str, fields: dict[str, FieldValue], *, now: datetime, **about: Any
    ) -> str:
        """Something made on the spot, at `premises` that were taken along or on a `visit`.

        A hazard leaves the tablet as any dangerous finding does: before everything else.
        """
        with self.changing() as memory:
            urgent = kind == "hazard" or self._urgent(about.get("template"), fields)
            return memory.create(kind, fields, now=now, urgent=urgent, **about)

    def photo(self, content: bytes, *, media_type: str, lane: Lane = "original") -> str:
        """Keeps a photo and returns the name by which answers speak of it."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.path.with_suffix("") / sha256
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.write(path, content)
        with self.changing() as memory:
            if all(each.sha256 != sha256 for each in memory.photos):
                memory.photos.append(
                    Photo(sha256=sha256, path=str(path), media_type=media_type, lane=lane)
                )
        return sha256

    def _urgent(self, ref: FieldValue, fields: Mapping[str, FieldValue]) -> bool:
        own = self.memory.templates.get(str(ref))
        items = items_by_code(own) if own is not None else checklists.items_of(ref)
        return any(
            _signed(items, name) or (name in items and severity(items, name, value=value) > 0)
            for name, value in fields.items()
        )

    def unsent(self) -> int:
        """How much is only here."""
        return self.memory.unsent()

    def sync(self, *, now: datetime, server: str | None = None) -> None:
        """Sends everything and hears everything; a cut link is tried again from where it was
        cut. One process at a time: a second one waits for the first."""
        target, begun = server or self.memory.server, time.monotonic()
        renewed = stale = False
        with durable.locked(self.path.with_suffix(".link")):
            for _ in range(TRIES_MAX):
                try:
                    if stale:
                        self._renew(target)
                        stale = False
                    while self._exchange(target, now=_since(now, begun)):
                        pass
                    self._learn(target)
                    self._send_photos(target)
                    return
                except (httpx.TransportError, httpx.StreamError, msgspec.DecodeError):
                    # nobody there, or somebody who is not our server
                    self.cut += 1
                except Refusal as refusal:
                    if refusal.code == "not_signed_in" and not renewed:
                        # days offline: the access token is over, the refresh token is not
                        renewed = stale = True
                    elif not self._goes_on(refusal):
                        raise
        raise Refusal("unavailable", part="link", tries=TRIES_MAX)

    def _goes_on(self, refusal: Refusal) -> bool:
        """Whether there is more to try after a refusal."""
        if refusal.code == "tablet_revoked":
            if self.memory.revoked or not self.memory.outbox:
                return False
            # the last word: what is only here goes to a person at the office
            with self.changing() as memory:
                memory.revoked = True
            return True
        if refusal.code in BEGIN_AGAIN:
            with self.changing() as memory:
                memory.begin_again()
            return True
        # a server that is busy says so, and for how long; everything else is an answer
        if refusal.code not in ("unavailable", "too_many_requests", "upload_offset"):
            return False
        self.cut += 1
        said = str(refusal.details.get("retry_after"))
        time.sleep(min(float(said), WAIT_SECONDS_MAX) if said.isdigit() else BUSY_SECONDS)
        return True

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
            with self.changing() as memory:
                memory.heal(answer)
            more = answer.more
        return len(different)

    def pack(self, grid: str, until: date, *, server: str | None = None) -> int:
        """Takes a grid along; the premises come with the next exchange."""
        target = server or self.memory.server
        wish = {"grid": grid, "until": until}
        answer = self._post(f"{target}/api/v1/sync/packs", wish, kind=PackAnswer)
        self._learn(target, also=answer.templates)
        return answer.records

    def bundle(self, *, now: datetime) -> Bundle:
        """What is unsent as a signed file, to be carried by a tablet with a network."""
        payload = msgspec.json.encode(
            {
                "tablet": self.memory.tablet,
                "made_at": now,
                "operations": self.memory.carried(),
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
        return msgspec.json.decode(good(reply).content, type=kind)

    def _renew(self, server: str) -> None:
        wish = {"refresh": self.memory.refresh}
        given = self._post(f"{server}/api/v1/session/refresh", wish, kind=Tokens)
        with self.changing() as memory:
            memory.access, memory.refresh = given.access, given.refresh

    def _exchange(self, server: str, *, now: datetime) -> bool:
        """One round trip; True while there is more to say or to hear."""
        with self.changing() as memory:
            sent, request = memory.request(now=now)
        answer = self._post(f"{server}/api/v1/sync", request, kind=SyncAnswer)
        if len(answer.outcomes) != len(sent):
            raise httpx.RemoteProtocolError("an answer without a word on what was sent")
        self.exchanges += 1
        # outcomes, records and the cursor that speaks of them become durable together
        with self.changing() as memory:
            return memory.take(sent, answer, now=now)

    def _learn(self, server: str, *, also: Sequence[str] = ()) -> None:
        """The checklists of visits here that are not known yet; each is asked for once and kept."""
        shown = {each.fields.get("template") for each in self.memory.records.values()}
        wanted = {str(each) for each in shown if each} | set(also)
        for ref in sorted(wanted - self.memory.templates.keys()):
            reply = httpx.get(
                f"{server}/api/v1/templates/{ref}", headers=self._headers(), timeout=60
            )
            if reply.status_code == NOT_FOUND:
                continue
            found = msgspec.json.decode(good(reply).content, type=Template)
            with self.changing() as memory:
                memory.templates[ref] = found

    def _send_photos(self, server: str) -> None:
        waiting = [each for each in self.memory.photos if not (each.sent or each.refused)]
        for each in sorted(waiting, key=lambda photo: LANES.index(photo.lane)):
            refused = ""
            try:
                upload(server, self._headers(), photo=each)
            except Refusal as refusal:
                if refusal.code not in REFUSED:
                    raise
                refused = refusal.code
            with self.changing() as memory:
                memory.uploaded(each.sha256, refused=refused)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.memory.access}"}


def _signed(items: Mapping[str, Item], name: str) -> bool:
    return name == "signature" or (name in items and items[name].kind == "signature")


def _since(now: datetime, begun: float) -> datetime:
    return now + timedelta(seconds=time.monotonic() - begun)
