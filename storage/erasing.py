"""Takes a person out of what is kept about their premises; what was found and done there stays.

Two words are looked for, the name and the number, in every document and sentence that hangs on the
premises: the field they belong in is emptied, and where somebody wrote them into another they become
asterisks. A chain is never rewritten: casework and the register are told to hold no names
(docs/privacy.md). Photos and signatures are evidence of safety work: they outlive the name by
`EVIDENCE_FOR`, then they go as well.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from storage import mailboxes, sealing
from storage.engine import Transaction, driver
from storage.tables import customer, day_change, metadata, premises, quarantine, record

NAMED_FIELDS = frozenset({"customer_name", "customer_phone"})
SHORTEST = 2
"""A name of one sign would be found in every second sentence."""
EVIDENCE_FOR = timedelta(days=3 * 366)
"""As long as somebody may still go to court over the work (民法典 art. 188)."""
EVIDENCE_MAX = 200
_OF_RECORDS = {
    "operation": ("payload",),
    "field_history": ("value",),
    "conflict": ("values", "resolution"),
}
_OF_PREMISES = {
    "case": ("description", "reason", "facts"),
    "work_order": ("facts",),
    "hazard": ("body",),
    "visit": ("accepted_reason",),
}
_ENDED = """
UPDATE attachment a SET state = 'purged' WHERE (a.unit_id, a.sha256) IN (
  SELECT u.unit_id, u.sha256 FROM attachment_use u
  JOIN attachment b ON b.unit_id = u.unit_id AND b.sha256 = u.sha256 AND b.state = 'verified'
  JOIN record r ON r.id = u.record_id LEFT JOIN premises p ON p.id = r.premises_id
  LEFT JOIN customer c ON c.id = p.customer_id
  GROUP BY u.unit_id, u.sha256
  HAVING bool_and(coalesce(c.erased_at < $1, false)) LIMIT $2)
RETURNING a.unit_id, a.sha256
"""


async def erase(
    tx: Transaction, unit_id: str, *, customer_id: UUID, now: datetime
) -> tuple[int, str | None] | None:
    """Name and number are nowhere afterwards but in chains and backups. Returns how many records
    changed and which number it was, or None for nobody known; doing it twice changes nothing."""
    mine = sa.and_(customer.c.unit_id == unit_id, customer.c.id == customer_id)
    known = (await tx.execute(sa.select(customer).where(mine).with_for_update())).one_or_none()
    if known is None:
        return None
    number = sealing.opened(tx, known.phone, column="customer.phone", row=customer_id)
    words = [each for each in (known.name, number) if each and len(each) >= SHORTEST]
    homes = list(
        await tx.scalars(sa.select(premises.c.id).where(premises.c.customer_id == customer_id))
    )
    versions = await _records(tx, homes, words=words)
    held = list(await tx.scalars(sa.select(record.c.id).where(record.c.premises_id.in_(homes))))
    for table, names in _OF_RECORDS.items():
        place = metadata.tables[table].c.record_id
        await _rows(tx, place, among=held, what=(names, words))
    for table, names in _OF_PREMISES.items():
        place = metadata.tables[table].c.premises_id
        await _rows(tx, place, among=homes, what=(names, words))
    about = [str(each) for each in (*homes, *held, number) if each]
    await _set_aside(tx, unit_id, about=about, words=words)
    await _days(tx, unit_id, about=about, words=words)
    await tx.execute(sa.update(customer).where(mine).values(name="", phone=None, erased_at=now))
    # tablets hear of it as of any other change
    await mailboxes.echo(tx, versions)
    return len(versions), number


async def end_evidence(tx: Transaction, now: datetime) -> list[tuple[str, str]]:
    """Photos and signatures of nobody but people erased so long ago: unit and SHA-256. Their bytes
    are the caller's to drop."""
    connection = await driver(tx)
    rows = await connection.fetch(_ENDED, now - EVIDENCE_FOR, EVIDENCE_MAX)
    return [(row["unit_id"], row["sha256"]) for row in rows]


def blanked(value: Any, words: Sequence[str]) -> Any:
    """The value without these words: named fields are emptied, anything else shows asterisks."""
    if isinstance(value, str):
        for each in words:
            value = value.replace(each, "*" * len(each))
        return value
    if isinstance(value, Mapping):
        return {
            key: "" if key in NAMED_FIELDS and each else blanked(each, words)
            for key, each in value.items()
        }
    return [blanked(each, words) for each in value] if isinstance(value, list) else value


async def _records(
    tx: Transaction, homes: Sequence[UUID], *, words: Sequence[str]
) -> dict[UUID, int]:
    found = sa.select(record).where(record.c.premises_id.in_(homes)).order_by(record.c.id)
    versions = {}
    for row in (await tx.execute(found.with_for_update())).all():
        fresh = blanked(row.fields, words)
        told = [name for name, value in fresh.items() if value != row.fields[name]]
        if told:
            version = versions[row.id] = row.version + 1
            said = {"version": version, "versions": row.versions | dict.fromkeys(told, version)}
            mine = sa.update(record).where(record.c.id == row.id)
            await tx.execute(mine.values(fields=fresh, **said))
    return versions


async def _rows(
    tx: Transaction,
    place: sa.Column[Any],
    *,
    among: Sequence[UUID],
    what: tuple[Sequence[str], ...],
) -> None:
    """Blanks columns of the rows whose `place` is among these; `what` is the columns and the words."""
    names, words = what
    table, key = place.table, next(iter(place.table.primary_key))
    columns = [table.c[name] for name in names]
    for row in (await tx.execute(sa.select(key, *columns).where(place.in_(among)))).all():
        was = dict(zip(names, row[1:], strict=True))
        fresh = {name: blanked(value, words) for name, value in was.items()}
        changed = {name: value for name, value in fresh.items() if value != was[name]}
        if changed:
            await tx.execute(sa.update(table).where(key == row[0]).values(changed))


async def _set_aside(
    tx: Transaction, unit_id: str, *, about: Sequence[str], words: Sequence[str]
) -> None:
    """Bytes in quarantine that are about these are written over in place, as long as before: what
    form they have nobody knows."""
    marks = [each.encode() for each in about]
    spelled = [form for each in words for form in (each.encode(), json.dumps(each)[1:-1].encode())]
    columns = (quarantine.c.id, quarantine.c.payload, quarantine.c.reason)
    for row in (await tx.execute(sa.select(*columns).where(quarantine.c.unit_id == unit_id))).all():
        if not any(each in row.payload for each in marks):
            continue
        fresh = row.payload
        for each in spelled:
            fresh = fresh.replace(each, b"*" * len(each))
        said = {"payload": fresh, "reason": blanked(row.reason, words)}
        if said != {"payload": row.payload, "reason": row.reason}:
            await tx.execute(sa.update(quarantine).where(quarantine.c.id == row.id).values(said))


async def _days(
    tx: Transaction, unit_id: str, *, about: Sequence[str], words: Sequence[str]
) -> None:
    """Why the office changed a day, where a visit to these premises was among what changed."""
    named = (day_change.c.reason.contains(each, autoescape=True) for each in words)
    mine = sa.and_(day_change.c.unit_id == unit_id, sa.or_(sa.false(), *named))
    for row in (await tx.execute(sa.select(day_change).where(mine))).all():
        told = json.dumps(row.changes)
        if any(each in told for each in about):
            here = sa.update(day_change).where(day_change.c.id == row.id)
            await tx.execute(here.values(reason=blanked(row.reason, words)))
