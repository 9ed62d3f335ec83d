"""What changed in a unit since somebody last looked: a few numbers, cheap enough for every second.

A NOTIFY in every transaction would take a lock over the whole cluster; nobody writes here.
"""

from collections.abc import Mapping

from storage.engine import Transaction, driver

# every position of every mailbox rises with what it delivers: a sum that moved is a day that moved
_QUICK = """
SELECT
  (SELECT coalesce(sum(position), 0)::text FROM mailbox WHERE unit_id = $1) AS day,
  (SELECT concat_ws(' ', count(*), sum(unsent), date_trunc('minute', max(seen_at)),
    count(*) FILTER (WHERE state = 'active')) FROM tablet WHERE unit_id = $1) AS tablets,
  (SELECT concat_ws(' ', count(*), max(requested_at), max(finished_at), max(published_at),
    count(*) FILTER (WHERE state = 'running')) FROM plan WHERE unit_id = $1) AS plans,
  (SELECT concat_ws(' ', (SELECT count(*) FROM conflict WHERE unit_id = $1 AND status = 'open'),
    (SELECT max(opened_at) FROM conflict WHERE unit_id = $1 AND status = 'open'),
    (SELECT count(*) FROM quarantine WHERE unit_id = $1 AND status = 'open'))) AS conflicts
"""
_SLOW = """
SELECT
  (SELECT string_agg(concat_ws(' ', clause, state, n), ',' ORDER BY clause, state) FROM
    (SELECT clause, state, count(*) AS n FROM commitment WHERE unit_id = $1 GROUP BY 1, 2) c)
    AS commitments,
  (SELECT concat_ws(' ', count(*), max(registered_at)) FROM "case" WHERE unit_id = $1) AS cases
"""


async def prints(tx: Transaction, unit_id: str, *, slow: bool) -> Mapping[str, str]:
    """Topic to a text that differs once something of the topic has changed; the dear ones only
    where `slow` asks for them."""
    connection = await driver(tx)
    found = dict(await connection.fetchrow(_QUICK, unit_id))
    if slow:
        found |= dict(await connection.fetchrow(_SLOW, unit_id))
    return {topic: str(value) for topic, value in found.items()}
