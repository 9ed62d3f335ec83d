"""Attachments and uploads under way."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from storage.engine import Transaction, driver
from storage.safety import NOTICED
from storage.tables import attachment, attachment_use, upload, visit

_MISSING = """
SELECT count(DISTINCT a.sha256) FROM operation o
JOIN attachment_use u ON u.record_id = o.record_id AND u.unit_id = o.unit_id
JOIN attachment a ON a.unit_id = u.unit_id AND a.sha256 = u.sha256
WHERE o.unit_id = $1 AND o.tablet_id = $2 AND a.state NOT IN ('verified', 'purged')
"""

_CERTIFY = f"""
UPDATE visit v SET certification = CASE
  WHEN EXISTS (
    SELECT 1 FROM attachment_use u LEFT JOIN attachment a
      ON a.unit_id = u.unit_id AND a.sha256 = u.sha256
    WHERE u.unit_id = v.unit_id AND u.visit_id = v.id
      AND coalesce(a.state, 'declared') NOT IN ('verified', 'purged'))
  THEN 'waiting_evidence'
  WHEN EXISTS (SELECT 1 FROM hazard h LEFT JOIN record r ON r.id = h.visit_id
    WHERE h.visit_id = v.id AND h.statutory IS NOT NULL AND NOT {NOTICED})
  THEN 'needs_notice' ELSE 'certified' END
WHERE v.unit_id = $1 AND v.id = ANY($2::uuid[])
  AND v.certification IN ('waiting_evidence', 'needs_notice', 'certified')
"""  # the only value is a constant of storage  # nosec B608


async def attachment_of(tx: Transaction, unit_id: str, *, sha256: str) -> Any:
    """One attachment of the unit, or None."""
    found = await tx.execute(
        sa.select(attachment).where(attachment.c.unit_id == unit_id, attachment.c.sha256 == sha256)
    )
    return found.one_or_none()


async def add_upload(tx: Transaction, row: dict[str, Any]) -> None:
    """Stores that an upload began."""
    await tx.execute(insert(upload).values(**row))


async def upload_of(tx: Transaction, tablet_id: UUID, *, upload_id: UUID, lock: bool) -> Any:
    """An upload of this tablet, or None. Locked, so that two connections do not write one file."""
    statement = sa.select(upload).where(upload.c.id == upload_id, upload.c.tablet_id == tablet_id)
    return (await tx.execute(statement.with_for_update() if lock else statement)).one_or_none()


async def open_upload(tx: Transaction, tablet_id: UUID, *, sha256: str, now: datetime) -> Any:
    """The upload of the same file by the same tablet that is still under way, or None."""
    found = await tx.execute(
        sa.select(upload)
        .where(
            upload.c.tablet_id == tablet_id,
            upload.c.sha256 == sha256,
            upload.c.state == "open",
            upload.c.expires_at > now,
        )
        .order_by(upload.c.created_at.desc())
        .limit(1)
    )
    return found.one_or_none()


async def add_piece(tx: Transaction, upload_id: UUID, *, offset: int, length: int) -> bool:
    """Records a piece if it continues the upload; False where somebody else was faster."""
    done = await tx.execute(
        sa.update(upload)
        .where(upload.c.id == upload_id, upload.c.offset_bytes == offset, upload.c.state == "open")
        .values(
            offset_bytes=offset + length,
            pieces=sa.func.array_append(upload.c.pieces, sa.cast(offset, sa.BigInteger)),
        )
    )
    return done.rowcount == 1


async def close_upload(tx: Transaction, upload_id: UUID, *, state: str) -> None:
    """Ends an upload: `done` or `refused`."""
    await tx.execute(sa.update(upload).where(upload.c.id == upload_id).values(state=state))


async def expire_uploads(tx: Transaction, now: datetime, *, limit: int) -> Sequence[Any]:
    """Closes uploads that nobody continued: `id, pieces`, each to one worker only."""
    stale = (
        sa.select(upload.c.id)
        .where(upload.c.state == "open", upload.c.expires_at <= now)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    closed = await tx.execute(
        sa.update(upload)
        .where(upload.c.id.in_(stale.scalar_subquery()))
        .values(state="expired")
        .returning(upload.c.id, upload.c.pieces)
    )
    return closed.all()


async def verify(tx: Transaction, row: dict[str, Any]) -> None:
    """Marks an attachment as verified, whether or not an answer has declared it yet."""
    statement = insert(attachment).values(**row)
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["unit_id", "sha256"],
            set_={
                name: statement.excluded[name]
                for name in ("state", "media_type", "size_bytes", "verified_at")
            },
            where=attachment.c.state != "verified",
        )
    )


async def visits_using(tx: Transaction, unit_id: str, *, sha256: str) -> list[UUID]:
    """Visits whose answers name this attachment."""
    rows = await tx.scalars(
        sa.select(attachment_use.c.visit_id)
        .where(
            attachment_use.c.unit_id == unit_id,
            attachment_use.c.sha256 == sha256,
            attachment_use.c.visit_id.is_not(None),
        )
        .distinct()
    )
    return [each for each in rows if each is not None]


async def verified(tx: Transaction, unit_id: str) -> list[str]:
    """The SHA-256 of every photo that is here whole."""
    rows = await tx.execute(
        sa.select(attachment.c.sha256)
        .where(attachment.c.unit_id == unit_id, attachment.c.state == "verified")
        .order_by(attachment.c.sha256)
    )
    return list(rows.scalars())


async def missing_of(tx: Transaction, unit_id: str, *, tablet_id: UUID) -> int:
    """How many files that this tablet's answers name have not come whole."""
    connection = await driver(tx)
    found: int = await connection.fetchval(_MISSING, unit_id, tablet_id)
    return found


async def may_see(tx: Transaction, unit_id: str, *, sha256: str, technician_id: UUID) -> bool:
    """Whether a visit of this technician names the attachment."""
    found = await tx.scalar(
        sa.select(sa.literal(1))
        .select_from(attachment_use)
        .join(visit, visit.c.id == attachment_use.c.visit_id)
        .where(
            attachment_use.c.unit_id == unit_id,
            attachment_use.c.sha256 == sha256,
            sa.or_(visit.c.technician_id == technician_id, visit.c.second_id == technician_id),
        )
        .limit(1)
    )
    return found is not None


async def certify(tx: Transaction, unit_id: str, *, visits: Sequence[UUID]) -> None:
    """A visit is certified while it has ended and every hash it declared is verified.

    A photo that is declared later makes it wait again. With a statutory hazard it also needs the written notice (建城规〔2023〕4号 art. 9).
    """
    if not visits:
        return
    connection = await driver(tx)
    await connection.execute(_CERTIFY, unit_id, list(visits))
