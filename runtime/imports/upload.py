"""An export that came over the board: into a folder for as long as it is read, then as any other."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from runtime.imports import report
from runtime.imports.region import Region, read_region
from runtime.opening import opened
from schemas.ambient import Ambient
from schemas.problems import Refusal
from schemas.registry import ImportDone, ImportWish

LISTED_MAX = 500
BUSINESS_ZONE = ZoneInfo("Asia/Shanghai")


class Importer:
    """One import at a time a process: a second would double what is held in memory."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._lock = asyncio.Lock()

    async def __call__(self, unit_id: str, wish: ImportWish, *, ambient: Ambient) -> ImportDone:
        """Reads, judges and, unless it is only a check, saves; the same files change nothing the
        second time. Refuses `unavailable` while another import runs."""
        if self._lock.locked():
            raise Refusal("unavailable")
        async with self._lock:
            with TemporaryDirectory(prefix="doorstep-import-") as folder:
                return await self._done(Path(folder), (unit_id, wish), ambient=ambient)

    async def _done(
        self, folder: Path, order: tuple[str, ImportWish], *, ambient: Ambient
    ) -> ImportDone:
        unit_id, wish = order
        as_of = wish.as_of or ambient.now.astimezone(BUSINESS_ZONE).date()

        def judged() -> tuple[Region, bytes]:
            for each in wish.files:
                (folder / each.name).write_bytes(each.content)
            region = read_region(folder, as_of=as_of, unit_id=unit_id)
            book = folder / "report.xlsx"
            report.write(region.report, book)
            return region, book.read_bytes()

        # seconds of arithmetic, which other requests do not wait for
        region, workbook = await asyncio.to_thread(judged)
        told = _told(region, workbook)
        if wish.check:
            return told
        made = await opened(self._engine, region, ambient=ambient)
        return msgspec.structs.replace(
            told,
            saved=made.saved,
            cases_opened=made.cases_opened,
            cases_rejected=made.cases_rejected,
            cases_known=made.cases_known,
            due_work=made.due_work,
        )


def _told(region: Region, workbook: bytes) -> ImportDone:
    found = region.report
    listed = (*found.findings, *found.observations)
    figures = report.counts(found)
    return ImportDone(
        as_of=found.as_of,
        files=found.files,
        premises_rows=found.premises_rows,
        premises=found.premises,
        technicians=found.technicians,
        requests=found.requests,
        grids=found.grids,
        findings=figures["findings"],
        observations=figures["observations"],
        listed=listed[:LISTED_MAX],
        listed_total=len(listed),
        workbook=workbook,
    )
