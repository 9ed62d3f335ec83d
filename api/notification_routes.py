"""Who outside is told what, and what became of it."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Router, delete, get, post

from api import body
from api.access_routes import Call, services
from api.guards import roles, whole_unit
from api.office_routes import Limit
from commitments import receivers
from schemas.notification import Notification, Notifications, Webhook, WebhookWish
from storage import notifications as rows

ADMIN = [roles("administrator", "supervisor"), whole_unit]


@post("/webhooks", guards=ADMIN, opt={"body": WebhookWish}, summary="Name a system that is told")
async def name(request: Call) -> Webhook:
    """Only hosts of the installation's allow-list; the answer carries the secret that signs."""
    wish, use = await body.read(request, WebhookWish), services(request)
    use.webhooks.judge(wish.url)
    who, ambient = request.user, use.ambient()
    webhook_id = await receivers.name(use.engine, who, wish=wish, ambient=ambient)
    return Webhook(
        id=webhook_id,
        url=wish.url,
        kinds=sorted(set(wish.kinds)),
        created_at=ambient.now,
        created_by=who.name,
        secret=use.webhooks.secret(webhook_id),
    )


@get("/webhooks", guards=ADMIN, summary="Systems that are told")
async def every(request: Call) -> list[Webhook]:
    """With the secret that signs what each gets."""
    use = services(request)
    async with use.engine.connect() as tx:
        found = await rows.webhooks(tx, request.user.unit_id)
    return [_webhook(row, secret=use.webhooks.secret(row["id"])) for row in found]


@delete("/webhooks/{webhook_id:uuid}", guards=ADMIN, summary="Tell a system no longer")
async def end(request: Call, webhook_id: UUID) -> None:
    """What waits for it is given up."""
    use = services(request)
    await receivers.end(use.engine, request.user, webhook_id=webhook_id, ambient=use.ambient())


@get("/notifications", guards=ADMIN, summary="What left the house")
async def page(request: Call, after: UUID | None = None, *, limit: Limit = 50) -> Notifications:
    """Newest first, with attempts and the last error."""
    async with services(request).engine.connect() as tx:
        found = await rows.page(tx, request.user.unit_id, after=after, limit=limit)
    items = [msgspec.convert(row, Notification) for row in found]
    return Notifications(items=items, next=items[-1].id if len(items) == limit else None)


def _webhook(row: dict[str, Any], *, secret: str) -> Webhook:
    return msgspec.convert({**row, "secret": secret}, Webhook)


router = Router(path="/api/v1", route_handlers=[name, every, end, page], tags=["Notifications"])
