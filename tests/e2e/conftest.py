"""A server on a free port over its own PostgreSQL with sample data, and Debian's Chromium."""

import asyncio
import json
import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

from runtime import processes, roads, sample_region
from runtime.ambient import fixed
from runtime.opening import open_region
from runtime.server import FACES
from runtime.server_commands import add_staff, planned
from runtime.settings import Settings
from storage import embedded
from storage.engine import make_engine

ROOT = Path(__file__).resolve().parent.parent.parent
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
UNIT, PASSWORD = "guan", "only-in-tests-1234"
DAY = date(2026, 11, 24)
MORNING = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
EVENING = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip
BROWSERS_OWN = ("Failed to load resource", "WebSocket connection to")
"""What the browser itself says of a server that refuses or is away; the pages say it to people."""
CHROMIUM = shutil.which("chromium")
PATIENCE_MS = 90_000
"""How long a page may take on a machine that does other things too; speed is measured elsewhere."""
expect.set_options(timeout=PATIENCE_MS)

Visit = Callable[..., Page]
FIGURES: list[str] = []
LOOKS = Counter[str]()


def figure(told: str) -> None:
    """A figure of web.md's targets beside its goal; all of them are printed together at the end."""
    FIGURES.append(told)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The targets that this run has measured."""
    if LOOKS["pages"]:
        figure(f"axe: {LOOKS['violations']} violations in {LOOKS['pages']} looks (goal 0)")
    if FIGURES:
        terminalreporter.section("figures beside their goals")
    for told in FIGURES:
        terminalreporter.write_line(told)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Says aloud what this machine lacks."""
    lacks = [] if CHROMIUM else ["chromium (make browser)"]
    lacks += [] if (FACES / "board" / "index.html").exists() else ["built faces (make web)"]
    if lacks:
        for each in items:
            if Path(each.fspath).is_relative_to(Path(__file__).parent):
                each.add_marker(pytest.mark.skip(reason=f"NEEDS {', '.join(lacks)}"))


class Server:
    """A running server; it can be killed and started again over the same database and port."""

    def __init__(
        self, database_url: str, *, state: Path, besides: dict[str, str] | None = None
    ) -> None:
        self.database_url, self.state, self.besides = database_url, state, besides or {}
        self.port = processes.free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self._running = ExitStack()

    def environment(self) -> dict[str, str]:
        """What a process of this installation is told; its day begins when it starts."""
        shift = int((MORNING - datetime.now(UTC)).total_seconds())
        return {
            "DATABASE_URL": self.database_url,
            "DOORSTEP_PORT": str(self.port),
            "DOORSTEP_STATE": str(self.state),
            "DOORSTEP_CLOCK_SHIFT_SECONDS": str(shift),
            **self.besides,
        }

    def start(self) -> None:
        """Returns once it answers."""
        serving = processes.process("serve", self.environment())
        self._child = self._running.enter_context(serving)
        processes.wait_until_ready(self.port, self._child)

    def stop(self) -> None:
        """Away, as after a power cut of the server room."""
        self._running.close()

    def kill(self) -> None:
        """Dead at once, in the middle of whatever it did."""
        os.killpg(self._child.pid, signal.SIGKILL)
        self._running.close()

    def signed_in(self, login: str = "dispatcher") -> httpx.Client:
        """A member of staff without a browser."""
        wish = {"login": login, "password": PASSWORD}
        tokens = httpx.post(f"{self.base}/api/v1/session", json=wish, timeout=60).json()
        headers = {"Authorization": f"Bearer {tokens['access']}"}
        return httpx.Client(base_url=f"{self.base}/api/v1", headers=headers, timeout=60)


async def _filled(url: str, folder: Path, *, size: sample_region.Size) -> None:
    engine = make_engine(url, connections=4, statement_seconds=60)
    as_of = date(2026, 11, 23)
    sample_region.write_region(folder, size=size, seed=7, as_of=as_of)
    await open_region(engine, folder, unit=(UNIT, as_of), ambient=fixed(EVENING))
    async with engine.begin() as tx:
        await add_staff(tx, UNIT, password=PASSWORD)
    await planned(engine, UNIT, on_day=DAY, seconds=5.0, ways=roads.roads(Settings()))
    await engine.dispose()


@pytest.fixture(scope="session")
def sample(cluster: embedded.Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database with a small region, planned and published, to copy from."""
    name = "e2e_sample"
    cluster.ensure_database(name, template="doorstep_template")
    size = sample_region.Size(premises=600, technicians=8, requests=60)
    folder = tmp_path_factory.mktemp("region")
    asyncio.run(_filled(cluster.url(name), folder / "files", size=size))
    return name


@pytest.fixture(scope="module")
def server(
    cluster: embedded.Cluster, sample: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server of this module's own, over a copy of the sample."""
    state = tmp_path_factory.mktemp("state")
    name = f"e2e_{state.name}".replace("-", "_").lower()
    cluster.ensure_database(name, template=sample)
    running = Server(cluster.url(name), state=state)
    running.start()
    yield running
    running.stop()
    cluster.drop_database(name)


@pytest.fixture(scope="session")
def playwright_of(sample: str) -> Iterator[Playwright]:
    """The driver; after the sample, whose making needs this thread's loop."""
    with sync_playwright() as play:
        yield play


@pytest.fixture(scope="session")
def browser(playwright_of: Playwright) -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    launched = playwright_of.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield launched
    launched.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile; a page that logs an error or breaks its content policy fails the test."""
    made = browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="zh-CN", timezone_id="Asia/Shanghai"
    )
    made.set_default_timeout(PATIENCE_MS)
    troubles: list[str] = []
    made.on("weberror", lambda error: troubles.append(str(error.error)))
    made.on(
        "console",
        lambda said: (
            troubles.append(said.text)
            if said.type == "error" and not said.text.startswith(BROWSERS_OWN)
            else None
        ),
    )
    yield made
    made.close()
    assert not troubles, troubles


@pytest.fixture
def board(context: BrowserContext, server: Server) -> Visit:
    """Opens a page of the board, signed in, in a language."""

    def visit(path: str = "", *, language: str = "zh-CN", login: str = "dispatcher") -> Page:
        wish = {"login": login, "password": PASSWORD}
        tokens = httpx.post(f"{server.base}/api/v1/session", json=wish, timeout=60).json()
        kept = {"doorstep.session.board": json.dumps(tokens), "doorstep.language": language}
        page = context.new_page()
        page.clock.install(time=MORNING)
        page.clock.resume()
        page.add_init_script(
            "".join(
                f"localStorage.getItem({json.dumps(key)}) ?? localStorage.setItem("
                f"{json.dumps(key)}, {json.dumps(value)});"
                for key, value in kept.items()
            )
        )
        page.goto(f"{server.base}/board/{path}")
        return page

    return visit


def axe(page: Page) -> list[str]:
    """Every violation of WCAG 2.2 AA and best practice that axe finds on a page."""
    page.evaluate(AXE.read_text("utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run(document)")
    told = [
        f"{each['id']}: {each['help']} at {node['target']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]
    LOOKS.update(pages=1, violations=len(told))
    return told
