"""What a technician does at the door, from the first question to the last signature, offline."""

import re

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import Server
from tests.e2e.desk import working
from tests.e2e.form import Form
from tests.e2e.tablet import Tablet, held, picture, tablet_of, visit_of, who_has

VARIANTS = ["热水器", "仅点火通气"]


def supply_of(server: Server, visit: str) -> str:
    """How the gas stands, as the office sees it."""
    return str(visit_of(server, visit)["fields"].get("supply", "on"))


def photo_for(tablet: Tablet, place: int, *, seed: int) -> None:
    """A photo into one of the boxes of a page; returns once it is kept."""
    box = tablet.page.locator(".form .photos").nth(place)
    box.locator("input[type=file]").set_input_files(
        {"name": "p.png", "mimeType": "image/png", "buffer": picture(seed)}
    )
    expect(box.locator(".busy")).to_have_count(0)
    expect(box).to_contain_text("✓")


def hazard(tablet: Tablet, visit: str, what: str, *, grade: str) -> None:
    """Writes down a hazard that no question asks for."""
    tablet.open(f"visit/{visit}/hazard")
    form = tablet.page.locator(".form")
    form.locator("textarea").fill(what)
    form.locator(".choice").filter(has_text=grade).click()
    form.locator("input[type=file]").set_input_files(
        {"name": "p.png", "mimeType": "image/png", "buffer": picture(len(what))}
    )
    expect(form).to_contain_text("照片 1")
    form.get_by_role("button", name="保存", exact=True).click()
    expect(tablet.page.locator(".hazards")).to_contain_text(what)


def applied(server: Server, tablet: Tablet) -> None:
    """The server holds every operation once, and none of them was refused."""
    said = held(server, tablet.id())
    assert [row["n"] for row in said] == list(range(1, tablet.told() + 1))
    assert {row["outcome"] for row in said} <= {"applied", "merged"}, said


def test_an_inspection_is_done_from_first_to_last_without_a_network(tablet: Tablet) -> None:
    visit = tablet.begin()
    tablet.settled()
    tablet.offline()
    form = Form(tablet, visit)
    form.fill()
    expect(tablet.page.locator("#q-R28 .mark .good")).to_contain_text("不可更改")
    tablet.finish()
    expect(tablet.page.locator("main")).to_contain_text("联网后自动发送")
    tablet.page.reload()
    expect(tablet.page.locator(".visit header .state.field_done")).to_be_visible()
    tablet.online()
    expect(tablet.page.locator("main")).to_contain_text("内容已全部发送")
    applied(tablet.server, tablet)
    found = visit_of(tablet.server, visit)
    assert found["fields"]["R26.instrument"]["instrument"] == "检漏仪-07"
    assert found["state"] == "ended"
    assert found["fields"]["state"] == "field_done"


def test_a_repair_with_parts_a_new_meter_and_an_inspection_beside_it(
    browser: Browser, server: Server
) -> None:
    with tablet_of(browser, server, person=who_has(server, "repair")) as tablet:
        tablet.enrol()
        visit = tablet.begin("repair")
        tablet.settled()
        tablet.offline()
        expect(tablet.page.locator("#q-P09")).to_have_count(0)
        form = Form(tablet, visit)
        form.fill({"P07": "换表", "P08": "铜球阀", "P09": "12"})
        # one part too many: it has not left the tablet, so it is taken back
        used = tablet.page.locator("#q-P08")
        used.locator("input").first.fill("旧垫片")
        used.get_by_role("button", name="添加材料").click()
        used.get_by_role("button", name="去掉 旧垫片").click()
        expect(used).not_to_contain_text("旧垫片")
        expect(tablet.page.locator("#q-P09 .mark .good")).to_be_visible()
        tablet.page.locator("#q-P14").get_by_text("就地新建安检").click()
        beside = tablet.page.locator("#q-P14").get_by_role("link", name="打开安检")
        expect(beside).to_be_visible()
        tablet.finish()
        beside.click()
        expect(tablet.page.locator(".visit header .tag")).to_have_text("入户安检")
        second = tablet.page.url.rsplit("/", 1)[1]
        tablet.steps()
        Form(tablet, second).fill()
        tablet.finish()
        tablet.online()
        applied(server, tablet)
        assert visit_of(server, visit)["fields"]["P08"] == [{"name": "铜球阀", "count": 1}]
        inspected = visit_of(server, second)
        assert inspected["fields"]["kind"] == "inspection"
        assert inspected["work_order_id"] != visit_of(server, visit)["work_order_id"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_install_asks_what_its_variant_needs(
    browser: Browser, server: Server, variant: str
) -> None:
    person = who_has(server, "appliance_install")
    with tablet_of(browser, server, person=person) as tablet:
        tablet.enrol()
        visit = tablet.begin("appliance_install")
        tablet.settled()
        tablet.offline()
        tablet.page.locator(".next button").click()
        expect(tablet.page.locator("#lacks")).to_contain_text("未选择安装内容")
        tablet.page.locator("#variant .choice").filter(has_text=variant).click()
        flue = tablet.page.locator("#q-A09")
        expect(flue).to_have_count(1 if variant == "热水器" else 0)
        Form(tablet, visit).fill()
        tablet.finish()
        tablet.online()
        applied(server, tablet)
        assert visit_of(server, visit)["fields"]["A22"]


def test_nobody_home_leaves_both_photos_and_the_next_attempt(tablet: Tablet) -> None:
    visit = tablet.fresh()
    for state in ("en_route", "on_site"):
        tablet.page.locator(".next button").click()
        expect(tablet.page.locator(f".visit header .state.{state}")).to_be_visible()
    tablet.settled()
    tablet.offline()
    tablet.page.get_by_role("link", name="到访不遇").click()
    save = tablet.page.get_by_role("button", name="保存到访不遇")
    save.click()
    expect(tablet.page.locator(".form")).to_contain_text("两张照片都要拍")
    photo_for(tablet, 0, seed=501)
    # behind the camera the page may be ended; what was taken stays
    tablet.page.reload()
    expect(tablet.page.locator(".form .photos").nth(0)).to_contain_text("✓ 门牌照片")
    photo_for(tablet, 1, seed=502)
    tablet.page.locator(".form input[inputmode=numeric]").fill("十")
    save.click()
    expect(tablet.page.locator(".form")).to_contain_text("请输入数字")
    tablet.page.locator(".form input[inputmode=numeric]").fill("12")
    tablet.page.locator(".form .choice").filter(has_text="周末").click()
    before = len(tablet.outbox())
    save.click()
    expect(tablet.page.locator(".visit header .state.no_access")).to_be_visible()
    # the evidence and the end it proves became durable together
    kinds = [each["operation"]["kind"] for each in tablet.outbox()[before:]]
    assert kinds == ["patch", "command"]
    tablet.online()
    applied(tablet.server, tablet)
    tried = visit_of(tablet.server, visit)["fields"]["no_access"]
    assert tried["waited_minutes"] == 12
    assert tried["next_band"] == "weekend"
    with tablet.server.signed_in() as office:
        for name in ("door_photo", "notice_photo"):
            assert office.get(f"/attachments/{tried[name]}").status_code == 200


def test_a_refusal_needs_its_reason_and_its_photo(tablet: Tablet) -> None:
    visit = tablet.begin()
    tablet.settled()
    tablet.offline()
    tablet.page.get_by_role("link", name="客户拒检").click()
    save = tablet.page.get_by_role("button", name="保存", exact=True)
    save.click()
    expect(tablet.page.locator(".form")).to_contain_text("请填写原因")
    tablet.page.locator(".form textarea").fill("不让进厨房")
    photo_for(tablet, 0, seed=511)
    tablet.page.locator(".form input[type=text]").fill("物业王女士")
    save.click()
    expect(tablet.page.locator(".visit header .state.refused")).to_be_visible()
    tablet.online()
    said = visit_of(tablet.server, visit)["fields"]["refusal"]
    assert (said["reason"], said["witness"]) == ("不让进厨房", "物业王女士")


@pytest.mark.smoke
def test_a_critical_hazard_is_shown_isolated_and_noticed_before_the_visit_can_end(
    tablet: Tablet,
) -> None:
    visit = tablet.begin()
    tablet.settled()
    tablet.offline()
    hazard(tablet, visit, "阳台私接软管穿墙", grade="重大隐患")
    expect(tablet.page.locator(".hazards")).to_contain_text("立即关阀停气")
    tablet.page.locator(".next button").click()
    expect(tablet.page.locator("#lacks")).to_contain_text("未出具整改通知书")
    expect(tablet.page.locator("#lacks")).to_contain_text("重大隐患缺停气照片")
    tablet.page.get_by_role("link", name="出具整改通知书").click()
    expect(tablet.page.locator(".paper")).to_contain_text("阳台私接软管穿墙")
    serve = tablet.page.get_by_role("button", name="确认并保存")
    serve.click()
    expect(tablet.page.locator(".form .warning").last).to_contain_text("重大隐患须关阀停气")
    photo_for(tablet, 0, seed=521)
    tablet.page.locator(".form .choice").filter(has_text="全户停气").click()
    tablet.sign(".form")
    expect(tablet.page.locator(".form")).to_contain_text("✓ 已签字")
    serve.click()
    expect(tablet.page.locator(".hazards")).to_contain_text("整改通知书已签收")
    expect(tablet.page.locator("#gas .choice.chosen")).to_contain_text("全户停气")
    # its number is in the customer's part already
    noted = tablet.page.locator("#q-R28 [data-part=notice_no] textarea")
    expect(noted).to_have_value(re.compile(r"T\d{8}-\w{6}"))
    # one found after the customer signed is not on that paper
    hazard(tablet, visit, "热水器装在卧室", grade="较大隐患")
    tablet.page.locator(".next button").click()
    expect(tablet.page.locator("#lacks")).to_contain_text("请重新出具")
    expect(tablet.page.locator("#lacks")).not_to_contain_text("缺停气照片")
    tablet.online()
    applied(tablet.server, tablet)
    assert supply_of(tablet.server, visit) == "isolated_premises"
    notice = visit_of(tablet.server, visit)["fields"]["notice"]
    with tablet.server.signed_in() as office:
        for name in ("file", "signature", "isolation_photo"):
            reply: httpx.Response = office.get(f"/attachments/{notice[name]}")
            assert reply.status_code == 200, name


def test_a_wrong_photo_of_a_hazard_is_taken_back_before_it_is_saved(tablet: Tablet) -> None:
    visit = tablet.begin()
    tablet.open(f"visit/{visit}/hazard")
    form = tablet.page.locator(".form")
    for seed in (541, 542):
        form.locator("input[type=file]").set_input_files(
            {"name": "p.png", "mimeType": "image/png", "buffer": picture(seed)}
        )
        expect(form.locator("img")).to_have_count(seed - 540)
    form.get_by_role("button", name="去掉照片 1").click()
    expect(form.locator("img")).to_have_count(1)
    tablet.page.reload()
    expect(form.locator("img")).to_have_count(1)
    form.locator("textarea").fill("软管过长")
    form.locator(".choice").filter(has_text="一般隐患").click()
    form.get_by_role("button", name="保存", exact=True).click()
    expect(tablet.page.locator(".hazards")).to_contain_text("软管过长")
    tablet.settled()
    # this technician's other visits may have hazards too
    (made,) = [each for each in tablet.store("records") if each["fields"].get("note") == "软管过长"]
    assert len(made["fields"]["photos"]) == len(tablet.store("photos")) == 1


def test_a_wrong_photo_of_a_question_is_taken_back_as_long_as_it_is_only_here(
    tablet: Tablet,
) -> None:
    visit = tablet.begin()
    tablet.settled()
    tablet.offline()
    tablet.choose("R12", "不合格")
    for seed in (551, 552):
        tablet.photograph("R12", seed=seed)
    photos = tablet.page.locator("#q-R12 .photos")
    photos.get_by_role("button", name="去掉照片 1").click()
    expect(photos.locator("img")).to_have_count(1)
    tablet.page.reload()
    expect(photos.locator("img")).to_have_count(1)
    tablet.photograph("R12", seed=553)
    tablet.online()
    applied(tablet.server, tablet)
    shown = visit_of(tablet.server, visit)["fields"]["R12.photos"]
    originals = [each for each in tablet.store("photos") if each["lane"] == "original"]
    assert sorted(shown) == sorted(each["sha256"] for each in originals)
    assert len(shown) == 2
    # what the office has stays on record
    expect(photos.get_by_role("button", name="去掉")).to_have_count(0)


def heard(tablet: Tablet, visit: str, *, supply: str) -> None:
    """Returns once the tablet was told how the gas stands at its premises."""
    for _ in range(90):
        tablet.wake()
        tablet.settled()
        if tablet.shown(visit).get("supply_state") == supply:
            return
        tablet.page.wait_for_timeout(1000)
    raise AssertionError(f"never told of {supply}")


def test_gas_opened_after_a_critical_finding_stays_shut_off_until_the_office_decides(
    tablet: Tablet,
) -> None:
    visit = tablet.begin()
    tablet.settled()
    tablet.offline()
    hazard(tablet, visit, "软管穿墙入卧室", grade="重大隐患")
    gas = tablet.page.locator("#gas")
    for word in ("全户停气", "正常供气"):
        gas.locator(".choice").filter(has_text=word).click()
        expect(gas.locator(".choice.chosen")).to_contain_text(word)
    tablet.online()
    # heard, and not believed: nobody found it sound
    said = held(tablet.server, tablet.id())[-1]
    assert (said["outcome"], said["code"]) == ("conflict", "restored_without_recheck")
    expect(gas).to_contain_text("等待办公室决定")
    expect(gas).to_contain_text("已停止供气")
    expect(gas.locator(".choice.chosen")).to_have_count(0)
    with working(tablet.server):
        heard(tablet, visit, supply="isolated_premises")
        expect(gas.locator(".choice.chosen")).to_contain_text("全户停气")
        with tablet.server.signed_in() as office:
            waiting = office.get("/conflicts", params={"limit": 200}).json()["items"]
            (shown,) = [
                each for each in waiting if each["record"] == visit and each["policy"] == "supply"
            ]
            wish = {"choice": 1, "reason": "复检照片已核对"}
            office.post(f"/conflicts/{shown['id']}/resolve", json=wish).raise_for_status()
        heard(tablet, visit, supply="on")
        expect(gas.locator(".choice.chosen")).to_contain_text("正常供气")
        expect(gas).not_to_contain_text("等待办公室决定")


def test_two_quick_taps_on_one_question_keep_both_parts(tablet: Tablet) -> None:
    visit = tablet.begin()
    # both are pressed before the first can be durable
    tablet.page.evaluate(
        "() => { const parts = document.querySelectorAll('#q-R23 .part');"
        " parts[0].querySelectorAll('input')[4].click();"
        " parts[1].querySelectorAll('input')[0].click(); }"
    )
    expect(tablet.page.locator("#q-R23 .choice.chosen")).to_have_count(2)
    tablet.settled()
    assert set(visit_of(tablet.server, visit)["fields"]["R23"]) == {"kind", "room"}
