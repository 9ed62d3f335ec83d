"""What a browser is told about the faces' files."""

import gzip
from collections.abc import AsyncIterator

import httpx
import pytest
from litestar import Litestar
from litestar.datastructures import State

from api.face_routes import faces
from api.faces import table
from api.problems import refused
from api.zstd import compression
from schemas.problems import Refusal

SCRIPT = b"export const x = 1;\n" * 100
FILES = {
    "board/index.html": b"<!doctype html><title>board</title>",
    "field/index.html": b"<!doctype html><title>field</title>",
    "field/sw.js": b"self.x = 1;",
    "assets/board-abc.js": SCRIPT,
}


class Holder:
    faces = table(FILES, connect=("https://tiles.example",))


@pytest.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    app = Litestar(
        [faces],
        state=State({"services": Holder}),
        exception_handlers={Refusal: refused},
        compression_config=compression(),
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://doorstep") as speaking:
        yield speaking


async def test_the_root_leads_to_the_board(browser):
    reply = await browser.get("/")
    assert (reply.status_code, reply.headers["location"]) == (302, "/board/")


@pytest.mark.parametrize(
    "path", ["/board", "/board/", "/board/orders/019a", "/board/checklists/REP@2026.1"]
)
async def test_a_deep_link_is_answered_with_the_faces_page(browser, path):
    reply = await browser.get(path)
    assert reply.content == FILES["board/index.html"]
    assert reply.headers["cache-control"] == "no-cache"
    policy = reply.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy
    assert "connect-src 'self' https://tiles.example;" in policy


async def test_a_missing_file_is_a_problem_and_never_a_page(browser):
    for path in ("/assets/gone.js", "/board/gone.js", "/static/x"):
        reply = await browser.get(path)
        assert (reply.status_code, reply.json()["code"]) == (404, "not_found")


async def test_hashed_files_are_kept_for_ever_and_the_worker_is_asked_for_each_time(browser):
    hashed = await browser.get("/assets/board-abc.js")
    assert hashed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert hashed.headers["content-type"].startswith("text/javascript")
    assert (await browser.get("/field/sw.js")).headers["cache-control"] == "no-cache"


async def test_a_file_that_the_browser_has_is_not_sent_again(browser):
    first = await browser.get("/assets/board-abc.js")
    for known in (first.headers["etag"], f'"x", W/{first.headers["etag"]}'):
        again = await browser.get("/assets/board-abc.js", headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")


async def test_a_file_is_packed_once_and_not_packed_again(browser):
    headers = {"Accept-Encoding": "zstd, gzip"}
    request = browser.build_request("GET", "/assets/board-abc.js", headers=headers)
    reply = await browser.send(request, stream=True)
    raw = b"".join([chunk async for chunk in reply.aiter_raw()])
    assert reply.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw) == SCRIPT


@pytest.mark.parametrize(
    ("wanted", "status", "body", "said"),
    [
        ("bytes=0-9", 206, SCRIPT[:10], "bytes 0-9/2000"),
        ("bytes=1990-", 206, SCRIPT[1990:], "bytes 1990-1999/2000"),
        ("bytes=-5", 206, SCRIPT[-5:], "bytes 1995-1999/2000"),
        ("bytes=1990-9999", 206, SCRIPT[1990:], "bytes 1990-1999/2000"),
        ("bytes=2000-", 416, b"", "bytes */2000"),
        ("bytes=0-1,5-6", 200, SCRIPT, None),
        ("bytes=-", 200, SCRIPT, None),
        ("lines=1-2", 200, SCRIPT, None),
    ],
)
async def test_a_part_of_a_file_is_answered_as_asked(browser, wanted, status, body, said):
    headers = {"Range": wanted, "Accept-Encoding": "identity"}
    reply = await browser.get("/assets/board-abc.js", headers=headers)
    assert (reply.status_code, reply.content) == (status, body)
    assert reply.headers.get("content-range") == said


async def test_a_part_of_an_older_file_is_answered_with_the_whole(browser):
    headers = {"Range": "bytes=0-9", "If-Range": '"older"'}
    reply = await browser.get("/assets/board-abc.js", headers=headers)
    assert (reply.status_code, reply.content) == (200, SCRIPT)


async def test_without_built_faces_the_page_says_how_to_build_them(browser):
    reply = await browser.get("/track/ABC")
    assert "make web" in reply.text and 'lang="zh-CN"' in reply.text
