"""Printed answers: what a checklist asked and what was said, in words that a customer reads."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from schemas.template import Item, Template
from sync.template import items_by_code, severity

ZONE = ZoneInfo("Asia/Shanghai")
GRADES = {"critical": "重大隐患", "major": "较大隐患", "minor": "一般隐患"}
STATES = {
    "open": "待整改", "notified": "已书面告知", "rectifying": "整改中", "recheck": "待复检",
    "closed": "已关闭",
}  # fmt: skip
OUTCOMES = {
    "field_done": "已完成", "no_access": "到访不遇", "refused": "拒绝入户", "not_done": "未完成",
}  # fmt: skip
_PROOFS = {
    "photos": "现场照片", "no_access": "到访不遇", "notice": "通知书", "signature": "签字",
    "refusal": "拒绝入户", "not_done": "未完成",
}  # fmt: skip
_WORDS = dict(
    line.split()
    for line in (
        "pass 合格", "fail 不合格", "na 不适用", "not_applicable 不适用", "ok 正常", "none 无",
        "yes 是", "no 否", "works 有效", "fails 失效", "absent 未安装",
    )
)  # fmt: skip
HASH_LETTERS = 64
_LEVELS = ("", "minor", "major", "critical")
_PICTURES = frozenset({"photo", "signature"})


def local(at: datetime | None) -> str:
    """An instant as the unit's people read it."""
    return "" if at is None else f"{at.astimezone(ZONE):%Y-%m-%d %H:%M}"


def answer_lines(template: Template, fields: Mapping[str, Any]) -> list[dict[str, str]]:
    """Every question that was answered or had to be, with its answer and how bad it is."""
    lines, items = [], items_by_code(template)
    for item in template.items:
        said = fields.get(item.code)
        if said is None and not (item.required and not item.applies_when):
            continue
        grade = "" if said is None else _LEVELS[severity(items, item.code, value=said)]
        lines.append(
            {
                "code": item.code,
                "zh": item.zh,
                "answer": "" if said is None else words(item, said, called=template.words),
                "grade": grade,
                "judged": GRADES.get(grade, "" if said is None else "符合"),
            }
        )
    return lines


def left_open(template: Template, fields: Mapping[str, Any]) -> list[str]:
    """Questions that had to be answered whatever else was said, and were not."""
    return [
        item.code
        for item in template.items
        if item.required and not item.applies_when and fields.get(item.code) is None
    ]


def caption(items: Mapping[str, Item], field: str) -> str:
    """What a picture shows, by the field that names it: the question, or what was to be proven."""
    code = field.split(".")[0]
    return f"{code} {items[code].zh}" if code in items else _PROOFS.get(code, code)


def signature_of(template: Template, fields: Mapping[str, Any]) -> str | None:
    """The SHA-256 of the customer's signature, wherever the checklist asks for it."""
    for item in template.items:
        said = fields.get(item.code)
        if item.kind == "signature" and isinstance(said, str):
            return said
        for name, part in item.fields.items():
            if part.kind == "signature" and isinstance(said, dict):
                found = said.get(name)
                if isinstance(found, str):
                    return found
    return None


def words(item: Item, said: Any, *, called: Mapping[str, tuple[str, str]]) -> str:
    """An answer as text, its options and parts as the checklist calls them; a picture is named by the
    head of its hash."""
    if item.kind in _PICTURES:
        return "已采集"
    text = _plain(said, {code: zh for code, (zh, _) in called.items()})
    number = isinstance(said, int | float) and not isinstance(said, bool)
    return f"{text} {item.unit}" if number and item.unit else text


def _plain(said: Any, called: Mapping[str, str]) -> str:
    if isinstance(said, bool):
        return "是" if said else "否"
    if isinstance(said, list):
        return "、".join(_plain(each, called) for each in said)
    if isinstance(said, dict):
        parts = [(called.get(name, name), _plain(value, called)) for name, value in said.items()]
        return "；".join(f"{name}：{value}" for name, value in parts)
    text = str(said)
    # a hash of a picture says nothing to a reader
    short = text if len(text) != HASH_LETTERS else f"附件 {text[:8]}"
    return called.get(text) or _WORDS.get(text, short)
