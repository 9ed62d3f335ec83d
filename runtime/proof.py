"""A bundle of proof for one commitment: JSON, files, hashes, and a checker that needs none of us."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import check_bundle, ledger
from schemas.commitment import Event
from schemas.problems import Refusal
from schemas.sync import Operation
from storage import ledger as rows
from storage import proof
from storage.blobs import Blobs, photo_path

_sorted = msgspec.json.Encoder(order="deterministic")
_operation = msgspec.json.Decoder(Operation)


async def write(
    engine: AsyncEngine, unit_id: str, *, blobs: Blobs, wish: tuple[UUID, Path], now: datetime
) -> dict[str, Any]:
    """Writes the bundle of a commitment into a new folder; returns what it holds.

    Refuses `not_found`, and `bundle_folder` where the folder holds something already.
    """
    commitment_id, folder = wish
    if folder.exists() and any(folder.iterdir()):
        raise Refusal("bundle_folder", folder=folder.name)
    told = await ledger.explain(engine, unit_id, commitment_id=commitment_id, now=now)
    async with engine.connect() as tx:
        held = await rows.commitment_of(tx, unit_id, commitment_id=commitment_id)
        operations = await proof.operations(tx, unit_id, ids=_named(told["events"]))
        files = await proof.files(tx, unit_id, held=held)
    folder.mkdir(parents=True, exist_ok=True)
    kept = [await _file(blobs, unit_id, row=row, folder=folder) for row in files]
    body = {
        **told,
        "made_at": now,
        "unit": unit_id,
        "events": [_event(each, before) for each, before in _linked(told["events"])],
        "operations": [_captured(row) for row in operations],
        "files": kept,
    }
    (folder / "proof.json").write_bytes(msgspec.json.format(_sorted.encode(body), indent=1))
    (folder / "check_bundle.py").write_bytes(Path(check_bundle.__file__).read_bytes())
    manifest = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    (folder / "MANIFEST.json").write_bytes(msgspec.json.format(_sorted.encode(manifest)))
    return {
        "events": len(body["events"]),
        "operations": len(operations),
        "files": sum(1 for each in kept if each["here"]),
        "files_missing": sum(1 for each in kept if not each["here"]),
        "state": told["verdict"]["state"],
    }


def _linked(events: list[dict[str, Any]]) -> list[tuple[dict[str, Any], str]]:
    heads = ["", *(each["hash"] for each in events)]
    return list(zip(events, heads, strict=False))


def _event(each: dict[str, Any], before: str) -> dict[str, Any]:
    event = Event(
        kind=each["kind"],
        observed_at=each["observed_at"],
        received_at=each["received_at"],
        source=each["source"],
        body=each["body"],
    )
    # the very text that was hashed, so that nobody needs our encoder to hash it again
    return {**each, "hashed": _sorted.encode([before, each["n"], event]).decode()}


def _named(events: list[dict[str, Any]]) -> list[UUID]:
    sources = (each["source"].split(":") for each in events)
    return sorted({UUID(parts[1]) for parts in sources if parts[0] == "operation"})


def _captured(row: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "hash": row["payload_hash"],
        "hashed": _sorted.encode(_operation.decode(row["payload"])).decode(),
        "received_at": row["received_at"],
        "corrected_at": row["corrected_at"],
        "trust": row["trust"],
        "technician": {"number": row["number"], "name": row["name"]},
    }


async def _file(blobs: Blobs, unit_id: str, *, row: Any, folder: Path) -> dict[str, Any]:
    content = None
    if row["state"] == "verified":
        content = await blobs.read(photo_path(unit_id, row["sha256"]))
    if content is not None:
        target = folder / "files" / row["sha256"]
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content)
    return {
        "sha256": row["sha256"],
        "field": row["field"],
        "visit": row["visit_id"],
        "media_type": row["media_type"],
        "verified_at": row["verified_at"],
        "here": content is not None,
    }
