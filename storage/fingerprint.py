"""Whether two databases hold the same: rows and an order-free hash of every table."""

import sqlalchemy as sa

from storage.engine import Transaction, driver
from storage.tables import metadata

# these say that a process lives or how often somebody knocked, not what the company knows
PASSING = frozenset({"worker", "sign_in_failure", "rate_bucket", "server_epoch"})


async def tables(tx: Transaction) -> dict[str, list[int | str]]:
    """Every table's count of rows and a sum over the hashes of its rows, whatever their order."""
    connection = await driver(tx)
    found: dict[str, list[int | str]] = {}
    for table in metadata.sorted_tables:
        if table.name not in PASSING:
            name = sa.sql.quoted_name(table.name, quote=True)
            # names are our own
            row = await connection.fetchrow(
                f'SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text FROM "{name}" t'  # nosec B608
            )
            found[table.name] = [row[0], row[1]]
    return found
