"""What workers do now and then: once, and nothing where there is nothing to do."""

import uuid
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import sqlalchemy as sa

from runtime import chores
from runtime.ambient import fixed
from storage import registry
from storage.blobs import open_blobs
from storage.tables import tablet, technician, upload

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


async def test_an_upload_that_nobody_continued_leaves_no_pieces(database, tmp_path: Path):
    person, device, stale, fresh = (uuid.uuid4() for _ in range(4))
    blobs = open_blobs(str(tmp_path))
    async with database.begin() as tx:
        await registry.ensure_unit(tx, "u", name_zh="u")
        given = {"id": person, "unit_id": "u", "number": "T1", "name": "T1", "row_hash": ""}
        hours = {"shift_opens": time(8), "shift_closes": time(17)}
        await tx.execute(sa.insert(technician).values(**given, **hours, skills=[], grids=[]))
        given = {"id": device, "unit_id": "u", "technician_id": person, "label": "t"}
        await tx.execute(sa.insert(tablet).values(**given, enrolled_at=NOW))
        for key, left in ((stale, timedelta(0)), (fresh, timedelta(hours=1))):
            given = {"id": key, "unit_id": "u", "tablet_id": device, "sha256": "0" * 64}
            more = {"media_type": "image/jpeg", "size_bytes": 9, "offset_bytes": 3, "pieces": [0]}
            life = {"state": "open", "created_at": NOW - timedelta(days=7)}
            row = {**given, **more, **life, "expires_at": NOW + left}
            await tx.execute(sa.insert(upload).values(**row))
            await blobs.put_piece(str(key), 0, piece=b"abc")
    assert await chores.uploads(database, blobs, ambient=fixed(NOW)) == 1
    assert await chores.uploads(database, blobs, ambient=fixed(NOW)) == 0
    assert [path async for path in blobs.every("uploads")] == [f"uploads/{fresh}/000000000000"]


async def test_chores_of_an_empty_installation_do_nothing(database):
    assert await chores.due_work(database, ambient=fixed(NOW)) == 0
    assert await chores.held(database, ambient=fixed(NOW)) == 0
