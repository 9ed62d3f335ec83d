"""`doorstep keys new` and `rotate`: what sensitive columns are sealed under."""

import argparse
import asyncio
import json
from typing import Any

from runtime import keys
from runtime.ambient import live
from runtime.database import database
from runtime.settings import read_settings
from storage import audit, sealing
from storage.engine import make_engine
from storage.sealing import Ring


def register(words: Any) -> None:
    """Adds the words."""
    group = words.add_parser("keys", help="keys that sensitive columns are sealed under")
    inner = group.add_subparsers(dest="deed", required=True)
    new = inner.add_parser("new", help="print a key to put in front of DOORSTEP_KEYS")
    new.add_argument("--name", default="k1")
    new.set_defaults(run=_new)
    turn = inner.add_parser("rotate", help="seal everything under the first key of the ring")
    turn.set_defaults(run=_rotate)


def _new(given: argparse.Namespace) -> int:
    print(keys.fresh(given.name))
    return 0


def _rotate(_: argparse.Namespace) -> int:
    settings = read_settings()
    if not settings.keys:
        keys.add(settings)
    with database(settings) as url:
        done = asyncio.run(rotated(url, keys.ring(settings), unit_id=settings.unit))
    print(json.dumps({"resealed": done}))
    return 0


async def rotated(url: str, ring: Ring, *, unit_id: str) -> dict[str, int]:
    """Seals every value under the ring's first key, some rows a transaction; a run that was cut is
    taken up by the next."""
    engine = make_engine(url, connections=1, statement_seconds=60, ring=ring)
    done: dict[str, int] = {}
    try:
        for table, column in sealing.SEALED:
            while True:
                async with engine.begin() as tx:
                    some = await sealing.reseal(tx, table, column=column)
                done[f"{table}.{column}"] = done.get(f"{table}.{column}", 0) + some
                if not some:
                    break
        async with engine.begin() as tx:
            entry = audit.Entry(
                at=live().now, actor="doorstep", action="keys.rotated", subject=ring.keys[0].name
            )
            await audit.append(tx, unit_id, entry=entry)
        return done
    finally:
        await engine.dispose()
