"""The one route that serves the faces."""

from litestar import HttpMethod, Response, route

from api.access_routes import Call, services
from api.faces import FACES, reply
from api.guards import everybody
from api.zstd import PACKED
from schemas.problems import Refusal

FILES = (".js", ".mjs", ".css", ".map", ".json", ".svg", ".png", ".ico", ".webmanifest", ".txt")
"""What ends so is a file or nothing; any other path into a face is one of its pages."""


@route(
    ["/", *FACES, *(f"{each}/{{path:path}}" for each in (*FACES, "/assets", "/static"))],
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    guards=[everybody],
    opt={PACKED: True},
    include_in_schema=False,
    sync_to_thread=False,
)
def faces(request: Call) -> Response[bytes]:
    """A file of the faces; a deep link into a face is that face's page."""
    known = services(request).faces
    path = request.scope["path"].rstrip("/")
    if not path:
        return Response(b"", status_code=302, headers={"Location": "/board/"})
    asset = known.get(path)
    face = f"/{path.split('/')[1]}"
    if asset is None and face in FACES and not path.endswith(FILES):
        asset = known[face]
    if asset is None:
        raise Refusal("not_found")
    return reply(asset, request.headers)
