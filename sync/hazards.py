"""Core: the life of a hazard: found, notified, rectifying, recheck, closed.

Found again it keeps its first day. Only a named safety reviewer lowers its grade, with a reason and
a photo (hazard_grades.yaml, downgrade_rule); a critical one closes by a recheck on site alone.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from schemas.problems import Refusal
from schemas.safety import HazardStep

LEADS: dict[str, tuple[frozenset[str], str]] = {
    "notify": (frozenset({"open"}), "notified"),
    "rectify": (frozenset({"open", "notified", "recheck"}), "rectifying"),
    "ask_recheck": (frozenset({"open", "notified", "rectifying"}), "recheck"),
    "close": (frozenset({"open", "notified", "rectifying", "recheck"}), "closed"),
}
"""Step to the states it may come from and the one it leads to; `open` is found and not yet more."""
_GRADES = ("minor", "major", "critical")
REVIEWER = "safety_reviewer"

Row = dict[str, Any]


def stepped(
    hazard: Mapping[str, Any],
    wish: HazardStep,
    *,
    who: tuple[str, str],
    rechecked: bool,
    now: datetime,
) -> Row:
    """The columns that a step changes; `who` is name and role, `rechecked` whether the recheck
    visit named in it ended well at these premises.

    Refuses `hazard_step` (not from this state), `hazard_notice_needed`, `hazard_recheck_needed`,
    `hazard_reviewer_needed`.
    """
    name, role = who
    if hazard["state"] == "closed":
        raise Refusal("hazard_step", state="closed", step=wish.step)
    before = hazard["state"], hazard["grade"]
    if wish.step == "regrade":
        changes: Row = {"grade": _regraded(hazard, wish, role=role)}
    else:
        sources, state = LEADS[wish.step]
        if hazard["state"] not in sources:
            raise Refusal("hazard_step", state=hazard["state"], step=wish.step)
        if wish.step == "notify" and wish.evidence is None:
            raise Refusal("hazard_notice_needed")
        changes = {"state": state}
        if wish.step == "close":
            _may_close(hazard, wish, role=role, rechecked=rechecked)
            changes |= {"closed_at": now}
    line = {
        "at": now,
        "who": name,
        "step": wish.step,
        "from": list(before),
        "reason": wish.reason,
        "evidence": wish.evidence,
        "recheck": wish.recheck,
    }
    steps = [*hazard["body"].get("steps", []), line]
    return {
        "id": hazard["id"],
        **changes,
        "body": {**hazard["body"], "steps": steps},
        "version": hazard["version"] + 1,
    }


def _regraded(hazard: Mapping[str, Any], wish: HazardStep, *, role: str) -> str:
    if wish.grade is None:
        raise Refusal("invalid_field", field="grade")
    lower = _GRADES.index(wish.grade) < _GRADES.index(hazard["grade"])
    if lower and (role != REVIEWER or wish.evidence is None):
        raise Refusal("hazard_reviewer_needed")
    return wish.grade


def _may_close(hazard: Mapping[str, Any], wish: HazardStep, *, role: str, rechecked: bool) -> None:
    if rechecked:
        return
    if hazard["grade"] == "critical":
        raise Refusal("hazard_recheck_needed")
    if wish.evidence is None:
        raise Refusal("hazard_recheck_needed")
    if hazard["grade"] == "major" and role != REVIEWER:
        raise Refusal("hazard_reviewer_needed")
