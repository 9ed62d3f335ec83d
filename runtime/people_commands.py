"""`doorstep people on-tablet` and `erase`: what the law asks of personal data."""

import argparse
import json
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from runtime import notify
from runtime.ambient import live
from runtime.database import asked
from runtime.settings import read_settings
from schemas.ids import named
from schemas.problems import Refusal
from storage import audit, erasing, personal


def register(words: Any) -> None:
    """Adds the words."""
    group = words.add_parser("people", help="whose data is where, and erasing a person")
    inner = group.add_subparsers(dest="deed", required=True)
    held = inner.add_parser("on-tablet", help="whose data a lost tablet ever held")
    held.add_argument("tablet", type=UUID)
    held.set_defaults(run=_on_tablet)
    gone = inner.add_parser("erase", help="name and number of an account's customer go for ever")
    gone.add_argument("account")
    gone.add_argument("--reason", required=True)
    gone.set_defaults(run=_erase)


def _on_tablet(given: argparse.Namespace) -> int:
    async def found(engine: AsyncEngine, unit_id: str) -> list[dict[str, Any]]:
        async with engine.begin() as tx:
            rows = await personal.on_tablet(tx, unit_id, tablet_id=given.tablet)
            entry = audit.Entry(
                at=live().now,
                actor="doorstep",
                action="people.on_tablet",
                subject=str(given.tablet),
                detail={"premises": len(rows)},
            )
            await audit.append(tx, unit_id, entry=entry)
            return rows

    rows = asked(found)
    for row in rows:
        print(json.dumps(row, ensure_ascii=False, default=str))
    people = {row["customer"] for row in rows if row["customer"]}
    print(json.dumps({"premises": len(rows), "people": len(people)}))
    return 0


def _erase(given: argparse.Namespace) -> int:
    spool = notify.spool(read_settings())

    async def gone(engine: AsyncEngine, unit_id: str) -> int:
        return await erased(
            engine, unit_id, account=given.account, reason=given.reason, spool=spool
        )

    print(json.dumps({"erased": given.account, "records": asked(gone)}))
    return 0


async def erased(
    engine: AsyncEngine,
    unit_id: str,
    *,
    account: str,
    reason: str,
    spool: notify.FileGateway,
) -> int:
    """Erases the customer of an account, in what waits for the gateway as well, and says so in the
    audit, without the name."""
    ambient = live()
    async with engine.begin() as tx:
        who = named(unit_id, "customer", account)
        gone = await erasing.erase(tx, unit_id, customer_id=who, now=ambient.now)
        if gone is None:
            raise Refusal("account_unknown", account=account)
        records, number = gone
        if number:
            # before it is said: whoever dies in between does it again
            spool.forget(number)
        entry = audit.Entry(
            at=ambient.now,
            actor="doorstep",
            action="people.erased",
            subject=str(who),
            detail={"reason": reason, "records": records},
        )
        await audit.append(tx, unit_id, entry=entry)
    return records
