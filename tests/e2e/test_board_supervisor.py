"""What a supervisor lays down on the board: limits, notices, seasons, parameters, whole exports."""

from pathlib import Path

from playwright.sync_api import Page, expect

from runtime import sample_region
from tests.e2e.conftest import EVENING, axe


def rules(board) -> Page:
    page = board("rules", login="supervisor")
    expect(page.locator("#working-days")).to_be_visible()
    return page


def test_a_limit_is_checked_published_ended_and_taken_back(board):
    page = rules(board)
    page.get_by_role("button", name="修改 14 handbook-000").click()
    form = page.get_by_role("dialog")
    form.get_by_label("时限").fill("9")
    form.get_by_label("版本").fill("local-1")
    form.get_by_label("依据").fill("本单位承诺")
    form.get_by_role("button", name="检查").click()
    # longer than the handbook is refused by name
    expect(form.get_by_role("alert")).to_contain_text("。")
    form.get_by_label("时限").fill("3")
    form.get_by_role("button", name="检查").click()
    expect(form.get_by_role("status")).to_contain_text("5 → 3")
    form.get_by_role("button", name="发布").click()
    own = page.get_by_role("button", name="修改 14 local-1")
    expect(own).to_be_attached()
    form.get_by_role("button", name="关闭").click()
    own.click()
    form.get_by_label("最后一天").fill("2026-12-31")
    form.get_by_role("button", name="停用").click()
    expect(form.get_by_role("status").first).to_contain_text("2026-12-31")
    form.get_by_role("button", name="撤回").click()
    expect(own).to_have_count(0)


def test_a_notice_a_season_and_the_parameters_are_laid_down(board):
    page = rules(board)
    page.get_by_label("年份").fill("2027")
    page.get_by_label("年份").press("Tab")
    page.get_by_role("button", name="登记放假通知").click()
    form = page.get_by_role("dialog")
    form.get_by_label("来源").fill("国办发明电〔2026〕9号")
    form.get_by_label("放假的日子").fill("2027-01-01 2027-02-08")
    form.get_by_label("调休上班的日子").fill("2027-02-14")
    form.get_by_role("button", name="登记").click()
    expect(form.get_by_role("status")).to_contain_text("登记 3 天")
    form.get_by_role("button", name="关闭").click()
    expect(page.get_by_text("02-14")).to_be_visible()

    page.get_by_role("button", name="登记采暖季").click()
    form = page.get_by_role("dialog")
    form.get_by_label("地区").fill("青浦原")
    form.get_by_label("采暖季", exact=True).fill("2026-2027")
    form.get_by_label("计划供暖").fill("2026-12-15")
    form.get_by_label("来源").fill("供热公告")
    form.get_by_role("button", name="登记").click()
    expect(form.get_by_role("status")).to_contain_text("新增计时")
    form.get_by_role("button", name="关闭").click()
    expect(page.get_by_role("region", name="采暖季")).to_contain_text("青浦原")

    page.get_by_role("button", name="修改 单位参数").click()
    form = page.get_by_role("dialog")
    form.get_by_label("用气高峰").fill("11:00-13:00 17:00-20:00")
    form.get_by_label("营业厅").fill("云泽厅")
    laid = {"供气压力下限": "1.8", "供气压力上限": "2.8", "非计划停气允许": "45", "次日多少小时后判定": "9",
            "采暖前入户窗口": "60", "公开核查间隔": "20", "边远网格": "云泽-北"}  # fmt: skip
    for name, value in laid.items():
        form.get_by_label(name).fill(value)
    form.get_by_label("热线值守起算日期").fill("2026-12-01")
    form.get_by_label("允许夜间恢复供气").check()
    form.get_by_role("button", name="登记").click()
    expect(form.get_by_role("status")).to_contain_text("已生效")
    form.get_by_role("button", name="关闭").click()
    shown = page.get_by_role("region", name="单位参数")
    for value in ("17:00–20:00", "1.8–2.8", "云泽-北", "2026-12-01", "✓", *laid.values()):
        expect(shown).to_contain_text(value)

    # a form that is opened again holds what was laid down, and a wrong one is a sentence
    page.get_by_role("button", name="修改 单位参数").click()
    expect(form.get_by_label("非计划停气允许")).to_have_value("45")
    form.get_by_label("供气压力下限").fill("9")
    form.get_by_role("button", name="登记").click()
    expect(form.get_by_role("alert")).to_contain_text("。")


def test_an_export_is_judged_reported_and_taken_in(board, tmp_path: Path):
    folder = tmp_path / "export"
    size = sample_region.Size(premises=660, technicians=9, requests=70)
    sample_region.write_region(folder, size=size, seed=21, as_of=EVENING.date())
    files = [each for each in sorted(folder.iterdir()) if each.suffix in (".csv", ".xlsx")]
    page = board("imports", login="supervisor")
    page.get_by_label("文件（可多选）").set_input_files(files)
    page.get_by_label("数据日期").fill("2026-11-23")
    page.get_by_role("button", name="只检查").click()
    region = page.get_by_role("region", name="用户、人员与工单")
    expect(region.get_by_role("status")).to_contain_text("尚未导入")
    expect(page.get_by_role("region", name="发现的问题").locator("tbody tr").first).to_be_visible()
    assert axe(page) == []
    with page.expect_download() as saved:
        page.get_by_role("button", name="下载完整报告 XLSX").click()
    assert Path(saved.value.path()).read_bytes()[:2] == b"PK"
    page.get_by_role("button", name="检查并导入").click()
    expect(region.get_by_role("status")).to_contain_text("已导入")
    expect(region).to_contain_text("新增或更改")


def test_a_dispatcher_reads_the_rules_and_changes_none(board):
    page = board("rules")
    expect(page.locator("#working-days")).to_be_visible()
    expect(page.get_by_role("button", name="修改")).to_have_count(0)
    page.goto(page.url.replace("rules", "imports"))
    expect(page.get_by_text("由主管办理")).to_be_visible()
