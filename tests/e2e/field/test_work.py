"""What a technician did survives whatever happens to the tablet, and reaches the office once."""

import os
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, Route, expect

from tests.e2e.conftest import Server
from tests.e2e.tablet import Tablet, held, started_over, who_has


def once_each(server: Server, tablet: Tablet) -> list[str]:
    """The server holds every operation that the tablet numbered, and each of them once."""
    rows = held(server, tablet.id())
    assert [row["n"] for row in rows] == list(range(1, tablet.told() + 1))
    assert max(Counter(row["id"] for row in rows).values()) == 1
    assert "id_reused" not in {row["code"] for row in rows}
    return [str(row["id"]) for row in rows]


@pytest.mark.smoke
def test_the_face_works_offline_after_its_first_load(tablet: Tablet) -> None:
    tablet.with_worker()
    cards = tablet.page.locator(".visit-card").count()
    tablet.context.set_offline(True)
    tablet.page.reload()
    expect(tablet.page.locator(".visit-card")).to_have_count(cards)
    tablet.begin()
    tablet.choose("R01", "是")
    expect(tablet.page.locator(".pill.offline")).to_contain_text("4 条待发")
    tablet.context.set_offline(False)
    tablet.wake()
    tablet.settled()
    once_each(tablet.server, tablet)


def test_a_deep_link_opens_with_the_server_dead(tablet: Tablet) -> None:
    tablet.with_worker()
    visit = tablet.fresh()
    tablet.server.stop()
    try:
        page = tablet.context.new_page()
        page.goto(f"{tablet.server.base}/field/visit/{visit}")
        expect(page.locator(".visit h2").first).to_contain_text("市")
        page.goto(f"{tablet.server.base}/field/settings")
        expect(page.locator("main h2")).to_have_text("设置")
    finally:
        tablet.server.start()


def test_online_is_what_the_last_request_says(tablet: Tablet) -> None:
    tablet.begin()
    tablet.settled()
    tablet.server.stop()
    try:
        # the network is there, the server is not: the browser believes to be online
        tablet.choose("R01", "是")
        expect(tablet.page.locator(".pill.offline")).to_contain_text("1 条待发")
        assert tablet.page.evaluate("navigator.onLine") is True
    finally:
        tablet.server.start()
    tablet.send()
    tablet.settled()


def killed(folder: Path) -> None:
    """The browser over this profile dies at once, with all of its processes."""
    found = subprocess.run(
        ["pgrep", "-f", f"user-data-dir={folder}"], capture_output=True, text=True, check=False
    )
    for pid in found.stdout.split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            continue


def test_answer_photo_and_signature_survive_the_kill_of_tab_and_browser(
    browser: Browser, server: Server, tmp_path: Path, playwright_of: Playwright
) -> None:
    person = who_has(server, "inspection")
    tablet = Tablet(server, started_over(playwright_of, tmp_path), person)
    tablet.enrol()
    tablet.with_worker()
    visit = tablet.begin()
    tablet.settled()
    tablet.context.set_offline(True)
    tablet.choose("R12", "不合格")
    tablet.write("R07", "4711.5")
    tablet.photograph("R12")
    tablet.sign("#q-R28")
    expect(tablet.page.locator("#q-R28 .good").first).to_contain_text("已签字")
    before = tablet.outbox()
    # the tab is gone without a word
    tablet.page.close()
    tablet.page = tablet.context.new_page()
    tablet.open(f"visit/{visit}")
    assert tablet.outbox() == before
    killed(tmp_path)
    tablet = Tablet(server, started_over(playwright_of, tmp_path), person)
    tablet.context.set_offline(True)
    tablet.open(f"visit/{visit}")
    assert [each["operation"]["id"] for each in tablet.outbox()] == [
        each["operation"]["id"] for each in before
    ]
    expect(tablet.page.locator("#q-R12 .choice.chosen")).to_contain_text("不合格")
    expect(tablet.page.locator("#q-R07 input").first).to_have_value("4711.5")
    expect(tablet.page.locator("#q-R12 .photos img")).to_have_count(1)
    expect(tablet.page.locator("#q-R28 .good").first).to_contain_text("已签字")
    tablet.context.set_offline(False)
    tablet.wake()
    tablet.settled()
    once_each(server, tablet)
    photos = [each for each in tablet.store("photos") if each["lane"] != "signature"]
    assert {each["sent"] for each in photos} == {True}
    with server.signed_in() as office:
        for each in photos:
            assert office.get(f"/attachments/{each['sha256']}").status_code == 200
    tablet.context.close()


def test_an_outbox_leaves_in_the_order_in_which_it_was_filled(tablet: Tablet) -> None:
    tablet.begin()
    tablet.settled()
    tablet.context.set_offline(True)
    for code, word in (("R06", "合格"), ("R12", "合格"), ("R13", "合格"), ("R16", "合格")):
        tablet.choose(code, word)
    waiting = [each["operation"]["id"] for each in tablet.outbox()]
    sent: list[str] = []
    tablet.context.on(
        "request",
        lambda request: (
            sent.extend(each["id"] for each in request.post_data_json["operations"])
            if request.url.endswith("/api/v1/sync")
            else None
        ),
    )
    tablet.context.set_offline(False)
    tablet.wake()
    tablet.settled()
    assert [each for each in sent if each in waiting] == waiting
    ids = once_each(tablet.server, tablet)
    assert [each for each in ids if each in waiting] == waiting


@pytest.mark.smoke
def test_an_answer_whose_reply_was_lost_after_the_commit_is_there_once(tablet: Tablet) -> None:
    tablet.begin()
    tablet.settled()
    lost: list[str] = []

    def lose(route: Route) -> None:
        if route.request.post_data_json["operations"] and len(lost) < 2:
            route.fetch()
            lost.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    tablet.context.route("**/api/v1/sync", lose)
    tablet.choose("R12", "不合格")
    expect(tablet.page.locator(".pill.offline")).to_be_visible()
    # changed before the tablet knows that the first word arrived
    tablet.choose("R12", "合格")
    tablet.send()
    tablet.send()
    tablet.settled()
    assert len(lost) == 2
    once_each(tablet.server, tablet)


def test_of_two_tabs_one_sends_and_both_see(tablet: Tablet) -> None:
    visit = tablet.begin()
    tablet.settled()
    other = tablet.context.new_page()
    other.goto(f"{tablet.server.base}/field/visit/{visit}")
    expect(other.locator("#q-R01")).to_be_visible()
    at_once: list[int] = []
    flying, away = [0], [True]

    def count(route: Route) -> None:
        if away[0]:
            return route.abort()
        flying[0] += 1
        at_once.append(flying[0])
        reply = route.fetch()
        flying[0] -= 1
        return route.fulfill(response=reply)

    tablet.context.route("**/api/v1/sync", count)
    tablet.choose("R12", "合格")
    expect(other.locator("#q-R12 .choice.chosen")).to_contain_text("合格")
    other.locator("#q-R13 .choice").filter(has_text="不合格").click()
    expect(tablet.page.locator("#q-R13 .choice.chosen")).to_contain_text("不合格")
    expect(other.locator(".pill.offline")).to_contain_text("2 条待发")
    away[0] = False
    for page in (tablet.page, other):
        page.evaluate("dispatchEvent(new Event('online'))")
    tablet.settled()
    expect(other.locator(".pill.all_sent")).to_be_visible()
    assert set(at_once) == {1}
    once_each(tablet.server, tablet)
