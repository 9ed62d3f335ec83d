"""Words to tell an offline story with: tablets, an office, a link; over the double in memory."""

import random
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from runtime import outbox
from schemas.problems import Refusal
from schemas.sync import FieldValue, Operation
from sync.rows import state_of
from tests.simulation.device import Device
from tests.simulation.scene import TEMPLATE, Server

QUIET_AFTER = 40


class Tablet(Device):
    """A device that is told what to do instead of drawing it."""

    def answers(self, visit: UUID, **fields: FieldValue) -> Operation:
        """Captures answers and says that they are saved."""
        return self._saved(self.memory.answer(str(visit), fields, now=self.wall))

    def says(self, visit: UUID, state: str, **words: FieldValue) -> Operation:
        """The visit comes into a state."""
        return self._saved(self.memory.command(str(visit), state, now=self.wall, **words))

    def captures(self, record: UUID | str, **given: Any) -> Operation:
        """Any operation at all."""
        return self._saved(self.memory.capture(str(record), now=self.wall, **given))

    def notes(self, text: str) -> UUID:
        """A note of one's own; returns its record."""
        record = UUID(self.memory.create("note", {"text": text}, now=self.wall))
        self.save()
        return record

    def _saved(self, operation: Operation) -> Operation:
        self.save()
        return operation

    def outcome(self, operation: Operation) -> str:
        """What the tablet was told of an operation."""
        return self.memory.outcomes[str(operation.id)]

    def sees(self, visit: UUID, field: str) -> FieldValue:
        """What its screen shows."""
        return self.memory.shown(str(visit)).get(field)


class Story:
    """One unit, one day, everything under control."""

    def __init__(self, seed: int = 1) -> None:
        self.dice = random.Random(seed)
        self.server = Server(self.dice)
        outbox.uuid7 = lambda: self.server.key()

    async def tablet(self) -> Tablet:
        """A technician with an enrolled tablet that has said hello."""
        made = Tablet(await self.server.person(), self.dice, true=self.server.now)
        await self.sync(made)
        return made

    async def visit(self, *tablets: Tablet, template: str = TEMPLATE) -> UUID:
        """A planned visit; further tablets go along. Everybody has heard of it."""
        first, *others = tablets
        made = await self.server.visit(first.sender.technician_id, template=template)
        for each in others:
            await self.server.share(made, each.sender.technician_id)
        for each in tablets:
            await self.sync(each)
        return made

    def later(self, *tablets: Tablet, **span: float) -> None:
        """Time passes, for the server and for these tablets."""
        self.server.now += timedelta(**span)
        for each in tablets:
            each.true = self.server.now

    async def send(self, tablet: Tablet) -> bytes | None:
        """One request; the answer is on its way. None where the server refuses."""
        self.sent, body = tablet.request()
        try:
            return await self.server.exchange(tablet.sender, body)
        except Refusal as refusal:
            if refusal.code != "cursor_of_another_epoch":
                raise
            tablet.memory.begin_again()
            tablet.save()
            return None

    async def sync(self, *tablets: Tablet) -> None:
        """Exchanges until nothing is left to say or to hear; twice round, so that all hear all."""
        for each in (*tablets, *tablets) if len(tablets) > 1 else tablets:
            for _ in range(QUIET_AFTER):
                reply = await self.send(each)
                if reply is not None and not each.take(self.sent, reply):
                    break
            else:
                raise AssertionError("it never comes to rest")

    @property
    def tables(self) -> Any:
        """What the server holds."""
        return self.server.store.tables

    def shows(self, visit: UUID, field: str) -> FieldValue:
        """The effective value at the office."""
        return self.state(visit).fields.get(field)

    def state(self, record: UUID) -> Any:
        """The record as it stands."""
        row = self.tables.records[record]
        text = {k: msgspec.json.encode(row[k]).decode() for k in ("fields", "versions", "authors")}
        return state_of({**row, **text})

    def lost(self, visit: UUID, field: str) -> list[FieldValue]:
        """Values that are history."""
        rows = self.tables.history
        return [row["value"] for row in rows if (row["record_id"], row["field"]) == (visit, field)]

    def conflicts(self, visit: UUID) -> list[str]:
        """Fields on which a person must decide."""
        rows = self.tables.conflicts.values()
        return sorted(
            {row["field"] for row in rows if row["record_id"] == visit and row["status"] == "open"}
        )

    def beside(self, visit: UUID, field: str) -> list[FieldValue]:
        """Every value of a conflict on a field, as the dispatcher sees them."""
        rows = [row for row in self.tables.conflicts.values() if row["record_id"] == visit]
        latest = [row for row in rows if row["field"] == field][-1]
        return [each["value"] for each in latest["values"]]

    def held(self, operation: Operation) -> Any:
        """What the server keeps of an operation."""
        return self.tables.operations.get(operation.id)

    def quarantined(self, operation: Operation) -> str | None:
        """Why an operation lies in quarantine."""
        for row in self.tables.quarantine.values():
            if row["operation_id"] == operation.id:
                return row["code"]
        return None
