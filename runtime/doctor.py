"""Looks at an installation as a new administrator would, and says what is wrong and what to do.

Each check is one function that returns a `Finding`; none changes anything but a file of its own that
it takes away again. What can be told without the database is told even where there is none.
"""

import os
import shutil
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments.calendar import local_day
from runtime import keys, server
from runtime.ambient import live
from runtime.settings import Settings
from schemas.base import Value
from schemas.problems import Refusal
from storage import audit, catalogue, health, migrate, registry, row_security, sealing
from storage.blobs import Blobs

POSTGRES_OLDEST = 150_000
"""`server_version_num` of PostgreSQL 15."""
SKEW_SECONDS_MAX = 2.0
WORKER_SILENT_MAX = timedelta(minutes=2)
LATE_MAX = timedelta(minutes=10)
DISK_FREE_MIN = 2 * 2**30
CONNECTIONS_FREE_MIN = 10
ALSO_KNOWN = {"DOORSTEP_FOLLOWS_PARENT", "DOORSTEP_TRACE"}
"""What our own processes tell each other."""


class Finding(Value, frozen=True):
    """One check: whether it holds, what was seen, and the cure where it does not."""

    check: str
    holds: bool
    seen: str
    zh: str = ""
    en: str = ""


class Patient(Value, frozen=True):
    """The installation under examination."""

    engine: AsyncEngine
    blobs: Blobs
    settings: Settings
    now: datetime


Check = Callable[[Patient], Awaitable[Finding]]


async def examine(patient: Patient) -> list[Finding]:
    """Every check in order; one that cannot be made is a finding itself."""
    found = []
    for check in CHECKS:
        try:
            found.append(await check(patient))
        except Exception as error:
            found.append(
                Finding(
                    check=check.__name__,
                    holds=False,
                    seen=type(error).__name__,
                    zh="此项无法检查，请先解决前面的问题。",
                    en="This could not be looked at; cure what stands above it first.",
                )
            )
    return found


async def database_version(patient: Patient) -> Finding:
    """PostgreSQL 15 or newer answers."""
    async with patient.engine.connect() as tx:
        version = int(str(await tx.scalar(text("SHOW server_version_num"))))
    return Finding(
        check="database_version",
        holds=version >= POSTGRES_OLDEST,
        seen=str(version),
        zh="请升级到 PostgreSQL 15 或更新版本。",
        en="Move to PostgreSQL 15 or newer.",
    )


async def schema(patient: Patient) -> Finding:
    """The schema is the one that this code was written for."""
    async with patient.engine.connect() as tx:
        found = str(await tx.scalar(text("SELECT version_num FROM alembic_version")))
    return Finding(
        check="schema",
        holds=migrate.serves(found),
        seen=f"{found}, wanted {migrate.HEAD}",
        zh="请运行 doorstep migrate。",
        en="Run `doorstep migrate`.",
    )


async def durability(patient: Patient) -> Finding:
    """What was committed survives a power cut."""
    async with patient.engine.connect() as tx:
        off = [
            name
            for name in ("fsync", "synchronous_commit", "full_page_writes")
            if await tx.scalar(text(f"SHOW {name}")) == "off"
        ]
    return Finding(
        check="durability",
        holds=not off,
        seen=", ".join(off) or "on",
        zh="数据库关闭了持久化，已确认的作业可能丢失。",
        en="Switch these on: acknowledged work could be lost otherwise.",
    )


async def clocks(patient: Patient) -> Finding:
    """The database and this machine agree on the time: commitments depend on it."""
    async with patient.engine.connect() as tx:
        theirs = await tx.scalar(text("SELECT clock_timestamp()"))
    apart = abs((live().now - theirs).total_seconds()) if theirs else 0.0
    return Finding(
        check="clocks",
        holds=apart <= SKEW_SECONDS_MAX,
        seen=f"{apart:.3f} s apart",
        zh="请在两台机器上启用时间同步（NTP）。",
        en="Keep both machines' clocks by NTP.",
    )


async def photos(patient: Patient) -> Finding:
    """A photo can be kept and read again."""
    try:
        await patient.blobs.put_piece("doctor", 0, piece=b"doctor")
        read = await patient.blobs.read(f"uploads/doctor/{0:012d}")
        await patient.blobs.drop_pieces("doctor", [0])
        seen = "read back" if read else "lost"
    except Exception as error:  # whatever a store raises, the cure is the same
        read, seen = None, type(error).__name__
    return Finding(
        check="photos",
        holds=read == b"doctor",
        seen=seen,
        zh="请检查 DOORSTEP_ATTACHMENTS 的目录或存储桶权限。",
        en="Check the folder or bucket of DOORSTEP_ATTACHMENTS.",
    )


async def sealed(patient: Patient) -> Finding:
    """What is sealed opens with the keys of this installation."""
    ring, shut = keys.ring(patient.settings), set[str]()
    async with patient.engine.connect() as tx:
        samples = await sealing.samples(tx)
    for stored, place in samples:
        try:
            ring.open(stored, place=place)
        except Refusal as refusal:
            shut.add(f"{place.partition(':')[0]} under {refusal.details['key']}")
    return Finding(
        check="sealed",
        holds=not shut,
        seen=", ".join(sorted(shut)) or f"{len(samples)} kinds open",
        zh="密钥不符：请找回 DOORSTEP_KEYS（或 sealing-keys 文件）中缺少的密钥。",
        en="These keys do not open it: bring back the missing one (DOORSTEP_KEYS, or sealing-keys).",
    )


async def rights(patient: Patient) -> Finding:
    """The application's role sees one unit and cannot rewrite a chain."""
    async with patient.engine.connect() as tx:
        found = await row_security.strayed(tx)
    return Finding(
        check="rights",
        holds=not found,
        seen=", ".join(found[:5]) or "as laid down",
        zh="数据库权限被改动；请查明原因，再运行 doorstep migrate。",
        en="Somebody changed rights; find out who and why, then `doorstep migrate` lays them down.",
    )


async def connections(patient: Patient) -> Finding:
    """There is room for another process."""
    async with patient.engine.connect() as tx:
        used, most = await health.connections(tx)
    return Finding(
        check="connections",
        holds=most - used >= CONNECTIONS_FREE_MIN,
        seen=f"{used} of {most}",
        zh="数据库连接将满，请调高 max_connections 或减少进程。",
        en="Raise max_connections, or run fewer processes: each holds up to eight.",
    )


async def settings(_: Patient) -> Finding:
    """Every setting that is given is one that there is."""
    known = {each.encode_name for each in msgspec.structs.fields(Settings)} | ALSO_KNOWN
    given = {name for name in os.environ if name.startswith("DOORSTEP_")}
    return Finding(
        check="settings",
        holds=given <= known,
        seen=", ".join(sorted(given - known)) or f"{len(given)} given",
        zh="没有这些设置项，请检查拼写（docs/operation/configuration.md）。",
        en="There is no such setting; look how it is written (docs/operation/configuration.md).",
    )


async def disk(patient: Patient) -> Finding:
    """There is room for more than a day of photos."""
    folder = patient.settings.state_folder
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    return Finding(
        check="disk",
        holds=free >= DISK_FREE_MIN,
        seen=f"{free // 2**20} MiB free",
        zh="磁盘空间不足，请清理或扩容。",
        en="Make room: uploads are refused once it is full.",
    )


async def workers(patient: Patient) -> Finding:
    """Somebody plans, sweeps and sends."""
    async with patient.engine.connect() as tx:
        seen = await health.worker_seen(tx)
    alive = seen is not None and patient.now - seen <= WORKER_SILENT_MAX
    return Finding(
        check="workers",
        holds=alive,
        seen="never" if seen is None else f"last heard {seen.isoformat(timespec='seconds')}",
        zh="没有后台进程在运行，请启动 doorstep work。",
        en="Start `doorstep work`: no plan, sweep or notice happens without one.",
    )


async def backlog(patient: Patient) -> Finding:
    """Nothing that is due waits for long."""
    async with patient.engine.connect() as tx:
        waiting = await health.waiting(tx, before=patient.now - LATE_MAX)
    late = {name: count for name, count in waiting.items() if count}
    return Finding(
        check="backlog",
        holds=not late,
        seen=", ".join(f"{name} {count}" for name, count in late.items()) or "none",
        zh="后台任务积压，请增加 doorstep work 进程并查看日志。",
        en="Add `doorstep work` processes and read their logs.",
    )


async def working_days(patient: Patient) -> Finding:
    """The calendar knows today and the coming month from an official notice."""
    calendar = catalogue.calendar()
    today = local_day(calendar, patient.now)
    guessed = [day for day in (today, today + timedelta(days=31)) if calendar.provisional(day)]
    return Finding(
        check="working_days",
        holds=not guessed,
        seen=", ".join(f"{day.year} is provisional" for day in guessed) or "official",
        zh="请导入国务院放假通知：doorstep calendar FILE。",
        en="Import the notice on working days: `doorstep calendar FILE`.",
    )


async def audit_chain(patient: Patient) -> Finding:
    """Nobody rewrote the record of who did what."""
    async with patient.engine.connect() as tx:
        broken = {
            unit: at
            for unit in await registry.unit_ids(tx)
            if (at := (await audit.broken_at(tx, unit))[1]) is not None
        }
    return Finding(
        check="audit_chain",
        holds=not broken,
        seen=str(broken) if broken else "whole",
        zh="审计链被改动，请立即调查（docs/operation/runbook.md）。",
        en="The chain was rewritten; see the runbook before anything else.",
    )


async def faces(patient: Patient) -> Finding:
    """The board and the field face are built."""
    built = bool(server.built())
    return Finding(
        check="faces",
        holds=built,
        seen="built" if built else "missing",
        zh="请安装 Node 后运行 make web。",
        en="Install Node and run `make web`; the API serves without them.",
    )


CHECKS: tuple[Check, ...] = (
    settings, database_version, schema, rights, durability, connections, clocks, sealed, photos,
    disk, workers, backlog, working_days, audit_chain, faces,
)  # fmt: skip
