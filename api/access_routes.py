"""Sign-in, enrolment, tablets."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Router, delete, get, post

from api import body
from api.guards import DISPATCH, STAFF, roles, stranger, whole_unit
from api.services import Services
from schemas.access import (
    Enrol,
    Enrolled,
    EnrolmentCode,
    EnrolmentWish,
    Principal,
    Refresh,
    Revoke,
    SignIn,
    Tokens,
)
from schemas.office import TabletList, TabletRow
from schemas.problems import Refusal
from schemas.single_sign_on import SignInElsewhere, SignInReturned
from schemas.sync import Drained
from storage import access
from sync import devices, staff

Call = Request[Principal, str, Any]


def services(request: Call) -> Services:
    """What this process serves with."""
    found: Services = request.app.state.services
    return found


@post("/session", guards=[stranger], opt={"body": SignIn}, summary="Sign in")
async def sign_in(request: Call) -> Tokens:
    """A login and its password become a pair of tokens."""
    wish, use = await body.read(request, SignIn), services(request)
    return await devices.sign_in(use.engine, wish, keys=use.keys, ambient=use.ambient())


@post("/session/refresh", guards=[stranger], opt={"body": Refresh}, summary="Renew tokens")
async def refresh(request: Call) -> Tokens:
    """A refresh token becomes a new pair, once."""
    wish, use = await body.read(request, Refresh), services(request)
    return await devices.rotate(use.engine, wish.refresh, keys=use.keys, ambient=use.ambient())


@post(
    "/enrolment-codes",
    guards=[roles(*DISPATCH), whole_unit],
    opt={"body": EnrolmentWish},
    summary="Make an enrolment code",
)
async def enrolment_code(request: Call) -> EnrolmentCode:
    """A single-use code for a technician's new tablet."""
    wish, use = await body.read(request, EnrolmentWish), services(request)
    return await devices.make_code(
        use.engine, request.user, technician=wish.technician, keys=use.keys, ambient=use.ambient()
    )


@post("/devices/enrol", guards=[stranger], opt={"body": Enrol}, summary="Enrol a tablet")
async def enrol(request: Call) -> Enrolled:
    """An install with a code becomes a tablet."""
    wish, use = await body.read(request, Enrol), services(request)
    return await devices.enrol(use.engine, wish, keys=use.keys, ambient=use.ambient())


@get("/devices", guards=[roles(*STAFF)], summary="Tablets of the unit")
async def tablets(request: Call) -> TabletList:
    """Every install with what it says it still has to send."""
    async with services(request).engine.connect() as tx:
        rows = await access.tablets(tx, request.user.unit_id)
    return TabletList(items=msgspec.convert(rows, list[TabletRow], from_attributes=True), next=None)


@post(
    "/devices/{device_id:uuid}/revoke",
    guards=[roles(*DISPATCH), whole_unit],
    opt={"body": Revoke},
    status_code=204,
    summary="Revoke a tablet",
)
async def revoke(request: Call, device_id: UUID) -> None:
    """The tablet gets nothing more at its next request."""
    wish, use = await body.read(request, Revoke), services(request)
    await devices.revoke(
        use.engine, request.user, tablet_id=device_id, reason=wish.reason, ambient=use.ambient()
    )


@get("/devices/{device_id:uuid}/drained", guards=[roles(*STAFF)], summary="Drained certificate")
async def drained(request: Call, device_id: UUID) -> Drained:
    """Safe to wipe or hand over."""
    use = services(request)
    return await devices.drained(
        use.engine, request.user.unit_id, tablet_id=device_id, ambient=use.ambient()
    )


@post(
    "/session/elsewhere", guards=[stranger], status_code=200, summary="Begin to sign in elsewhere"
)
async def sign_in_elsewhere(request: Call) -> SignInElsewhere:
    """Where the company's identity provider asks who this is."""
    use = services(request)
    return await staff.begin(use.engine, _provider(use), keys=use.keys, ambient=use.ambient())


@post(
    "/session/returned",
    guards=[stranger],
    opt={"body": SignInReturned},
    summary="Come back from the identity provider",
)
async def sign_in_returned(request: Call) -> Tokens:
    """What the provider vouches for becomes a pair of tokens."""
    came, use = await body.read(request, SignInReturned), services(request)
    return await staff.complete(
        use.engine, _provider(use), came=came, keys=use.keys, ambient=use.ambient()
    )


def _provider(use: Services) -> staff.Provider:
    if use.provider is None:
        raise Refusal("not_found")
    return use.provider


@delete("/session", guards=[roles(*STAFF, "crew_lead", "technician")], summary="Sign out")
async def sign_out(request: Call) -> None:
    """Every token of this sign-in stops working."""
    use = services(request)
    await devices.sign_out(use.engine, request.auth, now=use.ambient().now)


router = Router(
    path="/api/v1",
    route_handlers=[
        sign_in,
        sign_in_elsewhere,
        sign_in_returned,
        refresh,
        sign_out,
        enrolment_code,
        enrol,
        tablets,
        revoke,
        drained,
    ],  # fmt: skip
    tags=["Access"],
)
