"""The face's own modules at random against a model, and against a server that dies in between."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.e2e.conftest import PATIENCE_MS, ROOT, Server, figure
from tests.e2e.tablet import held, people

HOOK = ROOT / "web" / "node_modules" / ".hook" / "hook.js"
PAGE = "<!doctype html><script type=module src=/assets/hook.js></script>"
WALKS_AN_INSTALL = 50
STEPS = 16


@pytest.fixture(scope="module")
def hook() -> str:
    """The test build of the modules; the shipped one holds no hook."""
    subprocess.run(
        ["npx", "vite", "build", "--config", "vite.hook.ts", "--logLevel", "error"],
        cwd=ROOT / "web",
        check=True,
    )
    return HOOK.read_text("utf-8")


@pytest.fixture
def bare(browser: Browser, server: Server, hook: str) -> Iterator[Page]:
    """A page that holds nothing but the modules, at the server's origin."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()

    def script(route: Route) -> None:
        route.fulfill(body=hook, content_type="text/javascript")

    page.route("**/assets/hook.js", script)
    page.route("**/walks.html", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
    page.goto(f"{server.base}/walks.html")
    page.wait_for_function("globalThis.doorstep !== undefined")
    yield page
    context.close()


def enrolled(page: Page, server: Server, *, number: int) -> str:
    """An install of a technician with a route, in `now`; returns its id."""
    able = people(server)
    with server.signed_in() as office:
        wish = {"technician": able[number % len(able)]["id"]}
        code = office.post("/enrolment-codes", json=wish).json()["code"]
    return str(
        page.evaluate(
            "async ([name, code]) => { const { Install } = doorstep;"
            " globalThis.now = { now: await Install.open(name) };"
            " await now.now.enrol(code); await now.now.exchange();"
            " return (await now.now.store.meta('identity')).tablet; }",
            [f"walks-{number}", code],
        )
    )


def walked(page: Page, server: Server, *, walks: range) -> Counter[str]:
    """Walks of one install; nothing is lost and nothing is there twice."""
    tablet = enrolled(page, server, number=walks.start // WALKS_AN_INSTALL)
    told: list[str] = []
    reached: Counter[str] = Counter()
    for seed in walks:
        said: dict[str, Any] = page.evaluate(
            "([seed, steps]) => doorstep.walk(globalThis.now, seed, steps)", [seed, STEPS]
        )
        assert said["trouble"] == "", f"walk {seed}: {said['trouble']}"
        told += said["ids"]
        for name in ("bad", "crashes", "exchanges"):
            reached[name] += said[name]
        reached["operations"] += len(said["ids"])
        reached["walks"] += 1
    rows = held(server, tablet)
    here = Counter(str(row["id"]) for row in rows)
    lost, double = set(told) - set(here), [each for each, count in here.items() if count > 1]
    assert not lost, f"walks {walks}: {len(lost)} lost"
    assert not double, f"walks {walks}: {double}"
    assert set(here) == set(told)
    assert [row["n"] for row in rows] == list(range(1, len(told) + 1))
    assert {row["outcome"] for row in rows} <= {"applied", "merged"}
    return reached


@pytest.mark.smoke
def test_fifty_random_walks_lose_and_double_nothing(bare: Page, server: Server) -> None:
    reached = walked(bare, server, walks=range(WALKS_AN_INSTALL))
    assert min(reached["bad"], reached["crashes"], reached["operations"]) > 20, reached


def test_a_thousand_random_walks_lose_and_double_nothing(bare: Page, server: Server) -> None:
    reached: Counter[str] = Counter()
    for start in range(WALKS_AN_INSTALL, 1000, WALKS_AN_INSTALL):
        reached += walked(bare, server, walks=range(start, start + WALKS_AN_INSTALL))
    figure(f"walks: {dict(reached)} and the 50 before; lost 0, doubled 0 (goal 1,000: 0, 0)")
    assert reached["walks"] == 950


@pytest.mark.smoke
def test_a_server_killed_in_the_middle_of_a_drain_has_everything_once(
    bare: Page, server: Server
) -> None:
    tablet = enrolled(bare, server, number=3)
    told: list[str] = bare.evaluate(
        "async () => { const { now: install } = now; const ids = [];"
        " const [visit] = await install.store.db.getAllKeysFromIndex('records', 'kind', 'visit');"
        " for (let n = 0; n < 900; n += 1) ids.push((await install.note(visit, `${n}`)).id);"
        " return ids; }"
    )
    kills = 0
    for after in (2, 1, 3):
        # the n-th batch is on its way when the server dies
        bare.evaluate(
            "(after) => { let sent = 0; globalThis.reached = new Promise((done) => {"
            " doorstep.sky.weather = () => { sent += 1; if (sent === after) done(); return 'fine'; };"
            " }); globalThis.done = now.now.exchange(); }",
            after,
        )
        bare.evaluate("globalThis.reached")
        server.kill()
        kills += bare.evaluate("globalThis.done") is False
        server.start()
    assert kills >= 1
    assert bare.evaluate("now.now.exchange()") is True
    assert bare.evaluate("now.now.store.entries()") == []
    rows = held(server, tablet)
    assert [str(row["id"]) for row in rows] == told
    assert [row["n"] for row in rows] == list(range(1, len(told) + 1))
