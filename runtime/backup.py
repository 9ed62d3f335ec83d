"""A backup of an installation and its restore: the database's files, the photos, and what they held.

A backup folder has `base/` (the server's files, with its manifest), `photos/` (by hash, so that the
next backup copies only the new ones), `keys/` and `backup.json`. A restore makes a new state folder, replays
the archive up to an instant where one is wanted, and begins a new epoch, so that every tablet offers
again what was acknowledged after the backup.
"""

import asyncio
import os
import shutil
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from runtime.ambient import live
from schemas.base import Value
from schemas.problems import Refusal
from storage import attachments, audit, embedded, fingerprint, migrate, records, registry
from storage.blobs import Blobs, photo_path
from storage.engine import make_engine

T = TypeVar("T")
DATABASE = "doorstep"
REPLAY_SECONDS_MAX = 3_600
KEYS = ("secret", "sealing-keys", "demo-password")
"""What an installation without given secrets keeps in its state folder; sealed columns and
customers' links are worth nothing without them."""


class Backup(Value, frozen=True):
    """What a backup says of itself; `tables` are counts and hashes as it began."""

    made_at: datetime
    schema: str
    epoch: str
    photos: int
    tables: dict[str, list[int | str]]


class Wish(Value, frozen=True):
    """What is to be restored: from a backup, into a new state folder, up to an instant."""

    source: Path
    state: Path
    archive: Path | None = None
    until: datetime | None = None


def make(cluster: embedded.Cluster, blobs: Blobs, *, target: Path) -> Backup:
    """Copies a running installation into `target`; whoever works meanwhile is not disturbed.

    Refuses `backup_folder` where a backup lies there already, and `backup_failed`.
    """
    if (target / "base").exists():
        raise Refusal("backup_folder", folder=target.name)
    cluster.own(target)
    made_at = live().now
    held = asyncio.run(_asked(cluster, fingerprint_of))
    cluster.base_backup(target / "base")
    photos = asyncio.run(
        _asked(cluster, lambda engine: _photos(engine, blobs, target=target / "photos"))
    )
    made = Backup(made_at=made_at, schema=migrate.HEAD, photos=photos, **held)
    (target / "backup.json").write_bytes(msgspec.json.format(msgspec.json.encode(made)))
    return made


def restore(wish: Wish) -> dict[str, Any]:
    """Makes a new installation of a backup and says how it compares with what was kept.

    Refuses `backup_unknown`, `backup_folder` where the state folder holds something, and
    `restore_point` where the archive does not reach the instant.
    """
    if not (wish.source / "backup.json").is_file():
        raise Refusal("backup_unknown", folder=wish.source.name)
    if wish.state.exists() and any(wish.state.iterdir()):
        raise Refusal("backup_folder", folder=wish.state.name)
    made = msgspec.json.decode((wish.source / "backup.json").read_bytes(), type=Backup)
    cluster = embedded.at(wish.state / "postgres")
    _lay(cluster, wish)
    for name in KEYS:
        if (wish.source / "keys" / name).is_file():
            shutil.copy2(wish.source / "keys" / name, wish.state / name)
    if (wish.source / "photos").is_dir():
        shutil.copytree(wish.source / "photos", wish.state / "attachments" / "photos")
    try:
        _replay(cluster)
        judged = asyncio.run(_asked(cluster, lambda engine: _judged(engine, made, wish=wish)))
    finally:
        cluster.stop()
    return judged


def keep_keys(state: Path, *, beside: Path) -> list[str]:
    """Copies the keys that lie in a state folder into `keys/` of a backup, for nobody else's eyes;
    returns which there were. Whoever gives keys by the environment keeps them elsewhere."""
    found = [name for name in KEYS if (state / name).is_file()]
    if found:
        (beside / "keys").mkdir(mode=0o700, exist_ok=True)
    for name in found:
        shutil.copy2(state / name, beside / "keys" / name)
    return found


async def fingerprint_of(engine: AsyncEngine) -> dict[str, Any]:
    """What a database holds, and which life of it this is."""
    async with engine.connect() as tx:
        tables = await fingerprint.tables(tx)
        return {"tables": tables, "epoch": str(await records.epoch(tx))}


def _lay(cluster: embedded.Cluster, wish: Wish) -> None:
    cluster.data.rmdir()
    shutil.copytree(wish.source / "base", cluster.data)
    lines = ["archive_mode = 'off'"]
    if wish.archive is not None:
        lines += [f"restore_command = 'gunzip < {wish.archive.resolve()}/%f.gz > %p'"]
        if wish.until is not None:
            until = wish.until.isoformat(sep=" ")
            lines += [f"recovery_target_time = '{until}'", "recovery_target_action = 'promote'"]
        (cluster.data / "recovery.signal").touch()
    with (cluster.data / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
        settings.write("\n".join(lines) + "\n")
    owner = cluster.own(cluster.data).stat()
    for each in cluster.data.rglob("*"):
        os.chown(each, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _replay(cluster: embedded.Cluster) -> None:
    try:
        # a server that does not come up over these files will not come up later either
        cluster.start(durable=True, patience_seconds=0)
    except Refusal as refusal:
        raise Refusal("restore_point", log=cluster.data.name) from refusal
    deadline = time.monotonic() + REPLAY_SECONDS_MAX
    while cluster.recovering():
        if time.monotonic() > deadline:
            raise Refusal("restore_point", reason="the replay did not end")
        time.sleep(0.2)


async def _judged(engine: AsyncEngine, made: Backup, *, wish: Wish) -> dict[str, Any]:
    held = await fingerprint_of(engine)
    ambient = live()
    async with engine.begin() as tx:
        await records.begin_epoch(tx, epoch=ambient.new_id(), now=ambient.now)
        units = await registry.unit_ids(tx)
        broken = [each for each in units if (await audit.broken_at(tx, each))[1] is not None]
        photos = [
            photo_path(unit, sha256)
            for unit in units
            for sha256 in await attachments.verified(tx, unit)
        ]
    folder = wish.state / "attachments"
    different = [name for name, was in made.tables.items() if held["tables"].get(name) != was]
    return {
        "made_at": made.made_at.isoformat(),
        "tables": len(held["tables"]),
        "rows": sum(int(each[0]) for each in held["tables"].values()),
        "tables_changed_since_the_backup_began": different,
        "photos": len(photos),
        "photos_missing": sum(1 for each in photos if not (folder / each).is_file()),
        "audit_chains_broken": broken,
        "epoch_is_new": True,
    }


async def _photos(engine: AsyncEngine, blobs: Blobs, *, target: Path) -> int:
    async with engine.connect() as tx:
        wanted = [
            photo_path(unit, sha256)
            for unit in await registry.unit_ids(tx)
            for sha256 in await attachments.verified(tx, unit)
        ]
    for path in wanted:
        place = target / path.removeprefix("photos/")
        content = None if place.exists() else await blobs.read(path)
        if content is not None:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    return len(wanted)


async def _asked(cluster: embedded.Cluster, question: Callable[[AsyncEngine], Awaitable[T]]) -> T:
    engine = make_engine(cluster.url(DATABASE), connections=2, statement_seconds=600)
    try:
        return await question(engine)
    finally:
        await engine.dispose()
