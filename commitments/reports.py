"""Shell: reads the figures of a period and makes a report of them: data, sheet, page, picture."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from io import BytesIO
from typing import Any

import xlsxwriter
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import reporting, sheet, writing
from commitments.calendar import months_after
from schemas.base import Value
from schemas.commitment import Rule
from schemas.problems import Refusal
from schemas.report import By, Line, Report
from storage import catalogue, printing, registry
from storage import reports as rows
from storage.engine import Transaction

YEARS_MAX = 5
PACE_MONTHS = 3
NAMES: dict[By, str] = {
    "clause": "条款", "rule": "规则", "rule_version": "规则版本", "unit": "单位", "grid": "网格",
    "month": "月份",
}  # fmt: skip
SHARES = ("兑现率", "比率")
_NOTES = (
    "兑现率 = 按期 ÷（按期 + 未兑现 + 逾期免责）；豁免与进行中不计入。",
    "余量 = 到期时刻 − 停止时刻；负值为逾期；提前公告类以提前量计。首访成功率按工单计，进门率按上门次数计。",
    "存量预测按近三个月平均完成量推算，已逾期的计入当月。",
)


class Wish(Value, frozen=True):
    """The period of a report and what it is read by."""

    since: date
    until: date
    by: By = "clause"


async def report(engine: AsyncEngine, unit_id: str, *, wish: Wish, today: date) -> Report:
    """How the promises of a period were kept, with field work and the backlog beside them.

    Refuses `report_period` for a period that ends before it begins or is longer than five years.
    """
    if not 0 <= (wish.until - wish.since).days <= 366 * YEARS_MAX:
        raise Refusal("report_period")
    async with engine.connect() as tx:
        return await _report(tx, unit_id, wish=wish, today=today)


def workbook(found: Report) -> bytes:
    """The report as XLSX: a sheet a table, numbers as numbers, no text that is ever run, and each
    sheet printed across one page, with its heads on every one."""
    held = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(held, options) as book:
        bold = book.add_format({"bold": True, "bg_color": "#F1F5F9", "bottom": 1})
        share = book.add_format({"num_format": "0.0%"})
        for title, heads, lines in reporting.tables(found):
            page = book.add_worksheet(title)
            _print_well(page, title=f"服务承诺报告（按{NAMES[found.by]}）· {title}", found=found)
            page.write_row(0, 0, heads, bold)
            for n, cells in enumerate(lines, start=1):
                for column, value in enumerate(cells):
                    page.write(n, column, value, share if heads[column] in SHARES else None)
            for column, texts in enumerate(zip(heads, *lines, strict=True)):
                page.set_column(
                    column, column, max(reporting.width(str(each)) for each in texts) + 2
                )
    return held.getvalue()


def _print_well(page: Any, *, title: str, found: Report) -> None:
    page.set_paper(9)  # A4
    page.set_landscape()
    page.fit_to_pages(1, 0)
    page.repeat_rows(0)
    page.freeze_panes(1, 0)
    page.set_header(f"&L{found.unit} · {title}&R{found.since} 至 {found.until}")
    page.set_footer("&R第 &P 页，共 &N 页")


async def page(found: Report, *, name: str, now: datetime) -> bytes:
    """The report as a PDF that a manager prints."""
    parts = [
        {"zh": title, "heads": heads, "rows": [_texts(heads, each) for each in lines],
         "picture": reporting.picture(found.lines) if n == 0 and found.lines else None}
        for n, (title, heads, lines) in enumerate(reporting.tables(found))
    ]  # fmt: skip
    data: dict[str, Any] = {
        "title": f"服务承诺报告（按{NAMES[found.by]}）",
        "unit": name,
        "since": str(found.since),
        "until": str(found.until),
        "printed_at": sheet.local(now),
        "figures": [
            {"zh": "承诺总数", "value": str(found.total.total)},
            {"zh": "兑现率", "value": _percent(found.total.kept_share)},
            {"zh": "未兑现", "value": str(found.total.breached)},
            {"zh": "首访成功率", "value": _percent(found.visits.first_visit_success)},
            {"zh": "进门率", "value": _percent(found.visits.access_rate)},
        ],
        "parts": parts,
        "notes": _NOTES,
    }
    return await asyncio.to_thread(printing.pdf, "report", data, pictures={})


async def _report(tx: Transaction, unit_id: str, *, wish: Wish, today: date) -> Report:
    rules = await writing.rulebook(tx, unit_id)
    period = (wish.since, wish.until)
    leasts = sorted({each.code for each in rules if each.at_least})
    lines = await rows.promises(tx, unit_id, by=wish.by, period=period, leasts=leasts)
    total = await rows.promises(tx, unit_id, by="all", period=period, leasts=leasts)
    bounds = reporting.SLACK_HOURS
    spread = await rows.slack(tx, unit_id, bounds=bounds, period=period, leasts=leasts)
    visits = await rows.visits(tx, unit_id, since=wish.since, until=wish.until)
    ahead = months_after(today.replace(day=1), reporting.MONTHS_AHEAD)
    due = await rows.inspections_ahead(tx, unit_id, since=today, before=ahead)
    pace_from = months_after(today, -PACE_MONTHS) + timedelta(days=1)
    done = await rows.inspections_done(tx, unit_id, since=pace_from, until=today)
    return Report(
        unit=unit_id,
        since=wish.since,
        until=wish.until,
        by=wish.by,
        lines=reporting.in_order(
            [
                reporting.line(dict(each), zh=_said(wish.by, each["key"], rules=rules))
                for each in lines
            ]
        ),
        total=_total(total),
        slack=reporting.slack_bins(spread),
        visits=reporting.visit_figures(visits),
        backlog=reporting.forecast(due, since=today, done_a_month=done // PACE_MONTHS),
    )


async def unit_name(engine: AsyncEngine, unit_id: str) -> str:
    """What the unit calls itself."""
    async with engine.connect() as tx:
        return await registry.unit_name(tx, unit_id)


def _total(found: Any) -> Line:
    return reporting.line(dict(found[0])) if found else reporting.nothing()


def _said(by: By, key: str, *, rules: Sequence[Rule]) -> str:
    if by == "clause" and key in catalogue.clauses():
        return catalogue.clauses()[key]
    if by in ("clause", "rule", "rule_version"):
        # the newest version speaks for its rule; each version speaks for itself
        said = {each.code: each.zh for each in rules}
        said |= {f"{each.code}@{each.version}": each.zh for each in rules}
        return said.get(key, "")
    return "" if key else "（无）"


def _texts(heads: list[str], cells: list[Any]) -> list[str]:
    return [
        _percent(value) if head in SHARES else "–" if value is None else str(value)
        for head, value in zip(heads, cells, strict=True)
    ]


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"
