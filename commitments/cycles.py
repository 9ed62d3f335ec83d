"""Inspection cycles: when premises are due next, and the days on which the work is best done."""

from datetime import date

import numpy as np

from commitments.calendar import months_after

CYCLE_MONTHS = {"resident": 24, "non_resident": 12, "rural_piped": 6}
"""Clause 3: residents within 24 months, non-residents within 12, rural piped within 6."""
CYCLE_RULES = {"resident": "3a", "non_resident": "3b", "rural_piped": "3c"}


def due_on(
    customer_class: str | None, last_inspection_on: date | None, *, first_gas_on: date | None
) -> date | None:
    """The interval runs from the last completed inspection, else from first gas-on.

    None where the class is unknown or gas was never on: a person has to look first.
    """
    since = last_inspection_on or first_gas_on
    if customer_class not in CYCLE_MONTHS or since is None:
        return None
    return months_after(since, CYCLE_MONTHS[customer_class])


def level(due_month: np.ndarray, *, months: int, lead_months: int) -> np.ndarray:
    """Gives each premises a month not after its due month, so that months are equally full.

    `due_month` counts months from now (0 is this month, negative is overdue). Earliest due first,
    each month up to the running mean that the rest still needs; at most `lead_months` early.
    """
    order = np.argsort(due_month, kind="stable")
    chosen = np.zeros(len(due_month), dtype=np.int64)
    due = np.clip(due_month[order], 0, months - 1)
    taken = 0
    for month in range(months):
        # the fullest stretch that begins here decides how much has to be done now
        ahead = np.searchsorted(due, np.arange(month, months), side="right") - taken
        need = int(np.ceil((ahead / np.arange(1, months - month + 1)).max(initial=0)))
        early = int(np.searchsorted(due, month + lead_months, side="right"))
        until = min(taken + max(need, 0), early)
        until = max(until, int(np.searchsorted(due, month, side="right")))
        chosen[order[taken:until]] = month
        taken = until
    chosen[order[taken:]] = months - 1
    return chosen
