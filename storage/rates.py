"""Buckets of requests in rows, so that a limit holds over all processes."""

from datetime import datetime

import sqlalchemy as sa

from schemas.base import Value
from storage.engine import Transaction, driver
from storage.tables import rate_bucket


class Rate(Value, frozen=True):
    """How many requests at once, and how many a second on and on."""

    burst: float
    per_second: float

    def times(self, factor: float) -> "Rate":
        """So many times as much."""
        return Rate(burst=self.burst * factor, per_second=self.per_second * factor)


# the lock on the old row makes callers of one subject follow each other; a first row needs none
_BORROW = """
WITH old AS (
  SELECT least($2, tokens + $3 * greatest(0, extract(epoch FROM $5 - at))) AS tokens
  FROM rate_bucket WHERE subject = $1 FOR UPDATE
), now AS (
  SELECT tokens, least($4, floor(tokens)) AS lent
  FROM (SELECT tokens FROM old UNION ALL SELECT $2 WHERE NOT EXISTS (SELECT 1 FROM old)) AS held
)
INSERT INTO rate_bucket AS b (subject, tokens, at) SELECT $1, tokens - lent, $5 FROM now
ON CONFLICT (subject) DO UPDATE SET tokens = excluded.tokens, at = excluded.at
RETURNING (SELECT lent FROM now)
"""


async def borrow(tx: Transaction, subject: str, *, rate: Rate, many: int, now: datetime) -> int:
    """Takes up to `many` requests out of a subject's bucket; returns how many there were."""
    connection = await driver(tx)
    lent = await connection.fetchval(
        _BORROW, subject, float(rate.burst), float(rate.per_second), float(many), now
    )
    return int(lent)


async def forget(tx: Transaction, before: datetime) -> int:
    """Drops buckets that nobody asked of since `before`: they are full again."""
    done = await tx.execute(sa.delete(rate_bucket).where(rate_bucket.c.at < before))
    return done.rowcount
