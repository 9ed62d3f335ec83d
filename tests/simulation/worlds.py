"""What the simulated server stands on: the double in memory, or the whole API over PostgreSQL."""

from copy import copy
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

import httpx
import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from api.app import create_app
from api.services import Services
from runtime.ambient import fixed
from schemas.access import Principal, Sender
from schemas.problems import Refusal
from schemas.safety import QuarantineDecision
from schemas.sync import SyncRequest
from storage import scope
from storage import tables as t
from storage.memory import Tables
from sync import devices, last_word, pull, push, safety
from sync.devices import hashed
from sync.reading import Read, Unread, batch_of, read_operation
from tests.simulation.dying import Busy, Crashed, DyingMemory, DyingStore

UNIT = "u"
PERSON = Principal(unit_id=UNIT, role="dispatcher", name="office", account_id=UUID(int=1))
_request = msgspec.json.Decoder(SyncRequest)


CURSORS = ("cursor_of_another_epoch", "cursor_forged")


class MemoryWorld:
    """Shells of sync over the double; one transaction at a time."""

    concurrent = False

    def __init__(self, library: push.Library, *, epoch: UUID) -> None:
        self.library = library
        self.store = DyingMemory(Tables(epoch=epoch))
        self.dies = False

    async def read(self) -> Tables:
        """Everything as it stands."""
        return self.store.tables

    async def backup(self) -> Any:
        """A copy to go back to."""
        return copied(self.store.tables)

    async def restore(self, then: Any, *, epoch: UUID) -> None:
        """Another life of the database, from a copy."""
        self.store.tables = msgspec.structs.replace(copied(then), epoch=epoch)

    async def person(self, who: UUID, device: UUID, *, box: UUID, name: str) -> None:
        """A technician with a tablet and a mailbox."""
        tables = self.store.tables
        await self.tablet(who, device, name=name)
        tables.mailboxes[box] = {
            "id": box, "unit_id": UNIT, "kind": "technician", "technician_id": who, "position": 0,
        }  # fmt: skip

    async def tablet(self, who: UUID, device: UUID, *, name: str) -> None:
        """One more install of a technician's."""
        self.store.tables.tablets[device] = {
            "id": device, "unit_id": UNIT, "technician_id": who, "state": "active", "last_n": 0,
            "technician_name": name, "clock": {},
        }  # fmt: skip

    async def visit(self, visit: UUID, order: UUID, *, home: UUID, who: UUID, form: str) -> None:
        """A visit, the work order it belongs to, and the premises."""
        tables = self.store.tables
        tables.premises[home] = UNIT
        tables.orders[order] = {"id": order, "unit_id": UNIT, "state": "dispatched"}
        tables.visits[visit] = {
            "id": visit, "unit_id": UNIT, "technician_id": who, "state": "planned",
            "template": form, "premises_id": home, "work_order_id": order,
            "started_at": None, "ended_at": None, "pending_decision": None,
            "work_order_state": "dispatched",
        }  # fmt: skip

    async def change_visit(self, visit: UUID, **values: Any) -> None:
        """Sets columns of a visit."""
        visits = self.store.tables.visits
        visits[visit] = visits[visit] | values

    async def exchange(self, sender: Sender, body: bytes, *, now: datetime) -> bytes:
        """What `POST /sync` does with a decoded body, as one answer's bytes."""
        wish = _request.decode(body)
        tablet = self.store.tables.tablets.get(sender.tablet_id)
        if tablet is not None and tablet["state"] != "active":
            return await self._last_word(sender, wish, now=now)
        before, outcomes = self.store.tables, []
        if wish.operations or wish.unsent:
            batch = batch_of(wish, "json")
            outcomes = await push.push(
                self.store, sender, batch=batch, library=self.library, ambient=fixed(now)
            )
            if self.dies:
                self.store.tables, self.dies = before, False
                raise Crashed
        if wish.lanes == ["safety"]:
            alone = await pull.alone(self.store, wish.cursor, now=now, outcomes=outcomes)
            return msgspec.json.encode(alone)
        page = pull.Wish(
            cursor=wish.cursor, limit=wish.limit, budget_bytes=wish.budget_bytes, lean=wish.lean
        )
        answer = await pull.pull(self.store, sender, wish=page, now=now, outcomes=outcomes)
        return msgspec.json.encode(answer)

    async def _last_word(self, sender: Sender, wish: SyncRequest, *, now: datetime) -> bytes:
        if "tokens_end" in self.store.tables.tablets[sender.tablet_id]:
            raise Refusal("not_signed_in")
        batch = batch_of(wish, "json")
        before = self.store.tables
        said = await last_word.hand_in(
            self.store, sender, batch=batch, said=wish.cursor, ambient=fixed(now)
        )
        if self.dies:
            self.store.tables, self.dies = before, False
            raise Crashed
        return msgspec.json.encode(said)

    async def revoke(self, device: UUID, *, now: datetime) -> None:
        """A tablet is lost."""
        tablets = self.store.tables.tablets
        tablets[device] = tablets[device] | {"state": "lost"}

    async def decide(self, entry: dict[str, Any], *, release: bool, now: datetime) -> None:
        """A person lets an operation out of quarantine, or rejects it."""
        tables = self.store.tables
        read = read_operation(entry["payload"])
        key = (entry["tablet_id"], entry["payload_hash"])
        if not release or isinstance(read, Unread):
            tables.quarantine[key] = entry | {"status": "rejected"}
            return
        known = tables.operations.get(read.operation.id)
        if known is None or known["outcome"] == "quarantined":
            tables.operations[read.operation.id] = _waiting(entry, read)
        owner = tables.tablets[entry["tablet_id"]]
        sender = Sender(unit_id=UNIT, tablet_id=owner["id"], technician_id=owner["technician_id"])
        await push.release(
            self.store, sender, operation=read.operation.id, library=self.library,
            ambient=fixed(now),
        )  # fmt: skip
        self.store.tables.quarantine[key] = entry | {"status": "released"}


def _waiting(entry: dict[str, Any], read: Read) -> dict[str, Any]:
    return {
        "id": read.operation.id, "unit_id": UNIT, "tablet_id": entry["tablet_id"],
        "n": read.operation.n, "record_id": read.operation.record,
        "payload_hash": read.payload_hash, "payload": read.payload, "outcome": "held",
        "code": None, "record_version": None, "observed_at": read.operation.observed_at,
        "corrected_at": entry["received_at"], "received_at": entry["received_at"],
        "trust": "unknown",
    }  # fmt: skip


def copied(tables: Tables) -> Tables:
    """A copy whose tables are its own; rows are never changed in place."""
    return msgspec.structs.replace(
        tables,
        **{
            name: copy(getattr(tables, name))
            for name in Tables.__struct_fields__
            if name != "epoch"
        },
    )


KEPT = (
    t.server_epoch, t.premises, t.work_order, t.visit, t.tablet, t.token, t.mailbox, t.record,
    t.mailbox_entry, t.operation, t.field_history, t.conflict, t.quarantine, t.hazard,
    t.supply_word, t.attachment, t.attachment_use, t.calendar_day, t.commitment,
    t.commitment_event, t.commitment_stage, t.commitment_warning,
)  # fmt: skip
"""Tables that a backup of this simulation holds, parents first."""


class PostgresWorld:
    """The application, spoken to in process, over a database of its own."""

    concurrent = True

    def __init__(self, engine: AsyncEngine, given: Services) -> None:
        self.engine = engine
        self.library = given.library
        self.store = DyingStore(engine)
        self.now = datetime(2026, 11, 24, tzinfo=UTC)
        fields = {name: getattr(given, name) for name in Services.__struct_fields__}
        fields |= {"engine": engine, "store": self.store, "ambient": lambda: fixed(self.now)}
        transport = httpx.ASGITransport(app=create_app(Services(**fields)))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://doorstep")
        self.copies = 0

    @property
    def dies(self) -> bool:
        """Whether the next commit never happens."""
        return self.store.dies

    @dies.setter
    def dies(self, value: bool) -> None:
        self.store.dies = value

    async def begin(self, *, epoch: UUID) -> None:
        """An empty unit in a first life."""
        async with self.engine.begin() as tx:
            old = await tx.scalars(
                sa.text("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'backup%'")
            )
            for schema in old.all():
                await tx.execute(sa.text(f"DROP SCHEMA {schema} CASCADE"))
            names = ", ".join(f'"{each.name}"' for each in (*KEPT, t.technician, t.unit_table))
            await tx.execute(sa.text(f"TRUNCATE {names} CASCADE"))
            await tx.execute(sa.insert(t.unit_table).values(id=UNIT, name_zh="u", settings={}))
            await tx.execute(sa.insert(t.server_epoch).values(id=1, epoch=epoch, since=self.now))

    async def read(self) -> Tables:
        """Everything as it stands, in the double's shape."""
        async with self.engine.connect() as tx:
            rows = {
                table.name: [dict(each) for each in (await tx.execute(sa.select(table))).mappings()]
                for table in KEPT
            }
        by_id = {name: {row["id"]: row for row in found if "id" in row}
                 for name, found in rows.items()}  # fmt: skip
        for row in by_id["operation"].values():
            row["payload"] = msgspec.json.encode(row["payload"]).decode()
        return Tables(
            epoch=rows["server_epoch"][0]["epoch"],
            tablets=by_id["tablet"],
            premises={key: row["unit_id"] for key, row in by_id["premises"].items()},
            supply={key: row["supply_state"] for key, row in by_id["premises"].items()},
            supply_words=by_id["supply_word"],
            mailboxes=by_id["mailbox"],
            entries={(row["mailbox_id"], row["record_id"]): row for row in rows["mailbox_entry"]},
            records=by_id["record"],
            operations=by_id["operation"],
            visits=by_id["visit"],
            orders=by_id["work_order"],
            hazards=by_id["hazard"],
            conflicts=by_id["conflict"],
            quarantine={(r["tablet_id"], r["payload_hash"]): r for r in rows["quarantine"]},
            history=rows["field_history"],
        )

    async def backup(self) -> Any:
        """A copy to go back to, inside the same database."""
        self.copies += 1
        schema = f"backup{self.copies}"
        async with self.engine.begin() as tx:
            await tx.execute(sa.text(f"CREATE SCHEMA {schema}"))
            for table in KEPT:
                await tx.execute(
                    sa.text(f"CREATE TABLE {schema}.{table.name} AS TABLE {table.name}")
                )
        return schema

    async def restore(self, then: Any, *, epoch: UUID) -> None:
        """Another life of the database, from a copy."""
        async with self.engine.begin() as tx:
            names = ", ".join(each.name for each in KEPT)
            await tx.execute(sa.text(f"TRUNCATE {names} CASCADE"))
            for table in KEPT:
                columns = ", ".join(f'"{column.name}"' for column in table.columns)
                await tx.execute(
                    sa.text(
                        f"INSERT INTO {table.name} ({columns}) OVERRIDING SYSTEM VALUE"
                        f" SELECT {columns} FROM {then}.{table.name}"
                    )
                )
            await tx.execute(sa.update(t.server_epoch).values(epoch=epoch))

    async def person(self, who: UUID, device: UUID, *, box: UUID, name: str) -> None:
        """A technician with a tablet, a token and a mailbox."""
        async with self.engine.begin() as tx:
            await tx.execute(
                sa.insert(t.technician).values(
                    id=who, unit_id=UNIT, number=name, name=name, row_hash="", skills=[], grids=[],
                    shift_opens=time(8), shift_closes=time(17),
                )
            )  # fmt: skip
            await tx.execute(
                sa.insert(t.mailbox).values(
                    id=box, unit_id=UNIT, kind="technician", technician_id=who
                )
            )
        await self.tablet(who, device, name=name)

    async def tablet(self, who: UUID, device: UUID, *, name: str) -> None:
        """One more install of a technician's, with a token."""
        async with self.engine.begin() as tx:
            await tx.execute(
                sa.insert(t.tablet).values(
                    id=device, unit_id=UNIT, technician_id=who, label=name, enrolled_at=self.now
                )
            )
            await tx.execute(
                sa.insert(t.token).values(
                    hash=hashed(str(device)), unit_id=UNIT, kind="access", tablet_id=device,
                    family=device,
                    expires_at=datetime(2036, 1, 1, tzinfo=UTC),
                )
            )  # fmt: skip

    async def visit(self, visit: UUID, order: UUID, *, home: UUID, who: UUID, form: str) -> None:
        """A visit, the work order it belongs to, and the premises."""
        async with self.engine.begin() as tx:
            await tx.execute(
                sa.insert(t.premises).values(
                    id=home, unit_id=UNIT, account=str(home), address="-", address_given="-",
                    customer_class="residential", row_hash="",
                )
            )  # fmt: skip
            await tx.execute(
                sa.insert(t.work_order).values(
                    id=order, unit_id=UNIT, premises_id=home, number=str(order), kind="inspection",
                    template=form, skills=[], duration_seconds=1800, tier="cycle",
                    state="dispatched", facts={},
                )
            )  # fmt: skip
            await tx.execute(
                sa.insert(t.visit).values(
                    id=visit, unit_id=UNIT, work_order_id=order, premises_id=home,
                    technician_id=who, state="planned", template=form,
                )
            )  # fmt: skip

    async def revoke(self, device: UUID, *, now: datetime) -> None:
        """A tablet is lost."""
        self.now = now
        with scope.within(UNIT):
            await devices.revoke(
                self.engine, PERSON, tablet_id=device, reason="lost", ambient=fixed(now)
            )

    async def decide(self, entry: dict[str, Any], *, release: bool, now: datetime) -> None:
        """A person lets an operation out of quarantine, or rejects it."""
        ambient = fixed(now)
        wish = QuarantineDecision(decision="release" if release else "reject", reason="looked at")
        with scope.within(UNIT):
            if not release:
                await safety.reject(
                    self.engine, PERSON, entry=entry["id"], wish=wish, ambient=ambient
                )
                return
            try:
                owner, key = await safety.take_up(self.engine, PERSON, entry=entry["id"])
                await push.release(
                    self.store, owner, operation=key, library=self.library, ambient=ambient
                )
                await safety.released(
                    self.engine, PERSON, entry=entry["id"], wish=wish, ambient=ambient
                )
            except Refusal as refusal:
                # what cannot be applied even now stays open
                if not refusal.code.startswith("quarantine_"):
                    raise

    async def change_visit(self, visit: UUID, **values: Any) -> None:
        """Sets columns of a visit."""
        async with self.engine.begin() as tx:
            await tx.execute(sa.update(t.visit).where(t.visit.c.id == visit).values(**values))

    async def exchange(self, sender: Sender, body: bytes, *, now: datetime) -> bytes:
        """`POST /sync` through every layer of the application."""
        self.now = now
        headers = {
            "Authorization": f"Bearer {sender.tablet_id}", "Content-Type": "application/json",
        }  # fmt: skip
        doomed, words = self.dies, self.store.dies_in
        reply = await self.client.post("/api/v1/sync", content=body, headers=headers)
        died = (doomed and not self.dies) or (words > 0 >= self.store.dies_in)
        if reply.status_code == 503 and died:
            raise Crashed
        if reply.status_code == 503 and "Retry-After" in reply.headers:
            raise Busy
        if reply.status_code == 400 and reply.json()["code"] not in CURSORS:
            raise msgspec.DecodeError(reply.text)
        if reply.status_code != 200:
            raise Refusal(reply.json()["code"])
        return reply.content
