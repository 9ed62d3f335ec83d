"""The checklists, the lifecycle and the grades that ship with the project, read once a process."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from schemas.template import Item, SubField, Template
from storage.catalogue import CATALOGUE, document
from sync.template import items_by_code

_WORDS = {"min", "max", "type", "unit"}


@cache
def templates() -> dict[str, Template]:
    """Every shipped checklist by `code@version`; one that extends another holds its items too."""
    read = [
        document(f"templates/{path.name}") for path in sorted(CATALOGUE.glob("templates/*.yaml"))
    ]
    by_code = {each["template"]["code"]: each for each in read}
    found = [_template(each, by_code) for each in read]
    return {each.ref: each for each in found}


@cache
def transitions() -> frozenset[tuple[str, str, str]]:
    """Lawful changes of state: from, to, and the role's letter (work_order_lifecycle.yaml)."""
    rows: set[tuple[str, str, str]] = set()
    for each in document("work_order_lifecycle.yaml")["transitions"]:
        for source in _listed(each["from"]):
            for target in _listed(each["to"]):
                rows |= {(source, target, role) for role in each["by"]}
    return frozenset(rows)


def _listed(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _template(given: dict[str, Any], by_code: dict[str, Any]) -> Template:
    head = given["template"]
    items = list(given["items"])
    if "extends" in head:
        items = [*by_code[head["extends"]]["items"], *items]
    faults = tuple(str(each["code"]) for each in given.get("fault_categories", ()))
    made = tuple(_item(each, faults) for each in items)
    variants = {str(k): _ranged(v, made) for k, v in (given.get("variants") or {}).items()}
    return Template(
        code=head["code"],
        version=str(head["version"]),
        name_zh=head["name_zh"],
        name_en=head["name_en"],
        min_photos=int(head.get("min_photos", 0)),
        expected_minutes=int(head.get("expected_minutes", 30)),
        items=made,
        variants=variants,
        words=_words_of(made, variants),
    )


def _ranged(given: list[str], items: tuple[Item, ...]) -> tuple[str, ...]:
    """Items named one by one, or from one to another (`A01-A22`) as they stand in the checklist."""
    codes = [each.code for each in items]
    found: list[str] = []
    for each in given:
        first, _, last = str(each).partition("-")
        found += codes[codes.index(first) : codes.index(last or first) + 1]
    return tuple(found)


@cache
def words() -> dict[str, tuple[str, str]]:
    """What options and parts of checklists are called, Chinese and English."""
    given: dict[str, list[str]] = document("words.yaml")["words"]
    return {str(code): (str(zh), str(en)) for code, (zh, en) in given.items()}


def _words_of(items: tuple[Item, ...], variants: Iterable[str]) -> dict[str, tuple[str, str]]:
    used = set(variants)
    for item in items:
        used |= {*item.options, *item.fields}
        used |= {option for part in item.fields.values() for option in part.options}
    return {code: words()[code] for code in sorted(used)}


def _item(given: dict[str, Any], faults: tuple[str, ...]) -> Item:
    limits = given.get("limits") or {}
    options = faults if "options_from" in given else _listed(given.get("options", []))
    evidence = given.get("evidence") or {}
    return Item(
        code=str(given["code"]),
        kind=str(given["type"]),
        zh=str(given["zh"]),
        en=str(given["en"]),
        policy=str(given["merge"]),
        options=tuple(options),
        required=bool(given.get("required", False)),
        least=limits.get("min"),
        most=limits.get("max"),
        grades={str(k): str(v) for k, v in (given.get("on_fail") or {}).items() if k != "action"},
        statutory={str(k): str(v) for k, v in (given.get("statutory_major") or {}).items()},
        fields={str(k): _sub(v) for k, v in (given.get("fields") or {}).items()},
        unit=str(given.get("unit", "")),
        photos=int(evidence.get("photo", 0)),
        photos_on_fail=int(evidence.get("photo_on_fail", 0)),
        instrument="instrument" in given,
        group=str(given.get("group", "")),
        basis=str(given.get("basis", "")),
        applies_when={
            str(k): _listed(v) if isinstance(v, list) else str(v)
            for k, v in (given.get("applies_when") or {}).items()
        },
    )


def _sub(given: Any) -> SubField:
    if isinstance(given, list):
        return SubField(kind="enum", options=tuple(_listed(given)))
    if isinstance(given, dict):
        return SubField(
            kind=str(given.get("type", "text")), least=given.get("min"), most=given.get("max")
        )
    return SubField(kind=str(given))


def items_of(ref: object) -> dict[str, Item]:
    """The items of a shipped checklist by their code; none where nobody knows it."""
    template = templates().get(str(ref))
    return items_by_code(template) if template is not None else {}
