"""Rulebooks: which version of a rule holds for a unit on a day, and what a unit may change."""

from collections.abc import Iterable, Sequence
from datetime import date
from re import search
from typing import Any

from schemas.commitment import Facts, Rule
from schemas.problems import Refusal

FIELD_STOPS = frozenset(
    {
        "inspection_completed",
        "repair_started_in_home",
        "install_signed",
        "gas_on_signed",
        "work_done",
        "crew_departed",
        "crew_arrived",
    }
)
"""Events that a tablet proves: their proof may arrive days after they were true."""


def read_rules(document: dict[str, Any]) -> tuple[Rule, ...]:
    """Reads a rulebook (see storage/catalogue/rules.yaml); refuses `rulebook_unsound`."""
    version = str(document["document"]["version"])
    given = [*document["rules"], *document.get("statutory_extra", ())]
    return tuple(_read_rule(each, version) for each in given)


def rule_for(rules: Iterable[Rule], code: str, *, on_day: date) -> Rule:
    """The version of a rule in force on a day; a running commitment keeps the one it started
    under."""
    found = [each for each in rules if each.code == code and _in_force(each, on_day)]
    if not found:
        raise Refusal("rule_unknown", rule=code, day=on_day.isoformat())
    return max(found, key=lambda each: each.effective_from or date.min)


def refuse_overlap(rules: Sequence[Rule]) -> None:
    """Two versions of one rule may not hold on the same day (`rule_overlap`)."""
    for place, one in enumerate(rules):
        for other in rules[place + 1 :]:
            if one.code == other.code and _overlap(one, other):
                raise Refusal("rule_overlap", rule=one.code, versions=[one.version, other.version])


def refuse_longer(handbook: Rule, local: Rule) -> None:
    """Local policy may shorten freely and lengthen only with a cited source (clause 3)."""
    if local.limit > handbook.limit and local.source in ("", "company", "handbook"):
        raise Refusal("rule_longer_without_source", rule=local.code)


def connection_rule(facts: Facts) -> tuple[str, tuple[str, ...]]:
    """Which connection promise (clause 9) holds, and why: 7, 35, 30 or 15 working days.

    以下 includes the number and 小于 does not (民法典 1259): G16 and 100 m count as small, DN80
    does not. Refuses `fact_missing` and names the fact.
    """
    customer = _need(facts, "customer")
    if customer in ("resident", "resident_scattered"):
        return "9a", ("customer is a scattered resident",)
    if _need(facts, "external_pipe"):
        return "9b", ("non-resident, an external pipe is needed",)
    why = ["non-resident, no external pipe"]
    for name, limit, inclusive in _SMALL:
        number = _number(_need(facts, name))
        if not (number < limit or (inclusive and number == limit)):
            return "9c", (*why, f"{name} {number:g} is not within {limit:g}")
        why.append(f"{name} {number:g} is within {limit:g}")
    if _need(facts, "buried"):
        return "9c", (*why, "the pipe is buried")
    return "9d", (*why, "the pipe is not buried")


_SMALL = (("meter_g", 16.0, True), ("pipe_dn", 80.0, False), ("pipe_length_m", 100.0, True))


def _need(facts: Facts, name: str) -> Any:
    value = facts.get(name)
    if value is None:
        raise Refusal("fact_missing", fact=name)
    return value


def _number(value: Any) -> float:
    # meter classes compare as numbers, not as text: G6 is smaller than G16
    found = search(r"\d+(\.\d+)?", str(value))
    if found is None:
        raise Refusal("fact_not_a_number", value=str(value))
    return float(found.group())


def _in_force(rule: Rule, day: date) -> bool:
    return (rule.effective_from or date.min) <= day <= (rule.effective_to or date.max)


def _overlap(one: Rule, other: Rule) -> bool:
    begins = max(one.effective_from or date.min, other.effective_from or date.min)
    return begins <= min(one.effective_to or date.max, other.effective_to or date.max)


def _read_rule(given: dict[str, Any], version: str) -> Rule:
    clock = given.get("clock") or {}
    stop = given.get("stop")
    stops, every = _read_stop(stop)
    limit = clock.get("at_most", clock.get("at_least", 0))
    code = str(given["id"])
    found = search(r"\d+", code)
    return Rule(
        code=code,
        clause=found.group() if found and not code.startswith("S") else code,
        version=version,
        zh=str(given["zh"]),
        kind=str(given.get("kind", "clock" if clock else "check")),
        unit=clock.get("unit"),
        # an area parameter: the strictest one holds until a unit says which areas are remote
        limit=float(min(limit.values()) if isinstance(limit, dict) else limit),
        start=given.get("start"),
        stops=stops,
        every_stop=every,
        soft=bool(clock.get("soft", False)),
        at_least="at_least" in clock,
        pauses=tuple(given.get("pauses", ())),
        waivable="waiver" in given,
        field_proof=bool(FIELD_STOPS & set(stops)),
        source=str(given.get("parameter_source", given.get("basis", "handbook"))),
    )


def _read_stop(stop: Any) -> tuple[tuple[str, ...], bool]:
    if isinstance(stop, dict):
        every = "all_of" in stop
        return tuple(stop["all_of" if every else "any_of"]), every
    return ((str(stop),) if stop else ()), False
