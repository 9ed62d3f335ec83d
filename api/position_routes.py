"""Where technicians are: said by their own tablet, with consent."""

from litestar import Router, post

from api import body
from api.access_routes import Call, services
from api.guards import tablet
from api.sync_routes import sender
from schemas.position import Consent, Positions
from sync import positions


@post(
    "/positions/consent",
    guards=[tablet],
    opt={"body": Consent},
    status_code=204,
    summary="Agree to be seen on duty, or no longer",
)
async def consent(request: Call) -> None:
    """Off until the technician says otherwise; taken back, what is held is deleted."""
    wish, use = await body.read(request, Consent), services(request)
    await positions.agree(
        use.engine, sender(request), who=request.user, agreed=wish.agreed, ambient=use.ambient()
    )


@post("/positions", guards=[tablet], opt={"body": Positions}, status_code=204, summary="Be seen")
async def seen(request: Call) -> None:
    """What falls into hours of duty is kept, sealed, and coarse after a day."""
    wish, use = await body.read(request, Positions), services(request)
    await positions.take(use.engine, sender(request), seen=wish, ambient=use.ambient())


router = Router(path="/api/v1", route_handlers=[consent, seen], tags=["Sync"])
