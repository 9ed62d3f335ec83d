"""The in-memory double of the sync store: the same promises as PostgreSQL, for simulations and
tests.

One transaction at a time; an error in the block leaves nothing behind. Held to the same
conformance suite.
"""

import asyncio
import copy
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from storage.mailboxes import TRAIL_MAX, Delivery
from storage.sync_store import Leaving, Row, Rows, SyncTransaction

_VISIT = {
    "started_at": None, "ended_at": None, "outcome": None, "certification": "open",
    "pending_decision": False, "work_kind": "inspection", "first_gas_on": None,
    "inspected_at": None, "second_id": None,
}  # fmt: skip
"""Columns that a table fills by itself."""
_GRADES = ("minor", "major", "critical")
_JSON = ("fields", "versions", "authors")


class Tables(msgspec.Struct, kw_only=True):
    """Rows by key; seeded by whoever sets up a scene."""

    epoch: UUID
    tablets: dict[UUID, dict[str, Any]] = {}
    premises: dict[UUID, str] = {}
    mailboxes: dict[UUID, dict[str, Any]] = {}
    entries: dict[tuple[UUID, UUID], dict[str, Any]] = {}
    records: dict[UUID, dict[str, Any]] = {}
    operations: dict[UUID, dict[str, Any]] = {}
    visits: dict[UUID, dict[str, Any]] = {}
    orders: dict[UUID, dict[str, Any]] = {}
    hazards: dict[UUID, dict[str, Any]] = {}
    conflicts: dict[UUID, dict[str, Any]] = {}
    quarantine: dict[tuple[UUID, str], dict[str, Any]] = {}
    attachments: dict[str, dict[str, Any]] = {}
    uses: dict[tuple[str, UUID, str], dict[str, Any]] = {}
    meters: dict[UUID, dict[str, Any]] = {}
    supply: dict[UUID, str] = {}
    supply_words: dict[UUID, dict[str, Any]] = {}
    history: list[dict[str, Any]] = []


_TABLES = tuple(name for name in Tables.__struct_fields__ if name != "epoch")


class MemorySync:
    """`SyncStore` over plain dictionaries."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SyncTransaction]:
        """All of the block, or nothing."""
        async with self._lock:
            # rows are replaced, never changed in place: a copy of each table of rows is a draft
            draft = msgspec.structs.replace(
                self.tables,
                **{name: copy.copy(getattr(self.tables, name)) for name in _TABLES},
            )
            yield MemoryTransaction(draft)
            self.tables = draft


class MemoryTransaction:
    """`SyncTransaction` over a draft of the tables."""

    def __init__(self, tables: Tables) -> None:
        self._t = tables

    async def lock_tablet(self, unit_id: str, tablet_id: UUID) -> Row | None:
        found = self._t.tablets.get(tablet_id)
        return found if found is not None and found["unit_id"] == unit_id else None

    async def epoch(self) -> UUID:
        return self._t.epoch

    async def known_operations(self, unit_id: str, ids: Sequence[UUID]) -> dict[UUID, Row]:
        return {**self._rejected(unit_id, ids), **_chosen(self._t.operations, unit_id, ids=ids)}

    def _rejected(self, unit_id: str, ids: Sequence[UUID]) -> dict[UUID, Row]:
        """What a person rejected is known as well, under whichever install it is offered again;
        what still waits for one is `open`."""
        outcomes = {"rejected": "quarantined", "open": "open"}
        found = [
            row | {"outcome": outcomes[status], "record_version": None}
            for row in self._t.quarantine.values()
            if row["unit_id"] == unit_id
            and row["operation_id"] in ids
            and row["code"] != "id_reused"
            and (status := row.get("status", "open")) in outcomes
            and (status == "rejected" or row["code"] == "tablet_revoked")
        ]
        # a rejection outweighs an open entry
        return {row["operation_id"]: row for row in sorted(found, key=lambda row: row["outcome"])}

    async def lock_records(self, unit_id: str, ids: Sequence[UUID]) -> dict[UUID, Row]:
        found = _chosen(self._t.records, unit_id, ids=ids)
        return {key: _as_text(row) for key, row in sorted(found.items())}

    async def read_records(self, unit_id: str, ids: Sequence[UUID]) -> dict[UUID, Row]:
        return await self.lock_records(unit_id, ids)

    async def lock_supply(
        self, unit_id: str, premises: Sequence[UUID]
    ) -> tuple[Mapping[UUID, str], Sequence[Row]]:
        words = [row for row in self._t.supply_words.values() if row["premises_id"] in premises]
        return self._t.supply, words

    async def visits_at(
        self, unit_id: str, premises: Sequence[UUID], *, but: Sequence[UUID]
    ) -> Sequence[Row]:
        return [
            _as_text(row)
            for row in self._t.records.values()
            if row["unit_id"] == unit_id
            and row["kind"] == "visit"
            and row["premises_id"] in premises
            and row["id"] not in but
        ]

    async def held_operations(
        self, unit_id: str, ids: Sequence[UUID], *, tablet_id: UUID
    ) -> Sequence[Row]:
        return [
            {
                **row,
                "technician_id": self._t.tablets[row["tablet_id"]]["technician_id"],
                "technician_name": self._t.tablets[row["tablet_id"]]["technician_name"],
            }
            for row in sorted(self._t.operations.values(), key=lambda each: each["n"])
            if row["unit_id"] == unit_id
            and row["outcome"] == "held"
            and (row["record_id"] in ids or row["tablet_id"] == tablet_id)
        ]

    async def holders(
        self, unit_id: str, visits: Sequence[UUID], *, inspected: bool = False
    ) -> dict[UUID, Row]:
        found = _chosen(self._t.visits, unit_id, ids=visits)
        return {key: _VISIT | dict(row) for key, row in found.items()}

    async def open_hazards(self, unit_id: str, premises: Sequence[UUID]) -> Sequence[Row]:
        return [
            row
            for row in self._t.hazards.values()
            if row["unit_id"] == unit_id
            and row["premises_id"] in premises
            and row["state"] != "closed"
        ]

    async def lock_commitments(self, unit_id: str, orders: Sequence[UUID]) -> Sequence[Row]:
        return []

    async def ever_delivered(self, mailboxes: Sequence[UUID], ids: Sequence[UUID]) -> set[UUID]:
        return {record for box, record in self._t.entries if box in mailboxes and record in ids}

    async def known_premises(self, unit_id: str, ids: Sequence[UUID]) -> set[UUID]:
        return {each for each in ids if self._t.premises.get(each) == unit_id}

    async def certify(self, unit_id: str, visits: Sequence[UUID]) -> None:
        missing = {
            row["visit_id"]
            for row in self._t.uses.values()
            if self._t.attachments[row["sha256"]]["state"] != "verified"
        }
        for each in visits:
            if self._t.visits[each].get("certification", "open") != "open":
                certification = "waiting_evidence" if each in missing else "certified"
                self._t.visits[each] = self._t.visits[each] | {"certification": certification}

    async def leave(self, leaving: Leaving) -> None:
        t = self._t
        for table, rows in (
            (t.orders, leaving.new_work_orders),
            (t.visits, leaving.new_visits),
            (t.records, leaving.new_records),
            (t.operations, leaving.operations),
            (t.supply_words, leaving.supply_words),
        ):
            _add(table, rows)
        for table, rows in (
            (t.records, leaving.changed_records),
            (t.operations, leaving.settled),
            (t.hazards, leaving.changed_hazards),
            (t.visits, leaving.visits),
            (t.orders, leaving.work_orders),
        ):
            for row in rows:
                if row["id"] in table:
                    table[row["id"]] = table[row["id"]] | row
        _disagree(t.conflicts, leaving)
        for row in leaving.new_hazards:
            _found(t.hazards, row)
        for row in leaving.attachments:
            t.attachments.setdefault(row["sha256"], row)
        for row in leaving.uses:
            t.uses.setdefault((row["sha256"], row["record_id"], row["field"]), row)
        for row in leaving.quarantine:
            t.quarantine.setdefault((row["tablet_id"], row["payload_hash"]), row)
        again = leaving.come_again["operations"] if leaving.come_again is not None else ()
        for key, row in t.quarantine.items():
            if row["operation_id"] in again:
                closed = row.get("status", "open") == "open"
                t.quarantine[key] = row | {"status": "released"} if closed else row
        for row in leaving.meters:
            t.meters[row["id"]] = row
        t.supply.update({row["id"]: row["supply_state"] for row in leaving.premises})
        t.history.extend(leaving.history)

    async def heard_from(self, tablet_id: UUID, **values: Any) -> None:
        self._t.tablets[tablet_id] = self._t.tablets[tablet_id] | values

    async def end_tokens(self, tablet_id: UUID, now: datetime) -> None:
        self._t.tablets[tablet_id] = self._t.tablets[tablet_id] | {"tokens_end": now}

    async def echo(self, versions: dict[UUID, int]) -> None:
        following = [key for key, row in self._t.entries.items() if not row["forget"]]
        await self.deliver(
            [
                Delivery(mailbox_id=box, record_id=record, version=versions[record])
                for box, record in following
                if record in versions
            ]
        )

    async def deliver(
        self, deliveries: Sequence[Delivery], *, echoed: Mapping[UUID, int] | None = None
    ) -> None:
        latest = {(each.mailbox_id, each.record_id): each for each in deliveries}
        for key, each in latest.items():
            box = dict(self._t.mailboxes[each.mailbox_id])
            box["position"] += 1
            self._t.mailboxes[each.mailbox_id] = box
            old = self._t.entries.get(key)
            keep = old is not None and not old["forget"] and not each.forget
            trail = [old["position"], old["record_version"], *old["trail"]] if old and keep else []
            self._t.entries[key] = {
                "position": box["position"],
                "record_version": each.version,
                "forget": each.forget,
                "trail": trail[:TRAIL_MAX],
            }
        if echoed:
            await self.echo(dict(echoed))

    async def mailboxes_of(self, unit_id: str, technician_id: UUID) -> Sequence[Row]:
        return [
            row
            for row in sorted(self._t.mailboxes.values(), key=lambda each: str(each["kind"]))
            if row["unit_id"] == unit_id
            and (row["technician_id"] == technician_id or row["kind"] == "unit")
        ]

    async def entries(self, mailbox_id: UUID, *, after: int, limit: int) -> Sequence[Row]:
        found = [
            {
                **_as_text(self._t.records[record]),
                **row,
                "mailbox_end": self._t.mailboxes[box]["position"],
            }
            for (box, record), row in self._t.entries.items()
            if box == mailbox_id and row["position"] > after
        ]
        return sorted(found, key=lambda each: int(each["position"]))[:limit]

    async def operations_held(self, tablet_id: UUID, *, after: int, limit: int) -> Sequence[Row]:
        found = [
            row
            for row in self._t.operations.values()
            if row["tablet_id"] == tablet_id and row["n"] > after
        ]
        return sorted(found, key=lambda each: int(each["n"]))[:limit]

    async def tablets_held_since(self, before: datetime, *, limit: int) -> Sequence[Row]:
        held = (row for row in self._t.operations.values() if row["outcome"] == "held")
        tablets = {row["tablet_id"] for row in held if row["received_at"] <= before}
        return [
            {
                "unit_id": self._t.tablets[each]["unit_id"],
                "tablet_id": each,
                "technician_id": self._t.tablets[each]["technician_id"],
            }
            for each in sorted(tablets)
        ][:limit]


def _chosen(
    table: Mapping[UUID, dict[str, Any]], unit_id: str, *, ids: Sequence[UUID]
) -> dict[UUID, Row]:
    return {
        each: table[each] for each in ids if each in table and table[each]["unit_id"] == unit_id
    }


def _as_text(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, **{name: msgspec.json.encode(row[name]).decode() for name in _JSON}}


def _found(hazards: dict[UUID, dict[str, Any]], row: dict[str, Any]) -> None:
    """One open hazard a place and item: as bad as the worse finding and as old as the older."""
    place = (row["premises_id"], row["item"])
    for key, known in hazards.items():
        if known["state"] != "closed" and (known["premises_id"], known["item"]) == place:
            worse = max(known["grade"], row["grade"], key=_GRADES.index)
            older = {name: min(known[name], row[name]) for name in ("found_at", "due_at")}
            hazards[key] = known | {"grade": worse} | older
            return
    hazards.setdefault(row["id"], row)


def _disagree(conflicts: dict[UUID, dict[str, Any]], leaving: Leaving) -> None:
    """A conflict that is known stays, or opens again where a correction had settled it."""
    corrected = {"by": "policy", "policy": "counter_monotonic", "reason": "reading_corrected"}
    for key in leaving.settled_doubts:
        known = conflicts.get(key)
        if known is not None and known["status"] == "open":
            conflicts[key] = known | {"status": "resolved", "resolution": corrected}
    for row in leaving.conflicts:
        known = conflicts.get(row["id"])
        if known is None or known["resolution"] == corrected:
            conflicts[row["id"]] = row


def _add(table: dict[UUID, dict[str, Any]], rows: Rows) -> None:
    for row in rows:
        if row["id"] in table:
            raise ValueError(f"{row['id']} is there already")
        table[row["id"]] = dict(row)
