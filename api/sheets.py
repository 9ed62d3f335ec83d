"""Lists as files that open in a spreadsheet without running anything."""

import csv
from collections.abc import Iterable, Sequence
from datetime import datetime
from io import BytesIO, StringIO
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter

ZONE = ZoneInfo("Asia/Shanghai")
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
BOM = "\ufeff"
"""Without it a common spreadsheet reads Chinese as another alphabet."""


def cell(value: Any) -> str:
    """A value as text that no spreadsheet takes for a formula; instants in the unit's time."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(ZONE).strftime("%Y-%m-%d %H:%M")
    text = str(value)
    return "'" + text if text.startswith(_DANGEROUS) else text


def as_csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A sheet as CSV in UTF-8."""
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(names)
    writer.writerows([cell(value) for value in row] for row in rows)
    return (BOM + out.getvalue()).encode("utf-8")


def as_xlsx(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A sheet as XLSX; every cell is a string, so nothing in it is computed."""
    out = BytesIO()
    book = xlsxwriter.Workbook(out, {"constant_memory": True, "strings_to_formulas": False})
    sheet = book.add_worksheet()
    bold = book.add_format({"bold": True})
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(names):
        sheet.write_string(0, column, name, bold)
        sheet.set_column(column, column, 18)
    for line, row in enumerate(rows, 1):
        for column, value in enumerate(row):
            sheet.write_string(line, column, cell(value))
    book.close()
    return out.getvalue()
