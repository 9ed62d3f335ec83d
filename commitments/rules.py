"""Rulebooks: which version of a rule holds for a unit on a day, and what a unit may change."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from re import compile as pattern
from re import search
from typing import Any

import msgspec

from schemas.commitment import (
    AMENDED,
    ATTEMPTED,
    CALENDAR,
    JUDGED,
    PAUSED,
    RESUMED,
    STARTED,
    VOIDED,
    WAIVED,
    Escalation,
    Fact,
    Milestone,
    Rule,
)
from schemas.problems import Refusal
from schemas.rulebook import RulebookDraft, RuleDraft, StopDraft, Version

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
RESERVED = frozenset({STARTED, PAUSED, RESUMED, WAIVED, AMENDED, VOIDED, ATTEMPTED, CALENDAR})
"""What has conditions of its own to be said: no rule lets it be told as a mere happening."""


_CITED = pattern(
    r"《[^》]{2,}》|[〔\[［(（](19|20)\d\d[〕\]］)）]\s*\d+\s*号"
    r"|(条例|办法|规定|细则|标准|规范)\s*第\s*[\d一二三四五六七八九十百]+\s*条"
)
"""A source that somebody can look up: a title, a number of issue, or a regulation's article."""


def read_rules(document: dict[str, Any]) -> tuple[Rule, ...]:
    """Reads a rulebook (see storage/catalogue/rules.yaml); refuses `rulebook_unsound`."""
    try:
        head = dict(document["document"])
        version = msgspec.convert(head["version"], Version)
        given = [*document["rules"], *document.get("statutory_extra", ())]
        drafts = msgspec.convert(given, list[RuleDraft])
        chain = msgspec.convert(document.get("escalation", []), list[Escalation])
        since, until = (_day(head.get(name)) for name in ("effective_from", "effective_to"))
    except (KeyError, TypeError, ValueError) as error:
        raise Refusal("rulebook_unsound", reason=str(error)[:300]) from error
    return made(drafts, version, chain=chain, since=since, until=until)


def drafted(document: object) -> RulebookDraft:
    """A rulebook of a unit from a YAML document of the same shape as the shipped one; refuses
    `rulebook_unsound`."""
    try:
        given = dict(document)  # type: ignore[call-overload]
        head = given["document"]
        rules = [*given.get("rules", ()), *given.get("statutory_extra", ())]
        names = ("version", "effective_from", "effective_to")
        plain = {name: head[name] for name in names if head.get(name) is not None}
        return msgspec.convert(
            {**plain, "rules": rules, "escalation": given.get("escalation")}, RulebookDraft
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Refusal("rulebook_unsound", reason=str(error)[:300]) from error


def made(
    drafts: Sequence[RuleDraft],
    version: str,
    *,
    chain: Sequence[Escalation],
    since: date | None,
    until: date | None,
) -> tuple[Rule, ...]:
    """Drafts as rules of one version. Refuses `rulebook_unsound`: a clock without an end, a code
    said twice, an end before the beginning."""
    if since is not None and until is not None and until < since:
        raise Refusal("rulebook_unsound", reason="effective_to is before effective_from")
    codes = [each.id for each in drafts]
    twice = sorted({each for each in codes if codes.count(each) > 1})
    if twice:
        raise Refusal("rulebook_unsound", reason="said twice", rules=twice)
    rules = tuple(_made(each, version, chain=chain) for each in map(_alike(drafts), drafts))
    replace = msgspec.structs.replace
    return tuple(replace(each, effective_from=since, effective_to=until) for each in rules)


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
    """Local policy may shorten freely and lengthen only with a cited source (clause 3).

    A softer rule is a longer one too: another unit, a reason that excuses, a waiver or a pause that
    the handbook does not know, fewer events that end it, fewer customers that it is for. A source is
    cited so that it can be looked up. What the law says is never weakened.
    """
    if not _weaker(handbook, local):
        return
    if handbook.law or _CITED.search(local.source) is None:
        raise Refusal("rule_longer_without_source", rule=local.code)


def _weaker(handbook: Rule, local: Rule) -> bool:
    later = local.limit < handbook.limit if handbook.at_least else local.limit > handbook.limit
    later = later or any(
        limit > handbook.by_area.get(area, handbook.limit) for area, limit in local.by_area.items()
    )
    return (
        later
        or local.unit != handbook.unit
        or local.at_least != handbook.at_least
        or (local.soft and not handbook.soft)
        or (local.waivable and not handbook.waivable)
        or bool(set(local.pauses) - set(handbook.pauses))
        or set(local.stops) != set(handbook.stops)
        or local.every_stop != handbook.every_stop
        or (handbook.window and not local.window)
        or _narrower(handbook, local)
    )


def _alike(drafts: Sequence[RuleDraft]) -> Callable[[RuleDraft], RuleDraft]:
    """A rule that is the same as another one counts as that one does."""
    known = {each.id: each for each in drafts}

    def filled(given: RuleDraft) -> RuleDraft:
        if given.same_as is None:
            return given
        model = known.get(given.same_as)
        if model is None or model.same_as is not None:
            raise Refusal("rulebook_unsound", rule=given.id, reason=f"no rule {given.same_as}")
        same = {name: getattr(model, name) for name in ("kind", "start", "stop", "clock", "pauses")}
        return msgspec.structs.replace(given, **same)

    return filled


def _narrower(handbook: Rule, local: Rule) -> bool:
    # who says nothing keeps what it is for; a larger bound takes more customers in
    for name, wanted in handbook.applies.items() if local.applies else ():
        given = local.applies.get(name)
        if isinstance(wanted, dict) and isinstance(given, dict):
            if _bound(given) < _bound(wanted):
                return True
        elif given is not None and given != wanted:
            return True
    return bool(local.applies.keys() - handbook.applies.keys())


def _bound(given: Mapping[str, Fact]) -> tuple[float, bool]:
    return float(given["value"] or 0), bool(given.get("inclusive"))


def _sound_bounds(given: RuleDraft) -> None:
    for name, wanted in given.applies.items():
        if isinstance(wanted, dict):
            value = wanted.get("value")
            if not name.endswith("_max") or isinstance(value, bool | str | None):
                raise Refusal("rulebook_unsound", rule=given.id, reason=f"{name} is no bound")


def _in_force(rule: Rule, day: date) -> bool:
    return (rule.effective_from or date.min) <= day <= (rule.effective_to or date.max)


def _overlap(one: Rule, other: Rule) -> bool:
    begins = max(one.effective_from or date.min, other.effective_from or date.min)
    return begins <= min(one.effective_to or date.max, other.effective_to or date.max)


def _made(given: RuleDraft, version: str, *, chain: Sequence[Escalation]) -> Rule:
    clock = given.clock
    stops, every = _stops(given.stop)
    # a deadline that an event names (announced end, contract, first gas-on, heating start)
    unit = clock.unit if clock else ("instant" if given.deadline or given.window else None)
    kind = given.kind or ("clock" if unit else "check")
    if kind == "clock" and not (stops or given.deadline):
        raise Refusal("rulebook_unsound", rule=given.id, reason="a clock that nothing ends")
    limit, by_area = _limit(given)
    at_least = clock is not None and clock.at_least is not None
    law = given.id.startswith("S")
    if law and not given.basis:
        raise Refusal("rulebook_unsound", rule=given.id, reason="a law without its basis")
    found = search(r"\d+", given.id)
    over = search(r"S?\d+[a-z]?", given.precedence or "")
    _sound_bounds(given)
    milestones = [Milestone(kind=each.kind, share=each.share) for each in given.milestones]
    if given.milestone is not None:
        milestones.append(Milestone(kind=given.milestone, share=0.5))
    if RESERVED & {*stops, *(each.kind for each in milestones)}:
        raise Refusal("rulebook_unsound", rule=given.id, reason="a word of the clock itself")
    return Rule(
        code=given.id,
        clause=given.id if law or found is None else found.group(),
        version=version,
        zh=given.zh,
        kind=kind,
        unit=unit,
        limit=limit,
        start=given.start,
        stops=stops or ((JUDGED,) if unit is None else ("work_done",)),
        every_stop=every,
        soft=clock is not None and clock.soft,
        at_least=at_least,
        pauses=given.pauses,
        waivable=given.waiver is not None,
        field_proof=bool(FIELD_STOPS & set(stops)),
        source=" ".join(filter(None, (given.parameter_source, given.basis))) or "handbook",
        law=law,
        window=given.window is not None,
        by_area=by_area,
        milestones=tuple(milestones),
        applies=given.applies,
        over=over.group() if over else "",
        proven_by=given.proven_by,
        # a notice is a least: nobody is late for what may not begin yet
        escalation=() if at_least or unit is None else tuple(chain),
    )


def _limit(given: RuleDraft) -> tuple[float, dict[str, float]]:
    clock = given.clock
    if clock is None or clock.unit == "instant":
        return 0.0, {}
    if (clock.at_most is None) == (clock.at_least is None):
        raise Refusal("rulebook_unsound", rule=given.id, reason="one of at_most and at_least")
    if isinstance(clock.at_most, dict):
        if not clock.at_most:
            raise Refusal("rulebook_unsound", rule=given.id, reason="no area has a limit")
        # the strictest one holds until the facts say which area it is
        return min(clock.at_most.values()), {str(area): n for area, n in clock.at_most.items()}
    limit = clock.at_most if clock.at_least is None else clock.at_least
    if limit is None or (clock.unit not in ("hour", "minute") and limit != int(limit)):
        raise Refusal("rulebook_unsound", rule=given.id, reason="whole days, months and rings")
    return limit, {}


def _stops(stop: str | StopDraft | None) -> tuple[tuple[str, ...], bool]:
    if isinstance(stop, StopDraft):
        if bool(stop.all_of) == bool(stop.any_of):
            raise Refusal("rulebook_unsound", reason="one of all_of and any_of")
        return stop.all_of or stop.any_of, bool(stop.all_of)
    return ((stop,) if stop else ()), False


def _day(given: object) -> date | None:
    return None if given is None else msgspec.convert(given, date)
