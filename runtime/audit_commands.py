"""`doorstep audit verify` and `doorstep conflicts`."""

import argparse
import json
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from runtime.database import asked
from storage import audit, board


def register(words: Any) -> None:
    """Adds the words."""
    group = words.add_parser("audit", help="the record of who did what")
    inner = group.add_subparsers(dest="deed", required=True)
    inner.add_parser("verify", help="prove that nothing was rewritten").set_defaults(run=_verify)
    listed = words.add_parser("conflicts", help="every open conflict with all its values")
    listed.set_defaults(run=_conflicts)


def _verify(_: argparse.Namespace) -> int:
    async def checked(engine: AsyncEngine, unit_id: str) -> tuple[int, int | None]:
        async with engine.connect() as tx:
            return await audit.broken_at(tx, unit_id)

    rows, broken = asked(checked)
    print(json.dumps({"rows": rows, "broken_at": broken}))
    return 0 if broken is None else 1


def _conflicts(_: argparse.Namespace) -> int:
    async def listed(engine: AsyncEngine, unit_id: str) -> list[dict[str, Any]]:
        async with engine.connect() as tx:
            return await board.listed(
                tx, unit_id, what="conflicts", chosen="open", page=(None, 500)
            )

    rows = asked(listed)
    for each in rows:
        print(f"{each['id']}  {each['number']}  {each['field']}  {each['policy']}")
        for value in each["values"]:
            print(f"    {value['author']}: {value['value']!r}  {value['received_at']}")
    print(json.dumps({"conflicts_open": len(rows)}))
    return 0
