"""A server over the in-memory double with visits, people and an office that goes on deciding."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from runtime.ambient import fixed
from schemas.access import Sender
from schemas.sync import FieldValue, Mark, RecordState, SyncAnswer, SyncRequest
from schemas.template import Template
from storage import checklists
from storage.mailboxes import Delivery
from storage.memory import MemorySync, Tables
from storage.sync_store import Leaving
from sync import pull, push
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

UNIT = "u"
START = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
TEMPLATE = "RES-INSP@2026.1"
UPGRADED = "RES-INSP@2026.2"
_request = msgspec.json.Decoder(SyncRequest)


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


class Server:
    """The shells of sync over the double, with the true time as its clock."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.now = START
        self.store = MemorySync(Tables(epoch=self.key()))
        self.people: list[UUID] = []
        self.visits: list[UUID] = []
        self.made_for: dict[UUID, list[UUID]] = {}
        self.decided: set[tuple[UUID, str]] = set()

    def key(self) -> UUID:
        """A new id from the seed's own dice."""
        return UUID(int=self.dice.getrandbits(128), version=4)

    async def person(self) -> Sender:
        """A technician with a tablet and a mailbox."""
        who, device, box = self.key(), self.key(), self.key()
        tables = self.store.tables
        tables.tablets[device] = {
            "id": device, "unit_id": UNIT, "technician_id": who, "state": "active", "last_n": 0,
            "technician_name": f"T{len(self.people)}", "clock": {},
        }  # fmt: skip
        tables.mailboxes[box] = {
            "id": box, "unit_id": UNIT, "kind": "technician", "technician_id": who, "position": 0,
        }  # fmt: skip
        self.people.append(who)
        return Sender(unit_id=UNIT, tablet_id=device, technician_id=who)

    async def visit(self, who: UUID, *, template: str = TEMPLATE) -> UUID:
        """A visit as a published plan leaves it."""
        visit, order, home = self.key(), self.key(), self.key()
        self.store.tables.premises[home] = UNIT
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
        self.store.tables.orders[order] = {"id": order, "unit_id": UNIT, "state": "dispatched"}
        self.store.tables.visits[visit] = {
            "id": visit, "unit_id": UNIT, "technician_id": who, "state": "planned",
            "template": template, "premises_id": home, "work_order_id": order,
            "started_at": None, "ended_at": None, "pending_decision": None,
            "work_order_state": "dispatched",
        }  # fmt: skip
        await self._deliver([Delivery(mailbox_id=self.box(who), record_id=visit, version=1)])
        self.visits.append(visit)
        return visit

    def box(self, who: UUID) -> UUID:
        """A technician's mailbox."""
        boxes = self.store.tables.mailboxes.values()
        return next(each["id"] for each in boxes if each["technician_id"] == who)

    async def exchange(self, sender: Sender, body: bytes) -> bytes:
        """What `POST /sync` does with a decoded body, as one answer's bytes."""
        wish = _request.decode(body)
        outcomes = []
        if wish.operations or wish.unsent:
            outcomes = await push.push(
                self.store,
                sender,
                batch=push.batch_of(wish, "json"),
                library=LIBRARY,
                ambient=fixed(self.now),
            )
        page = pull.Wish(cursor=wish.cursor, limit=wish.limit, budget_bytes=wish.budget_bytes)
        answer: SyncAnswer = await pull.pull(
            self.store, sender, wish=page, now=self.now, outcomes=outcomes
        )
        return msgspec.json.encode(answer)

    async def reassign(self, visit: UUID, to: UUID) -> None:
        """Revoke and grant in one transaction."""
        held = self.store.tables.visits[visit]
        old = held["technician_id"]
        if held["state"] not in ("planned", "en_route") or old == to:
            return
        state = await self._edited(visit, {"technician": str(to)})
        self.store.tables.visits[visit] = held | {"technician_id": to}
        grant = Delivery(mailbox_id=self.box(to), record_id=visit, version=state.version)
        revoke = Delivery(
            mailbox_id=self.box(old), record_id=visit, version=state.version, forget=True
        )
        await self._deliver([grant, revoke])

    async def share(self, visit: UUID, other: UUID) -> None:
        """A second technician goes along and is given the same visit."""
        version = (await self._state(visit)).version
        await self._deliver(
            [Delivery(mailbox_id=self.box(other), record_id=visit, version=version)]
        )

    async def cancel(self, visit: UUID) -> None:
        """The office cancels a visit that has not begun."""
        held = self.store.tables.visits[visit]
        if held["state"] not in ("planned", "en_route"):
            return
        now = force_state(await self._state(visit), state="cancelled", mark=self._mark())
        await self._save(now)
        self.store.tables.visits[visit] = held | {"state": "cancelled"}

    async def edit(self, visit: UUID, fields: dict[str, FieldValue]) -> None:
        """The office writes an answer of its own."""
        await self._save(await self._edited(visit, fields))

    async def settle(self, *, hours: int) -> None:
        """The worker applies what has waited too long."""
        before = self.now - timedelta(hours=hours)
        await push.settle(self.store, before, library=LIBRARY, ambient=fixed(self.now))

    async def _edited(self, visit: UUID, fields: dict[str, FieldValue]) -> RecordState:
        state = await self._state(visit)
        step = office_edit(state, fields=fields, mark=self._mark(), context=OFFICE)
        now = step.record or state
        at = (UNIT, self.now)
        lost = [history_row(each, at=at) for each in step.lost]
        opened = [conflict_row(each, self.key(), at=at) for each in step.disagreements]
        async with self.store.begin() as tx:
            await tx.leave(Leaving(history=lost, conflicts=opened))
        await self._save(now)
        return now

    async def _state(self, visit: UUID) -> RecordState:
        async with self.store.begin() as tx:
            rows = await tx.lock_records(UNIT, [visit])
        return state_of(rows[visit])

    async def _save(self, state: RecordState) -> None:
        async with self.store.begin() as tx:
            await tx.leave(Leaving(changed_records=[changed_row(state)]))
            await tx.echo({state.id: state.version})

    async def _deliver(self, deliveries: list[Delivery]) -> None:
        async with self.store.begin() as tx:
            await tx.deliver(deliveries)

    def _mark(self) -> Mark:
        return office_mark("office", self.now)
