"""The doctor finds what was broken on purpose, and nothing else."""

import shutil
import uuid
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from runtime import doctor, keys, server
from runtime.ambient import fixed, live
from runtime.settings import Settings
from storage import audit, migrate, plans, registry
from storage.engine import make_engine
from storage.sealing import Ring
from storage.tables import audit as audit_table
from storage.tables import customer


@pytest.fixture
async def patient(database: AsyncEngine, tmp_path: Path) -> doctor.Patient:
    """An installation with one unit, a line of audit and a worker that was just heard."""
    now = live().now
    async with database.begin() as tx:
        await registry.ensure_unit(tx, "u", name_zh="单位")
        await plans.worker_lives(tx, "w", now=now, doing="waiting")
        for word in ("first", "second"):
            entry = audit.Entry(at=now, actor="a", action=word, subject="s")
            await audit.append(tx, "u", entry=entry)
    settings = Settings(state=str(tmp_path))
    blobs = server.photos(settings)
    return doctor.Patient(engine=database, blobs=blobs, settings=settings, now=now)


async def wrong(patient: doctor.Patient) -> set[str]:
    findings = await doctor.examine(patient)
    assert len(findings) == len(doctor.CHECKS)
    assert all(each.holds or (each.zh and each.en) for each in findings)
    # the test server runs without fsync on purpose, faces are built by another word, and how much
    # room a test machine has or which settings it is given is not its business
    mine = {"durability", "faces", "disk", "settings"}
    return {each.check for each in findings if not each.holds} - mine


async def test_a_sound_installation_is_left_in_peace(patient):
    sound = patient.now.replace(year=2026, month=3, day=2)
    patient = doctor.Patient(
        engine=patient.engine, blobs=patient.blobs, settings=patient.settings, now=sound
    )
    assert await wrong(patient) == set()


async def test_a_server_without_fsync_is_called_unsafe(patient):
    found = {each.check: each for each in await doctor.examine(patient)}
    assert not found["durability"].holds and "fsync" in found["durability"].seen


async def test_a_silent_worker_is_found(patient):
    async with patient.engine.begin() as tx:
        await tx.execute(sa.text("UPDATE worker SET seen_at = seen_at - interval '5 minutes'"))
    assert "workers" in await wrong(patient)


async def test_a_rewritten_line_of_audit_is_found(patient):
    async with patient.engine.begin() as tx:
        await tx.execute(
            sa.update(audit_table).where(audit_table.c.n == 1).values(action="something else")
        )
    assert "audit_chain" in await wrong(patient)


async def test_a_schema_of_another_version_is_found(patient):
    async with patient.engine.begin() as tx:
        await tx.execute(sa.text("UPDATE alembic_version SET version_num = 'a0001'"))
    found = {each.check: each for each in await doctor.examine(patient)}
    assert not found["schema"].holds and migrate.HEAD in found["schema"].seen


async def test_a_plan_that_nobody_takes_is_found(patient):
    long_ago = patient.now - timedelta(hours=1)
    async with patient.engine.begin() as tx:
        await tx.execute(
            sa.text(
                "INSERT INTO plan (id, unit_id, on_day, state, snapshot, seed, seconds, engine,"
                " requested_by, requested_at) VALUES (gen_random_uuid(), 'u', '2026-03-02',"
                " 'requested', '', 1, 1, 'x', 'x', :at)"
            ),
            {"at": long_ago},
        )
    found = {each.check: each for each in await doctor.examine(patient)}
    assert found["backlog"].seen == "plans 1"


async def test_a_setting_that_there_is_not_is_found(patient, monkeypatch):
    monkeypatch.setenv("DOORSTEP_SECRETT", "x")
    found = {each.check: each for each in await doctor.examine(patient)}
    assert not found["settings"].holds and found["settings"].seen == "DOORSTEP_SECRETT"


async def test_a_lost_key_is_found_by_its_name(patient):
    ring = keys.parsed(f"{keys.fresh('new')},{keys.fresh('old')}")
    gone, kept = ring.keys[1], ring.keys[0]
    for key in (gone, kept):
        row = {"id": uuid.uuid4(), "unit_id": "u", "name": "x"}
        place = f"customer.phone:{row['id']}"
        row["phone"] = Ring(keys=(key,)).seal("13900000000", place=place)
        async with patient.engine.begin() as tx:
            await tx.execute(sa.insert(customer).values(**row))
    settings = Settings(state=patient.settings.state, keys=f"new:{b64encode(kept.secret).decode()}")
    patient = doctor.Patient(
        engine=patient.engine, blobs=patient.blobs, settings=settings, now=patient.now
    )
    found = {each.check: each for each in await doctor.examine(patient)}
    assert (found["sealed"].holds, found["sealed"].seen) == (False, "customer.phone under old")


@pytest.mark.parametrize(
    ("broken", "seen"),
    [
        ("GRANT UPDATE ON audit TO doorstep_app", "audit can be rewritten"),
        ("GRANT TRUNCATE ON commitment_event TO doorstep_app", "commitment_event can be rewritten"),
        ("ALTER TABLE record DISABLE ROW LEVEL SECURITY", "record has no policy"),
        ("DROP POLICY doorstep ON premises", "premises has no policy"),
    ],
)
async def test_rights_that_were_changed_are_found(patient, broken, seen):
    async with patient.engine.begin() as tx:
        await tx.execute(sa.text(broken))
    found = {each.check: each for each in await doctor.examine(patient)}
    assert (found["rights"].holds, found["rights"].seen) == (False, seen)


async def test_a_server_without_room_for_another_process_is_found(patient, monkeypatch):
    monkeypatch.setattr(doctor, "CONNECTIONS_FREE_MIN", 10_000)
    assert "connections" in await wrong(patient)


async def test_photos_that_cannot_be_kept_are_found_with_their_own_cure(patient, tmp_path):
    blobs = server.photos(patient.settings)
    folder = tmp_path / "attachments"
    shutil.rmtree(folder)
    folder.write_text("a file stands where the folder was")
    patient = doctor.Patient(
        engine=patient.engine, blobs=blobs, settings=patient.settings, now=patient.now
    )
    found = {each.check: each for each in await doctor.examine(patient)}
    assert not found["photos"].holds and "DOORSTEP_ATTACHMENTS" in found["photos"].en


async def test_a_full_disk_is_found(patient, monkeypatch):
    monkeypatch.setattr(doctor, "DISK_FREE_MIN", 2**70)
    found = {each.check: each for each in await doctor.examine(patient)}
    assert not found["disk"].holds


async def test_clocks_that_disagree_are_found(patient, monkeypatch):
    ahead = fixed(live().now + timedelta(minutes=5))
    monkeypatch.setattr(doctor, "live", lambda: ahead)
    assert "clocks" in await wrong(patient)


async def test_a_year_without_an_official_notice_is_said(patient):
    later = fixed(datetime(2031, 5, 1, tzinfo=UTC)).now
    patient = doctor.Patient(
        engine=patient.engine, blobs=patient.blobs, settings=patient.settings, now=later
    )
    assert "working_days" in await wrong(patient)


async def test_without_a_database_every_check_answers_and_none_raises(patient):
    nowhere = make_engine("postgresql://nobody@/none?host=/nonexistent", connections=1)
    gone = doctor.Patient(
        engine=nowhere, blobs=patient.blobs, settings=patient.settings, now=patient.now
    )
    assert {"database_version", "schema", "rights", "sealed", "workers", "audit_chain"} <= (
        await wrong(gone)
    )
    await nowhere.dispose()
