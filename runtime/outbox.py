"""What a tablet remembers and how it changes: values only, no files and no network.

`runtime.tablet` gives it a file and a link; the simulation gives it a link that lies. A tablet of
somebody else's does the same in its own language (docs/protocol/sync.md).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID, uuid4

import msgspec
from uuid_utils.compat import uuid7

from schemas.base import UUID as Id
from schemas.problems import Refusal
from schemas.sync import (
    ANSWER_BYTES_MAX,
    OPERATIONS_MAX,
    Change,
    DigestAnswer,
    FieldValue,
    Operation,
    SyncAnswer,
    TabletClock,
)
from schemas.template import Template
from sync.changes import unlisted

BATCH = 100
Lane = Literal["signature", "thumbnail", "original"]
LANES: tuple[Lane, ...] = ("signature", "thumbnail", "original")
"""In this order files leave a tablet; operations go before all of them."""
BYTES_MAX = 1_000_000
"""Of operations in one body; a server takes twice as much."""
_encode = msgspec.json.Encoder().encode
REMEMBERED_MAX = 5_000
"""Operations kept after they were acknowledged, to be offered again should the server have been
restored from a backup."""


def fitting(operations: Sequence[Operation], most: int) -> list[Operation]:
    """The first of them, as many as one body takes; always one."""
    size = 0
    for at, each in enumerate(operations[:most]):
        size += len(_encode(each)) + 1
        if size > BYTES_MAX and at:
            return list(operations[:at])
    return list(operations[:most])


class Held(msgspec.Struct, kw_only=True):
    """A record as the server last showed it; versions by field; on which visit and where it is."""

    kind: str
    version: int
    fields: dict[str, FieldValue]
    versions: dict[str, int]
    visit: Id | None = None
    premises: Id | None = None


class Photo(msgspec.Struct, kw_only=True):
    """A file that an answer names and that has to be sent."""

    sha256: str
    path: str
    media_type: str
    lane: Lane = "original"
    refused: str = ""
    sent: bool = False


class Heard(msgspec.Struct, kw_only=True):
    """An answer of the server's: in which boot it came, what time it said, at what uptime."""

    boot: Id
    server_time: datetime
    uptime_ms: int


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
    unheard: list[Operation] = []
    acknowledged: list[Operation] = []
    outcomes: dict[str, str] = {}
    refused: list[str] = []
    photos: list[Photo] = []
    forgotten: list[str] = []
    stale: list[str] = []
    frozen: list[str] = []
    templates: dict[str, Template] = {}
    heard: Heard | None = None
    urgent: list[str] = []
    key: str = ""
    revoked: bool = False

    def shown(self, record: str) -> dict[str, FieldValue]:
        """What the user sees: the server's last word, and over it what it has not answered to yet.

        That is the outbox, and what was answered while no record came back: a danger that was sent
        alone stays on the screen until the server's word about it is there. Never stored: a word
        that the server merged otherwise is gone from here then.
        """
        held = self.records.get(record)
        fields = dict(held.fields) if held is not None else {}
        for each in (*self.unheard, *self.outbox):
            if str(each.record) == record:
                fields |= each.fields if each.kind != "command" else {"state": each.command}
        return fields

    def visits(self) -> list[tuple[str, dict[str, FieldValue]]]:
        """Today's route in order, as shown."""
        keys = [key for key, each in self.records.items() if each.kind == "visit"]
        found = [(key, self.shown(key)) for key in keys]
        return sorted(found, key=lambda pair: str(pair[1].get("starts_at", "")))

    def unsent(self) -> int:
        """How much is only here."""
        return len(self.outbox) + sum(1 for each in self.photos if not each.sent)

    def command(self, record: str, state: str, *, now: datetime, **said: FieldValue) -> Operation:
        """The visit comes into a state."""
        return self.capture(record, now=now, kind="command", command=state, fields=said)

    def answer(
        self, record: str, fields: dict[str, FieldValue], *, now: datetime, urgent: bool = False
    ) -> Operation:
        """Answers under the record's checklist; their versions as shown go with them.

        What is `urgent` (a dangerous finding, a signature) leaves the tablet first, with everything
        else on its record, whose order stays.
        """
        if urgent and record not in self.urgent:
            self.urgent.append(record)
        held = self.records.get(record)
        template = self.shown(record).get("template")
        known = held.versions if held is not None else {}
        base = {name: known[name] for name in fields if name in known}
        return self.capture(
            record,
            now=now,
            kind="patch",
            fields=fields,
            base=base,
            template=str(template) if template else None,
        )

    def create(
        self,
        kind: str,
        fields: dict[str, FieldValue],
        *,
        now: datetime,
        urgent: bool = False,
        **about: Any,
    ) -> str:
        """Something made on the spot; returns its key. `about` names premises, visit or template.

        What hangs on a visit that was made here waits for it, and takes it along into its lane.
        """
        record, visit = str(uuid4()), about.get("visit")
        made = [e.id for e in self.outbox if e.kind == "create" and e.record == visit]
        if urgent:
            self.urgent += [record, *([str(visit)] if visit is not None else [])]
        self.capture(
            record, now=now, kind="create", record_kind=kind, fields=fields, after=made, **about
        )
        return record

    def capture(self, record: str, *, now: datetime, **given: Any) -> Operation:
        """Puts an operation at the end of the outbox. Refuses `visit_frozen` for a record that went
        to somebody else while what was captured on it is still here, `body_too_large` for more
        than any server takes."""
        if record in self.frozen:
            raise Refusal("visit_frozen")
        operation = Operation(
            id=uuid7(),
            n=self.next_n,
            record=UUID(record),
            observed_at=now.astimezone(UTC),
            uptime_ms=self._uptime(now),
            boot=self.boot,
            **given,
        )
        if len(_encode(operation)) > ANSWER_BYTES_MAX:
            # said now, while it is still on the screen, and not days later
            raise Refusal("body_too_large", most=ANSWER_BYTES_MAX)
        self.next_n += 1
        self.outbox.append(operation)
        return operation

    def request(self, *, now: datetime) -> tuple[list[Operation], dict[str, Any]]:
        """What goes out next, and the body that says it.

        What is dangerous goes alone, before anything else, and asks for no page in return. In a
        boot in which no answer came yet, nothing but a question: with its answer's time the
        next exchange can prove when everything was done, whatever this clock says.
        """
        heard = self.heard if self.heard is not None and self.heard.boot == self.boot else None
        # a revoked tablet is answered no question: what it holds goes out as it is, once
        sent = fitting(self._first_lane(), BATCH) if heard is not None or self.revoked else []
        clock = TabletClock(
            sent_at=now,
            uptime_ms=self._uptime(now),
            boot=self.boot,
            heard_at=heard.server_time if heard is not None else None,
            heard_uptime_ms=heard.uptime_ms if heard is not None else None,
        )
        return sent, {
            "cursor": self.cursor,
            "operations": sent,
            "lean": True,
            "lanes": ["safety"] if self._safety(sent) else [],
            "unsent": len(self.outbox) - len(sent),
            "clock": clock,
        }

    def take(self, sent: Sequence[Operation], answer: SyncAnswer, *, now: datetime) -> bool:
        """Outcomes, records and the cursor that speaks of them; True while there is more to do."""
        safety = self._safety(sent)
        told = dict(zip((each.id for each in sent), answer.outcomes, strict=True))
        for key, outcome in told.items():
            self.outcomes[str(key)] = outcome.outcome
            if outcome.outcome == "quarantined":
                self.refused.append(f"{key}: {outcome.code}")
        self._remember([each for each in sent if each in self.outbox])
        self.unheard += [each for each in sent if told[each.id].outcome != "quarantined"]
        self.outbox = [each for each in self.outbox if each.id not in told]
        waiting = {str(each.record) for each in self.outbox}
        self.urgent = [each for each in self.urgent if each in waiting]
        if not safety:
            self._hear(answer)
        for gone in [each for each in self.frozen if each not in waiting]:
            self._forget(gone)
        self.cursor = answer.cursor
        self.heard = Heard(
            boot=self.boot, server_time=answer.server_time, uptime_ms=self._uptime(now)
        )
        # after what went alone there is always a page to hear
        return answer.more or bool(self.outbox) or safety

    def carried(self) -> list[Operation]:
        """What goes into a file for another tablet to carry: the dangerous first."""
        urgent = set(self.urgent)
        ordered = sorted(self.outbox, key=lambda each: str(each.record) not in urgent)
        return fitting(ordered, OPERATIONS_MAX)

    def _remember(self, answered: Sequence[Operation]) -> None:
        """What may have to be offered again, and what became of it: the last few thousand."""
        self.acknowledged = [*self.acknowledged, *answered][-REMEMBERED_MAX:]
        self.outcomes = dict(list(self.outcomes.items())[-REMEMBERED_MAX:])
        self.refused = self.refused[-REMEMBERED_MAX:]
        self.forgotten = self.forgotten[-REMEMBERED_MAX:]

    def _first_lane(self) -> list[Operation]:
        return [each for each in self.outbox if str(each.record) in self.urgent] or self.outbox

    def _safety(self, sent: Sequence[Operation]) -> bool:
        """Whether this was, or is, an exchange of what is dangerous and nothing else."""
        return bool(sent) and not self.revoked and all(str(e.record) in self.urgent for e in sent)

    def uploaded(self, sha256: str, *, refused: str = "") -> None:
        """A file is there, or will never be: then that is said aloud, and the file kept."""
        for each in self.photos:
            if each.sha256 == sha256:
                each.sent, each.refused = not refused, refused
        if refused:
            self.refused.append(f"{sha256}: {refused}")

    def versions(self) -> dict[str, int]:
        """Which version of each record is held: what a digest is made of."""
        return {key: each.version for key, each in self.records.items()}

    def heal(self, answer: DigestAnswer) -> None:
        """Whole records in place of wrong ones; the outbox stays as it is."""
        for change in answer.changes:
            self._keep(change)
        for each in answer.forget:
            self._forget(str(each))

    def become(self, tablet: UUID, *, technician: UUID, access: str, refresh: str) -> None:
        """Another enrolment on the same install: what it holds is sent under the new identity.

        After a wipe at the office, or a database put back to before this tablet was known.
        """
        self.tablet, self.technician = tablet, technician
        self.revoked = False
        self.access, self.refresh = access, refresh
        self.begin_again()

    def first_n(self) -> int:
        """The number of the first operation that is only here: what came before is another tablet's
        to account for."""
        return min((each.n for each in self.outbox), default=self.next_n)

    def begin_again(self) -> None:
        """The server is another life of the database: it hears everything again, and so do we.

        What it knows already answers as a duplicate; a photo that it has costs nothing.
        """
        self.cursor = ""
        self.outbox = [*self.acknowledged, *self.outbox]
        self.acknowledged, self.unheard = [], []
        for each in self.photos:
            each.sent = False
        # shown until everything has been heard again, then what did not come is gone
        self.stale = list(self.records)

    def _hear(self, answer: SyncAnswer) -> None:
        changes = [*answer.changes, *map(unlisted, answer.lean)]
        for change in changes:
            self._keep(change)
        for forgotten in answer.forget:
            self._forget(str(forgotten))
            self.forgotten.append(str(forgotten))
        heard = {str(each.record) for each in changes}
        self.stale = [each for each in self.stale if each not in heard]
        if not answer.more:
            for gone in self.stale:
                self._forget(gone)
            self.stale = []
            self.unheard = [each for each in self.unheard if str(each.record) in self.frozen]

    def _forget(self, record: str) -> None:
        """A record that went to somebody else: frozen until what was captured on it is sent, then
        gone."""
        self.frozen = [each for each in self.frozen if each != record]
        if record in self.records and any(str(each.record) == record for each in self.outbox):
            self.frozen.append(record)
        else:
            self.records.pop(record, None)
            self.unheard = [each for each in self.unheard if str(each.record) != record]

    def _keep(self, change: Change) -> None:
        key = str(change.record)
        self.frozen = [each for each in self.frozen if each != key]
        held = self.records.get(key)
        if held is None or change.whole:
            held = self.records[key] = Held(kind=change.kind, version=0, fields={}, versions={})
        held.version = change.version
        held.visit, held.premises = change.visit or held.visit, change.premises or held.premises
        held.fields.update(change.fields)
        for name in change.fields:
            held.versions[name] = change.versions.get(name, change.version)

    def _uptime(self, now: datetime) -> int:
        return int((now - self.booted_at).total_seconds() * 1000)
