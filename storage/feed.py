"""Reading mailboxes: what a tablet has not heard yet, page by page, with the records themselves."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from storage.engine import Transaction, driver

# positions are read under one snapshot: nothing at or below the last one can still appear (I6)
# the page is cut before anything is joined: with young statistics PostgreSQL joined the whole mailbox
# for every page and sorted it afterwards
_ENTRIES = """
WITH page AS MATERIALIZED (
  SELECT mailbox_id, record_id, position, record_version, forget, trail FROM mailbox_entry
  WHERE mailbox_id = $1 AND position > $2 ORDER BY position LIMIT $3
)
SELECT e.position, e.record_version, e.forget, e.trail,
  r.id, r.kind, r.visit_id, r.premises_id, r.version, r.fields::text, r.versions::text, r.deleted,
  m.position AS mailbox_end
FROM page e JOIN record r ON r.id = e.record_id JOIN mailbox m ON m.id = e.mailbox_id
ORDER BY e.position
"""

_MAILBOXES = """
SELECT id, kind, position FROM mailbox
WHERE unit_id = $1 AND (technician_id = $2 OR kind = 'unit') ORDER BY kind
"""

_HELD = """
SELECT DISTINCT e.record_id FROM mailbox_entry e
WHERE e.mailbox_id = ANY($1::uuid[]) AND NOT e.forget
"""

_GROUPS = f"""
SELECT substr(md5(r.id::text), 1, $2) AS part,
  md5(string_agg(r.id::text || ':' || r.version, ',' ORDER BY r.id)) AS digest
FROM record r WHERE r.id IN ({_HELD})
GROUP BY 1 ORDER BY 1
"""  # the only value is a constant of this file  # nosec B608

_TEMPLATES = f"""
SELECT DISTINCT r.fields->>'template' FROM record r WHERE r.id IN ({_HELD}) AND r.kind = 'visit'
"""  # the same  # nosec B608

_CLASSES = f"""
SELECT DISTINCT r.fields->>'customer_class' FROM record r
WHERE r.id IN ({_HELD}) AND r.kind = 'premises'
"""  # the same  # nosec B608

_OF_GROUPS = f"""
SELECT r.id, r.kind, r.visit_id, r.premises_id, r.version, r.fields::text, r.versions::text,
  r.deleted
FROM record r
WHERE r.id IN ({_HELD}) AND substr(md5(r.id::text), 1, $2) = ANY($3::text[])
ORDER BY r.id
"""  # the same  # nosec B608

_OPERATIONS = """
SELECT n, id, outcome, code, record_id, record_version FROM operation
WHERE tablet_id = $1 AND n > $2 ORDER BY n LIMIT $3
"""


# islands of numbers: as many rows as there are gaps, whatever a tablet has sent in its life
_SPANS = """
SELECT min(n), max(n) FROM (
  SELECT n, n - row_number() OVER (ORDER BY n) AS island
  FROM (SELECT DISTINCT n FROM operation WHERE tablet_id = $1 AND n >= $2) held
) islands GROUP BY island ORDER BY 1
"""
_UNREAD = """
SELECT payload FROM quarantine WHERE tablet_id = $1
  AND code = ANY($2::text[]) ORDER BY received_at LIMIT 2000
"""
UNREAD = (
    "operation_malformed", "operation_too_large", "time_impossible", "number_too_large",
    "text_unseemly",
)  # fmt: skip
"""What is put aside before it is an operation: nothing else remembers its number."""


async def entries(tx: Transaction, mailbox_id: UUID, *, after: int, limit: int) -> Sequence[Any]:
    """Entries beyond a position in order, each with its record as it stands and with where the
    mailbox ended at that moment."""
    connection = await driver(tx)
    found: Sequence[Any] = await connection.fetch(_ENTRIES, mailbox_id, after, limit)
    return found


async def mailboxes_of(tx: Transaction, unit_id: str, *, technician_id: UUID) -> Sequence[Any]:
    """The mailboxes a technician's tablets follow: the own one and the unit's."""
    connection = await driver(tx)
    found: Sequence[Any] = await connection.fetch(_MAILBOXES, unit_id, technician_id)
    return found


async def digests(tx: Transaction, mailboxes: Sequence[UUID], *, letters: int) -> dict[str, str]:
    """A hash for each group of records (by the first letters of the hash of their id)."""
    connection = await driver(tx)
    rows = await connection.fetch(_GROUPS, list(mailboxes), letters)
    return {row["part"]: row["digest"] for row in rows}


async def templates_of(tx: Transaction, mailboxes: Sequence[UUID]) -> set[str]:
    """The checklists under which what these mailboxes hold is answered."""
    connection = await driver(tx)
    rows = await connection.fetch(_TEMPLATES, list(mailboxes))
    return {row[0] for row in rows if row[0]}


async def classes_of(tx: Transaction, mailboxes: Sequence[UUID]) -> set[str]:
    """The classes of premises that were taken along."""
    connection = await driver(tx)
    rows = await connection.fetch(_CLASSES, list(mailboxes))
    return {row[0] for row in rows if row[0]}


async def of_groups(
    tx: Transaction, mailboxes: Sequence[UUID], *, letters: int, groups: Sequence[str]
) -> Sequence[Any]:
    """The records of some groups."""
    connection = await driver(tx)
    found: Sequence[Any] = await connection.fetch(
        _OF_GROUPS, list(mailboxes), letters, list(groups)
    )
    return found


async def operations_held(
    tx: Transaction, tablet_id: UUID, *, after: int, limit: int
) -> Sequence[Any]:
    """What the server holds of a tablet, by its own sequence."""
    connection = await driver(tx)
    found: Sequence[Any] = await connection.fetch(_OPERATIONS, tablet_id, after, limit)
    return found


async def spans(tx: Transaction, tablet_id: UUID, *, first: int) -> Sequence[Any]:
    """Inclusive spans of a tablet's numbers that are held, from one on."""
    connection = await driver(tx)
    found: Sequence[Any] = await connection.fetch(_SPANS, tablet_id, first)
    return found


async def unread(tx: Transaction, tablet_id: UUID) -> list[bytes]:
    """Bytes of a tablet's that could not be read."""
    connection = await driver(tx)
    return [bytes(row[0]) for row in await connection.fetch(_UNREAD, tablet_id, list(UNREAD))]


async def waiting(tx: Transaction, tablet_id: UUID) -> int:
    """How many operations of a tablet wait for a predecessor."""
    connection = await driver(tx)
    found: int = await connection.fetchval(
        "SELECT count(*) FROM operation WHERE tablet_id = $1 AND outcome = 'held'", tablet_id
    )
    return found


async def ever_delivered(
    tx: Transaction, mailboxes: Sequence[UUID], *, ids: Sequence[UUID]
) -> set[UUID]:
    """Which records a mailbox ever held, forgotten ones too: late work on them is still
    evidence."""
    if not ids or not mailboxes:
        return set()
    connection = await driver(tx)
    rows = await connection.fetch(
        "SELECT g.id FROM unnest($2::uuid[]) AS g(id) CROSS JOIN LATERAL ("
        "SELECT mailbox_id FROM mailbox_entry WHERE record_id = g.id OFFSET 0) e"
        " WHERE e.mailbox_id = ANY($1::uuid[])",
        list(mailboxes),
        list(ids),
    )
    return {row[0] for row in rows}
