"""A backup taken under work is whole; a restore is the same house at the same or an earlier hour."""

import asyncio
import os
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from runtime import backup, sample_region
from runtime.ambient import fixed
from runtime.opening import open_region
from schemas.problems import Refusal
from storage import audit, embedded, migrate, records
from storage.blobs import open_blobs
from storage.engine import make_engine
from storage.tables import attachment

AS_OF = date(2026, 11, 23)
EVENING = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
PHOTO = "ab" * 32


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    memory = Path("/dev/shm")
    base = (memory if memory.is_dir() else tmp_path) / f"doorstep-backup-{uuid.uuid4().hex[:8]}"
    base.mkdir(mode=0o755)
    yield base
    for each in base.iterdir():
        embedded.remove(each / "postgres")
    embedded.remove(base)


@pytest.fixture
def installation(place: Path, tmp_path: Path) -> Iterator[embedded.Cluster]:
    """A region in a server that archives, with one photo."""
    cluster = embedded.start(place / "state" / "postgres", durable=False, archive=True)
    cluster.ensure_database(backup.DATABASE)
    asyncio.run(migrate.upgrade(cluster.url(backup.DATABASE)))
    size = sample_region.Size(premises=300, technicians=4, requests=20)
    sample_region.write_region(tmp_path / "region", size=size, seed=3, as_of=AS_OF)

    async def filled() -> None:
        engine = make_engine(cluster.url(backup.DATABASE))
        await open_region(engine, tmp_path / "region", unit=("guan", AS_OF), ambient=fixed(EVENING))
        async with engine.begin() as tx:
            await tx.execute(
                sa.insert(attachment).values(
                    unit_id="guan", sha256=PHOTO, state="verified", declared_at=EVENING
                )
            )
        await engine.dispose()

    asyncio.run(filled())
    yield cluster
    cluster.stop()


def photos(place: Path):
    folder = place / "state" / "attachments"
    file = folder / "photos" / "guan" / PHOTO[:2] / PHOTO
    file.parent.mkdir(parents=True)
    file.write_bytes(b"a photo")
    return open_blobs(str(folder))


def said(cluster: embedded.Cluster, word: str) -> None:
    """One more line in the audit."""

    async def wrote() -> None:
        engine = make_engine(cluster.url(backup.DATABASE))
        async with engine.begin() as tx:
            entry = audit.Entry(at=datetime.now(UTC), actor="test", action=word, subject="-")
            await audit.append(tx, "guan", entry=entry)
        await engine.dispose()

    asyncio.run(wrote())


def heard(cluster: embedded.Cluster) -> tuple[list[str], uuid.UUID]:
    """What the audit of a server says was done, and which life it is in."""

    async def read():
        engine = make_engine(cluster.url(backup.DATABASE))
        async with engine.connect() as tx:
            rows = await audit.page(tx, "guan", after=0, limit=500)
            found = [each["action"] for each in rows if each["actor"] == "test"]
            epoch = await records.epoch(tx)
        await engine.dispose()
        return found, epoch

    return asyncio.run(read())


def restored(wish: backup.Wish):
    judged = backup.restore(wish)
    cluster = embedded.start(wish.state / "postgres")
    try:
        return judged, *heard(cluster)
    finally:
        cluster.stop()


def test_a_restore_into_a_new_folder_holds_the_same_and_begins_a_new_epoch(place, installation):
    said(installation, "before")
    made = backup.make(installation, photos(place), target=place / "backup")
    (place / "state" / "secret").write_bytes(b"s" * 32)
    assert backup.keep_keys(place / "state", beside=place / "backup") == ["secret"]
    _, epoch = heard(installation)
    said(installation, "after")
    wish = backup.Wish(source=place / "backup", state=place / "again")
    judged, words, new_epoch = restored(wish)
    assert words == ["before"]
    assert judged["tables_changed_since_the_backup_began"] == []
    assert judged["rows"] == sum(each[0] for each in made.tables.values()) > 1_000
    assert (judged["photos"], judged["photos_missing"]) == (1, 0)
    assert judged["audit_chains_broken"] == []
    assert (place / "again" / "secret").read_bytes() == b"s" * 32
    assert new_epoch != epoch


def test_a_restore_to_an_instant_stops_between_two_deeds(place, installation):
    backup.make(installation, photos(place), target=place / "backup")
    said(installation, "before")
    time.sleep(0.05)
    until = datetime.now(UTC)
    time.sleep(0.05)
    said(installation, "mistake")
    installation.switch_segment()
    archive = place / "state" / "postgres" / embedded.ARCHIVE
    while not list(archive.glob("*[0-9A-F].gz")) or list(archive.glob("*.tmp")):
        time.sleep(0.1)
    said(installation, "later")
    source, state = place / "backup", place / "earlier"
    wish = backup.Wish(source=source, state=state, archive=archive, until=until)
    judged, words, _ = restored(wish)
    assert words == ["before"]
    assert judged["tables_changed_since_the_backup_began"] == ["audit"]


def test_an_instant_that_the_archive_does_not_reach_is_refused(place, installation):
    backup.make(installation, photos(place), target=place / "backup")
    archive = place / "empty"
    archive.mkdir()
    until = datetime(2040, 1, 1, tzinfo=UTC)
    wish = backup.Wish(source=place / "backup", state=place / "never", archive=archive, until=until)
    with pytest.raises(Refusal, match="restore_point"):
        backup.restore(wish)


@pytest.mark.parametrize(
    ("source", "state", "code"),
    [("nothing", "fresh", "backup_unknown"), ("backup", "taken", "backup_folder")],
)
def test_a_restore_needs_a_backup_and_an_empty_folder(tmp_path, source, state, code):
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "backup.json").write_text("{}")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "work").touch()
    with pytest.raises(Refusal, match=code):
        backup.restore(backup.Wish(source=tmp_path / source, state=tmp_path / state))


def test_a_damaged_backup_is_not_kept_as_one(place, installation, monkeypatch):
    run = embedded.Cluster._run

    def damaged(self, tool, *arguments, check=True):
        if tool == "pg_verifybackup":
            victim = place / "backup" / "base" / "PG_VERSION"
            victim.write_text("99\n")
        return run(self, tool, *arguments, check=check)

    monkeypatch.setattr(embedded.Cluster, "_run", damaged)
    with pytest.raises(Refusal, match="backup_failed"):
        backup.make(installation, photos(place), target=place / "backup")
    assert not os.path.exists(place / "backup" / "backup.json")
