"""Shell: the systems of the company's own that are told of visits and of promises at risk."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.access import Principal
from schemas.ambient import Ambient
from schemas.notification import WebhookWish
from schemas.problems import Refusal
from storage import audit, notifications


async def name(engine: AsyncEngine, who: Principal, *, wish: WebhookWish, ambient: Ambient) -> UUID:
    """Adds a receiver, whose address was judged before, and writes down who named it."""
    webhook_id = ambient.new_id()
    row = {
        "id": webhook_id,
        "unit_id": who.unit_id,
        "url": wish.url,
        "kinds": sorted(set(wish.kinds)),
        "created_at": ambient.now,
        "created_by": who.name,
    }
    async with engine.begin() as tx:
        await notifications.add_webhook(tx, row)
        entry = audit.Entry(
            at=ambient.now,
            actor=who.name,
            action="webhook_named",
            subject=str(webhook_id),
            detail={"url": wish.url, "kinds": row["kinds"]},
        )
        await audit.append(tx, who.unit_id, entry=entry)
    return webhook_id


async def end(engine: AsyncEngine, who: Principal, *, webhook_id: UUID, ambient: Ambient) -> None:
    """Stops telling a receiver; what waits for it is given up. Refuses `not_found`."""
    async with engine.begin() as tx:
        known = await notifications.end_webhook(
            tx, who.unit_id, webhook_id=webhook_id, now=ambient.now
        )
        if not known:
            raise Refusal("not_found")
        entry = audit.Entry(
            at=ambient.now, actor=who.name, action="webhook_ended", subject=str(webhook_id)
        )
        await audit.append(tx, who.unit_id, entry=entry)
