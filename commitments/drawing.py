"""A workflow as a picture: SVG of its own, without fonts or scripts from anywhere."""

from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape  # only writes XML, reads none  # nosec B406

from commitments.workflow import ENDS, Step, Workflow

ROW, WIDE, HIGH, LEFT, TOP = 92, 264, 56, 150, 24
LANE, SAID = 26, 44
TITLE_UNITS, NOTE_UNITS = 40, 42
"""How much of a line fits into a box; an ideograph is two units wide."""
ZH = {
    "open": "未定义", "end": "结束", "end_or_resubmit": "结束或补正后重新申请",
    "yes": "是", "no": "否", "company": "公司", "customer_own": "客户自行",
}  # fmt: skip
EN = {
    "open": "not described", "end": "End", "end_or_resubmit": "End, or mend and apply again",
    "customer_own": "customer", "instant": "at once",
}  # fmt: skip
_STYLE = (
    "text{font:13px sans-serif;fill:#1c2733}.small{font-size:11px;fill:#53606c}"
    ".box{fill:#eef5fb;stroke:#2b6ca3}.decision{fill:#fff6e0;stroke:#a8741a}"
    ".open{fill:#f3f3f3;stroke:#8a8a8a;stroke-dasharray:5 4}.end{fill:#e8f4ea;stroke:#3b7f49}"
    "path{fill:none;stroke:#53606c;marker-end:url(#tip)}"
)


def draw(workflow: Workflow, *, english: bool = False) -> str:
    """Every step from top to bottom, every exit as an arrow with its answer.

    Steps that the source does not describe are dashed and marked 未定义. In English a step that has
    no English name keeps its own; departments have none and are left out. Units are pixels.
    """
    words = EN if english else ZH
    # only ends that are used get a box
    targets = [target for each in workflow.steps for target in each.exits.values()]
    ends = [each for each in sorted(ENDS) if each in targets]
    place = {code: n for n, code in enumerate([*(s.code for s in workflow.steps), *ends])}
    parts = [_box(each, place[each.code], english=english) for each in workflow.steps]
    parts += [_end(words[code], place[code]) for code in ends]
    parts += _arrows(workflow, place, words=words)
    high = TOP * 2 + ROW * len(place)
    wide = LEFT * 2 + WIDE + SAID + LANE * len(targets)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" role="img">'
        f"<title>{escape(workflow.name)}</title><style>{_STYLE}</style>"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" style="fill:#53606c;marker:none"/>'
        "</marker></defs>" + "".join(parts) + "</svg>\n"
    )


def _box(step: Step, row: int, *, english: bool) -> str:
    kind = "open" if not step.defined else "decision" if step.decision else "box"
    y = TOP + row * ROW
    name, words = ((step.en or step.zh), EN) if english else (step.zh, ZH)
    # that a step is not described is said even where its name is long
    rest = "" if step.defined else f" · {words['open']}"
    title = _fitting(f"{step.code} {name}", TITLE_UNITS - _units(rest)) + rest
    told = ["、".join(step.departments), step.limit_zh or ""]
    note = _limit(step) if english else " · ".join(filter(None, told))
    return (
        f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{WIDE}" height="{HIGH}" '
        f'rx="{22 if step.decision else 6}"/>'
        + _text(LEFT + WIDE / 2, y + 23, words=title)
        + _text(LEFT + WIDE / 2, y + 42, words=_fitting(note, NOTE_UNITS), style="small")
    )


def _limit(step: Step) -> str:
    unit = (step.clock_unit or "").replace("_", " ")
    if not step.clock_limit:
        return EN.get(unit, unit)
    return f"{step.clock_limit:g} {unit}" + ("" if step.clock_limit == 1 else "s")


def _units(words: str) -> int:
    return sum(1 if each.isascii() else 2 for each in words)


def _fitting(words: str, most: int) -> str:
    """What of a line fits; the rest is said by three dots."""
    if _units(words) <= most:
        return words
    while _units(words) > most - 2:
        words = words[:-1]
    return words + "…"


def _end(words: str, row: int) -> str:
    y = TOP + row * ROW
    return f'<rect class="end" x="{LEFT}" y="{y}" width="{WIDE}" height="{HIGH}" rx="28"/>' + _text(
        LEFT + WIDE / 2, y + 33, words=words
    )


def _arrows(
    workflow: Workflow, place: Mapping[str, int], *, words: Mapping[str, str]
) -> Iterable[str]:
    lane = 0
    for each in workflow.steps:
        for answer, target in each.exits.items():
            if target not in place:
                continue
            # a step right below needs no lane
            near = place[target] == place[each.code] + 1
            lane += not near
            said = words.get(answer, answer)
            yield _arrow(place[each.code], place[target], lane=0 if near else lane, answer=said)


def _arrow(start: int, end: int, *, lane: int, answer: str) -> str:
    from_y, to_y = TOP + start * ROW, TOP + end * ROW
    if lane == 0:
        x = LEFT + WIDE / 2
        said = _text(x + 40, from_y + HIGH + 22, words=answer, style="small") if answer else ""
        return f'<path d="M{x} {from_y + HIGH}V{to_y}"/>{said}'
    # a jump runs beside the boxes in a lane of its own, so that no two lie on each other
    right, out = LEFT + WIDE, LEFT + WIDE + SAID + lane * LANE
    middle, into = from_y + HIGH / 2, to_y + HIGH / 2 + 8
    said = _text(right + 22, middle - 5, words=answer, style="small") if answer else ""
    return f'<path d="M{right} {middle}H{out}V{into}H{right}"/>{said}'


def _text(x: float, y: float, *, words: str, style: str = "") -> str:
    shown = f' class="{style}"' if style else ""
    return f'<text x="{x}" y="{y}" text-anchor="middle"{shown}>{escape(words)}</text>'
