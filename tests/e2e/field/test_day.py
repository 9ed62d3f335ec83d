"""A technician's whole day without a network, from the first knock to the evening's exchange."""

import json
import re
import uuid
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Route, expect

from tests.e2e.conftest import Server
from tests.e2e.field.test_visits import applied, hazard, photo_for
from tests.e2e.form import Form
from tests.e2e.tablet import Tablet, at_morning, held, people, rows, tablet_of, visit_of

VILLAGE = "乡村"


def villager(server: Server) -> dict[str, Any]:
    """A technician who inspects in villages today."""
    return next(
        each
        for each in people(server)
        if any(VILLAGE in grid for grid in each["grids"])
        and sum(stop["kind"] == "inspection" for stop in each["stops"]) > 1
    )


def taken_along(tablet: Tablet) -> str:
    """Takes the smallest village of the technician along; returns its grid."""
    tablet.open("packs")
    choices = tablet.page.locator("fieldset .choice").filter(has_text=VILLAGE)
    expect(choices.first).to_be_visible()
    grid = choices.first.inner_text().split(" · ")[0].strip()
    choices.first.click()
    tablet.page.get_by_role("button", name="下载").click()
    expect(tablet.page.locator("p.good")).to_contain_text(grid)
    expect(tablet.page.locator("[data-testid=homes] li").first).to_be_visible()
    return grid


def test_a_village_comes_along_and_a_visit_is_made_at_one_of_its_doors(
    browser: Browser, server: Server
) -> None:
    with tablet_of(browser, server, person=villager(server)) as tablet:
        at_morning(tablet.page)
        tablet.enrol()
        grid = taken_along(tablet)
        tablet.settled()
        homes = tablet.page.locator("[data-testid=homes] li")
        shown = homes.locator("b").all_inner_texts()
        # village by village, door by door
        doors = [re.fullmatch(r"(.*?)(\d+)号?.*", each) for each in shown]
        places = [(each[1], int(each[2])) for each in doors if each is not None]
        assert len(places) == len(shown)
        assert all(a[0] != b[0] or a[1] <= b[1] for a, b in pairwise(places))
        assert len({village for village, _ in places}) == len(list(groupby(places, lambda p: p[0])))
        tablet.offline()
        tablet.page.reload()
        expect(homes).to_have_count(len(shown))
        address = shown[0]
        tablet.page.locator("input[type=search]").fill(address)
        expect(homes).to_have_count(1)
        # a tap too many makes no second visit
        before = len(tablet.outbox())
        homes.get_by_role("button", name="就地安检").dblclick()
        expect(tablet.page.locator(".visit h2").first).to_have_text(address)
        assert len(tablet.outbox()) == before + 1
        visit = tablet.page.url.rsplit("/", 1)[1]
        tablet.steps()
        tablet.choose("R16", "合格")
        hazard(tablet, visit, "灶具软管老化", grade="较大隐患")
        tablet.open("packs")
        tablet.page.locator("input[type=search]").fill(address)
        expect(homes.get_by_role("link", name="打开安检")).to_be_visible()
        tablet.online()
        applied(server, tablet)
        assert visit_of(server, visit)["fields"]["R16"] == "pass"
        found = rows(server, "SELECT grade FROM hazard WHERE visit_id = $1", visit)
        assert [each["grade"] for each in found] == ["major"]
        assert grid


def test_a_visit_that_was_refused_stays_to_be_seen_until_its_reason_was_read(
    browser: Browser, server: Server
) -> None:
    def spoil(route: Route) -> None:
        # a door that is not there any more
        body = route.request.post_data_json
        for each in body["operations"]:
            if each["kind"] == "create":
                each["premises"] = str(uuid.uuid4())
        route.continue_(post_data=json.dumps(body))

    with tablet_of(browser, server, person=villager(server)) as tablet:
        at_morning(tablet.page)
        tablet.enrol()
        taken_along(tablet)
        tablet.settled()
        tablet.offline()
        tablet.page.get_by_role("button", name="就地安检").first.click()
        expect(tablet.page.locator(".visit header .state.dispatched")).to_be_visible()
        door = tablet.page.locator(".visit header h2").inner_text()
        tablet.context.route("**/api/v1/sync", spoil)
        tablet.context.set_offline(False)
        tablet.wake()
        told = tablet.page.locator(".visit p[role=alert]")
        expect(told).to_contain_text("没有接受这次上门")
        expect(told).to_contain_text("用气地址不存在")
        expect(tablet.page.locator(".visit header h2")).to_have_text(door)
        expect(tablet.page.locator(".next button")).to_have_count(0)
        told.locator("a").click()
        expect(tablet.page.locator(".bad-card")).to_contain_text(door)
        tablet.page.get_by_role("button", name="知道了").click()
        tablet.settled()
        tablet.open()
        expect(tablet.page.locator(".visit-card").filter(has_text=door)).to_have_count(0)


def test_a_whole_day_without_a_network_reaches_the_office_once_and_complete(
    browser: Browser, server: Server
) -> None:
    with tablet_of(browser, server, person=villager(server)) as tablet:
        at_morning(tablet.page)
        tablet.enrol()
        tablet.with_worker()
        taken_along(tablet)
        tablet.open()
        tablet.settled()
        tablet.offline()
        tablet.page.reload()
        expect(tablet.page.locator("h2").first).to_contain_text("今天")
        # the first home: everything in order
        sound = tablet.begin()
        Form(tablet, sound).fill()
        tablet.finish()
        # the second: nobody there
        empty = tablet.fresh()
        for state in ("en_route", "on_site"):
            tablet.page.locator(".next button").click()
            expect(tablet.page.locator(f".visit header .state.{state}")).to_be_visible()
        tablet.page.get_by_role("link", name="到访不遇").click()
        photo_for(tablet, 0, seed=801)
        photo_for(tablet, 1, seed=802)
        tablet.page.get_by_role("button", name="保存到访不遇").click()
        expect(tablet.page.locator(".visit header .state.no_access")).to_be_visible()
        # a door of the village, with the checklist of villages
        tablet.open("packs")
        tablet.page.get_by_role("button", name="就地安检").first.click()
        expect(tablet.page.locator(".visit header .state.dispatched")).to_be_visible()
        rural = tablet.page.url.rsplit("/", 1)[1]
        tablet.steps()
        expect(tablet.page.locator("#q-H02")).to_be_visible()
        Form(tablet, rural).fill()
        tablet.finish()
        tablet.open()
        expect(tablet.page.locator("h2").first).to_contain_text("3/")
        expect(tablet.page.locator(".pill.offline")).to_be_visible()
        told = tablet.told()
        # the evening: the tablet was off meanwhile, now there is a network
        tablet.page.close()
        tablet.page = tablet.context.new_page()
        tablet.context.set_offline(False)
        tablet.open()
        tablet.settled()
        applied(server, tablet)
        assert len(held(server, tablet.id())) == told
        ends = {visit: visit_of(server, visit) for visit in (sound, empty, rural)}
        assert [each["fields"]["state"] for each in ends.values()] == [
            "field_done",
            "no_access",
            "field_done",
        ]
        declared = rows(
            server,
            "SELECT count(*) AS missing FROM attachment_use u JOIN attachment a USING (unit_id, sha256)"
            " WHERE u.visit_id = ANY($1::uuid[]) AND a.state <> 'verified'",
            list(ends),
        )
        assert declared == [{"missing": 0}]
        assert ends[sound]["certification"] == ends[rural]["certification"] == "certified"


def test_the_unsent_leaves_as_a_file_and_comes_in_through_a_colleagues_tablet(
    browser: Browser, server: Server, tablet: Tablet, tmp_path: Path
) -> None:
    visit = tablet.begin()
    tablet.settled()
    tablet.offline()
    tablet.choose("R12", "不合格")
    tablet.photograph("R12", seed=77)
    unsent = [each["operation"]["id"] for each in tablet.outbox()]
    tablet.open("settings")
    with tablet.page.expect_download() as kept:
        tablet.page.get_by_role("button", name="导出文件").click()
    file = tmp_path / "unsent.json"
    kept.value.save_as(file)
    expect(tablet.page.locator("main")).to_contain_text("已导出 2 条，2 张照片")
    assert json.loads(file.read_text("utf-8"))["format"] == "doorstep-unsent-1"
    other = next(each for each in people(server) if each["id"] != tablet.person["id"])
    with tablet_of(browser, server, person=other) as colleague:
        colleague.enrol()
        colleague.open("settings")
        colleague.page.locator("input[type=file]").set_input_files(file)
        expect(colleague.page.locator("main")).to_contain_text("已代送 2 条")
    found = [row for row in held(server, tablet.id()) if str(row["id"]) in unsent]
    assert [row["outcome"] for row in found] == ["applied", "applied"]
    # its own tablet comes home later: nothing is there twice
    tablet.online()
    applied(server, tablet)
    assert visit_of(server, visit)["fields"]["R12"] == "fail"


def test_a_tablet_left_on_overnight_shows_the_new_day_as_today(
    browser: Browser, server: Server
) -> None:
    with tablet_of(browser, server, person=villager(server)) as tablet:
        at_morning(tablet.page)
        tablet.enrol()
        expect(tablet.page.locator("h2").first).to_contain_text("今天 2026-11-24")
        tablet.offline()
        tablet.page.clock.fast_forward("20:00:00")
        expect(tablet.page.locator("h2").first).to_contain_text("今天 2026-11-25")
