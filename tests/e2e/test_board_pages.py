"""Every page of the board, in both languages and two sizes, for everybody."""

import csv
from io import StringIO
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import DAY, axe

PAGES = [
    f"?day={DAY}", "orders", "cases", "commitments", "coverage", "team", "conflicts",
    f"plans?day={DAY}", "quarantine", "checklists", "checklists/RES-INSP@2026.1", "workflows",
    "audit", "settings",
]  # fmt: skip
SIZES = [(1440, 900), (1024, 768)]


def settled(page) -> None:
    page.wait_for_load_state("networkidle")
    expect(page.locator("h1").first).to_be_attached()
    expect(page.locator("[aria-busy='true']")).to_have_count(0, timeout=15_000)


@pytest.mark.parametrize("path", PAGES)
def test_nobody_is_shut_out_of_a_page(board, path):
    for language in ("zh-CN", "en"):
        page = board(path, language=language)
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            settled(page)
            assert axe(page) == [], f"{path} {language} {width}"
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{path} {language} scrolls sideways by {wide} px at {width}"
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
