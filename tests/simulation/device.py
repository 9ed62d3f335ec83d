"""A tablet of the simulation: the reference client's memory, a wall clock that lies, a bad link."""

import random
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from runtime.outbox import Memory
from schemas.access import Sender
from schemas.sync import FieldValue, Operation, SyncAnswer
from storage import checklists
from sync.template import severity

ANSWERS: dict[str, list[FieldValue]] = {
    "R01": [True],
    "R02": ["match", "mismatch"],
    "R03": ["separate_ventilated", "open_plan", "bedroom_use"],
    "R04": [0.4, 0.7, 1.2],
    "R05": ["none", "lpg_cylinder"],
    "R07": [100.0, 101.5, 99.0],
    "R09": [["ok"], ["damaged"], ["reversed", "load_hung"]],
    "R10": ["2019-05-01", "2023-05-01"],
    "R12": ["pass", "fail"],
    "R15": [["ok"], ["near_wiring"]],
    "R19": ["2027-01-01", "2029-01-01"],
    "R26": [0.0, 40.0, 120.0],
    "note": ["门口有狗", "call before"],
}
"""Item to believable answers: every merge policy that a checklist uses is among them."""
STATES = ("accepted", "en_route", "on_site", "in_progress", "field_done")
GAS = ("on", "on", "isolated_appliance", "isolated_premises")
FINISHES = ("field_done", "no_access", "refused", "not_done")
_ITEMS = checklists.items_of("RES-INSP@2026.1")
_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(Memory).decode
_answer = msgspec.json.Decoder(SyncAnswer)


class Device:
    """What a technician holds. `true` is the world's time; the wall clock is that plus `skew`."""

    def __init__(self, sender: Sender, dice: random.Random, *, true: datetime) -> None:
        self.sender = sender
        self.dice = dice
        self.true = true
        self.skew = timedelta(0)
        self.memory = Memory(
            server="",
            tablet=sender.tablet_id,
            technician=sender.technician_id,
            access="",
            refresh="",
            boot=self.key(),
            booted_at=true - timedelta(hours=1),
        )
        self.saved = _encode(self.memory)
        self.said: dict[UUID, tuple[Operation, datetime]] = {}
        self.exchanges = 0
        self.offline_until = true
        self.dismissed = False
        self.finished = False
        self.shown: dict[str, int] = {}

    def key(self) -> UUID:
        """An id from the seed's dice."""
        return UUID(int=self.dice.getrandbits(128), version=4)

    @property
    def wall(self) -> datetime:
        """What its clock says; never before the epoch, or no date could be written."""
        return self.true + self.skew

    def become(self, sender: Sender) -> None:
        """Enrolled anew: the work goes on under the new identity."""
        self.sender = sender
        self.dismissed = self.finished = False
        self.memory.become(sender.tablet_id, technician=sender.technician_id, access="", refresh="")
        self.shown.clear()
        self.save()

    def turn_clock(self, skew: timedelta) -> None:
        """Somebody sets the clock: the wall jumps, the uptime does not."""
        self.memory.booted_at += skew - self.skew
        self.skew = skew
        self.save()

    def reboot(self) -> None:
        """A new boot: uptime begins again."""
        self.memory.boot = self.key()
        self.memory.booted_at = self.wall - timedelta(minutes=1)
        self.save()

    def save(self) -> None:
        """What was said is durable: from here on the user has been told so."""
        self.saved = _encode(self.memory)
        for each in self.memory.outbox:
            self.said.setdefault(each.id, (each, self.true))

    def crash(self) -> None:
        """The process dies: whatever was not saved was never said to be."""
        self.memory = _decode(self.saved)

    def tap(self) -> None:
        """One thing a technician does on a record that the tablet shows."""
        frozen = set(self.memory.frozen)
        visits = [
            key
            for key, each in self.memory.records.items()
            if each.kind == "visit" and key not in frozen
        ]
        kind = self.dice.random()
        if not visits or kind < 0.05:
            self.memory.create("note", {"text": self.dice.choice("abc")}, now=self.wall)
            return
        record = self.dice.choice(sorted(visits))
        held = self.memory.records[record]
        if kind < 0.12:
            # shut off, or on again: with and without a look at what was found
            self.memory.answer(record, {"supply": self.dice.choice(GAS)}, now=self.wall)
            return
        if kind < 0.35:
            self._move(record, str(held.fields.get("state")))
            return
        names = self.dice.sample(sorted(ANSWERS), self.dice.randint(1, 3))
        if held.fields.get("template", "").endswith("2026.2"):  # type: ignore[union-attr]
            names = [each for each in names if each != "R15"] or ["note"]
        fields = {name: self.dice.choice(ANSWERS[name]) for name in names}
        urgent = any(severity(_ITEMS, name, value=value) > 0 for name, value in fields.items())
        self.memory.answer(record, fields, now=self.wall, urgent=urgent)

    def _move(self, record: str, state: str) -> None:
        at = STATES.index(state) if state in STATES else -1
        further = STATES[at + 1 : at + 3] or FINISHES
        wanted = self.dice.choice([*further, self.dice.choice(FINISHES)])
        self.memory.command(record, wanted, now=self.wall)

    def poison(self) -> None:
        """An app with a bug writes what no server can apply."""
        known = sorted(set(self.memory.records) - set(self.memory.frozen))
        record = self.dice.choice(known or [str(self.key())])
        kind = self.dice.choice(["patch", "command"])
        given = {"R12": 7} if kind == "patch" else {}
        self.memory.capture(
            record,
            now=self.wall,
            kind=kind,
            fields=given,
            command="teleported" if not given else None,
        )

    def orphan(self) -> None:
        """An operation that names a predecessor which will never come."""
        self.memory.capture(
            str(self.key()), now=self.wall, kind="create", record_kind="note",
            fields={"text": "o"}, after=[self.key()],
        )  # fmt: skip

    def request(self, *, bad_link: bool = False) -> tuple[list[Operation], bytes]:
        """The next exchange, as bytes; over a bad link it asks for little at a time."""
        sent, body = self.memory.request(now=self.wall)
        limit = self.dice.choice([1, 3, 500]) if bad_link else 500
        return sent, _encode(body | {"limit": limit})

    def take(self, sent: list[Operation], reply: bytes) -> bool:
        """An answer arrived whole; records and outcomes become durable together."""
        answer = _answer.decode(reply)
        self.exchanges += 1
        more = self.memory.take(sent, answer, now=self.wall)
        self.save()
        return more
