"""The tablet protocol: hello, sync, changes, receipts; attachments by tus 1.0."""

import base64
from binascii import Error as NotBase64
from collections.abc import AsyncIterator
from re import compile as pattern
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, Router, get, head, patch, post
from litestar.params import Parameter

from api import body
from api.access_routes import Call, services
from api.guards import STAFF, roles, tablet, tablet_even_revoked
from schemas.access import Sender
from schemas.problems import Refusal
from schemas.sync import HelloAnswer, HelloRequest, Receipts, SyncAnswer, SyncRequest
from schemas.upload import UploadState, UploadWish
from storage import attachments as attachment_rows
from storage.blobs import photo_path
from sync import attachments, devices, last_word, pull, push
from sync.reading import batch_of
from sync.showing import shown

SHA256 = pattern("[0-9a-f]{64}")
TUS = {"Tus-Resumable": "1.0.0"}


def sender(request: Call) -> Sender:
    """The tablet behind a request; the guard has seen that there is one."""
    who = request.user
    if who.tablet_id is None or who.technician_id is None:
        raise Refusal("not_allowed")
    return Sender(unit_id=who.unit_id, tablet_id=who.tablet_id, technician_id=who.technician_id)


@post("/sync/hello", guards=[tablet], opt={"body": HelloRequest}, status_code=200, summary="Hello")
async def hello(request: Call) -> HelloAnswer:
    """Server time, epoch, limits, and what is held of this tablet."""
    wish, use = await body.read(request, HelloRequest), services(request)
    return await devices.hello(use.engine, sender(request), wish=wish, ambient=use.ambient())


@post(
    "/sync",
    guards=[tablet_even_revoked],
    opt={"body": SyncRequest, "answer": SyncAnswer},
    status_code=200,
    summary="Sync",
)
async def sync(request: Call) -> Response[bytes]:
    """One outcome per operation, then the first page of what is new: one round trip."""
    wish, use = await body.read(request, SyncRequest, seemly=False), services(request)
    batch, ambient = batch_of(wish, body.form_of(request)), use.ambient()
    if request.user.role == "revoked":
        last = await last_word.hand_in(
            use.store, sender(request), batch=batch, said=wish.cursor, ambient=ambient
        )
        return answered(request, last)
    outcomes = []
    if wish.operations or wish.unsent:
        async with use.gate.turn(len(batch.operations)):
            outcomes = await push.push(
                use.store, sender(request), batch=batch, library=use.library, ambient=ambient
            )
    if wish.lanes == ["safety"]:
        # the link is bad: only what is dangerous, and no page for it to choke on
        alone = await pull.alone(use.store, wish.cursor, now=ambient.now, outcomes=outcomes)
        return answered(request, alone)
    page = pull.Wish(
        cursor=wish.cursor, limit=wish.limit, budget_bytes=wish.budget_bytes, lean=wish.lean
    )
    answer = await pull.pull(
        use.store, sender(request), wish=page, now=ambient.now, outcomes=outcomes
    )
    return answered(request, answer)


@get("/sync/changes", guards=[tablet], opt={"answer": SyncAnswer}, summary="Changes")
async def changes(
    request: Call,
    cursor: Annotated[str, Parameter(max_length=1024)] = "",
    *,
    limit: Annotated[int, Parameter(ge=1, le=500)] = 500,
    budget_bytes: Annotated[int, Parameter(ge=1024, le=4 * 1024 * 1024)] = 512 * 1024,
    lean: bool = False,
) -> Response[bytes]:
    """Further pages; the first download is the same query with an empty cursor."""
    page = pull.Wish(cursor=cursor, limit=limit, budget_bytes=budget_bytes, lean=lean)
    use = services(request)
    return answered(
        request,
        await pull.pull(use.store, sender(request), wish=page, now=use.ambient().now),
    )


@get("/sync/receipts", guards=[tablet], summary="Receipts")
async def receipts(
    request: Call, after: Annotated[int, Parameter(ge=0, le=2**53, query="from")] = 0
) -> Receipts:
    """What the server holds of this tablet."""
    return await devices.receipts(services(request).engine, sender(request), after=after)


@post("/attachments", guards=[tablet], summary="Begin an upload (tus creation)")
async def begin(request: Call) -> Response[bytes]:
    """`Upload-Length` and `Upload-Metadata` (sha256, filetype); a file that is here costs
    nothing."""
    use = services(request)
    state = await attachments.begin(
        use.engine, sender(request), wish=_wish(request), ambient=use.ambient()
    )
    await _completed(request, state)
    headers = _headers(state) | {"Location": f"/api/v1/attachments/{state.id}"}
    return Response(b"", status_code=201, headers=headers)


@head("/attachments/{upload_id:uuid}", guards=[tablet], summary="How far an upload is")
async def progress(request: Call, upload_id: UUID) -> Response[None]:
    """The offset to go on from."""
    state = await attachments.progress(
        services(request).engine, sender(request), upload_id=upload_id
    )
    await _completed(request, state)
    return Response(None, headers=_headers(state) | {"Cache-Control": "no-store"})


@patch("/attachments/{upload_id:uuid}", guards=[tablet], status_code=204, summary="Go on uploading")
async def append(request: Call, upload_id: UUID) -> Response[None]:
    """Bytes from `Upload-Offset` on; the last ones are answered once the hash is verified."""
    if request.headers.get("content-type") != "application/offset+octet-stream":
        raise Refusal("unsupported_media_type")
    use, who = services(request), sender(request)
    state = await attachments.receive(
        use.engine,
        use.blobs,
        sender=who,
        at=(upload_id, _number(request, "upload-offset")),
        body=_stream(request),
    )
    if state.complete:
        await attachments.complete(
            use.engine, use.blobs, sender=who, upload_id=upload_id, now=use.ambient().now
        )
    return Response(None, status_code=204, headers=_headers(state))


@get("/attachments/{sha256:str}", guards=[roles(*STAFF, "technician")], summary="Read a photo")
async def photo(request: Call, sha256: str) -> Response[bytes]:
    """A verified photo; a technician sees those of the own visits."""
    if not SHA256.fullmatch(sha256):
        raise Refusal("not_found")
    use, who = services(request), request.user
    async with use.engine.connect() as tx:
        row = await attachment_rows.attachment_of(tx, who.unit_id, sha256=sha256)
        own = who.technician_id is None or await attachment_rows.may_see(
            tx, who.unit_id, sha256=sha256, technician_id=who.technician_id
        )
    if row is None or row.state != "verified" or not own:
        raise Refusal("not_found")
    content = await use.blobs.read(photo_path(who.unit_id, sha256))
    if content is None:
        raise Refusal("not_found")
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, immutable"}
    return Response(shown(content), media_type=row.media_type, headers=headers)


async def _completed(request: Call, state: UploadState) -> None:
    """All bytes are here and nobody looked at them: the server died in between."""
    if state.offset_bytes == state.size_bytes and not state.complete:
        use = services(request)
        await attachments.complete(
            use.engine,
            use.blobs,
            sender=sender(request),
            upload_id=state.id,
            now=use.ambient().now,
        )


def answered(request: Request[Any, Any, Any], answer: Any) -> Response[bytes]:
    """JSON, or MessagePack where the tablet asks for it."""
    body = msgspec.json.encode(answer)
    if "msgpack" in request.headers.get("accept", ""):
        # values come out of the database as JSON: this is the one place that unpacks them
        plain = msgspec.json.decode(body)
        for change in plain.get("lean", ()):
            change[0] = base64.urlsafe_b64decode(change[0] + "==")
        body = msgspec.msgpack.encode(plain)
        return Response(body, media_type="application/msgpack")
    return Response(body, media_type="application/json")


async def _stream(request: Call) -> AsyncIterator[bytes]:
    try:
        async for chunk in request.stream():
            yield chunk
    except Exception as error:
        # the server says in its own way that the client is gone; what came so far stays
        raise ConnectionResetError from error


def _wish(request: Call) -> UploadWish:
    try:
        pairs = (each.strip().split(" ") for each in request.headers["upload-metadata"].split(","))
        given = {name: base64.b64decode(value).decode() for name, value in pairs}
        return msgspec.convert(
            {
                "sha256": given["sha256"],
                "media_type": given.get("filetype", "image/jpeg"),
                "size_bytes": _number(request, "upload-length"),
            },
            UploadWish,
        )
    except (KeyError, ValueError, NotBase64, msgspec.ValidationError) as error:
        raise Refusal("invalid_field", field="Upload-Metadata") from error


def _number(request: Call, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdigit()) or len(text) > 12:
        raise Refusal("invalid_field", field=name)
    return int(text)


def _headers(state: UploadState) -> dict[str, str]:
    return TUS | {"Upload-Offset": str(state.offset_bytes), "Upload-Length": str(state.size_bytes)}


router = Router(
    path="/api/v1",
    route_handlers=[hello, sync, changes, receipts, begin, progress, append, photo],
    tags=["Sync"],
)
