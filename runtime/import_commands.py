"""`doorstep import` and `doorstep sample-region`."""

import argparse
import asyncio
import json
import sys
import time
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from runtime import imports, keys, sample_region
from runtime.ambient import live, now
from runtime.database import database
from runtime.imports import report
from runtime.settings import read_settings
from schemas.registry import Saved
from storage.engine import make_engine
from storage.migrate import upgrade
from storage.sealing import Ring

QUIET_SECONDS = 2.0
EVERY_SECONDS = 0.5
STAGES = {"survey": "清点", "check": "核对", "save": "保存"}
BUSINESS_ZONE = ZoneInfo("Asia/Shanghai")


def register(words: Any) -> None:
    """Adds the words."""
    word = words.add_parser("import", help="read a company's files into the registry")
    word.add_argument("--region", type=Path, required=True, metavar="DIR")
    word.add_argument("--report", type=Path, metavar="FILE.json|.xlsx")
    word.add_argument("--as-of", type=_day, metavar="DATE")
    word.add_argument("--company", default="standard", help="which mapping reads the headers")
    word.add_argument("--check", action="store_true", help="report only, save nothing")
    word.add_argument("--json", action="store_true")
    word.set_defaults(run=_import)
    sample = words.add_parser("sample-region", help="write a made-up region in the same form")
    sample.add_argument("folder", type=Path, metavar="DIR")
    sample.add_argument("--premises", type=int, default=3_000)
    sample.add_argument("--technicians", type=int, default=12)
    sample.add_argument("--requests", type=int, default=120)
    sample.add_argument("--seed", type=int, default=1)
    sample.add_argument("--as-of", type=_day, metavar="DATE")
    sample.add_argument("--json", action="store_true")
    sample.set_defaults(run=_sample)


class Meter:
    """Shows how far an import is once it has taken longer than a person waits without asking."""

    def __init__(self) -> None:
        self._started = self._shown = time.monotonic()

    def __call__(self, reached: imports.Reached) -> None:
        at = time.monotonic()
        if at - self._started < QUIET_SECONDS or at - self._shown < EVERY_SECONDS:
            return
        self._shown = at
        share = f"{reached.done / reached.total:4.0%} " if reached.total else ""
        # a terminal is overwritten; a log file gets a line each
        end = "\r" if sys.stderr.isatty() else "\n"
        shown = f"{STAGES[reached.stage]} {share}{reached.done:,}"
        print(shown, end=end, file=sys.stderr, flush=True)


def _import(given: argparse.Namespace) -> int:
    meter = Meter()
    settings = read_settings()
    region = imports.read_region(
        given.region,
        as_of=_as_of(given),
        unit_id=settings.unit,
        progress=meter,
        company=given.company,
    )
    for line in () if given.json else report.on_screen(region.report):
        print(line)
    # before anything is saved: a report that cannot be written must not leave half an import
    if given.report is not None:
        report.write(region.report, given.report)
    saved = None
    if not given.check:
        with database(settings) as url:
            saved = asyncio.run(_save(url, region, meter=meter, ring=keys.ring(settings)))
    figures = {**report.counts(region.report), "saved": saved}
    print(msgspec.json.encode(figures).decode())
    return 0


async def _save(url: str, region: imports.Region, *, meter: Meter, ring: Ring) -> Saved:
    await upgrade(url)
    engine = make_engine(url, connections=1, ring=ring)
    try:
        async with engine.begin() as tx:
            return await imports.save(tx, region, ambient=live(), progress=meter)
    finally:
        await engine.dispose()


def _sample(given: argparse.Namespace) -> int:
    truth = sample_region.write_region(
        given.folder,
        size=sample_region.Size(
            premises=given.premises, technicians=given.technicians, requests=given.requests
        ),
        seed=given.seed,
        as_of=_as_of(given),
    )
    print(json.dumps({"folder": str(given.folder), **truth["counts"]}, ensure_ascii=False))
    return 0


def _as_of(given: argparse.Namespace) -> date:
    return given.as_of or now().astimezone(BUSINESS_ZONE).date()


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # a day has no zone
    except ValueError as error:
        raise argparse.ArgumentTypeError("a day is written YYYY-MM-DD") from error
