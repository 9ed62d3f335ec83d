"""Every page of the technician's and the customer's face: usable by anybody, in both languages, on a
telephone and on a tablet; and photographed for `make screenshots`."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import MORNING, PATIENCE_MS, Server, axe
from tests.e2e.tablet import (
    Tablet,
    at_morning,
    office_says,
    picture,
    rows,
    tablet_of,
    who_has,
)

LANGUAGES = ("zh-CN", "en")
SIZES = {"phone": (390, 844), "tablet": (800, 1280)}
TAP = 47.5
SHOTS = os.environ.get("SCREENSHOTS")

SMALL_TAPS = """(least) => [...document.querySelectorAll(
  'button, a.button, .choice, .menu a, .pill, summary, input:not(.choice input, .unseen), select')]
  .filter((each) => each.checkVisibility() && each.getBoundingClientRect().height < least)
  .map((each) => each.outerHTML.slice(0, 120))"""


def looked_at(page: Page, name: str, *, troubles: list[str]) -> None:
    """Judges a page, and photographs it where that is asked for."""
    page.wait_for_timeout(150)
    troubles += [f"{name}: {each}" for each in axe(page)]
    troubles += [f"{name}: tap < 48: {each}" for each in page.evaluate(SMALL_TAPS, TAP)]
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    troubles += [f"{name}: {wide} pixels too wide"] if wide > 0 else []
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SHOTS}/field-{name}.png")


@pytest.mark.parametrize("size", sorted(SIZES))
@pytest.mark.parametrize("language", LANGUAGES)
def test_all_pages_of_the_technician_can_be_used_by_anybody(
    browser: Browser, server: Server, language: str, size: str
) -> None:
    width, height = SIZES[size]
    troubles: list[str] = []
    given = {"language": language, "viewport": {"width": width, "height": height}}
    # each run revokes its tablet and begins a visit of its own
    person = who_has(server, "inspection")
    with tablet_of(browser, server, person=person, **given) as tablet:
        at_morning(tablet.page)
        tag = f"{language[:2]}-{size}"

        def look(name: str) -> None:
            looked_at(tablet.page, f"{tag}-{name}", troubles=troubles)

        tablet.open()
        look("enrol")
        tablet.enrol()
        look("route")
        _walk_through(tablet, look)
    assert not troubles, "\n".join(troubles)


def _walk_through(tablet: Tablet, look: Callable[[str], None]) -> None:
    page = tablet.page
    for name in ("map", "outbox", "packs", "settings", "conflicts", "nowhere"):
        tablet.open(name)
        page.wait_for_selector("main h2, main .card")
        look(name)
    visit = tablet.fresh()
    look("visit-before")
    visit = tablet.begin()
    _filled(tablet, visit)
    page.locator(".next button").click()
    expect(page.locator("#lacks")).to_be_visible()
    look("visit-lacks")
    page.locator("#q-R12").scroll_into_view_if_needed()
    look("visit-form")
    for name in (
        "notice",
        "hazard",
        "end/no_access",
        "end/refused",
        "end/not_done",
        "end/suspended",
    ):
        tablet.open(f"visit/{visit}/{name}")
        page.wait_for_selector(".form")
        look(name.replace("end/", ""))
    _disagreeing(tablet, visit)
    tablet.open("conflicts")
    expect(page.locator(".sides").first).to_be_visible()
    look("conflicts-open")
    tablet.open("packs")
    page.locator("fieldset .choice").first.click()
    page.locator(".form button.primary").click()
    expect(page.locator("[data-testid=homes] li").first).to_be_visible()
    look("packs-taken")
    tablet.open("settings")
    page.locator("input[name=theme]").nth(2).check(force=True)
    for path, name in ((f"visit/{visit}", "visit-sunlight"), ("", "route-sunlight")):
        tablet.open(path)
        page.wait_for_selector(".question, .visit-card")
        look(name)
    page.evaluate("localStorage.removeItem('doorstep.theme')")
    tablet.settled()
    _shut_out(tablet, visit, look)


def _filled(tablet: Tablet, visit: str) -> None:
    """Answers of several kinds, dangers among them, one of them written down by hand."""
    page = tablet.page
    page.locator("#q-R12 .choice").nth(1).click()
    page.locator("#q-R18 .choice").nth(2).click()
    page.locator("#q-R26 input").first.fill("12")
    page.locator("#q-R26 input").first.blur()
    tablet.photograph("R12")
    tablet.open(f"visit/{visit}/hazard")
    form = page.locator(".form")
    form.locator("textarea").fill("阳台软管穿墙")
    form.locator(".choice").nth(2).click()
    form.locator("input[type=file]").set_input_files(
        {"name": "p.png", "mimeType": "image/png", "buffer": picture(31)}
    )
    expect(form.locator(".photos")).to_contain_text("1")
    form.locator(".next .primary").click()
    expect(page.locator(".hazards")).to_contain_text("阳台软管穿墙")


def _disagreeing(tablet: Tablet, visit: str) -> None:
    """The office answers what the technician answers too, neither seeing the other's word."""
    tablet.open(f"visit/{visit}")
    tablet.settled()
    tablet.offline()
    assert office_says(tablet.server, visit, {"R02": "mismatch"}).is_success
    tablet.page.locator("#q-R02 .choice").first.click()
    expect(tablet.page.locator("#q-R02 .mark .good")).to_be_visible()
    tablet.online()


def _shut_out(tablet: Tablet, visit: str, look: Callable[[str], None]) -> None:
    """Work that waits, a sign-in that is over, and a tablet that was revoked."""
    page = tablet.page
    tablet.offline()
    tablet.open(f"visit/{visit}")
    page.locator("#q-R13 .choice").first.click()
    expect(page.locator(".pill.offline")).to_be_visible()
    tablet.open("outbox")
    look("outbox-waiting")
    tablet.context.route(
        "**/api/v1/**",
        lambda route: route.fulfill(status=401, json={"code": "not_signed_in"}),
    )
    tablet.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator(".alarm")).to_be_visible()
    look("signed-out")
    page.locator(".alarm a").click()
    expect(page.locator(".code-input")).to_be_visible()
    look("signed-out-enrol")
    with tablet.server.signed_in() as office:
        office.post(f"/devices/{tablet.id()}/revoke", json={"reason": "left"})
    tablet.context.unroute_all()
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("section[role=alert]")).to_be_visible()
    look("revoked")


def code_of(server: Server) -> str:
    """The tracking code of a case that has an appointment."""

    (found,) = rows(
        server,
        'SELECT c.tracking_code FROM "case" c JOIN work_order w ON w.case_id = c.id'
        " JOIN visit v ON v.work_order_id = w.id"
        " WHERE w.due_at > $1 AND v.state = 'planned' ORDER BY w.due_at DESC LIMIT 1",
        MORNING,
    )
    return str(found["tracking_code"])


@pytest.mark.parametrize("size", sorted(SIZES))
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pages_of_a_customer_confirm_and_keeps_the_appointment(
    browser: Browser, server: Server, language: str, size: str
) -> None:
    width, height = SIZES[size]
    troubles: list[str] = []
    context = browser.new_context(
        viewport={"width": width, "height": height}, timezone_id="Asia/Shanghai"
    )
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(f"localStorage.setItem('doorstep.language', '{language}')")
    page = context.new_page()
    at_morning(page)
    tag = f"{language[:2]}-{size}"
    page.goto(f"{server.base}/track/{code_of(server)}")
    expect(page.locator(".steps li").first).to_be_visible()
    looked_at(page, f"{tag}-track", troubles=troubles)
    if language == "en":
        said = page.title() + page.locator("main").inner_text()
        assert not re.search("[\u4e00-\u9fff]", said), said
    if page.locator(".ways .primary").count():
        page.locator(".ways .primary").click()
    expect(page.locator("p.good")).to_be_visible()
    page.locator(".ways button").last.click()
    looked_at(page, f"{tag}-track-move", troubles=troubles)
    with page.expect_download() as kept:
        page.locator(".ways a").click()
    assert "BEGIN:VEVENT" in Path(kept.value.path()).read_text("utf-8")
    page.goto(f"{server.base}/track/NOSUCHCODE")
    expect(page.get_by_role("alert")).to_be_visible()
    looked_at(page, f"{tag}-track-unknown", troubles=troubles)
    context.close()
    assert not troubles, "\n".join(troubles)
