"""One suite, two stores: what sync may rely on holds over PostgreSQL and over the double alike."""

import uuid
from datetime import UTC, datetime, time, timedelta

import msgspec
import pytest
import sqlalchemy as sa
from uuid_utils.compat import uuid7

from runtime.ambient import fixed
from schemas.access import Sender
from schemas.problems import Refusal
from schemas.sync import SyncAnswer
from storage import checklists, records, registry
from storage.memory import MemorySync, Tables
from storage.sync_store import Leaving, PostgresSync
from storage.tables import mailbox, premises, tablet, technician
from sync import pull, push
from sync.changes import unlisted
from sync.reading import Batch

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
UNIT = "u"
LIBRARY = push.Library(templates=checklists.templates(), transitions=checklists.transitions())


class Scene:
    def __init__(self, store, sender):
        self.store, self.sender, self.n = store, sender, 0

    def note(self, record=None, **given):
        self.n += 1
        said = {
            "id": str(uuid7()),
            "n": self.n,
            "record": str(record or uuid.uuid4()),
            "kind": "create",
            "record_kind": "note",
            "observed_at": NOW.isoformat(),
            "fields": {"text": "x"},
        }
        return {**said, **given}

    async def push(self, *operations):
        raw = [msgspec.json.encode(each) for each in operations]
        return await push.push(
            self.store,
            self.sender,
            batch=Batch(operations=raw),
            library=LIBRARY,
            ambient=fixed(NOW),
        )

    async def pull(self, cursor="", **more):
        wish = pull.Wish(cursor=cursor, **more)
        answer = await pull.pull(self.store, self.sender, wish=wish, now=NOW)
        return msgspec.json.decode(msgspec.json.encode(answer), type=SyncAnswer)


async def over_postgres(engine):
    person, device, box = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    async with engine.begin() as tx:
        await registry.ensure_unit(tx, UNIT, name_zh="u")
        await records.ensure_epoch(tx, epoch=uuid.uuid4(), now=NOW)
        await tx.execute(
            sa.insert(technician).values(
                id=person,
                unit_id=UNIT,
                number="T1",
                name="T1",
                row_hash="",
                skills=[],
                grids=[],
                shift_opens=time(8),
                shift_closes=time(17),
            )  # fmt: skip
        )
        await tx.execute(
            sa.insert(tablet).values(
                id=device, unit_id=UNIT, technician_id=person, label="t", enrolled_at=NOW
            )
        )
        await tx.execute(
            sa.insert(mailbox).values(id=box, unit_id=UNIT, kind="technician", technician_id=person)
        )
    return PostgresSync(engine), Sender(unit_id=UNIT, tablet_id=device, technician_id=person)


def over_memory():
    person, device, box = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    tables = Tables(epoch=uuid.uuid4())
    tables.tablets[device] = {
        "id": device, "unit_id": UNIT, "technician_id": person, "state": "active", "last_n": 0,
        "technician_name": "T1", "clock": {},
    }  # fmt: skip
    tables.mailboxes[box] = {
        "id": box, "unit_id": UNIT, "kind": "technician", "technician_id": person, "position": 0,
    }  # fmt: skip
    return MemorySync(tables), Sender(unit_id=UNIT, tablet_id=device, technician_id=person)


@pytest.fixture(params=["postgres", "memory"])
async def scene(request, database):
    if request.param == "memory":
        return Scene(*over_memory())
    return Scene(*await over_postgres(database))


def kinds(outcomes):
    return [each.outcome for each in outcomes]


async def test_what_was_made_comes_back_once(scene):
    assert kinds(await scene.push(scene.note(), scene.note())) == ["applied", "applied"]
    page = await scene.pull()
    assert len(page.changes) == 2
    assert not page.more
    assert (await scene.pull(page.cursor)).changes == []


async def test_the_same_push_again_adds_nothing_to_the_feed(scene):
    said = scene.note()
    await scene.push(said)
    cursor = (await scene.pull()).cursor
    assert kinds(await scene.push(said)) == ["duplicate"]
    assert (await scene.pull(cursor)).changes == []


async def test_a_delta_holds_only_the_field_that_changed(scene):
    said = scene.note(fields={"text": "x", "title": "t"})
    await scene.push(said)
    cursor = (await scene.pull()).cursor
    later = scene.note(said["record"], kind="patch", fields={"text": "y"}, base={"text": 1})
    assert kinds(await scene.push(later)) == ["applied"]
    (change,) = (await scene.pull(cursor)).changes
    assert change.fields == {"text": "y"}


async def test_a_page_stops_and_goes_on_anywhere(scene):
    await scene.push(*(scene.note() for _ in range(7)))
    cursor, seen = "", []
    while True:
        page = await scene.pull(cursor, limit=3)
        seen += [each.record for each in page.changes]
        cursor = page.cursor
        if not page.more:
            break
    assert len(seen) == len(set(seen)) == 7


async def test_an_update_before_its_create_is_held_and_applied_when_that_comes(scene):
    record = uuid.uuid4()
    first = scene.note(record)
    late = scene.note(record, kind="patch", fields={"text": "second"}, base={"text": 1})
    assert kinds(await scene.push(late)) == ["held"]
    assert kinds(await scene.push(first)) == ["applied"]
    (change,) = (await scene.pull()).changes
    assert change.fields["text"] == "second"
    assert [each.code for each in await scene.push(late)] == ["applied"]


async def test_nothing_stays_of_a_transaction_that_fails(scene):
    with pytest.raises(ZeroDivisionError):
        async with scene.store.begin() as tx:
            await tx.heard_from(scene.sender.tablet_id, last_n=99)
            raise ZeroDivisionError
    async with scene.store.begin() as tx:
        row = await tx.lock_tablet(UNIT, scene.sender.tablet_id)
    assert row["last_n"] == 0


async def test_a_tablet_of_another_unit_is_nobody_here(scene):
    scene.sender = msgspec.structs.replace(scene.sender, unit_id="other")
    with pytest.raises(Refusal, match="tablet_revoked"):
        await scene.push(scene.note())


async def test_one_outcome_for_each_operation_in_the_order_sent(scene):
    good, bad = scene.note(), scene.note(kind="dance")
    assert kinds(await scene.push(bad, good, bad, good)) == [
        "quarantined", "applied", "quarantined", "duplicate",
    ]  # fmt: skip


async def test_the_last_predecessor_frees_an_operation_on_another_record(scene):
    first, second = scene.note(), scene.note()
    waiting = scene.note(after=[first["id"], second["id"]])
    assert kinds(await scene.push(waiting)) == ["held"]
    assert kinds(await scene.push(first)) == ["applied"]
    assert [each.code for each in await scene.push(waiting)] == ["held"]
    await scene.push(second)
    assert [each.code for each in await scene.push(waiting)] == ["applied"]
    assert len((await scene.pull()).changes) == 3


async def settled(scene, *, before):
    return await push.settle(scene.store, before, library=LIBRARY, ambient=fixed(NOW))


async def test_what_waited_too_long_is_applied_with_a_mark_once(scene):
    waiting = scene.note(after=[str(uuid7())])
    await scene.push(waiting)
    assert await settled(scene, before=NOW - timedelta(hours=1)) == 0
    assert (await scene.pull()).changes == []
    assert await settled(scene, before=NOW) == 1
    assert await settled(scene, before=NOW) == 0
    (outcome,) = await scene.push(waiting)
    assert (outcome.outcome, outcome.code) == ("duplicate", "applied")
    async with scene.store.begin() as tx:
        known = await tx.known_operations(UNIT, [uuid.UUID(waiting["id"])])
    assert known[uuid.UUID(waiting["id"])]["code"] == "predecessor_missing"
    (change,) = (await scene.pull()).changes
    assert change.fields["text"] == "x"


async def test_what_builds_on_a_record_that_never_came_goes_on_waiting(scene):
    orphan = scene.note(kind="patch", base={"text": 1})
    await scene.push(orphan)
    assert await settled(scene, before=NOW) == 0
    assert [each.code for each in await scene.push(orphan)] == ["held"]


async def test_the_short_form_says_the_same_as_the_long_one(scene):
    said = scene.note(fields={"text": "x", "title": "t"})
    await scene.push(said)
    whole, short = await scene.pull(), await scene.pull(lean=True)
    assert short.changes == []
    assert [unlisted(each) for each in short.lean] == whole.changes
    await scene.push(scene.note(said["record"], kind="patch", fields={"text": "y"}))
    delta, brief = await scene.pull(whole.cursor), await scene.pull(whole.cursor, lean=True)
    assert [unlisted(each).fields for each in brief.lean] == [{"text": "y"}]
    assert brief.lean[0].whole is delta.changes[0].whole is False


async def test_two_pushes_that_find_the_same_danger_leave_one_hazard(scene):
    home, found = uuid.uuid4(), []
    if isinstance(scene.store, MemorySync):
        scene.store.tables.premises[home] = UNIT
    for grade in ("major", "critical"):
        found.append({
            "id": uuid.uuid4(), "unit_id": UNIT, "premises_id": home, "visit_id": None,
            "item": "R12", "grade": grade, "statutory": None, "state": "open",
            "found_at": NOW + timedelta(minutes=len(found)), "due_at": NOW, "body": {},
            "version": 1,
        })  # fmt: skip
    if not isinstance(scene.store, MemorySync):
        async with scene.store.begin() as tx:
            await tx.tx.execute(
                sa.insert(premises).values(
                    id=home, unit_id=UNIT, account="1", address="-", address_given="-",
                    customer_class="residential", row_hash="",
                )
            )  # fmt: skip
    for each in found:
        async with scene.store.begin() as tx:
            await tx.leave(Leaving(new_hazards=[each]))
    async with scene.store.begin() as tx:
        (row,) = await tx.open_hazards(UNIT, [home])
    assert (row["grade"], row["found_at"]) == ("critical", NOW)
