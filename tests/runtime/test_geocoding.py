"""Premises without coordinates, looked up at a server that speaks Nominatim's format on loopback."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text

from runtime import geocoding
from runtime.settings import Settings
from schemas.problems import Refusal
from tests.api.conftest import EVENING, UNIT
from tests.api.conftest import region as region
from tests.api.conftest import region_template as region_template

HOMES = "SELECT id, account, address, latitude FROM premises WHERE latitude IS NOT NULL LIMIT 5"


def answer(latitude, longitude, rank=30):
    """One hit as Nominatim's `jsonv2` and `json` tell it: coordinates are texts."""
    return {"place_id": 1, "lat": str(latitude), "lon": str(longitude), "place_rank": rank,
            "display_name": "某地", "importance": 0.1}  # fmt: skip


@contextmanager
def nominatim(known, *, status=200):
    """A server that knows some addresses, and what it was asked."""
    heard = []

    class Speaks(BaseHTTPRequestHandler):
        def do_GET(self):
            url = urlsplit(self.path)
            query = {name: value[0] for name, value in parse_qs(url.query).items()}
            heard.append((url.path, query, self.headers["User-Agent"]))
            hits = [known[query["q"]]] if query["q"] in known else []
            body = json.dumps(hits).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_given):
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Speaks)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"nominatim:http://127.0.0.1:{server.server_port}/maps", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(geocoding, "PAUSE_SECONDS", 0)
    # a loaded machine answers late, and late is no answer
    monkeypatch.setattr(geocoding, "ASK_SECONDS_MAX", 120)


async def bare(region):
    """Five homes lose their coordinates; those of no other home are missing."""
    async with region.begin() as tx:
        await tx.execute(text("UPDATE premises SET address = '' WHERE latitude IS NULL"))
        homes = (await tx.execute(text(HOMES))).all()
        for n, each in enumerate(homes):
            lost = (
                "UPDATE premises SET latitude = NULL, longitude = NULL, address = :a WHERE id = :i"
            )
            await tx.execute(text(lost), {"i": each.id, "a": f"和平路{n}号"})
        middle = "SELECT avg(latitude), avg(longitude) FROM premises WHERE latitude IS NOT NULL"
        return [each.id for each in homes], (await tx.execute(text(middle))).one()


async def places(region, homes):
    async with region.connect() as tx:
        asked = text("SELECT id, latitude, longitude, marks FROM premises WHERE id = ANY(:ids)")
        return {each.id: each for each in await tx.execute(asked, {"ids": homes})}


async def looked(region, address, *, limit=500):
    ask = geocoding.asking(Settings(geocoder=address))
    return await geocoding.geocoded(region, UNIT, ask=ask, limit=limit, at=EVENING)


async def test_a_street_near_the_unit_is_taken_and_nothing_else(region):
    homes, (latitude, longitude) = await bare(region)
    known = {
        "和平路0号": answer(latitude + 0.01, longitude),
        "和平路1号": answer(latitude, longitude, rank=16),
        "和平路2号": answer(latitude + 3, longitude),
        "和平路3号": answer(latitude, longitude + 0.01, rank=26),
    }
    with nominatim(known) as (address, heard):
        told = await looked(region, address)
        again = await looked(region, address)
    assert told == {"placed": 2, "coarse": 1, "far": 1, "unknown": 1}
    assert again == {"placed": 0, "coarse": 1, "far": 1, "unknown": 1}
    path, query, agent = heard[0]
    assert (path, query["format"], query["countrycodes"], agent) == (
        "/maps/search", "json", "cn", "doorstep",
    )  # fmt: skip
    found = await places(region, homes)
    at = [(found[each].latitude, found[each].longitude) for each in homes]
    assert at[0] == (pytest.approx(latitude + 0.01), pytest.approx(longitude))
    assert at[1:3] == [(None, None)] * 2 and at[4] == (None, None)
    assert ["geocoded" in found[each].marks for each in homes] == [True, False, False, True, False]
    async with region.connect() as tx:
        said = text("SELECT detail FROM audit WHERE action = 'premises.geocoded' ORDER BY n")
        assert (await tx.scalars(said)).first()["placed"] == 2


async def test_a_server_that_does_not_answer_is_left_alone_after_three_times(region):
    homes, _ = await bare(region)
    with nominatim({}, status=500) as (address, heard):
        told = await looked(region, address)
    assert told == {"failed": 3, "placed": 0} and len(heard) == 3
    assert {each.latitude for each in (await places(region, homes)).values()} == {None}


@pytest.mark.parametrize("given", ["none", "nominatim:", "nominatim:ftp://a", "baidu:http://a"])
def test_where_no_geocoder_is_named_nobody_is_asked(given):
    with pytest.raises(Refusal, match="unsafe_settings"):
        geocoding.asking(Settings(geocoder=given))
