"""The faces' files: kept in memory, compressed once, checked by ETag."""

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Mapping

from litestar import Response

from schemas.base import Value

HASHED = "/assets/"
FACES = ("/board", "/field", "/track")
GZIP_BYTES_MIN = 400
_TEXT = ("text/", "application/json", "application/manifest+json", "image/svg")
_TYPES = {".webmanifest": "application/manifest+json", ".mjs": "text/javascript"}
_MISSING = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>Doorstep</title>
<h1>页面尚未构建</h1><p>接口照常可用。请安装 Node.js 20.19 或更新版本，然后运行 <code>make web</code>。</p>
<h1 lang="en">The faces have not been built</h1><p lang="en">The API works all the same. Install
Node.js 20.19 or newer and run <code>make web</code>.</p></html>"""


class Asset(Value, frozen=True):
    """One file as it is sent: its bytes, the same bytes packed, and what stands in its headers."""

    body: bytes
    packed: bytes | None
    media_type: str
    headers: dict[str, str]


def table(files: Mapping[str, bytes], *, connect: tuple[str, ...] = ()) -> dict[str, Asset]:
    """Every path that the faces answer, from the built files by their names.

    `connect` are origins of a base map that the pages may load pictures from.
    """
    found = {f"/{name}": _asset(f"/{name}", body, connect=connect) for name, body in files.items()}
    for face in FACES:
        page = found.get(f"{face}/index.html")
        found[face] = page or _asset("/missing.html", _MISSING.encode(), connect=connect)
    return found


def _asset(path: str, body: bytes, *, connect: tuple[str, ...]) -> Asset:
    suffix = "." + path.rpartition(".")[2]
    media_type = _TYPES.get(suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"
    headers = {
        "ETag": f'"{hashlib.sha256(body).hexdigest()[:20]}"',
        "Cache-Control": "public, max-age=31536000, immutable"
        if path.startswith(HASHED)
        else "no-cache",
        "Accept-Ranges": "bytes",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if media_type == "text/html":
        headers |= _page_headers(connect)
    packable = media_type.startswith(_TEXT) and len(body) >= GZIP_BYTES_MIN
    return Asset(
        body=body,
        packed=gzip.compress(body, 9, mtime=0) if packable else None,
        media_type=media_type,
        headers=headers,
    )


def _page_headers(connect: tuple[str, ...]) -> dict[str, str]:
    others = "".join(f" {origin}" for origin in connect)
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
        f"img-src 'self' data: blob:{others}; connect-src 'self'{others}; worker-src 'self' blob:; "
        "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(self), geolocation=(self), microphone=(), payment=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "X-Frame-Options": "DENY",
    }


def reply(asset: Asset, given: Mapping[str, str]) -> Response[bytes]:
    """304 for who has it, 206 for who wants a part, packed for who can read that."""
    headers = dict(asset.headers)
    media_type = asset.media_type
    known = given.get("if-none-match", "")
    if headers["ETag"] in (each.strip().removeprefix("W/") for each in known.split(",")):
        return Response(b"", status_code=304, headers=headers, media_type=media_type)
    part = _range(given, asset)
    if part is not None:
        size = len(asset.body)
        if not part:
            headers["Content-Range"] = f"bytes */{size}"
            return Response(b"", status_code=416, headers=headers, media_type=media_type)
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
        body = asset.body[part.start : part.stop]
        return Response(body, status_code=206, headers=headers, media_type=media_type)
    if asset.packed is not None and "gzip" in given.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(asset.packed, headers=headers, media_type=media_type)
    return Response(asset.body, headers=headers, media_type=media_type)


def _range(given: Mapping[str, str], asset: Asset) -> range | None:
    # several ranges, and a part of an older file, are answered with the whole: that is always right
    wanted = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", given.get("range", ""))
    size = len(asset.body)
    if wanted is None or wanted[0] == "bytes=-":
        return None
    if given.get("if-range", asset.headers["ETag"]) != asset.headers["ETag"]:
        return None
    if not wanted[1]:
        return range(max(0, size - int(wanted[2])), size)
    return range(int(wanted[1]), min(int(wanted[2] or size - 1), size - 1) + 1)
