"""A dispatcher's whole day in a real browser: once by mouse, once by keyboard alone."""

import csv
import re
import zipfile
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import DAY, PASSWORD, axe
from tests.e2e.desk import PlainTablet, pressed, working

TOMORROW = "2026-11-25"


@pytest.fixture(scope="module", autouse=True)
def worker(server):
    """Plans are searched by a worker, as everywhere."""
    with working(server):
        yield


def day_of(server, day=DAY) -> dict:
    with server.signed_in() as office:
        return office.get(f"/days/{day}").json()


def account_of(server) -> str:
    with server.signed_in() as office:
        return office.get("/premises?limit=1").json()["items"][0]["account"]


def on_board(page: Page) -> None:
    expect(page.locator("[data-technician]").first).to_be_visible()
    expect(page.locator(".live.live")).to_be_visible()


def shut(page: Page) -> None:
    page.get_by_role("dialog").get_by_role("button", name="关闭").first.click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_morning_by_mouse_a_call_an_illness_a_job_and_the_way_back(board, server):
    page = board("")
    on_board(page)
    # nobody chose a day: it is today's, which has a plan
    assert f"day={DAY}" in page.url or page.locator("input[type=date]").input_value() == str(DAY)

    # a repair that smells of gas is an emergency, whatever the caller called it
    page.get_by_role("button", name="来电登记").click()
    call = page.get_by_role("dialog")
    call.get_by_label("户号").fill(account_of(server))
    call.get_by_label("内容").fill("厨房有燃气味")
    expect(call.get_by_role("status")).not_to_have_text("")
    assert axe(page) == []
    call.get_by_role("button", name="登记").click()
    expect(call.get_by_role("alert")).to_contain_text("泄漏抢险")
    call.get_by_role("button", name="按抢险插单").click()
    expect(page.locator(".note")).to_contain_text("已调整")

    # somebody is sick
    sick = max(day_of(server)["technicians"], key=lambda each: len(each["stops"]))
    page.get_by_role("button", name="突发情况").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("人员").select_option(sick["id"])
    dialog.get_by_label("原因").fill("发烧")
    dialog.get_by_role("button", name="重新安排").click()
    expect(dialog).to_contain_text("已调整")
    shut(page)
    expect(page.locator(f"[data-technician='{sick['id']}']")).to_contain_text("缺勤")

    # everything is on record, and what was not the last can be undone as well
    page.get_by_role("button", name="调整记录").click()
    record = page.get_by_role("dialog")
    rows = record.locator("tbody tr")
    expect(rows.first).to_contain_text("人员请假")
    expect(rows.nth(1)).to_contain_text("应急派工")
    assert axe(page) == []
    rows.first.get_by_role("button").click()
    expect(rows.nth(1)).to_contain_text("已撤销")
    shut(page)
    expect(page.locator(f"[data-technician='{sick['id']}']")).not_to_contain_text("缺勤")


def test_the_evening_by_mouse_tomorrow_is_planned_compared_published_and_taken_back(board, server):
    page = board(f"?day={TOMORROW}")
    on_board(page)
    # what is not planned says so, and is not called done
    expect(page.locator("section").first).not_to_contain_text("均已派出")
    page.get_by_role("link", name="排程").last.click()
    page.get_by_label("用时").fill("2")
    page.get_by_role("button", name="开始排程").click()
    compared = page.get_by_role("region", name="与当前安排比较")
    expect(compared).to_contain_text("新增", timeout=180_000)
    compared.get_by_role("button", name="发布").click()
    expect(page.locator("tbody").first).to_contain_text("已发布")
    assert any(who["stops"] for who in day_of(server, TOMORROW)["technicians"])
    assert axe(page) == []
    changes = page.get_by_role("region", name="调整记录")
    expect(changes.locator("tbody tr").first).to_contain_text("发布排程")
    changes.get_by_role("button", name="撤销").first.click()
    expect(changes.locator("tbody tr").first).to_contain_text("撤销")
    expect(changes.locator("tbody tr")).to_have_count(2)
    assert not any(who["stops"] for who in day_of(server, TOMORROW)["technicians"])


def test_what_a_tablet_brings_is_printed_decided_released_and_every_word_has_its_author(
    board, server
):
    tablet = PlainTablet(server)
    visit = tablet.stop["visit"]
    assert tablet.says(fields={"R12": "fail"})["outcome"] == "applied"
    with server.signed_in() as office:
        said = {"fields": {"R02": "mismatch"}}
        office.post(f"/visits/{visit}/edit", json=said).raise_for_status()
    assert tablet.says(fields={"R02": "match"})["outcome"] == "conflict"
    assert tablet.says(fields={"R13": "perhaps"})["outcome"] == "quarantined"

    page = board(f"orders/{tablet.stop['work_order']}")
    hazards = page.get_by_role("region", name="隐患")
    expect(hazards.locator("li")).to_have_count(1)
    # every answer with its author and its hour, the question by its name
    answer = page.get_by_role("row").filter(has_text="R12").first
    expect(answer).to_contain_text(tablet.person["name"])
    expect(answer).to_contain_text(re.compile(r"\d\d:\d\d"))
    expect(hazards.locator("li")).to_contain_text(re.compile(r"R12 [\u4e00-\u9fff]+"))
    with page.expect_popup() as opened, page.expect_response("**/notice.pdf*") as sent:
        hazards.get_by_role("button", name="打印整改通知书").click()
    assert sent.value.status == 200
    opened.value.close()
    hazards.get_by_text("处理隐患").click()
    hazards.get_by_label("原因").fill("用户已约施工队")
    hazards.get_by_role("button", name="登记").click()
    expect(hazards.locator("li").first).to_contain_text("整改中")

    # side by side with who and when; the office's word is taken, with a reason
    conflict = page.locator("form", has=page.locator("fieldset label")).first
    expect(conflict.locator("fieldset label")).to_have_count(2)
    conflict.locator("fieldset label", has_text="不符").click()
    conflict.get_by_label("决定理由").fill("照片与电话一致")
    conflict.get_by_role("button", name="确认决定").click()
    expect(page.get_by_role("button", name="确认决定")).to_have_count(0)
    expect(page.locator(f"#visit-{visit}")).to_be_visible()
    expect(page.locator("#happenings")).to_be_visible()
    story = page.locator(".story").inner_text()
    assert not re.search(r"commitment|\b[a-z]+[._][a-z]+", story), story
    assert axe(page) == []

    page.goto(f"{server.base}/board/quarantine")
    entry = page.get_by_role("article").first
    entry.get_by_label("原因").fill("没有这个选项")
    entry.get_by_role("button", name="不采用").click()
    expect(page.get_by_text("隔离区是空的")).to_be_visible()


def test_lists_leave_as_files_that_a_spreadsheet_opens(board, server, tmp_path: Path):
    page = board("orders?kind=inspection")
    expect(page.locator("tbody tr").first).to_be_visible()
    for button, name in (("导出 CSV", "a.csv"), ("导出 XLSX", "a.xlsx")):
        with page.expect_download() as saved:
            page.get_by_role("button", name=button).click()
        saved.value.save_as(tmp_path / name)
    rows = list(csv.DictReader(StringIO((tmp_path / "a.csv").read_text("utf-8-sig"))))
    assert rows and {each["kind"] for each in rows} == {"inspection"}
    book = zipfile.ZipFile(BytesIO((tmp_path / "a.xlsx").read_bytes()))
    assert "xl/worksheets/sheet1.xml" in book.namelist()


def test_a_customer_moves_the_appointment_and_the_board_knows(board, server):
    with server.signed_in() as office:
        wish = {
            "kind": "appliance_install", "channel": "hotline", "account": account_of(server),
            "received_at": "2026-11-24T08:00:00+08:00", "purchased_on": "2026-11-24",
            "window": {"opens": "2026-11-25T09:00:00+08:00", "closes": "2026-11-25T12:00:00+08:00"},
        }  # fmt: skip
        case = office.post("/cases", json=wish).json()
    page = board(f"cases/{case['id']}")
    with page.expect_popup() as opened:
        page.get_by_role("link", name=case["tracking_code"]).click()
    customer = opened.value
    customer.clock.install(time="2026-11-24T08:30:00+08:00")
    customer.reload()
    customer.get_by_role("button", name="改约").click()
    choice = customer.get_by_label("选择新的时间")
    # only hours within the promise are offered
    choice.select_option(index=choice.locator("option").count() - 1)
    day, hours = choice.locator("option:checked").inner_text().split(" ")
    customer.get_by_role("button", name="改到这个时间").click()
    expect(customer.get_by_role("status").last).to_contain_text("已改约")
    expect(customer.locator(".big")).to_contain_text(day)
    with customer.expect_download() as kept:
        customer.get_by_role("link", name="加入日历").click()
    assert "BEGIN:VEVENT" in Path(kept.value.path()).read_text("utf-8")
    customer.close()
    page.goto(f"{server.base}/board/orders/{case['work_orders'][0]['id']}")
    expect(page.locator(".facts")).to_contain_text(f"{day[5:]} {hours.split('–')[0]}")


def test_the_whole_day_by_keyboard_alone(context, server):
    page = context.new_page()
    page.clock.install(time="2026-11-24T08:30:00+08:00")
    page.clock.resume()
    page.goto(f"{server.base}/board/")
    press = page.keyboard
    pressed(page, "账号")
    press.type("dispatcher")
    press.press("Tab")
    press.type(PASSWORD)
    press.press("Enter")
    on_board(page)

    # a call comes in and is given to the best place
    pressed(page, "来电登记")
    press.press("Enter")
    call = page.get_by_role("dialog")
    expect(call).to_be_visible()
    pressed(page, "户号")
    press.type(account_of(server))
    pressed(page, "内容")
    press.type("灶具打不着火")
    pressed(page, "登记")
    press.press("Enter")
    expect(call).to_contain_text("已登记")
    pressed(page, "派工…")
    press.press("Enter")
    job = page.get_by_role("dialog", name=re.compile("户内维修"))
    expect(job).to_be_visible()
    pressed(page, "派工…")
    press.press("Enter")
    place = job.locator("ol button:enabled").first
    expect(place).to_be_visible()
    name = place.inner_text()
    for _ in range(40):
        press.press("Tab")
        if page.evaluate("!!document.activeElement.closest('ol')"):
            break
    press.press("Enter")
    reason = page.get_by_label("原因")
    expect(page.locator(".note:not(:empty), #accept-reason").first).to_be_visible()
    if reason.count():
        # the best place breaks a soft rule: that needs a reason, and is on record
        reason.focus()
        press.type("客户急用")
        press.press("Enter")
    expect(page.locator(".note")).to_contain_text("已派给"), name
    press.press("Control+z")
    expect(page.locator(".note")).to_contain_text("已撤销")

    # the menu, a page below “more”, and back
    page.locator("body").focus()
    pressed(page, "更多 ▾")
    press.press("Enter")
    pressed(page, "停气")
    press.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("停气")
    assert axe(page) == []
    pressed(page, "调度员 ▾")
    press.press("Enter")
    pressed(page, "退出登录")
    press.press("Enter")
    expect(page.get_by_label("密码")).to_be_visible()
