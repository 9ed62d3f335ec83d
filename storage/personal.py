"""What the law asks of personal data: whose was on a tablet, purge what is old (erase: erasing.py)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from storage import sealing
from storage.engine import Transaction, driver
from storage.tables import (
    enrolment_code,
    outbox,
    position,
    sign_in_attempt,
    sign_in_failure,
    technician,
    token,
)

PURGED_AFTER: Mapping[str, timedelta] = {
    "sign_in_failure": timedelta(days=30),
    "sign_in_attempt": timedelta(hours=1),
    "enrolment_code": timedelta(days=1),
    "token": timedelta(days=7),
    "outbox": timedelta(days=30),
    "position": timedelta(days=30),
}
"""How long a row is kept after its last use; the audit (180 days and more) and the safety record of
the work are never purged."""
FINE_FOR = timedelta(hours=24)
ROWS_MAX = 1_000

# every premises whose records were ever put into a mailbox that the tablet's technician follows
_ON_TABLET = """
SELECT DISTINCT p.id AS premises, p.account, p.address, c.id AS customer, c.name
FROM tablet t
JOIN mailbox m ON m.unit_id = t.unit_id AND m.technician_id = t.technician_id
JOIN mailbox_entry e ON e.mailbox_id = m.id
JOIN record r ON r.id = e.record_id
JOIN premises p ON p.id = r.premises_id
LEFT JOIN customer c ON c.id = p.customer_id
WHERE t.unit_id = $1 AND t.id = $2 ORDER BY p.account
"""


async def on_tablet(tx: Transaction, unit_id: str, *, tablet_id: UUID) -> list[dict[str, Any]]:
    """Whose data a tablet ever held: everything its technician's mailbox was given."""
    connection = await driver(tx)
    return [dict(row) for row in await connection.fetch(_ON_TABLET, unit_id, tablet_id)]


async def purge(tx: Transaction, now: datetime) -> int:
    """Drops what is kept no longer, in every unit; doing it twice changes nothing."""
    ends = {name: now - kept for name, kept in PURGED_AFTER.items()}
    done = 0
    for statement in (
        sa.delete(sign_in_failure).where(sign_in_failure.c.last_at < ends["sign_in_failure"]),
        sa.delete(sign_in_attempt).where(sign_in_attempt.c.expires_at < ends["sign_in_attempt"]),
        sa.delete(enrolment_code).where(enrolment_code.c.expires_at < ends["enrolment_code"]),
        sa.delete(token).where(token.c.expires_at < ends["token"]),
        sa.delete(outbox).where(
            sa.func.coalesce(outbox.c.sent_at, outbox.c.gave_up_at) < ends["outbox"]
        ),
        sa.delete(position).where(position.c.at < ends["position"]),
    ):
        done += (await tx.execute(statement)).rowcount
    return done


async def agree(
    tx: Transaction, unit_id: str, *, technician_id: UUID, since: datetime | None
) -> None:
    """A technician agrees to be seen on duty, or does so no longer: then what is held goes."""
    await tx.execute(
        sa.update(technician)
        .where(technician.c.unit_id == unit_id, technician.c.id == technician_id)
        .values(seen_with_consent_since=since)
    )
    if since is None:
        await tx.execute(
            sa.delete(position).where(
                position.c.unit_id == unit_id, position.c.technician_id == technician_id
            )
        )


async def consent(tx: Transaction, unit_id: str, *, technician_id: UUID) -> Any:
    """Since when a technician agreed, and the hours of duty."""
    found = await tx.execute(
        sa.select(
            technician.c.seen_with_consent_since,
            technician.c.shift_opens,
            technician.c.shift_closes,
        ).where(technician.c.unit_id == unit_id, technician.c.id == technician_id)
    )
    return found.one_or_none()


async def add_positions(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Where somebody was; sealed."""
    if rows:
        await tx.execute(sa.insert(position), [_shut(tx, each) for each in rows])


async def coarsen(tx: Transaction, now: datetime) -> int:
    """After a day a position says the neighbourhood only: two decimals, about a kilometre."""
    stale = await tx.execute(
        sa.select(position.c.id, position.c.place)
        .where(~position.c.coarse, position.c.at < now - FINE_FOR)
        .limit(ROWS_MAX)
        .with_for_update(skip_locked=True)
    )
    rows = stale.all()
    for row in rows:
        text = sealing.opened(tx, row.place, column="position.place", row=row.id) or "[0,0]"
        about = [round(each, 2) for each in msgspec.json.decode(text)]
        shut = _shut(tx, {"id": row.id, "place": about, "coarse": True})
        await tx.execute(sa.update(position).where(position.c.id == row.id).values(**shut))
    return len(rows)


def _shut(tx: Transaction, row: dict[str, Any]) -> dict[str, Any]:
    text = msgspec.json.encode(row["place"]).decode()
    return {**row, "place": sealing.sealed(tx, text, column="position.place", row=row["id"])}
