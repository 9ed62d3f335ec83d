"""What a supervisor lays down for the company's promises."""

from litestar import Router, post

from api import body
from api.access_routes import Call, services
from api.guards import roles
from commitments import recalendar
from schemas.calendar import Notice, Recalendared


@post(
    "/calendar/notices",
    guards=[roles("supervisor", "administrator")],
    opt={"body": Notice},
    status_code=200,
    summary="Take in a notice on working days",
)
async def notice(request: Call) -> Recalendared:
    """Kept with its source; the running clocks that lean on it are folded anew, with history."""
    wish, use = await body.read(request, Notice), services(request)
    return await recalendar.take(
        use.engine,
        request.user.unit_id,
        notice=wish,
        actor=request.user.name,
        ambient=use.ambient(),
    )


router = Router(path="/api/v1", route_handlers=[notice], tags=["Promises"])
