"""A stock tus 1.0 client (tuspy) uploads a photo over a link that cuts it again and again."""

import hashlib
import random
import time
import uuid
from datetime import UTC, datetime, timedelta
from datetime import time as at_time
from urllib.parse import urlsplit

import pytest
import requests
import sqlalchemy as sa
from tusclient import client as tus
from tusclient.exceptions import TusCommunicationError

from runtime import processes
from runtime.demo.bad_link import bad_link
from runtime.demo.work import picture
from storage import tables as t
from storage.engine import make_engine
from sync.devices import hashed

TOKEN = "a-token-of-a-tablet-in-a-test"
NOW = datetime.now(UTC)


@pytest.fixture
async def tablet(database_url):
    """A unit with one enrolled tablet."""
    person, device = uuid.uuid4(), uuid.uuid4()
    engine = make_engine(database_url)
    async with engine.begin() as tx:
        await tx.execute(sa.insert(t.unit_table).values(id="u", name_zh="u", settings={}))
        await tx.execute(
            sa.insert(t.technician).values(
                id=person, unit_id="u", number="T1", name="T1", row_hash="", skills=[], grids=[],
                shift_opens=at_time(8), shift_closes=at_time(17),
            )
        )  # fmt: skip
        await tx.execute(
            sa.insert(t.tablet).values(
                id=device, unit_id="u", technician_id=person, label="t", enrolled_at=NOW
            )
        )
        await tx.execute(
            sa.insert(t.token).values(
                hash=hashed(TOKEN), unit_id="u", kind="access", tablet_id=device, family=device,
                expires_at=NOW + timedelta(days=1),
            )
        )  # fmt: skip
    yield engine
    await engine.dispose()


def upload(port, link_port, path, sha256):
    """Uploads as the manual of tuspy says; returns how often it had to go on."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    server = tus.TusClient(f"http://127.0.0.1:{port}/api/v1/attachments", headers=headers)
    uploader = server.uploader(
        str(path), chunk_size=128 * 1024, metadata={"sha256": sha256, "filetype": "image/jpeg"}
    )
    begun = uploader.create_url()
    # only the way there is bad: from here on everything goes over the link
    uploader.set_url(f"http://127.0.0.1:{link_port}{urlsplit(begun).path}")
    resumed = 0
    while True:
        try:
            uploader.offset = uploader.get_offset()
            uploader.upload()
            return resumed
        except (TusCommunicationError, requests.RequestException):
            resumed += 1
            assert resumed < 200
            time.sleep(0.02)


async def test_a_stock_client_uploads_a_photo_through_cuts(tablet, database_url, tmp_path):
    content = picture(random.Random(5)) + random.Random(6).randbytes(3_000_000)
    path, sha256 = tmp_path / "photo.jpg", hashlib.sha256(content).hexdigest()
    path.write_bytes(content)
    port = processes.free_port()
    environment = {
        "DATABASE_URL": database_url, "DOORSTEP_PORT": str(port),
        "DOORSTEP_STATE": str(tmp_path / "state"),
    }  # fmt: skip
    with processes.process("serve", environment) as child:
        processes.wait_until_ready(port, child)
        with bad_link(port, seed=3, share_cut=0.7) as link:
            resumed = upload(port, link.port, path, sha256)
            cuts = link.cuts
    assert cuts >= 3
    assert resumed >= 3
    async with tablet.connect() as tx:
        row = (await tx.execute(sa.select(t.attachment))).one()
    assert (row.sha256, row.state, row.size_bytes) == (sha256, "verified", len(content))
