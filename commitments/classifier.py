"""Clause 9: which connection promise holds is read from what each rule applies to, and explained.

以下 includes the number and 小于 does not (民法典 1259); the rule says which, `inclusive`, so a unit may
lay down bounds of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from re import fullmatch
from typing import Any

from msgspec.structs import replace

from commitments.rules import rule_for
from schemas.commitment import Facts, Rule
from schemas.problems import Refusal

CUSTOMERS = {
    "resident": "resident_scattered",
    "resident_scattered": "resident_scattered",
    "non_resident": "non_resident",
    "non-resident": "non_resident",
}
_BOUND = "_max"


def connection_rule(
    rules: Sequence[Rule], facts: Facts, *, on_day: date
) -> tuple[str, tuple[str, ...]]:
    """Which connection promise holds on a day, and why: 7, 35, 30 or 15 working days.

    Refuses `fact_missing`, or a fact that cannot be read, and names it; `clause_not_applicable`
    where the handbook gives no limit (a household that needs an external pipe).
    """
    why: list[str] = []
    for rule in _candidates(rules, on_day):
        failed = None
        said = []
        for name, wanted in rule.applies.items():
            held, words = _holds(name, wanted, facts=facts)
            said.append(words)
            if not held:
                failed = words
                break
        if failed is None:
            return rule.code, (*why, *(f"{rule.code}: {each}" for each in said))
        why.append(f"not {rule.code}: {failed}")
    raise Refusal("clause_not_applicable", clause="9", why=why)


def _candidates(rules: Sequence[Rule], on_day: date) -> Iterable[Rule]:
    """The rules of clause 9 that count, each in its version of the day; the more special one first.

    A version that says nothing of what it applies to is for what the version before it was.
    """
    told = {each.code: each for each in rules if each.clause == "9" and each.applies}
    found = []
    for code, earlier in told.items():
        rule = rule_for(rules, code, on_day=on_day)
        if not rule.applies:
            rule = replace(rule, applies=earlier.applies, over=rule.over or earlier.over)
        found.append(rule)
    return sorted(found, key=lambda each: (_rank(each, found), each.code))


def _rank(rule: Rule, among: Sequence[Rule]) -> str:
    # a rule that goes over another one stands just before it
    return rule.over if any(each.code == rule.over for each in among) else f"{rule.code}~"


def _holds(name: str, wanted: Any, *, facts: Facts) -> tuple[bool, str]:
    if isinstance(wanted, Mapping):
        return _within(name.removesuffix(_BOUND), wanted, facts=facts)
    if isinstance(wanted, bool):
        yes = _yes(facts, name)
        return yes is wanted, f"{name} is {'yes' if yes else 'no'}"
    given = _need(facts, name)
    if name == "customer":
        if given not in CUSTOMERS:
            raise Refusal("invalid_field", fact=name, value=str(given)[:40])
        given = CUSTOMERS[str(given)]
    return given == wanted, f"{name} is {given}"


def _within(name: str, wanted: Mapping[str, Any], *, facts: Facts) -> tuple[bool, str]:
    number, limit = _number(facts, name), float(wanted["value"])
    inclusive = bool(wanted.get("inclusive"))
    held = number < limit or (inclusive and number == limit)
    bound = f"{limit:g}" + (" (included)" if inclusive else " (not included)")
    return held, f"{name} {number:g} is {'' if held else 'not '}within {bound}"


def _need(facts: Facts, name: str) -> Any:
    value = facts.get(name)
    if value is None:
        raise Refusal("fact_missing", fact=name)
    return value


def _yes(facts: Facts, name: str) -> bool:
    value = _need(facts, name)
    if not isinstance(value, bool):
        # the word "false" is not false: a guess here would be another promise
        raise Refusal("invalid_field", fact=name, value=str(value)[:40])
    return value


def _number(facts: Facts, name: str) -> float:
    # meter classes compare as numbers, not as text: G6 is smaller than G16
    value = _need(facts, name)
    found = fullmatch(r"(?i)(?:G|DN)?\s*(\d+(?:\.\d+)?)\s*(?:m|米)?", str(value).strip())
    if found is None:
        raise Refusal("fact_not_a_number", fact=name, value=str(value)[:40])
    return float(found.group(1))
