"""A bundle of proof for a commitment or for premises: JSON, files, hashes, and a checker that needs
none of us."""

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
    _refuse_used(folder)
    body = await _proof(engine, unit_id, commitment_id=commitment_id, now=now)
    kept = await _files(blobs, unit_id, rows=body.pop("_files"), folder=folder)
    _write(folder / "proof.json", {**body, "files": kept})
    _seal(folder)
    return {**_counted([body], kept), "state": body["verdict"]["state"]}


async def write_premises(
    engine: AsyncEngine, unit_id: str, *, blobs: Blobs, wish: tuple[UUID, Path], now: datetime
) -> dict[str, Any]:
    """Writes everything that was promised for premises: every commitment with its chain, and the
    row of inspections, attempts, notices and hazards that shows whether the interval was kept."""
    premises_id, folder = wish
    _refuse_used(folder)
    async with engine.connect() as tx:
        home = await proof.premises(tx, unit_id, premises_id=premises_id)
        if home is None:
            raise Refusal("not_found")
        story = await proof.visits_of_premises(tx, unit_id, premises_id=premises_id)
        hazards = await proof.hazards_of_premises(tx, unit_id, premises_id=premises_id)
        ids = await proof.commitments_of_premises(tx, unit_id, premises_id=premises_id)
    proofs: list[dict[str, Any]] = []
    kept: dict[tuple[str, str], dict[str, Any]] = {}
    for each in ids:
        body = await _proof(engine, unit_id, commitment_id=each, now=now)
        found = await _files(blobs, unit_id, rows=body.pop("_files"), folder=folder)
        kept |= {(one["sha256"], one["field"]): one for one in found}
        _write(folder / f"proof-{each}.json", {**body, "files": found})
        proofs.append(body)
    _write(
        folder / "premises.json",
        {
            "unit": unit_id,
            "made_at": now,
            "premises": dict(home),
            "visits": [dict(each) for each in story],
            "hazards": [dict(each) for each in hazards],
            "commitments": [
                {
                    "id": each["id"],
                    "rule": each["rule"]["code"],
                    "started_at": each["verdict"]["started_at"],
                    "due_at": each["verdict"]["due_at"],
                    "stopped_at": each["verdict"]["stopped_at"],
                    "state": each["verdict"]["state"],
                }
                for each in proofs
            ],
        },
    )
    _seal(folder)
    return {"commitments": len(proofs), **_counted(proofs, list(kept.values()))}


async def _proof(
    engine: AsyncEngine, unit_id: str, *, commitment_id: UUID, now: datetime
) -> dict[str, Any]:
    told = await ledger.explain(engine, unit_id, commitment_id=commitment_id, now=now)
    async with engine.connect() as tx:
        held = await rows.commitment_of(tx, unit_id, commitment_id=commitment_id)
        operations = await proof.operations(tx, unit_id, ids=_named(told["events"]))
        files = await proof.files(tx, unit_id, held=held)
    return {
        **told,
        "made_at": now,
        "unit": unit_id,
        "events": [_event(each, before) for each, before in _linked(told["events"])],
        "operations": [_captured(row) for row in operations],
        "_files": files,
    }


async def _files(blobs: Blobs, unit_id: str, *, rows: Any, folder: Path) -> list[dict[str, Any]]:
    folder.mkdir(parents=True, exist_ok=True)
    return [await _file(blobs, unit_id, row=row, folder=folder) for row in rows]


def _refuse_used(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise Refusal("bundle_folder", folder=folder.name)


def _write(path: Path, body: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(_sorted.encode(body), indent=1))


def _seal(folder: Path) -> None:
    """The checker goes along, and every file is named with its hash."""
    (folder / "check_bundle.py").write_bytes(Path(check_bundle.__file__).read_bytes())
    manifest = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    _write(folder / "MANIFEST.json", manifest)


def _counted(proofs: list[dict[str, Any]], kept: list[dict[str, Any]]) -> dict[str, int]:
    return {
        "events": sum(len(each["events"]) for each in proofs),
        "operations": sum(len(each["operations"]) for each in proofs),
        "files": sum(1 for each in kept if each["here"]),
        "files_missing": sum(1 for each in kept if not each["here"]),
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
    written = _sorted.encode(_operation.decode(row["payload"]))
    # the person was erased and stood in it: it says so, and cannot be hashed again
    changed = hashlib.sha256(written).hexdigest() != row["payload_hash"]
    blanked = {"blanked_at": row["erased_at"]} if changed and row["erased_at"] else {}
    return {
        **blanked,
        "id": row["id"],
        "hash": row["payload_hash"],
        "hashed": written.decode(),
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
