"""What a crew lead sees of the crew: their day, their visits, what their tablets still hold."""

from datetime import date

import msgspec
from litestar import Router, get

from api.access_routes import Call, services
from api.guards import DISPATCH, roles
from schemas.crew import CrewDay, CrewMember, CrewVisit
from storage import board


@get("/crew/{day:date}", guards=[roles("crew_lead", *DISPATCH)], summary="The day of a crew")
async def crew(request: Call, day: date) -> CrewDay:
    """Technicians who share a grid with the account, and their visits there. A crew is what an
    account's grids say: a lead without any leads nobody, another role without any sees everybody."""
    who = request.user
    grids = who.grids if who.role != "crew_lead" else who.grids or ()
    async with services(request).engine.connect() as tx:
        people = await board.crew(tx, who.unit_id, grids=grids)
        stops = await board.stops(tx, who.unit_id, on_day=day)
    members = [
        CrewMember(
            technician=each["id"],
            number=each["number"],
            name=each["name"],
            seen_at=each["seen_at"],
            unsent=each["unsent"] or 0,
            visits=[
                msgspec.convert(stop, CrewVisit)
                for stop in stops
                if each["id"] in (stop["technician_id"], stop["second_id"])
            ],
        )
        for each in people
    ]
    return CrewDay(day=day, unsent=sum(each.unsent for each in members), members=members)


router = Router(path="/api/v1", route_handlers=[crew], tags=["Crew"])
