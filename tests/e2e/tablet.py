"""A technician's tablet in a real Chromium: enrolled, with a route, and what tests ask of it."""

import asyncio
import json
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, expect

from tests.e2e.conftest import CHROMIUM, DAY, FLAGS, MORNING, PATIENCE_MS, Server

PORTRAIT = {"width": 430, "height": 932}
DATABASE = "doorstep-field"
Enrolled = Callable[..., "Tablet"]


class Tablet:
    """One install: a browser profile, its page, and the technician it belongs to."""

    def __init__(self, server: Server, context: BrowserContext, person: dict[str, Any]) -> None:
        self.server, self.context, self.person = server, context, person
        self.base = server.base
        self.page = context.new_page()

    def open(self, path: str = "") -> Page:
        """A page of the face; the worker answers where it is installed."""
        self.page.goto(f"{self.base}/field/{path}")
        self.page.wait_for_selector("main > *")
        return self.page

    def enrol(self) -> None:
        """By a fresh code, as a technician does; returns once the route is there."""
        with self.server.signed_in() as office:
            code = office.post("/enrolment-codes", json={"technician": self.person["id"]}).json()
        page = self.open()
        page.locator(".code-input").fill(code["code"])
        page.locator("form .primary").click()
        expect(page.locator(".visit-card").first).to_be_visible()
        self.settled()

    def wake(self) -> None:
        """The network says that it is back."""
        self.page.evaluate("dispatchEvent(new Event('online'))")

    def send(self) -> None:
        """Asks for an exchange now, by the button of the outbox."""
        self.page.locator(".pill").click()
        self.page.get_by_role("button", name="立即发送").click()

    def settled(self) -> None:
        """Everything is sent."""
        expect(self.page.locator(".pill.all_sent")).to_be_visible()

    def with_worker(self) -> None:
        """The worker is installed and holds the shell."""
        self.page.wait_for_function(
            "async () => (await navigator.serviceWorker.getRegistration('/field/'))?.active?.state"
            " === 'activated'"
        )

    def fresh(self, kind: str = "inspection") -> str:
        """A visit of a kind that nobody began; its page is open."""
        for stop in self.person["stops"]:
            if stop["kind"] == kind:
                self.open(f"visit/{stop['visit']}")
                header = self.page.locator(".visit header")
                if header.count() and header.locator(".state.dispatched").count():
                    return str(stop["visit"])
        raise LookupError(kind)

    def begin(self, kind: str = "inspection") -> str:
        """Opens a visit of a kind and starts work on it; returns its record."""
        visit = self.fresh(kind)
        self.steps()
        return visit

    def choose(self, code: str, word: str) -> None:
        """Answers a question by the word on its button; returns once it looks saved."""
        question = self.page.locator(f"#q-{code}")
        question.locator(".choice").filter(has_text=word).first.click()
        expect(question.locator(".mark .good")).to_be_visible()

    def write(self, code: str, text: str) -> None:
        """Types an answer and leaves it."""
        question = self.page.locator(f"#q-{code}")
        question.locator("input, textarea").first.fill(text)
        question.locator("input, textarea").first.blur()
        expect(question.locator(".mark .good")).to_be_visible()

    def photograph(self, code: str, *, seed: int = 1) -> None:
        """Takes a photo for a question."""
        question = self.page.locator(f"#q-{code}")
        before = question.locator(".photos img").count()
        question.locator(".photos input[type=file]").set_input_files(
            {"name": "p.png", "mimeType": "image/png", "buffer": picture(seed)}
        )
        expect(question.locator(".photos img")).to_have_count(before + 1)

    def sign(self, within: str) -> None:
        """Draws something into a box."""
        self.draw(self.page.locator(f"{within} canvas"))

    def draw(self, canvas: Locator) -> None:
        """A signature with a finger."""
        # the pad comes with its own file
        expect(canvas).to_have_attribute("data-ready", "true")
        # not beneath the bar at the bottom
        canvas.evaluate("each => each.scrollIntoView({ block: 'center' })")
        box = canvas.bounding_box()
        assert box is not None
        mouse = self.page.mouse
        mouse.move(box["x"] + 20, box["y"] + 40)
        mouse.down()
        for step in range(1, 12):
            mouse.move(box["x"] + 20 + step * 14, box["y"] + 40 + (step % 3) * 22)
        mouse.up()

    def shown(self, record: str) -> dict[str, Any]:
        """The fields of a record as a person sees them: what the server said, and what waits."""
        held = [each for each in self.store("records") if each["key"] == record]
        fields: dict[str, Any] = dict(held[0]["fields"]) if held else {}
        for each in self.outbox():
            operation = each["operation"]
            if operation["record"] != record or each["state"] == "refused":
                continue
            if operation["kind"] == "create":
                fields |= {"template": operation.get("template"), "state": "dispatched"}
            if operation["kind"] == "command":
                fields["state"] = operation["command"]
            else:
                fields |= operation.get("fields", {})
        return fields

    def offline(self) -> None:
        """No network, from now on."""
        self.context.set_offline(True)

    def online(self) -> None:
        """The network is back, and everything leaves."""
        self.context.set_offline(False)
        self.wake()
        self.settled()

    def steps(self) -> None:
        """Sets out, arrives and starts work on the visit that is open."""
        for state in ("en_route", "on_site", "in_progress"):
            self.page.locator(".next button").click()
            expect(self.page.locator(f".visit header .state.{state}")).to_be_visible()

    def finish(self) -> None:
        """Ends the visit that is open; nothing may be lacking."""
        self.page.locator(".next button").click()
        expect(self.page.locator(".visit header .state.field_done")).to_be_visible()

    def store(self, shelf: str) -> list[Any]:
        """What a shelf of the store holds, read past the program."""
        return self.page.evaluate(
            "([name, shelf]) => new Promise((done, failed) => {"
            " const asked = indexedDB.open(name);"
            " asked.onerror = () => failed(asked.error);"
            " asked.onsuccess = () => { const db = asked.result;"
            "  const all = db.transaction(shelf).objectStore(shelf).getAll();"
            "  all.onsuccess = () => { db.close();"
            "   done(JSON.parse(JSON.stringify(all.result))); }; }; })",
            [DATABASE, shelf],
        )

    def outbox(self) -> list[dict[str, Any]]:
        """What is only on this tablet."""
        return self.store("outbox")

    def meta(self, key: str) -> Any:
        """One line of what the tablet knows of itself."""
        return self.page.evaluate(
            "([name, key]) => new Promise((done) => { const asked = indexedDB.open(name);"
            " asked.onsuccess = () => { const db = asked.result;"
            "  const got = db.transaction('meta').objectStore('meta').get(key);"
            "  got.onsuccess = () => { db.close(); done(got.result ?? null); }; }; })",
            [DATABASE, key],
        )

    def told(self) -> int:
        """How many operations this install ever numbered."""
        return int(self.meta("next_n") or 1) - 1

    def id(self) -> str:
        """The install's id."""
        return str(self.meta("identity")["tablet"])


def picture(seed: int, *, side: int = 96) -> bytes:
    """A PNG that nobody else has."""
    dice = random.Random(seed)
    rows = b"".join(b"\x00" + dice.randbytes(side * 3) for _ in range(side))

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + crc

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = (b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, body) for kind, body in parts)


def people(server: Server) -> list[dict[str, Any]]:
    """Technicians of the day with their stops, the busiest first."""
    with server.signed_in() as office:
        day = office.get(f"/days/{DAY}").json()
    able = [each for each in day["technicians"] if each["stops"]]
    return sorted(able, key=lambda each: -len(each["stops"]))


def who_has(server: Server, kind: str) -> dict[str, Any]:
    """The technician with the most visits of a kind that nobody began yet today: no test runs out
    of them because of those before it."""

    def left(person: dict[str, Any]) -> int:
        return sum(stop["kind"] == kind and stop["state"] == "planned" for stop in person["stops"])

    return max(people(server), key=left)


def prepared(context: BrowserContext, *, language: str = "zh-CN") -> None:
    """A tablet that stands at the sample's premises and speaks a language."""
    context.set_default_timeout(PATIENCE_MS)
    context.grant_permissions(["geolocation"])
    context.set_geolocation({"latitude": 39.43, "longitude": 116.29, "accuracy": 12})
    context.add_init_script(
        # a page that is blank yet has no storage
        "try { localStorage.getItem('doorstep.language') ??"
        f" localStorage.setItem('doorstep.language', {json.dumps(language)}); }} catch {{}}"
    )


def started_over(play: Playwright, folder: Path) -> BrowserContext:
    """A browser over a profile on the disk, as after a restart."""
    made = play.chromium.launch_persistent_context(
        str(folder), executable_path=CHROMIUM, args=FLAGS, viewport=PORTRAIT, locale="zh-CN"
    )
    prepared(made)
    return made


@contextmanager
def tablet_of(
    browser: Browser, server: Server, *, person: dict[str, Any], **given: Any
) -> Iterator[Tablet]:
    """A fresh profile for as long as the block runs."""
    language = given.pop("language", "zh-CN")
    made = browser.new_context(
        **{"viewport": PORTRAIT, "locale": language, "timezone_id": "Asia/Shanghai", **given}
    )
    prepared(made, language=language)
    try:
        yield Tablet(server, made, person)
    finally:
        made.unroute_all(behavior="ignoreErrors")
        made.close()


def at_morning(page: Page) -> None:
    """The wall clock stands at the sample's morning and runs."""
    page.clock.install(time=MORNING)
    page.clock.resume()


def rows(server: Server, query: str, *values: Any) -> list[dict[str, Any]]:
    """What the server's database says, read past the program."""

    async def read() -> list[dict[str, Any]]:
        url = server.database_url.replace("postgresql+asyncpg", "postgresql")
        connection = await asyncpg.connect(url)
        try:
            found = await connection.fetch(query, *values)
        finally:
            await connection.close()
        return [dict(row) for row in found]

    # playwright holds this thread's loop
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(lambda: asyncio.run(read())).result()


def held(server: Server, tablet_id: str) -> list[dict[str, Any]]:
    """Every operation that the database holds of a tablet: id, n and outcome, by number."""
    query = "SELECT id, n, outcome, code FROM operation WHERE tablet_id = $1 ORDER BY n, id"
    return rows(server, query, tablet_id)


def visit_of(server: Server, visit: str) -> dict[str, Any]:
    """A visit as the server holds it, with its fields."""
    (found,) = rows(
        server,
        "SELECT v.state, v.certification, v.work_order_id, r.fields FROM visit v"
        " JOIN record r ON r.id = v.id WHERE v.id = $1",
        visit,
    )
    return found | {"fields": json.loads(found["fields"])}


def office_says(server: Server, visit: str, fields: dict[str, Any]) -> httpx.Response:
    """A dispatcher edits a visit."""
    with server.signed_in() as office:
        return office.post(f"/visits/{visit}/edit", json={"fields": fields})
