"""Every page of the board, in both languages and two sizes, for everybody."""

import csv
import os
from io import StringIO
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import DAY, axe
from tests.e2e.desk import PlainTablet

PAGES = [
    f"?day={DAY}", "orders", "cases", "commitments", "coverage", "team", "conflicts",
    f"plans?day={DAY}", "quarantine", "checklists", "checklists/RES-INSP@2026.1", "workflows",
    "audit", "settings", "outages", "reports", "reports?by=rule&from=2026-01-01", "rules", "imports",
]  # fmt: skip
SIZES = [(1440, 900), (1024, 768)]
SHOTS = os.environ.get("SCREENSHOTS")


def settled(page) -> None:
    page.wait_for_load_state("networkidle")
    expect(page.locator("h1").first).to_be_attached()
    expect(page.locator("[aria-busy='true']")).to_have_count(0)


def photographed(page, name: str) -> None:
    """Where that is asked for, for people to look at."""
    if SHOTS:
        # behind a dialog the rest of a long page is not what a person sees
        whole = page.get_by_role("dialog").count() == 0
        plain = "".join(each if each.isalnum() else "-" for each in name)
        page.screenshot(path=f"{SHOTS}/board-{plain}.png", full_page=whole)


def looked_at(page, name: str) -> None:
    """In both sizes: nobody is shut out, nothing runs out of the window."""
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        settled(page)
        assert axe(page) == [], f"{name} {width}"
        photographed(page, f"{name}-{width}")
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{name} scrolls sideways by {wide} px at {width}"


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_nobody_is_shut_out_of_a_page(board, path, language):
    page = board(path, language=language, login="supervisor")
    expect(page.locator("html")).to_have_attribute("lang", language)
    looked_at(page, f"{path}-{language[:2]}")


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_nobody_is_shut_out_of_one_order_case_promise_or_outage(board, server, language):
    with server.signed_in() as office:
        order = office.get("/work-orders?kind=repair&limit=1").json()["items"][0]["id"]
        case = office.get("/cases?limit=1").json()["items"][0]["id"]
        promise = office.get("/commitments?limit=1").json()["items"][0]["id"]
        grid = office.get("/coverage").json()["grids"][0]["grid"]
        wish = {"reason": "挖断管道", "grids": [grid], "stopped_at": "2026-11-24T07:00:00+08:00"}
        outage = office.post("/outages", json=wish).json()["outage"]["id"]
    for name, path in (
        ("order", f"orders/{order}"), ("case", f"cases/{case}"),
        ("promise", f"commitments/{promise}"), ("outage", f"outages/{outage}"),
    ):  # fmt: skip
        page = board(path, language=language, login="supervisor")
        looked_at(page, f"one-{name}-{language[:2]}")
        page.close()


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_nobody_is_shut_out_of_signing_in(context, server, language):
    page = context.new_page()
    page.add_init_script(f"localStorage.setItem('doorstep.language', '{language}')")
    page.goto(f"{server.base}/board/")
    looked_at(page, f"sign-in-{language[:2]}")


DIALOGS = {
    "call": (f"?day={DAY}", ("来电登记", "A call came in")),
    "event": (f"?day={DAY}", ("突发情况", "Something happened")),
    "changes": (f"?day={DAY}", ("调整记录", "Changes")),
    "outage": ("outages", ("登记停气", "Write down an outage")),
    "notice": ("rules", ("登记放假通知", "Take in a notice")),
    "season": ("rules", ("登记采暖季", "Write down a season")),
    "parameters": ("rules", ("修改 单位参数", "Change What the company laid down")),
    "rule": ("rules", ("修改 12 handbook-000", "Change 12 handbook-000")),
}


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_nobody_is_shut_out_of_a_dialog(board, language):
    for name, (path, words) in DIALOGS.items():
        page = board(path, language=language, login="supervisor")
        settled(page)
        word = words[language == "en"]
        page.get_by_role("button", name=word, exact=True).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        looked_at(page, f"dialog-{name}-{language[:2]}")
        page.close()


@pytest.mark.parametrize(("language", "nth"), [("zh-CN", 0), ("en", 1)])
def test_nobody_is_shut_out_of_what_waits_for_a_person(board, server, language, nth):
    tablet = PlainTablet(server, nth=nth)
    tablet.says(fields={"R12": "fail"})
    with server.signed_in() as office:
        said = {"fields": {"R02": "mismatch"}}
        office.post(f"/visits/{tablet.stop['visit']}/edit", json=said).raise_for_status()
    assert tablet.says(fields={"R02": "match"})["outcome"] == "conflict"
    assert tablet.says(fields={"R13": "perhaps"})["outcome"] == "quarantined"
    for name, path, waits in (
        ("conflicts", "conflicts", "fieldset label"), ("quarantine", "quarantine", "article"),
        ("work", f"orders/{tablet.stop['work_order']}", "fieldset label"),
    ):  # fmt: skip
        page = board(path, language=language, login="supervisor")
        expect(page.locator(waits).first).to_be_visible()
        looked_at(page, f"waits-{name}-{language[:2]}")
        page.close()


def test_a_work_order_tells_its_story_and_is_found_by_its_number(board, server):
    with server.signed_in() as office:
        row = office.get("/work-orders?kind=repair&limit=1").json()["items"][0]
    page = board("orders")
    page.get_by_role("searchbox").fill(row["number"])
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name=row["number"]).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(row["number"])
    expect(page.locator("#happenings")).to_be_visible()
    settled(page)
    assert axe(page) == []
    page.get_by_role("link", name="查看依据").last.click()
    settled(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("条")
    assert axe(page) == []


def test_a_list_is_saved_as_a_file_with_its_filters(board, server, tmp_path: Path):
    page = board("orders?kind=repair")
    settled(page)
    with page.expect_download() as saved:
        page.get_by_role("button", name="导出 CSV").click()
    saved.value.save_as(tmp_path / "orders.csv")
    rows = list(csv.DictReader(StringIO((tmp_path / "orders.csv").read_text("utf-8-sig"))))
    assert rows and {each["kind"] for each in rows} == {"repair"}


def printed(page, name: str) -> None:
    """The button shows a PDF in a tab of its own, fetched with the session's token."""
    with page.expect_popup() as opened, page.expect_response("**/*.pdf*") as sent:
        page.get_by_role("button", name=name).first.click()
    assert sent.value.status == 200
    opened.value.wait_for_url("blob:**")
    opened.value.close()


def test_a_sheet_and_a_report_are_printed_from_a_tab_of_their_own(board, server):
    with server.signed_in() as office:
        day = office.get(f"/days/{DAY}").json()
    order = next(stop["work_order"] for who in day["technicians"] for stop in who["stops"])
    page = board(f"orders/{order}")
    settled(page)
    printed(page, "打印检查单")
    page = board("reports?from=2026-01-01")
    settled(page)
    printed(page, "打印 PDF")


def test_an_outage_is_written_down_and_the_gas_comes_back(board, server):
    with server.signed_in() as office:
        grid = office.get("/coverage").json()["grids"][0]["grid"]
    page = board("outages")
    settled(page)
    page.get_by_role("button", name="登记停气").click()
    form = page.get_by_role("dialog")
    form.get_by_label("突发停气").check()
    form.get_by_label("原因").fill("挖断管道")
    form.get_by_label("网格").fill(grid)
    form.get_by_label("停气时间").fill("2026-11-24T07:00")
    form.get_by_role("button", name="登记").click()
    expect(page.get_by_role("region", name="受影响用户").locator("tbody tr").first).to_be_visible()
    settled(page)
    assert axe(page) == []
    photographed(page, "outage-one")
    page.get_by_label("发生时间").fill("2026-11-24T06:00")
    page.get_by_role("button", name="登记").click()
    expect(page.get_by_role("alert")).to_contain_text("。")
    page.get_by_label("发生时间").fill("2026-11-24T08:00")
    page.get_by_role("button", name="登记").click()
    expect(page.get_by_text("已恢复")).to_be_visible()
    expect(page.get_by_label("发生时间")).to_have_count(0)


def test_calls_are_imported_from_a_file_and_a_bad_file_is_a_sentence(board, server):
    page = board("imports")
    text = "number,rang_at,answered_at,agent\n55512,2026-11-23T09:00:00+08:00,2026-11-23T09:00:08+08:00,王芳\n"
    for given, said in ((text, "新增 1 条"), (text, "已有 1 条")):
        page.get_by_label("文件").set_input_files(
            {"name": "calls.csv", "mimeType": "text/csv", "buffer": given.encode()}
        )
        page.get_by_role("button", name="导入").click()
        expect(page.get_by_role("status")).to_contain_text(said)
    page.get_by_label("文件").set_input_files(
        {"name": "bad.csv", "mimeType": "text/csv", "buffer": b"nothing,of,this\n"}
    )
    page.get_by_role("button", name="导入").click()
    expect(page.get_by_role("alert")).to_contain_text("。")


def test_a_tablet_is_enrolled_and_revoked_from_the_team_page(board, server):
    page = board("team")
    page.get_by_role("button", name="生成注册码").first.click()
    code = page.get_by_role("dialog").locator(".code").inner_text()
    assert len(code) >= 6
    page.get_by_role("dialog").get_by_role("button", name="关闭").click()
    with server.signed_in() as office:
        enrolled = office.post("/devices/enrol", json={"code": code, "label": "平板一"})
        assert enrolled.status_code == 201
    page.reload()
    row = page.locator("tr", has_text="平板一")
    row.get_by_role("button", name="停用").click()
    page.get_by_role("dialog").get_by_role("button", name="停用").click()
    expect(row).to_contain_text("已停用")


def test_a_plan_is_run_compared_and_published(board, server):
    """The server of these tests has no worker: the run waits, and can be stopped."""
    page = board(f"plans?day={DAY}")
    settled(page)
    page.get_by_role("button", name="比较").first.click()
    expect(page.locator("#compared")).to_be_visible()
    page.get_by_role("button", name="开始排程").click()
    expect(page.locator("progress").first).to_be_visible()
    page.get_by_role("button", name="停止").first.click()
    expect(page.locator("progress")).to_have_count(0)


def test_a_language_and_a_theme_are_kept(board):
    page = board("settings")
    page.get_by_label("English").check()
    page.get_by_label("Sunlight").check()
    expect(page.get_by_role("heading", level=1)).to_have_text("Settings")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Settings")
    assert page.evaluate("document.documentElement.dataset.theme") == "sunlight"
    assert axe(page) == []
