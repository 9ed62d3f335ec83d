"""A company's export over the board: judged, and saved where that is wished."""

from litestar import Router, post

from api import body
from api.access_routes import Call, services
from api.guards import roles, whole_unit
from schemas.registry import FILE_BYTES_MAX, ImportDone, ImportWish

BODY_BYTES_MAX = FILE_BYTES_MAX * 4 // 3 + 64 * 1024
"""Base64 adds a third; a larger region is taken in by `doorstep import`."""


@post(
    "/imports",
    guards=[roles("supervisor", "administrator"), whole_unit],
    opt={"body": ImportWish},
    status_code=200,
    summary="Import an export",
)
async def import_files(request: Call) -> ImportDone:
    """Every row is judged before anything is saved; the same files change nothing twice."""
    wish = await body.read(request, ImportWish, most=BODY_BYTES_MAX)
    use = services(request)
    return await use.importer(request.user.unit_id, wish, ambient=use.ambient())


router = Router(path="/api/v1", route_handlers=[import_files], tags=["Office"])
