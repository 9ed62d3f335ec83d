"""The lifecycle of field work: which change of state is lawful, and what an unlawful one means."""

from collections.abc import Set as AbstractSet
from datetime import datetime

from commitments.duties import may_turn_on_first
from schemas.problems import Refusal

ON_TABLET = (
    "dispatched", "accepted", "en_route", "on_site", "in_progress", "suspended", "field_done",
    "no_access", "refused", "not_done",
)  # fmt: skip
ENDED = frozenset({"field_done", "no_access", "refused", "not_done", "under_review", "closed"})
COMPLETED = frozenset({"field_done", "under_review", "closed"})
VISIT_STATES = {
    "dispatched": "planned",
    "accepted": "planned",
    "en_route": "en_route",
    "on_site": "on_site",
    "in_progress": "on_site",
    "suspended": "on_site",
    "field_done": "ended",
    "no_access": "ended",
    "refused": "ended",
    "not_done": "ended",
    "cancelled": "cancelled",
}
"""The parallel machine of a visit (work_order_lifecycle.yaml)."""


def judge(
    transitions: AbstractSet[tuple[str, str, str]], state: str, *, wanted: str, role: str
) -> str:
    """`lawful`, `same`, or why not: `after_cancel`, `second_completion`, `unlawful`,
    `unknown_state`.

    An unlawful change is a decision for a person, never an error: the work was done.
    """
    if wanted == state:
        return "same"
    if wanted not in ON_TABLET and role == "T":
        return "unknown_state"
    if (state, wanted, role) in transitions:
        return "lawful"
    if state == "cancelled":
        return "after_cancel"
    if state in COMPLETED and wanted in ENDED:
        return "second_completion"
    # a tablet that was offline may have skipped steps that it had no reason to say aloud
    if _further(state, wanted) and role == "T":
        return "lawful"
    return "unlawful"


def passed(state: str, *, wanted: str) -> bool:
    """Whether a visit is past a step on the way to its work: of two people the later says no more
    than the first."""
    steps = ("dispatched", "accepted", "en_route", "on_site", "in_progress")
    return wanted in steps and (state in ENDED or state in steps[steps.index(wanted) + 1 :])


def judge_first_gas(inspected_at: datetime | None, *, at: datetime) -> str:
    """`lawful`, or the code of the office's own gate for the first gas at premises.

    A tablet is not refused, since the gas may burn already: a person decides.
    """
    try:
        may_turn_on_first(inspected_at=inspected_at, at=at)
    except Refusal as refusal:
        return refusal.code
    return "lawful"


def _further(state: str, wanted: str) -> bool:
    order = ("dispatched", "accepted", "en_route", "on_site", "in_progress", "field_done")
    if state in order and wanted in order:
        return order.index(wanted) > order.index(state)
    return state in order[:5] and wanted in ("no_access", "refused", "not_done")
