"""`doorstep audit verify` and `doorstep conflicts`."""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from runtime.database import asked
from schemas.office import ConflictRow, Filters
from storage import audit, lists

PAGE = 500


def register(words: Any) -> None:
    """Adds the words."""
    group = words.add_parser("audit", help="the record of who did what")
    inner = group.add_subparsers(dest="deed", required=True)
    inner.add_parser("verify", help="prove that nothing was rewritten").set_defaults(run=_verify)
    out = inner.add_parser("export", help="lines for storage/check_audit.py, which needs nothing")
    out.add_argument("file", type=Path)
    out.set_defaults(run=_export)
    listed = words.add_parser("conflicts", help="every open conflict with all its values")
    listed.set_defaults(run=_conflicts)


async def _open_conflicts(engine: AsyncEngine, unit_id: str) -> list[ConflictRow]:
    found: list[ConflictRow] = []
    async with engine.connect() as tx:
        while True:
            page = await lists.rows(
                tx,
                unit_id,
                what="conflicts",
                filters=Filters(status="open"),
                page=(found[-1].id if found else None, PAGE),
            )
            found += msgspec.convert(page, list[ConflictRow])
            if len(page) < PAGE:
                return found


def _verify(_: argparse.Namespace) -> int:
    async def checked(engine: AsyncEngine, unit_id: str) -> tuple[int, int | None]:
        async with engine.connect() as tx:
            return await audit.broken_at(tx, unit_id)

    rows, broken = asked(checked)
    print(json.dumps({"rows": rows, "broken_at": broken}))
    return 0 if broken is None else 1


def _export(given: argparse.Namespace) -> int:
    async def lines(engine: AsyncEngine, unit_id: str) -> list[bytes]:
        return await exported(engine, unit_id)

    found = asked(lines)
    given.file.write_bytes(b"".join(each + b"\n" for each in found))
    print(json.dumps({"entries": len(found)}))
    return 0


async def exported(engine: AsyncEngine, unit_id: str) -> list[bytes]:
    """Every entry of a unit's audit as a line of JSON, in order."""
    found: list[bytes] = []
    async with engine.connect() as tx:
        while rows := await audit.page(tx, unit_id, after=len(found), limit=audit.PAGE):
            found += [msgspec.json.encode(each) for each in rows]
    return found


def _conflicts(_: argparse.Namespace) -> int:
    rows = asked(_open_conflicts)
    for each in rows:
        print(f"{each.id}  {each.number}  {each.field}  {each.policy}  since {each.opened_at}")
        for said in each.values:
            when = datetime.fromtimestamp(said.at_ms / 1000, UTC).isoformat(timespec="seconds")
            print(f"    {said.author}: {said.value!r}  at {when} ({said.trust}), ", end="")
            print(f"received {said.received_at}")
    print(json.dumps({"conflicts_open": len(rows)}))
    return 0
