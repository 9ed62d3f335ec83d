"""What rural teams need besides an exchange: healing, villages taken along, outboxes carried."""

from typing import Any

from litestar import Response, Router, get, post

from api import body
from api.access_routes import Call, services
from api.guards import STAFF, roles, tablet
from api.sync_routes import answered, sender
from schemas.base import Value
from schemas.problems import Refusal
from schemas.sync import (
    Bundle,
    DigestAnswer,
    DigestRequest,
    Outcome,
    PackAnswer,
    PackOffers,
    PackRequest,
)
from schemas.template import Template
from sync import carrying, healing, packs, push


class Carried(Value, frozen=True):
    """What became of another tablet's operations."""

    outcomes: list[Outcome]


@post(
    "/sync/digest",
    guards=[tablet],
    opt={"body": DigestRequest, "answer": DigestAnswer},
    status_code=200,
    summary="Digest",
)
async def digest(request: Call) -> Response[Any]:
    """Groups of records whose hashes differ; or the records that heal them."""
    wish, use = await body.read(request, DigestRequest), services(request)
    found: DigestAnswer = await healing.compare(use.engine, sender(request), wish=wish)
    return answered(request, found)


@get("/templates/{ref:str}", guards=[roles(*STAFF, "technician")], summary="A checklist")
async def template(request: Call, ref: str) -> Template:
    """A checklist by `code@version`: immutable, kept for ever."""
    found = services(request).library.templates.get(ref)
    if found is None:
        raise Refusal("not_found")
    return found


@post("/sync/packs", guards=[tablet], opt={"body": PackRequest}, status_code=200, summary="Pack")
async def pack(request: Call) -> PackAnswer:
    """Takes a village or grid along until a day."""
    wish, use = await body.read(request, PackRequest), services(request)
    return await packs.take(use.engine, sender(request), wish=wish, ambient=use.ambient())


@get("/sync/packs", guards=[tablet], summary="Packs to take")
async def pack_offers(request: Call) -> PackOffers:
    """The grids that the technician of this tablet may take along."""
    return await packs.offered(services(request).engine, sender(request))


@post("/sync/bundles", guards=[tablet], opt={"body": Bundle}, status_code=200, summary="Bundle")
async def bundle(request: Call) -> Carried:
    """Another tablet's outbox, carried by one that has a network."""
    given, use = await body.read(request, Bundle), services(request)
    owner, batch = await carrying.opened(use.engine, sender(request), bundle=given)
    async with use.gate.turn(len(batch.operations)):
        outcomes = await push.push(
            use.store, owner, batch=batch, library=use.library, ambient=use.ambient()
        )
    return Carried(outcomes=outcomes)


router = Router(
    path="/api/v1", route_handlers=[digest, template, pack, pack_offers, bundle], tags=["Sync"]
)
