"""The report of an import: as JSON, as a workbook and on screen."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import xlsxwriter

from schemas.problems import Refusal
from schemas.registry import Finding, RegionReport, distinct

KEPT_ROWS_MAX = 5_000
SHEET_ROWS_MAX = 1_000_000
COLUMNS = {
    "kind": "类型",
    "file": "文件",
    "row": "行",
    "key": "编号",
    "field": "字段",
    "given": "原内容",
    "done": "处理",
    "zh": "说明",
    "en": "Explanation",
}
DONE_ZH = {"repaired": "已修复", "put_aside": "待处理", "noted": "已记录"}


def summary(report: RegionReport) -> dict[str, Any]:
    """Counts, files and the first rows: what the database keeps of an import."""
    listed = (*report.findings, *report.observations)
    return {
        **counts(report),
        "files": report.files,
        "listed": listed[:KEPT_ROWS_MAX],
        "listed_total": len(listed),
    }


def counts(report: RegionReport) -> dict[str, Any]:
    """The figures of an import: findings and observations by distinct account or number."""
    return {
        "unit": report.unit,
        "as_of": report.as_of,
        "premises_rows": report.premises_rows,
        "premises": report.premises,
        "technicians": report.technicians,
        "requests": report.requests,
        "grids": report.grids,
        "findings": report.counts(),
        "observations": distinct(report.observations),
    }


def write(report: RegionReport, path: Path) -> None:
    """Writes every row that was repaired, put aside or noted, in the form the name asks for."""
    try:
        if path.suffix == ".xlsx":
            _workbook(report, path)
        elif path.suffix == ".json":
            path.write_bytes(msgspec.json.format(as_json(report), indent=1))
        else:
            raise Refusal("report_form", file=path.name)
    except (OSError, xlsxwriter.exceptions.FileCreateError) as error:
        raise Refusal("report_form", file=path.name) from error


def as_json(report: RegionReport) -> bytes:
    """The whole report; `findings` and `observations` count, `rows` lists."""
    rows = {"findings": report.findings, "observations": report.observations}
    return msgspec.json.encode({**counts(report), "files": report.files, "rows": rows})


def on_screen(report: RegionReport) -> Iterator[str]:
    """Lines for a person at a terminal: figures, then one example of each kind."""
    yield f"{report.unit} {report.as_of}: {report.premises} 户, {report.technicians} 人, " + (
        f"{report.requests} 单, {report.grids} 网格 ({report.premises_rows} 行)"
    )
    for title, listed in (("findings", report.findings), ("observations", report.observations)):
        first: dict[str, Finding] = {}
        for each in listed:
            first.setdefault(each.kind, each)
        for kind, count in distinct(listed).items():
            each = first[kind]
            where = f"{each.key} {each.file}:{each.row}"
            yield f"  {title[:-1]:11} {kind:24}{count:7}  {where} {each.zh}"


def _workbook(report: RegionReport, path: Path) -> None:
    # constant memory writes row by row; text stays text, so no cell of a customer is ever run
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        _counts_sheet(book.add_worksheet("汇总"), report)
        for title in ("findings", "observations"):
            listed: tuple[Finding, ...] = getattr(report, title)
            # a sheet ends at 1,048,576 rows and would drop the rest without a word
            for part, start in enumerate(range(0, max(1, len(listed)), SHEET_ROWS_MAX), 1):
                sheet = book.add_worksheet(f"{title} {part}" if part > 1 else title)
                _rows_sheet(sheet, listed[start : start + SHEET_ROWS_MAX])


def _counts_sheet(sheet: Any, report: RegionReport) -> None:
    figures = counts(report)
    rows: list[tuple[str, Any]] = [
        (name, value) for name, value in figures.items() if not isinstance(value, dict)
    ]
    for group in ("findings", "observations"):
        rows += [(f"{group}.{kind}", count) for kind, count in figures[group].items()]
    for number, (name, value) in enumerate(rows):
        sheet.write_string(number, 0, name)
        sheet.write_string(number, 1, str(value))
    sheet.set_column(0, 1, 36)


def _rows_sheet(sheet: Any, listed: tuple[Finding, ...]) -> None:
    for column, title in enumerate(COLUMNS.values()):
        sheet.write_string(0, column, title)
    for number, each in enumerate(listed, 1):
        for column, field in enumerate(COLUMNS):
            value = str(getattr(each, field))
            sheet.write_string(number, column, DONE_ZH.get(value, value))
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(1, len(listed)), len(COLUMNS) - 1)
