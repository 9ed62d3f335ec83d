"""`doorstep doctor`: what is wrong with this installation, and the cure."""

import argparse
import asyncio
import json
from typing import Any

from runtime import doctor
from runtime.ambient import live
from runtime.database import database
from runtime.server import photos
from runtime.settings import read_settings
from storage.engine import make_engine


def register(words: Any) -> None:
    """Adds the word."""
    told = "look at this installation and say what is wrong"
    words.add_parser("doctor", help=told).set_defaults(run=_doctor)


def _doctor(_: argparse.Namespace) -> int:
    settings = read_settings()
    blobs = photos(settings)

    async def examined(url: str) -> list[doctor.Finding]:
        engine = make_engine(url, connections=2, statement_seconds=60)
        try:
            patient = doctor.Patient(engine=engine, blobs=blobs, settings=settings, now=live().now)
            return await doctor.examine(patient)
        finally:
            await engine.dispose()

    with database(settings) as url:
        findings = asyncio.run(examined(url))
    for each in findings:
        print(f"{'✓' if each.holds else '✗'} {each.check:<18} {each.seen}")
        if not each.holds:
            print(f"    {each.zh}\n    {each.en}")
    wrong = [each.check for each in findings if not each.holds]
    print(json.dumps({"checks": len(findings), "wrong": wrong}))
    return 1 if wrong else 0
