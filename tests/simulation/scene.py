"""A server over the in-memory double with visits, people and an office that goes on deciding."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from runtime.ambient import fixed
from schemas.access import Sender
from schemas.sync import FieldValue, Mark, RecordState
from schemas.template import Template
from storage import checklists
from storage.mailboxes import Delivery
from storage.sync_store import Leaving, SyncTransaction
from sync import push
from sync.decision import Context
from sync.merge import force_state, office_edit
from sync.rows import (
    changed_row,
    conflict_row,
    history_row,
    new_row,
    office_mark,
    state_of,
)
from tests.simulation.worlds import UNIT, MemoryWorld, PostgresWorld

START = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
TEMPLATE = "RES-INSP@2026.1"
UPGRADED = "RES-INSP@2026.2"


def upgraded(templates: dict[str, Template]) -> dict[str, Template]:
    """The shipped checklists and a later version of one, with an item less."""
    old = templates[TEMPLATE]
    items = tuple(each for each in old.items if each.code != "R15")
    return {**templates, UPGRADED: msgspec.structs.replace(old, version="2026.2", items=items)}


LIBRARY = push.Library(
    templates=upgraded(dict(checklists.templates())), transitions=checklists.transitions()
)
OFFICE = Context(
    templates=LIBRARY.templates,
    transitions=frozenset(),
    mine=frozenset(),
    held_by={},
    known=frozenset(),
    premises=frozenset(),
)


World = MemoryWorld | PostgresWorld


class Server:
    """The shells of sync over the double, with the true time as its clock."""

    def __init__(self, dice: random.Random, world: World | None = None) -> None:
        self.dice = dice
        self.now = START
        self.world = world or MemoryWorld(LIBRARY, epoch=self.key())
        self.store = self.world.store
        self.boxes: dict[UUID, UUID] = {}
        self.people: list[UUID] = []
        self.visits: list[UUID] = []

    def key(self) -> UUID:
        """A new id from the seed's own dice."""
        return UUID(int=self.dice.getrandbits(128), version=4)

    async def person(self) -> Sender:
        """A technician with a tablet and a mailbox."""
        who, device, box = self.key(), self.key(), self.key()
        await self.world.person(who, device, box=box, name=f"T{len(self.people)}")
        self.people.append(who)
        self.boxes[who] = box
        return Sender(unit_id=UNIT, tablet_id=device, technician_id=who)

    async def install(self, who: UUID) -> Sender:
        """Another enrolment of the same technician's."""
        device = self.key()
        await self.world.tablet(who, device, name=f"T{self.people.index(who)}")
        return Sender(unit_id=UNIT, tablet_id=device, technician_id=who)

    async def visit(self, who: UUID, *, template: str = TEMPLATE) -> UUID:
        """A visit as a published plan leaves it."""
        visit, order, home = self.key(), self.key(), self.key()
        await self.world.visit(visit, order, home=home, who=who, form=template)
        fields: dict[str, FieldValue] = {"state": "dispatched", "template": template}
        mark = Mark(by="office", who="office", n=0, at_ms=0, trust="verified")
        state = RecordState(
            id=visit, kind="visit", visit_id=visit, premises_id=home, fields=fields, version=1,
            versions=dict.fromkeys(fields, 1),
        )  # fmt: skip
        row = new_row(state, UNIT)
        row["authors"] = msgspec.to_builtins({"marks": {1: mark}}, str_keys=True)
        async with self.store.begin() as tx:
            await tx.leave(Leaving(new_records=[row]))
        await self._deliver([Delivery(mailbox_id=self.box(who), record_id=visit, version=1)])
        self.visits.append(visit)
        return visit

    def box(self, who: UUID) -> UUID:
        """A technician's mailbox."""
        return self.boxes[who]

    async def exchange(self, sender: Sender, body: bytes) -> bytes:
        """One round trip of a tablet's."""
        return await self.world.exchange(sender, body, now=self.now)

    async def _held(self, visit: UUID) -> dict[str, Any]:
        return (await self.world.read()).visits[visit]

    async def reassign(self, visit: UUID, to: UUID) -> None:
        """Revoke and grant in one transaction."""
        held = await self._held(visit)
        old = held["technician_id"]
        if held["state"] not in ("planned", "en_route") or old == to:
            return
        async with self.store.begin() as tx:
            version = await self._edited(tx, visit, fields={"technician": str(to)})
            grant = Delivery(mailbox_id=self.box(to), record_id=visit, version=version)
            revoke = Delivery(
                mailbox_id=self.box(old), record_id=visit, version=version, forget=True
            )
            await tx.deliver([grant, revoke])
        await self.world.change_visit(visit, technician_id=to)

    async def share(self, visit: UUID, other: UUID) -> None:
        """A second technician goes along and is given the same visit."""
        async with self.store.begin() as tx:
            version = (await self._state(tx, visit)).version
            box = self.box(other)
            await tx.deliver([Delivery(mailbox_id=box, record_id=visit, version=version)])

    async def cancel(self, visit: UUID) -> None:
        """The office cancels a visit that has not begun."""
        held = await self._held(visit)
        if held["state"] not in ("planned", "en_route"):
            return
        async with self.store.begin() as tx:
            now = force_state(await self._state(tx, visit), state="cancelled", mark=self._mark())
            await tx.leave(Leaving(changed_records=[changed_row(now)]))
            await tx.echo({now.id: now.version})
        await self.world.change_visit(visit, state="cancelled")

    async def merge(self, visit: UUID, into: UUID) -> None:
        """Two visits become one: the first is cancelled, its technician goes along to the other."""
        held = await self._held(visit)
        await self.cancel(visit)
        await self.edit(into, {"office_note": f"with {visit}"})
        await self.share(into, held["technician_id"])

    async def revoke(self, device: UUID) -> None:
        """A tablet is lost."""
        await self.world.revoke(device, now=self.now)

    async def decide(self, *, release: bool) -> bool:
        """Somebody looks at what a revoked tablet had; False where there is nothing to look at."""
        tables = await self.world.read()
        waiting = [
            row
            for row in tables.quarantine.values()
            if row["code"] == "tablet_revoked" and row.get("status", "open") == "open"
        ]
        for row in waiting[:5]:
            await self.world.decide(row, release=release, now=self.now)
        return bool(waiting)

    async def edit(self, visit: UUID, fields: dict[str, FieldValue]) -> None:
        """The office writes an answer of its own."""
        async with self.store.begin() as tx:
            await self._edited(tx, visit, fields=fields)

    async def settle(self, *, hours: int) -> None:
        """The worker applies what has waited too long."""
        before = self.now - timedelta(hours=hours)
        await push.settle(self.store, before, library=LIBRARY, ambient=fixed(self.now))

    async def _edited(
        self, tx: SyncTransaction, visit: UUID, *, fields: dict[str, FieldValue]
    ) -> int:
        state = await self._state(tx, visit)
        step = office_edit(state, fields=fields, mark=self._mark(), context=OFFICE)
        now = step.record or state
        at = (UNIT, self.now)
        await tx.leave(
            Leaving(
                changed_records=[changed_row(now)],
                history=[history_row(each, at=at) for each in step.lost],
                conflicts=[conflict_row(each, self.key(), at=at) for each in step.disagreements],
            )
        )
        await tx.echo({now.id: now.version})
        return now.version

    async def _state(self, tx: SyncTransaction, visit: UUID) -> RecordState:
        return state_of((await tx.lock_records(UNIT, [visit]))[visit])

    async def _deliver(self, deliveries: list[Delivery]) -> None:
        async with self.store.begin() as tx:
            await tx.deliver(deliveries)

    def _mark(self) -> Mark:
        return office_mark("office", self.now)
