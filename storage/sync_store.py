"""The store that sync speaks to: one protocol, held by PostgreSQL here and by the double in memory.

Rows are mappings by column name (see storage/tables); JSON columns arrive as plain values.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.base import Value
from storage import access, attachments, feed, ledger, mailboxes, records, registry, supply, work
from storage.engine import Transaction

Row = Mapping[str, Any]
Rows = Sequence[dict[str, Any]]


class Leaving(Value, frozen=True):
    """Everything that one push or decision leaves behind, in rows of the tables."""

    new_records: Rows = ()
    changed_records: Rows = ()
    operations: Rows = ()
    settled: Rows = ()
    history: Rows = ()
    conflicts: Rows = ()
    quarantine: Rows = ()
    come_again: Row | None = None
    attachments: Rows = ()
    uses: Rows = ()
    new_hazards: Rows = ()
    changed_hazards: Rows = ()
    new_visits: Rows = ()
    visits: Rows = ()
    new_work_orders: Rows = ()
    work_orders: Rows = ()
    events: Rows = ()
    commitments: Rows = ()
    settled_doubts: Sequence[UUID] = ()
    meters: Rows = ()
    supply_words: Rows = ()
    premises: Rows = ()


class SyncTransaction(Protocol):
    """What a shell of sync may ask for and leave within one transaction."""

    async def lock_tablet(self, unit_id: str, tablet_id: UUID) -> Row | None:
        """The tablet with its technician, locked."""

    async def epoch(self) -> UUID:
        """Which life of the database this is."""

    async def known_operations(self, unit_id: str, ids: Sequence[UUID]) -> dict[UUID, Row]:
        """Operations among `ids` that are stored, or in quarantine: rejected by a person, or of a
        revoked tablet and `open`."""

    async def lock_records(self, unit_id: str, ids: Sequence[UUID]) -> dict[UUID, Row]:
        """Records among `ids`, locked in id order; `fields`, `versions`, `authors` as JSON text."""

    async def read_records(self, unit_id: str, ids: Sequence[UUID]) -> dict[UUID, Row]:
        """The same without a lock."""

    async def lock_supply(
        self, unit_id: str, premises: Sequence[UUID]
    ) -> tuple[Mapping[UUID, str], Sequence[Row]]:
        """How the gas of these premises stands, and what was said; who else speaks of them waits."""

    async def visits_at(
        self, unit_id: str, premises: Sequence[UUID], *, but: Sequence[UUID]
    ) -> Sequence[Row]:
        """Records of every visit to these premises but some, JSON columns as text."""

    async def held_operations(
        self, unit_id: str, ids: Sequence[UUID], *, tablet_id: UUID
    ) -> Sequence[Row]:
        """Operations on these records, or from this tablet, that wait."""

    async def holders(
        self, unit_id: str, visits: Sequence[UUID], *, inspected: bool = False
    ) -> dict[UUID, Row]:
        """Who holds each visit, how it stands, and when its premises were `inspected` if asked."""

    async def open_hazards(self, unit_id: str, premises: Sequence[UUID]) -> Sequence[Row]:
        """Hazards at these premises that are not closed."""

    async def lock_commitments(self, unit_id: str, orders: Sequence[UUID]) -> Sequence[Row]:
        """Open commitments that field work on these work orders bears on, locked."""

    async def ever_delivered(self, mailboxes: Sequence[UUID], ids: Sequence[UUID]) -> set[UUID]:
        """Which of these records were ever put into one of these mailboxes."""

    async def known_premises(self, unit_id: str, ids: Sequence[UUID]) -> set[UUID]:
        """Which of these premises are the unit's."""

    async def certify(self, unit_id: str, visits: Sequence[UUID]) -> None:
        """Certifies those that ended with every declared hash verified; the others wait for it."""

    async def leave(self, leaving: Leaving) -> None:
        """Writes everything."""

    async def heard_from(self, tablet_id: UUID, **values: Any) -> None:
        """Sets columns of the tablet."""

    async def end_tokens(self, tablet_id: UUID, now: datetime) -> None:
        """No token of the tablet works any more."""

    async def echo(self, versions: dict[UUID, int]) -> None:
        """Delivers changed records to every mailbox that follows them."""

    async def deliver(
        self, deliveries: Sequence[mailboxes.Delivery], *, echoed: Mapping[UUID, int] | None = None
    ) -> None:
        """Puts records at the end of mailboxes, and what is echoed into every one that follows it."""

    async def mailboxes_of(self, unit_id: str, technician_id: UUID) -> Sequence[Row]:
        """The technician's own mailbox and the unit's: `id, kind, position`."""

    async def entries(self, mailbox_id: UUID, *, after: int, limit: int) -> Sequence[Row]:
        """Entries beyond a position, in order, with their records and `mailbox_end`."""

    async def operations_held(self, tablet_id: UUID, *, after: int, limit: int) -> Sequence[Row]:
        """What is held of a tablet, by its own sequence."""

    async def tablets_held_since(self, before: datetime, *, limit: int) -> Sequence[Row]:
        """Tablets with an operation that has waited since `before` or longer."""


class SyncStore(Protocol):
    """Opens transactions: all of one is kept, or nothing."""

    def begin(self) -> AbstractAsyncContextManager[SyncTransaction]:
        """A transaction; commits at the end of the block, leaves nothing after an error."""


class PostgresTransaction:
    """`SyncTransaction` over an open transaction of the engine."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx

    async def lock_tablet(self, unit_id: str, tablet_id: UUID) -> Row | None:
        found: Row | None = await records.lock_tablet(self.tx, unit_id, tablet_id=tablet_id)
        return found

    async def epoch(self) -> UUID:
        return await records.epoch(self.tx)

    async def known_operations(self, unit_id: str, ids: Sequence[UUID]) -> dict[UUID, Row]:
        return await records.known_operations(self.tx, unit_id, ids=ids)

    async def lock_records(self, unit_id: str, ids: Sequence[UUID]) -> dict[UUID, Row]:
        return await records.lock_records(self.tx, unit_id, ids=ids)

    async def read_records(self, unit_id: str, ids: Sequence[UUID]) -> dict[UUID, Row]:
        return await records.read_records(self.tx, unit_id, ids=ids)

    async def lock_supply(
        self, unit_id: str, premises: Sequence[UUID]
    ) -> tuple[Mapping[UUID, str], Sequence[Row]]:
        return await supply.lock_words(self.tx, unit_id, premises=premises)

    async def visits_at(
        self, unit_id: str, premises: Sequence[UUID], *, but: Sequence[UUID]
    ) -> Sequence[Row]:
        return await records.visits_at(self.tx, unit_id, premises=premises, but=but)

    async def held_operations(
        self, unit_id: str, ids: Sequence[UUID], *, tablet_id: UUID
    ) -> Sequence[Row]:
        return await records.held_operations(self.tx, unit_id, ids=ids, tablet_id=tablet_id)

    async def holders(
        self, unit_id: str, visits: Sequence[UUID], *, inspected: bool = False
    ) -> dict[UUID, Row]:
        return await records.holders(self.tx, unit_id, visits=visits, inspected=inspected)

    async def open_hazards(self, unit_id: str, premises: Sequence[UUID]) -> Sequence[Row]:
        return await records.open_hazards(self.tx, unit_id, premises=premises)

    async def lock_commitments(self, unit_id: str, orders: Sequence[UUID]) -> Sequence[Row]:
        return await ledger.lock_for_work(self.tx, unit_id, orders=orders)

    async def ever_delivered(self, mailboxes: Sequence[UUID], ids: Sequence[UUID]) -> set[UUID]:
        return await feed.ever_delivered(self.tx, mailboxes, ids=ids)

    async def known_premises(self, unit_id: str, ids: Sequence[UUID]) -> set[UUID]:
        return await registry.known_premises(self.tx, unit_id, ids=ids)

    async def certify(self, unit_id: str, visits: Sequence[UUID]) -> None:
        await attachments.certify(self.tx, unit_id, visits=visits)

    async def leave(self, leaving: Leaving) -> None:
        tx = self.tx
        await work.open_work_orders(tx, leaving.new_work_orders)
        await work.add_visits(tx, leaving.new_visits)
        await records.save_records(tx, leaving.new_records, new=True)
        await records.save_records(tx, leaving.changed_records, new=False)
        await records.append_operations(tx, leaving.operations)
        await records.settle_operations(tx, leaving.settled)
        await records.append_history(tx, leaving.history)
        await records.add_conflicts(tx, leaving.conflicts, settled=leaving.settled_doubts)
        await records.add_quarantine(tx, leaving.quarantine)
        await records.close_entries(tx, leaving.come_again)
        await records.declare_attachments(tx, leaving.attachments, uses=leaving.uses)
        await records.save_hazards(tx, leaving.new_hazards, new=True)
        await records.save_hazards(tx, leaving.changed_hazards, new=False)
        await work.update_visits(tx, leaving.visits)
        await work.set_work_order_states(tx, leaving.work_orders)
        await ledger.append_events(tx, leaving.events)
        await ledger.update_commitments(tx, leaving.commitments)
        await supply.put_in_meters(tx, leaving.meters)
        await supply.add_words(tx, leaving.supply_words)
        await supply.set_states(tx, leaving.premises)

    async def heard_from(self, tablet_id: UUID, **values: Any) -> None:
        await records.heard_from(self.tx, tablet_id, **values)

    async def end_tokens(self, tablet_id: UUID, now: datetime) -> None:
        await access.end_tokens(self.tx, tablet_id, now=now)

    async def echo(self, versions: dict[UUID, int]) -> None:
        await mailboxes.echo(self.tx, versions)

    async def deliver(
        self, deliveries: Sequence[mailboxes.Delivery], *, echoed: Mapping[UUID, int] | None = None
    ) -> None:
        await mailboxes.deliver(self.tx, deliveries, echoed=echoed)

    async def mailboxes_of(self, unit_id: str, technician_id: UUID) -> Sequence[Row]:
        return await feed.mailboxes_of(self.tx, unit_id, technician_id=technician_id)

    async def entries(self, mailbox_id: UUID, *, after: int, limit: int) -> Sequence[Row]:
        return await feed.entries(self.tx, mailbox_id, after=after, limit=limit)

    async def operations_held(self, tablet_id: UUID, *, after: int, limit: int) -> Sequence[Row]:
        return await feed.operations_held(self.tx, tablet_id, after=after, limit=limit)

    async def tablets_held_since(self, before: datetime, *, limit: int) -> Sequence[Row]:
        return await records.tablets_held_since(self.tx, before, limit=limit)


class PostgresSync:
    """`SyncStore` over an engine."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SyncTransaction]:
        """One transaction of PostgreSQL."""
        async with self._engine.begin() as tx:
            yield PostgresTransaction(tx)
