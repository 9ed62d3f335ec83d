"""Answers under a checklist: whether a value may be, how bad it is, which files it names."""

from collections.abc import Mapping
from datetime import date
from re import compile as pattern

from schemas.sync import FieldValue
from schemas.template import Item, Template

GRADES = {"none": 0, "minor": 1, "major": 2, "critical": 3}
SUPPLY = {
    "on": 0,
    "suspended_notice_served": 1,
    "isolated_appliance": 2,
    "isolated_premises": 3,
    "suspended": 4,
}
"""How the gas of premises may stand (work_order_lifecycle.yaml), the more closed the higher."""
_RANKS = GRADES | SUPPLY
GRADE_NAMES = ("none", "minor", "major", "critical")
PHOTOS = ".photos"
ITEM_LETTERS_MAX = 64
THUMBS = ".thumbs"
"""Beside an item's photos: `photo:small copy`, hash and hash, so that the small ones come first."""
INSTRUMENT = ".instrument"
"""Beside an item that is measured: which instrument, and until when it is calibrated."""
_GRADED_ANYHOW = frozenset({"pass_fail", "composite"})
"""Kinds of item in which an answer may be a finding though the item names no grade."""
_FILE_KINDS = frozenset({"photo", "signature", "composite"})
_FILE_FIELDS = frozenset({"photos", "no_access", "notice", "signature", "refusal", "not_done"})
_SHA256 = pattern(r"^[0-9a-f]{64}$")

VISIT_FIELDS = {
    "note": "lww_history",
    "arrival": "write_once",
    "outcome": "severity_max",
    "no_access": "union_set",
    "refusal": "union_set",
    "not_done": "union_set",
    "signature": "write_once",
    "notice": "union_set",
    "variant": "technician_owns",
    "meter_serial_found": "manual",
    "reason": "lww_history",
    "supply": "severity_max",
}
"""Fields of every visit beside the checklist's items."""
OFFICE_FIELDS = frozenset({
    "technician", "technician_name", "on_day", "starts_at", "ends_at", "arrive_at", "rank", "tier",
    "window_opens", "window_closes", "due_at", "priority", "office_note", "number", "kind",
    "account", "address", "customer_name", "customer_phone", "description", "latitude", "longitude",
    "second", "together",
})  # fmt: skip
"""What the office decides; a tablet's word against it is kept and loses."""
OTHER = "other"
"""What a hazard is that no question asks for: each is one of its own."""
HAZARD_FIELDS = {
    "grade": "severity_max",
    "item": "write_once",
    "state": "monotonic_state",
    "note": "lww_history",
    "photos": "union_set",
    "notice": "union_set",
}


_LOOKED_UP: dict[int, tuple[Template, dict[str, Item]]] = {}


def items_by_code(template: Template) -> dict[str, Item]:
    """The items of a checklist by their code; not to be changed."""
    # checklists are immutable and few: made once, and kept with what they were made of
    known = _LOOKED_UP.get(id(template))
    if known is None:
        known = template, {each.code: each for each in template.items}
        _LOOKED_UP[id(template)] = known
    return known[1]


def policy_of(items: dict[str, Item], kind: str, *, field: str) -> str | None:
    """How a field merges, or None where nobody knows the field."""
    if field in items:
        return items[field].policy
    if field.endswith(PHOTOS) and (field[: -len(PHOTOS)] in items or kind == "hazard"):
        return "union_set"
    if field.endswith(THUMBS) and field[: -len(THUMBS)] in items:
        return "union_set"
    if field.endswith(INSTRUMENT):
        named = items.get(field[: -len(INSTRUMENT)])
        return "technician_owns" if named is not None and named.instrument else None
    if kind == "hazard":
        return HAZARD_FIELDS.get(field)
    if field in OFFICE_FIELDS:
        return "dispatcher_owns"
    return VISIT_FIELDS.get(field) if kind == "visit" else "lww_history"


def refused(items: dict[str, Item], field: str, *, value: FieldValue) -> str | None:
    """The code of what is wrong with an answer, or None. An empty answer takes one back."""
    if value is None:
        return None
    item = items.get(field)
    if item is not None:
        return _refused_by(item, value)
    if field.endswith(PHOTOS):
        good = isinstance(value, list) and all(_is_file(each) for each in value)
        return None if good else "answer_type"
    if field == "supply":
        return _one_of(value, tuple(SUPPLY))
    if field.endswith(THUMBS):
        pairs = isinstance(value, list) and all(_is_pair(each) for each in value)
        return None if pairs else "answer_type"
    if field.endswith(INSTRUMENT):
        return None if isinstance(value, dict) and value.get("instrument") else "answer_type"
    return None


def hazard_refused(field: str, *, value: FieldValue) -> str | None:
    """What is wrong with a field of a hazard that was made on the spot, or None."""
    if field == "grade":
        return _one_of(value, tuple(GRADES))
    if field == "item":
        short = isinstance(value, str) and 0 < len(value) <= ITEM_LETTERS_MAX
        return None if short else "answer_type"
    return None


def severity(items: dict[str, Item], field: str, *, value: FieldValue) -> int:
    """How bad an answer is: 0 none, 1 minor, 2 major, 3 critical."""
    if value is None:
        return -1
    item = items.get(field)
    if item is None:
        return _RANKS.get(str(value), 0)
    if not item.grades and item.kind not in _GRADED_ANYHOW:
        return 0
    # nearly every answer is sound: then there is nothing to weigh
    found = _grades(item, value)
    return max(GRADES.get(name, 0) for name in found) if found else 0


def statutory(items: dict[str, Item], field: str, *, value: FieldValue) -> str | None:
    """Which of the four statutory hazards an answer is (建城规〔2023〕4号 art. 9), or None."""
    item = items.get(field)
    if item is None or not item.statutory:
        return None
    words = (
        {str(value), *(f"{k}_{v}" for k, v in value.items())}
        if isinstance(value, dict)
        else {str(value)}
    )
    return next((code for word, code in item.statutory.items() if word in words), None)


def files_in(items: dict[str, Item], field: str, *, value: FieldValue) -> list[str]:
    """SHA-256 of every photo and signature that an answer names."""
    item = items.get(field)
    if item is not None:
        named = item.kind in _FILE_KINDS
    elif field.endswith(THUMBS):
        return [each.partition(":")[2] for each in _texts(value) if _is_pair(each)]
    else:
        named = field in _FILE_FIELDS or field.endswith(PHOTOS)
    return hashes_in(value) if named else []


def hashes_in(value: FieldValue) -> list[str]:
    """Every SHA-256 in a value, whatever it stands for."""
    return [each for each in _texts(value) if _is_file(each)]


def _texts(value: FieldValue) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [each for each in value if isinstance(each, str)]
    if isinstance(value, dict):
        found: list[str] = []
        for part in value.values():
            found += [part] if isinstance(part, str) else part if isinstance(part, list) else []
        return found
    return []


def _is_file(value: object) -> bool:
    return isinstance(value, str) and _SHA256.match(value) is not None


def _is_pair(value: object) -> bool:
    return isinstance(value, str) and all(_is_file(each) for each in value.partition(":")[::2])


def _refused_by(item: Item, value: FieldValue) -> str | None:
    if item.kind == "composite":
        if not isinstance(value, dict):
            return "answer_type"
        for name, part in value.items():
            if name not in item.fields:
                return "answer_option"
            sub = item.fields[name]
            if part is not None and (code := _refused_part(sub.kind, part, options=sub.options)):
                return code
        return None
    if item.kind in ("multi_enum", "checklist"):
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            return "answer_type"
        return None if set(map(str, value)) <= set(item.options) else "answer_option"
    if item.kind == "pass_fail":
        return _one_of(value, ("pass", "fail", "not_applicable"))
    return _refused_part(item.kind, value, options=item.options)


def _refused_part(kind: str, value: object, *, options: tuple[str, ...]) -> str | None:
    if kind == "enum":
        return _one_of(value, options)
    if kind in ("number", "money", "integer", "scale"):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        whole = kind != "integer" or isinstance(value, int)
        return None if number and whole else "answer_type"
    if kind == "bool":
        return None if isinstance(value, bool) else "answer_type"
    if kind == "date":
        return None if isinstance(value, str) and _is_day(value) else "answer_type"
    if kind in ("photo", "signature"):
        many = isinstance(value, list) and all(_is_file(each) for each in value)
        return None if many or _is_file(value) else "answer_type"
    if kind == "text":
        return None if isinstance(value, str) else "answer_type"
    return None


def _one_of(value: object, options: tuple[str, ...]) -> str | None:
    if not isinstance(value, str):
        return "answer_type"
    return None if value in options else "answer_option"


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _grades(item: Item, value: FieldValue) -> list[str]:
    general = item.grades.get("grade", "none")
    if item.kind == "pass_fail":
        return [general if general != "none" else "minor"] if value == "fail" else []
    if item.kind == "composite" and isinstance(value, dict):
        return _composite_grades(item, value)
    if isinstance(value, list):
        return [item.grades.get(str(each), "none") for each in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        named = item.grades.get(str(value))
        beyond = (item.most is not None and value > item.most) or (
            item.least is not None and value < item.least
        )
        return [named] if named else [general] if beyond else []
    if str(value) in item.grades:
        return [item.grades[str(value)]]
    # a general grade speaks of every option but the first, which is the sound one
    sound = not item.options or value == item.options[0]
    return [] if sound or item.kind == "date" else [general]


def _composite_grades(item: Item, value: Mapping[str, object]) -> list[str]:
    found: list[str] = []
    for name, part in value.items():
        sub = item.fields.get(name)
        for word, grade in item.grades.items():
            exact = word in (str(part), f"{name}_{part}")
            # "room_bathroom_not_balanced": the room decides unless the flue is balanced
            guarded = word.startswith(f"{name}_{part}_not_") and not any(
                word.endswith(f"_not_{other}") for other in map(str, value.values())
            )
            if exact or guarded:
                found.append(grade)
        number = isinstance(part, int | float) and not isinstance(part, bool)
        if sub is not None and number and sub.most is not None and float(str(part)) > sub.most:
            found.append(item.grades.get("grade", "major"))
        if sub is not None and number and sub.least is not None and float(str(part)) < sub.least:
            found.append(item.grades.get("grade", "minor"))
    return found
