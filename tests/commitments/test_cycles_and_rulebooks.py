"""Inspection cycles levelled, access in two figures, and rulebooks that a unit may change."""

from datetime import UTC, date, datetime

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commitments import cycles
from commitments.access import Attempt, kept, next_band, preheating_window
from commitments.rules import refuse_longer, refuse_overlap, rule_for
from schemas.problems import Refusal
from storage import catalogue

CALENDAR = catalogue.calendar()


def at(text):
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


def judged(*attempts, completed_on=None, now="2026-12-01T09:00"):
    return kept(
        date(2026, 11, 20),
        completed_on=completed_on,
        attempts=attempts,
        seen=(CALENDAR, at(now)),
    )


def due(customer_class, inspected_on, *, first_gas_on, rules=None):
    return cycles.due_on(
        rules or catalogue.rules(), customer_class,
        inspected_on=inspected_on, first_gas_on=first_gas_on,
    )  # fmt: skip


def test_a_unit_with_a_shorter_cycle_is_due_by_its_own_rule():
    handbook = rule_for(catalogue.rules(), "3a", on_day=date(2026, 1, 1))
    until = msgspec.structs.replace(handbook, effective_to=date(2025, 12, 31))
    shorter = msgspec.structs.replace(
        handbook, limit=12, version="local", effective_from=date(2026, 1, 1)
    )
    others = [each for each in catalogue.rules() if each.code != "3a"]
    rules = [*others, until, shorter]
    assert due("resident", date(2026, 2, 28), first_gas_on=None, rules=rules) == date(2027, 2, 28)
    assert due("resident", date(2025, 2, 28), first_gas_on=None, rules=rules) == date(2027, 2, 28)


GOOD = (
    Attempt(at=at("2026-11-10T10:00"), notice_left=True),
    Attempt(at=at("2026-11-12T19:00"), notice_left=True),
    Attempt(at=at("2026-11-14T10:00"), notice_left=True),
)


@pytest.mark.parametrize(
    ("customer_class", "last"),
    [("resident", date(2028, 2, 28)), ("non_resident", date(2027, 2, 28)),
     ("rural_piped", date(2026, 8, 28))],
)  # fmt: skip
def test_a_cycle_runs_from_the_last_inspection_else_from_first_gas_on(customer_class, last):
    since = date(2026, 2, 28)
    found = due(customer_class, since, first_gas_on=date(2020, 1, 1))
    assert found == due(customer_class, None, first_gas_on=since)
    assert found == last


def test_an_unknown_class_or_gas_that_was_never_on_needs_a_person():
    assert due(None, date(2026, 1, 1), first_gas_on=None) is None
    assert due("resident", None, first_gas_on=None) is None


def test_three_good_tries_keep_the_duty_to_offer_and_not_the_interval():
    verdict = judged(*GOOD)
    assert (verdict.interval_kept, verdict.duty_kept) == (False, True)
    assert verdict.bands_tried == ("evening", "morning")


def test_a_completed_inspection_keeps_both_and_an_open_one_is_not_judged():
    done = judged(completed_on=date(2026, 11, 20))
    assert (done.interval_kept, done.duty_kept, done.missing) == (True, True, ())
    assert judged(now="2026-11-20T23:59").interval_kept is None
    assert judged(now="2026-11-21T00:01").interval_kept is False


@pytest.mark.parametrize(
    ("attempts", "missing"),
    [
        (GOOD[:2], "attempts_on_other_days"),
        ((GOOD[0], GOOD[0], GOOD[0]), "attempts_on_other_days"),
        ((*GOOD[:2], Attempt(at=GOOD[2].at, notice_left=False)), "notice_each_time"),
        (tuple(Attempt(at=at(f"2026-11-{d}T10:00"), notice_left=True) for d in (10, 11, 12)),
         "evening_or_weekend"),
    ],
)  # fmt: skip
def test_a_duty_that_was_not_kept_says_what_is_missing(attempts, missing):
    verdict = judged(*attempts)
    assert not verdict.duty_kept
    assert missing in verdict.missing


def test_the_next_try_is_another_kind_of_day_and_another_band():
    assert next_band(GOOD[:1], CALENDAR) == (False, "evening")
    assert next_band(GOOD[:2], CALENDAR) == (True, "morning")
    assert next_band(GOOD, CALENDAR) == (True, "afternoon")


def test_the_rural_window_opens_75_days_before_and_closes_before_a_moved_heating_start():
    planned, moved = date(2026, 11, 15), date(2026, 11, 8)
    window = preheating_window(planned, actual_start=None, calendar=CALENDAR)
    assert window.opens == at("2026-09-01T00:00")
    assert window.closes == at("2026-11-15T00:00")
    assert preheating_window(planned, actual_start=moved, calendar=CALENDAR).closes == at(
        "2026-11-08T00:00"
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-3, 11), max_size=300), st.integers(0, 11))
def test_levelling_gives_each_premises_a_month_that_is_not_late(due, lead):
    months = np.array(due, dtype=np.int64)
    chosen = cycles.level(months, months=12, lead_months=lead)
    limit = np.clip(months, 0, 11)
    assert (chosen <= limit).all()
    assert (chosen >= np.maximum(limit - lead, 0)).all()


def test_levelling_turns_a_cliff_into_a_plain_where_history_allows():
    cliff = np.full(12_000, 11)
    filled = np.bincount(cycles.level(cliff, months=12, lead_months=11), minlength=12)
    assert filled.max() / filled.mean() <= 1.1


def test_two_versions_of_a_rule_may_follow_and_not_overlap():
    base = next(each for each in catalogue.rules() if each.code == "12")
    old = msgspec.structs.replace(base, version="1", effective_to=date(2026, 6, 30))
    new = msgspec.structs.replace(base, version="2", effective_from=date(2026, 7, 1), limit=12)
    refuse_overlap([old, new])
    assert rule_for([old, new], "12", on_day=date(2026, 6, 30)).version == "1"
    assert rule_for([old, new], "12", on_day=date(2026, 7, 1)).version == "2"
    with pytest.raises(Refusal, match="rule_overlap"):
        refuse_overlap([base, new])
    with pytest.raises(Refusal, match="rule_unknown"):
        rule_for([new], "12", on_day=date(2026, 6, 30))


def test_a_unit_shortens_freely_and_lengthens_only_with_a_cited_source():
    base = next(each for each in catalogue.rules() if each.code == "3a")
    refuse_longer(base, msgspec.structs.replace(base, limit=12, source="company"))
    with pytest.raises(Refusal, match="rule_longer_without_source"):
        refuse_longer(base, msgspec.structs.replace(base, limit=36, source="company"))
    refuse_longer(base, msgspec.structs.replace(base, limit=36, source="某省燃气管理条例 第30条"))


def test_every_clause_of_the_handbook_has_a_rule():
    clauses = {each.clause for each in catalogue.rules() if not each.code.startswith("S")}
    assert clauses == {str(n) for n in range(1, 17)}
    refuse_overlap(catalogue.rules())
