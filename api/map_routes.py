"""The ground under the board's map: what it is, and the archive of tiles in parts."""

import asyncio
import re
from pathlib import Path

from litestar import Response, Router, get

from api.access_routes import Call, services
from api.guards import STAFF, everybody, roles
from api.zstd import PACKED
from schemas.office import MapSetting
from schemas.problems import Refusal

MAP_PATH = "/map/base.pmtiles"
PART_BYTES_MAX = 4 * 1024 * 1024


@get("/api/v1/settings/map", guards=[roles(*STAFF)], summary="The ground under the map")
async def setting(request: Call) -> MapSetting:
    """None, an archive of tiles of ours, or an address of tiles."""
    return services(request).map


@get(MAP_PATH, guards=[everybody], opt={PACKED: True}, include_in_schema=False)
async def part(request: Call) -> Response[bytes]:
    """A range of the archive; the whole of it is never read into memory."""
    path = services(request).map_file
    if path is None:
        raise Refusal("not_found")
    wanted = re.fullmatch(r"bytes=(\d{1,15})-(\d{1,15})", request.headers.get("range", ""))
    if wanted is None:
        raise Refusal("invalid_field", field="Range")
    start, end = int(wanted[1]), int(wanted[2])
    body, size = await asyncio.to_thread(_read, path, part=(start, end))
    if not body:
        return Response(b"", status_code=416, headers={"Content-Range": f"bytes */{size}"})
    headers = {
        "Content-Range": f"bytes {start}-{start + len(body) - 1}/{size}",
        "Cache-Control": "public, max-age=86400",
    }
    return Response(body, status_code=206, headers=headers, media_type="application/octet-stream")


def _read(path: Path, *, part: tuple[int, int]) -> tuple[bytes, int]:
    start, end = part
    with path.open("rb") as archive:
        archive.seek(start)
        return archive.read(max(0, min(end - start + 1, PART_BYTES_MAX))), path.stat().st_size


router = Router(path="/", route_handlers=[setting, part], tags=["Office"])
