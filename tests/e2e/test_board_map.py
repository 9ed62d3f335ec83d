"""The ground under the day's map: an archive of tiles of our own, tiles by address, or none."""

import base64
import gzip
import json
import struct
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Playwright, expect

from runtime.server import FACES
from tests.e2e.conftest import (
    CHROMIUM,
    DAY,
    FLAGS,
    MORNING,
    PASSWORD,
    PATIENCE_MS,
    Server,
    axe,
    figure,
)

GROUND = (214, 180, 90)
CHUNK_BYTES_MAX = 460_000
NOTE = "审图号 GS(2026)0001号"


def png(colour: tuple[int, int, int]) -> bytes:
    """A tile of one colour."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = struct.pack(">IIBBBBB", 256, 256, 8, 2, 0, 0, 0)
    rows = (b"\x00" + bytes(colour) * 256) * 256
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def archive(tile: bytes) -> bytes:
    """PMTiles version 3 with the one tile that shows the whole world."""
    # one entry: its id, how often it runs, its length, its place (plus one)
    root = b"".join(varint(each) for each in (1, 0, 1, len(tile), 1))
    told = b"{}"
    at = 127 + len(root)
    places = (127, len(root), at, len(told), at + len(told), 0, at + len(told), len(tile), 1, 1, 1)
    world = (-1_800_000_000, -850_000_000, 1_800_000_000, 850_000_000)
    head = struct.pack("<7sB11Q6B4iB2i", b"PMTiles", 3, *places, 1, 1, 1, 2, 0, 0, *world, 0, 0, 0)
    return head + root + told + tile


@pytest.fixture(scope="module")
def addressed() -> Iterator[str]:
    """A service of tiles by address on this machine."""
    tile = png(GROUND)

    class Tiles(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802 (the library names it)
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()
            self.wfile.write(tile)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    serving = ThreadingHTTPServer(("127.0.0.1", 0), Tiles)
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    yield f"xyz:http://127.0.0.1:{serving.server_address[1]}/{{z}}/{{x}}/{{y}}.png"
    serving.shutdown()


@pytest.mark.parametrize("kind", ["pmtiles", "xyz", "without WebGL"])
def test_the_day_is_drawn_on_the_ground_that_the_operator_chose(
    playwright_of: Playwright, server: Server, addressed: str, kind: str, tmp_path: Path
):
    (tmp_path / "ground.pmtiles").write_bytes(archive(png(GROUND)))
    ground = addressed if kind == "xyz" else f"pmtiles:{tmp_path / 'ground.pmtiles'}"
    besides = {"DOORSTEP_BASE_MAP": ground, "DOORSTEP_BASE_MAP_NOTE": NOTE}
    there = Server(server.database_url, state=server.state, besides=besides)
    there.start()
    drawn_by = "--disable-3d-apis" if kind == "without WebGL" else "--enable-unsafe-swiftshader"
    browser = playwright_of.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, drawn_by])
    context = browser.new_context(timezone_id="Asia/Shanghai", locale="zh-CN")
    context.set_default_timeout(PATIENCE_MS)
    wish = {"login": "dispatcher", "password": PASSWORD}
    tokens = httpx.post(f"{there.base}/api/v1/session", json=wish, timeout=60).json()
    kept = json.dumps(json.dumps(tokens))
    page = context.new_page()
    page.clock.install(time=MORNING)
    page.clock.resume()
    page.add_init_script(f"localStorage.setItem('doorstep.session.board', {kept})")
    try:
        page.goto(f"{there.base}/board/?day={DAY}")
        expect(page.locator(".track [data-job]").first).to_be_visible()
        if kind == "without WebGL":
            expect(page.locator(".map canvas[role=img]")).to_be_visible()
            return
        expect(page.locator(".tiles canvas")).to_be_visible()
        expect(page.get_by_text(NOTE)).to_be_visible()
        for _ in range(60):
            if coloured(page, page.locator(".tiles canvas").screenshot()) > 0.3:
                break
            page.wait_for_timeout(500)
        else:
            raise AssertionError("the ground was never drawn")
        assert axe(page) == []
    finally:
        browser.close()
        there.stop()


def coloured(page, shot: bytes) -> float:
    """The share of a picture that has the colour of the ground."""
    return page.evaluate(
        """async ([text, wanted]) => {
          const bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
          const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
          const pen = new OffscreenCanvas(image.width, image.height).getContext('2d');
          pen.drawImage(image, 0, 0);
          const { data } = pen.getImageData(0, 0, image.width, image.height);
          let same = 0;
          for (let n = 0; n < data.length; n += 4)
            if (wanted.every((each, k) => Math.abs(data[n + k] - each) < 8)) same++;
          return same / (data.length / 4);
        }""",
        [base64.b64encode(shot).decode(), list(GROUND)],
    )


def test_the_map_with_its_worker_is_loaded_late_and_small_enough():
    first = (FACES / "board" / "index.html").read_text("utf-8")
    parts = [
        each
        for each in (FACES / "assets").glob("*.js")
        if "maplibre" in each.name or "TileMap" in each.name
    ]
    assert parts and not any(each.name in first for each in parts)
    size = sum(len(gzip.compress(each.read_bytes(), 9)) for each in parts)
    figure(f"the map's scripts: {size / 1000:.0f} kB gz, late (goal ≤ 460)")
    assert size <= CHUNK_BYTES_MAX
