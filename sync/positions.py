"""Shell: positions of technicians. Off by default, only on duty, coarse after a day."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.access import Principal, Sender
from schemas.ambient import Ambient
from schemas.position import Positions
from schemas.problems import Refusal
from storage import audit, personal

ZONE = ZoneInfo("Asia/Shanghai")
LATE = timedelta(hours=24)


async def agree(
    engine: AsyncEngine, sender: Sender, *, who: Principal, agreed: bool, ambient: Ambient
) -> None:
    """Said by the technician, on the own tablet; taken back, everything held is deleted."""
    async with engine.begin() as tx:
        await personal.agree(
            tx,
            sender.unit_id,
            technician_id=sender.technician_id,
            since=ambient.now if agreed else None,
        )
        action = "position.consent" if agreed else "position.consent.withdrawn"
        entry = audit.Entry(at=ambient.now, actor=who.name, action=action, subject=who.name)
        await audit.append(tx, sender.unit_id, entry=entry)


async def take(engine: AsyncEngine, sender: Sender, *, seen: Positions, ambient: Ambient) -> None:
    """Keeps what falls into hours of duty since consent was given. Refuses `consent_missing`."""
    async with engine.begin() as tx:
        row = await personal.consent(tx, sender.unit_id, technician_id=sender.technician_id)
        if row is None or row.seen_with_consent_since is None:
            raise Refusal("consent_missing")
        since = max(row.seen_with_consent_since, ambient.now - LATE)
        kept = [
            each
            for each in seen.items
            if since <= each.at <= ambient.now
            and row.shift_opens <= each.at.astimezone(ZONE).time() <= row.shift_closes
        ]
        rows = [
            {
                "id": ambient.new_id(),
                "unit_id": sender.unit_id,
                "technician_id": sender.technician_id,
                "at": each.at,
                "place": [each.latitude, each.longitude],
            }
            for each in kept
        ]
        await personal.add_positions(tx, rows)
