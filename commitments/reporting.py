"""Reports: counts become shares, months become a forecast, and lines become a picture."""

from collections.abc import Mapping, Sequence
from datetime import date
from re import split
from typing import Any
from xml.sax.saxutils import escape  # only writes XML, reads none  # nosec B406

from commitments.calendar import months_after
from schemas.report import BacklogMonth, Line, Report, Slack, SlackBin, VisitFigures

SLACK_HOURS = (-240.0, -72.0, -24.0, 0.0, 24.0, 72.0, 240.0, 720.0)
"""Bounds of the slack distribution in hours; below zero is late."""
MONTHS_AHEAD = 12
_PARTS = (
    ("kept", "按期", "#2f7d4f"),
    ("excused", "逾期免责", "#7a9e3b"),
    ("waived", "约定豁免", "#8a94a0"),
    ("not_applicable", "不适用", "#c9d1d9"),
    ("pending", "进行中", "#3f7fb5"),
    ("breached", "未兑现", "#b42318"),
)
_CHINESE_FROM = 0x1100
Rows = list[list[str | int | float | None]]
_WIDE, _ROW, _LEFT, _RIGHT = 760, 20, 200, 90
_NAME_WIDE = 32
"""Room for a name beside its bar, in letters."""


def line(row: Mapping[str, Any], *, zh: str = "") -> Line:
    """A group's counts with the share of what was decided and kept.

    An excused delay is no breach and no promise kept; waived and open ones are not decided.
    """
    decided = row["kept"] + row["breached"] + row["excused"]
    slack = row["slack"] or (None, None, None)
    return Line(
        key=row["key"],
        zh=zh,
        total=row["total"],
        kept=row["kept"],
        breached=row["breached"],
        excused=row["excused"],
        waived=row["waived"],
        not_applicable=row["not_applicable"],
        pending=row["pending"],
        kept_share=round(row["kept"] / decided, 4) if decided else None,
        slack=Slack(
            p10_hours=_hours(slack[0]), p50_hours=_hours(slack[1]), p90_hours=_hours(slack[2])
        ),
    )


def in_order(lines: Sequence[Line]) -> list[Line]:
    """Clause 2 comes before clause 10: numbers in a key count as numbers."""
    return sorted(lines, key=lambda each: [(part.zfill(9)) for part in split(r"(\d+)", each.key)])


def nothing() -> Line:
    """A period without a promise."""
    names = ("total", "kept", "breached", "excused", "waived", "not_applicable", "pending")
    return line({"key": "", "slack": None, **dict.fromkeys(names, 0)})


def slack_bins(counts: Mapping[int, int]) -> list[SlackBin]:
    """The distribution of slack: bin 0 lies below the first bound, the last above the last one."""
    edges: list[float | None] = [None, *SLACK_HOURS, None]
    return [
        SlackBin(from_hours=edges[n], until_hours=edges[n + 1], count=counts.get(n, 0))
        for n in range(len(edges) - 1)
    ]


def visit_figures(row: Mapping[str, Any]) -> VisitFigures:
    """First-visit success is measured by orders, access by knocks."""
    return VisitFigures(
        orders=row["orders"],
        first_visit_done=row["first_visit_done"],
        first_visit_success=_share(row["first_visit_done"], row["orders"]),
        visits=row["visits"],
        let_in=row["let_in"],
        access_rate=_share(row["let_in"], row["visits"]),
    )


def forecast(due: Mapping[str, int], *, since: date, done_a_month: int) -> list[BacklogMonth]:
    """The backlog of inspections when work goes on as in the last months.

    `backlog(m) = max(0, backlog(m-1) + due(m) - done)`; what is overdue today is due this month.
    """
    found, left = [], 0
    for n in range(MONTHS_AHEAD):
        month = f"{months_after(since.replace(day=1), n):%Y-%m}"
        left = max(0, left + due.get(month, 0) - done_a_month)
        found.append(
            BacklogMonth(month=month, due=due.get(month, 0), capacity=done_a_month, backlog=left)
        )
    return found


def picture(lines: Sequence[Line]) -> str:
    """The lines as stacked bars, the widest one as wide as the page: an SVG without scripts."""
    widest = max((each.total for each in lines), default=0) or 1
    high = _ROW * len(lines) + 40
    parts = [_legend()]
    for n, each in enumerate(lines):
        parts.append(_bar(each, n, widest=widest))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {high}" role="img">'
        "<title>服务承诺</title><style>text{font:11px 'Noto Sans SC',sans-serif;fill:#1c2733}"
        "</style>" + "".join(parts) + "</svg>\n"
    )


def tables(report: Report) -> list[tuple[str, list[str], Rows]]:
    """A report as titled tables: what a sheet or a page shows, row by row."""
    heads = [
        "项目", "总数", "按期", "未兑现", "逾期免责", "豁免", "不适用", "进行中", "兑现率", "余量中位(时)",
    ]  # fmt: skip
    backlog: Rows = [[each.month, each.due, each.capacity, each.backlog] for each in report.backlog]
    spread: Rows = [
        [_between(each.from_hours, each.until_hours), each.count] for each in report.slack
    ]
    seen = report.visits
    visits: Rows = [
        ["首访成功（按工单）", seen.orders, seen.first_visit_done, seen.first_visit_success],
        ["进门（按上门次数）", seen.visits, seen.let_in, seen.access_rate],
    ]
    return [
        ("承诺兑现", heads, [_cells(each) for each in (*report.lines, report.total)]),
        ("上门成效", ["指标", "总数", "其中成功", "比率"], visits),
        ("时限余量分布", ["停止距到期（时）", "件数"], spread),
        ("安检存量预测", ["月份", "到期", "月能力", "结余"], backlog),
    ]


def _cells(each: Line) -> list[str | int | float | None]:
    name = " ".join(filter(None, (each.key, each.zh))) or "合计"
    return [
        name, each.total, each.kept, each.breached, each.excused, each.waived, each.not_applicable, each.pending,
        each.kept_share, each.slack.p50_hours,
    ]  # fmt: skip


def _between(low: float | None, high: float | None) -> str:
    if low is None:
        return f"晚 {-(high or 0):g} 以上"
    if high is None:
        return f"早 {low:g} 以上"
    return f"早 {low:g} 至 {high:g}" if low >= 0 else f"晚 {abs(high):g} 至 {-low:g}"


def width(text: str) -> int:
    """How many letters wide a text is: one of Chinese takes the room of two."""
    return sum(1 if ord(each) < _CHINESE_FROM else 2 for each in text)


def _cut(name: str) -> str:
    if width(name) <= _NAME_WIDE:
        return name
    while width(name) >= _NAME_WIDE:
        name = name[:-1]
    return f"{name}…"


def _bar(each: Line, n: int, *, widest: int) -> str:
    y, x = 30 + n * _ROW, float(_LEFT)
    name = " ".join(filter(None, (each.key, each.zh))) or "合计"
    drawn = [f'<text x="{_LEFT - 6}" y="{y + 11}" text-anchor="end">{escape(_cut(name))}</text>']
    for field, _, colour in _PARTS:
        wide = getattr(each, field) / widest * (_WIDE - _LEFT - _RIGHT)
        if wide > 0:
            drawn.append(
                f'<rect x="{x:.1f}" y="{y}" width="{wide:.1f}" height="14" fill="{colour}"/>'
            )
        x += wide
    share = "" if each.kept_share is None else f" · {each.kept_share:.1%}"
    drawn.append(f'<text x="{x + 5:.1f}" y="{y + 11}">{each.total}{share}</text>')
    return "".join(drawn)


def _legend() -> str:
    drawn = [
        f'<rect x="{_LEFT + n * 90}" y="6" width="10" height="10" fill="{colour}"/>'
        f'<text x="{_LEFT + n * 90 + 14}" y="15">{zh}</text>'
        for n, (_, zh, colour) in enumerate(_PARTS)
    ]
    return "".join(drawn)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _hours(value: float | None) -> float | None:
    return None if value is None else round(float(value), 2)
