"""What an installation's own tables say of how well it keeps up."""

from datetime import datetime

from storage.engine import Transaction, driver

_WAITING = """
SELECT (SELECT count(*) FROM commitment WHERE wake_at < $1) AS clocks,
  (SELECT count(*) FROM plan WHERE state = 'requested' AND requested_at < $1) AS plans,
  (SELECT count(*) FROM outbox WHERE sent_at IS NULL AND gave_up_at IS NULL
    AND next_at < $1) AS notifications
"""


_FIGURES = """
SELECT (SELECT count(*) FROM conflict WHERE status = 'open') AS conflicts_open,
  (SELECT count(*) FROM quarantine WHERE status = 'open') AS quarantine_open,
  (SELECT count(*) FROM tablet WHERE state = 'active') AS tablets_active,
  (SELECT count(*) FROM tablet WHERE state = 'active'
    AND seen_at < $1::timestamptz - interval '24 hours') AS tablets_silent_a_day,
  (SELECT coalesce(sum(unsent), 0) FROM tablet WHERE state = 'active') AS operations_unsent,
  (SELECT count(*) FROM plan WHERE state = 'running') AS plans_running,
  (SELECT count(*) FROM outbox WHERE gave_up_at > $1::timestamptz - interval '24 hours'
    AND last_error IS DISTINCT FROM 'no_number') AS notifications_given_up_a_day,
  (SELECT count(*) FROM outbox WHERE gave_up_at > $1::timestamptz - interval '24 hours'
    AND last_error = 'no_number') AS notifications_without_number_a_day,
  (SELECT coalesce(extract(epoch FROM $1::timestamptz - max(seen_at)), -1)::bigint FROM worker)
    AS worker_silent_seconds
"""


async def schema(tx: Transaction) -> str:
    """The revision that the database stands at."""
    connection = await driver(tx)
    return str(await connection.fetchval("SELECT version_num FROM alembic_version"))


async def figures(tx: Transaction, *, now: datetime) -> dict[str, int]:
    """What the whole installation holds, from indexes and small tables only."""
    connection = await driver(tx)
    row = await connection.fetchrow(_FIGURES, now)
    late = await waiting(tx, before=now)
    return {**dict(row), **{f"waiting_{name}": count for name, count in late.items()}}


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


async def connections(tx: Transaction) -> tuple[int, int]:
    """How many connections the server has open for clients, and how many it takes at most."""
    connection = await driver(tx)
    row = await connection.fetchrow(
        "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),"
        " current_setting('max_connections')::int"
    )
    return row[0], row[1]
