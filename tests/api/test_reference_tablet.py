"""The reference tablet against a real server: what one bad file or a bad link may stop."""

import asyncio
import random
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from uuid import UUID

import pytest
import sqlalchemy as sa

from runtime import processes
from runtime.demo.work import picture
from runtime.tablet import Tablet
from schemas.problems import Refusal
from storage import tables as t
from tests.api.test_lanes import CHECKLIST, code_of, rows
from tests.api.test_rural_teams import grid_of


@contextmanager
def served(database_url, folder):
    """A server process; gives its address."""
    port = processes.free_port()
    environment = {
        "DATABASE_URL": database_url, "DOORSTEP_PORT": str(port),
        "DOORSTEP_STATE": str(folder / "state"),
    }  # fmt: skip
    with processes.process("serve", environment) as child:
        processes.wait_until_ready(port, child)
        yield f"http://127.0.0.1:{port}"


class Portal(BaseHTTPRequestHandler):
    """What a hotel's network answers to everything."""

    def do_POST(self):
        """A page, and a good status."""
        body = b"<html>Welcome! Accept the terms of use.</html>"
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nobody reads it."""


@contextmanager
def portal():
    """Somebody who answers and is not our server."""
    with HTTPServer(("127.0.0.1", 0), Portal) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


async def test_a_day_on_the_spot_with_damaged_photos_and_a_network_that_is_none(
    region, database_url, tmp_path
):
    async with region.connect() as tx:
        people = (await tx.execute(sa.select(t.technician.c.id))).scalars().all()
    taken = [(each, await grid_of(region, each)) for each in people]
    person, (grid, _) = max(taken, key=lambda pair: pair[1][1])
    with served(database_url, tmp_path) as server:
        day = await asyncio.to_thread(_day, server, tmp_path / "t.json", who=(person, grid))
    visit, photos, refused = day
    assert {each.partition(": ")[2] for each in refused} == {"hash_mismatch", "file_missing"}
    (hazard,) = [row for row in await rows(region, t.hazard) if row["visit_id"] == UUID(visit)]
    assert (hazard["grade"], hazard["state"]) == ("critical", "open")
    assert hazard["body"]["note"] == "gas smell in the shaft"
    states = {row["sha256"]: row["state"] for row in await rows(region, t.attachment)}
    assert [states[each] for each in photos] == ["declared", "declared", "verified"]


def _day(server, path: Path, *, who):
    person, grid = who
    now, dice = datetime.now(UTC), random.Random(9)
    tablet = Tablet.enrol(path, server=server, code=code_of(server, str(person)), now=now)
    tablet.pack(grid, (now + timedelta(days=3)).date())
    tablet.sync(now=now)
    home = next(each for each in tablet.memory.records.values() if each.kind == "premises")
    assert home.fields["address"]
    photos = [tablet.photo(picture(dice), media_type="image/png") for _ in range(3)]
    visit = tablet.create("visit", {}, now=now, premises=home.premises, template=CHECKLIST)
    tablet.create(
        "hazard",
        {"grade": "critical", "item": "other", "note": "gas smell in the shaft", "photos": photos},
        now=now,
        visit=UUID(visit),
    )
    (path.with_suffix("") / photos[0]).write_bytes(b"half of a pic")
    (path.with_suffix("") / photos[1]).unlink()
    with portal() as nobody, pytest.raises(Refusal, match="unavailable"):
        tablet.sync(now=now, server=nobody)
    assert tablet.unsent() == 5
    tablet.sync(now=now)
    memory = Tablet.open(path).memory
    assert (memory.outbox, memory.templates.keys() >= {CHECKLIST}) == ([], True)
    # said aloud, and no "all sent": two files are only here, or nowhere
    assert tablet.unsent() == 2
    return visit, photos, memory.refused
