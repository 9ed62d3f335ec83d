"""What an installation's own tables say of how well it keeps up."""

from datetime import datetime

from storage.engine import Transaction, driver

_WAITING = """
SELECT (SELECT count(*) FROM commitment WHERE wake_at < $1) AS clocks,
  (SELECT count(*) FROM plan WHERE state = 'requested' AND requested_at < $1) AS plans,
  (SELECT count(*) FROM outbox WHERE sent_at IS NULL AND gave_up_at IS NULL
    AND next_at < $1) AS notifications
"""


async def worker_seen(tx: Transaction) -> datetime | None:
    """When a worker was last heard, or None where none ever was."""
    connection = await driver(tx)
    found: datetime | None = await connection.fetchval("SELECT max(seen_at) FROM worker")
    return found


async def waiting(tx: Transaction, *, before: datetime) -> dict[str, int]:
    """What was due before an instant and is still not done: clocks, plan runs, notifications."""
    connection = await driver(tx)
    row = await connection.fetchrow(_WAITING, before)
    return dict(row)
