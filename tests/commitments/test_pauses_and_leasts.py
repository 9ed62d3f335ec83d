"""A pause cannot mend what is broken, a closed promise never moves, and a least is not a most."""

from datetime import UTC, datetime, timedelta

import pytest

from commitments.clock import fold
from commitments.rules import rule_for
from schemas.commitment import PAUSED, RESUMED, STARTED, Event
from storage import catalogue

BEGUN = datetime(2026, 3, 2, 1, tzinfo=UTC)


def event(kind, hours, **body):
    at = BEGUN + timedelta(hours=hours)
    return Event(kind=kind, observed_at=at, received_at=at, source=kind, body=body)


def judged(code, events, hours):
    rule = rule_for(catalogue.rules(), code, on_day=BEGUN.date())
    return fold(rule, events, calendar=catalogue.calendar(), now=BEGUN + timedelta(hours=hours))


@pytest.mark.parametrize("later", [66, 80, 400, 9_000])
def test_a_promise_that_was_closed_during_a_pause_never_moves_again(later):
    events = [event(STARTED, 0), event(PAUSED, 40), event("opinion_replied", 65)]
    verdict = judged("16a", events, later)
    assert verdict == judged("16a", events, 65)
    assert verdict.state == "met"
    assert verdict.due_at == BEGUN + timedelta(hours=48 + 25)


@pytest.mark.parametrize("later", [61, 80, 201, 9_000])
def test_a_pause_after_the_deadline_does_not_mend_a_broken_promise(later):
    events = [event(STARTED, 0), event(PAUSED, 60), event(RESUMED, 200)]
    verdict = judged("16a", events, later)
    assert (verdict.state, verdict.due_at) == ("breached", BEGUN + timedelta(hours=48))


def test_a_later_stretch_counts_where_an_earlier_one_moved_the_deadline():
    events = [event(STARTED, 0), event(PAUSED, 10), event(RESUMED, 30),
              event(PAUSED, 60), event(RESUMED, 70)]  # fmt: skip
    assert judged("16a", events, 75).due_at == BEGUN + timedelta(hours=48 + 30)


@pytest.mark.parametrize(("lead", "state"), [(47, "breached"), (48, "met"), (72, "met")])
def test_clause_2_a_notice_lead_is_a_least(lead, state):
    events = [event(STARTED, 0), event("planned_start", lead)]
    assert judged("2a", events, 100).state == state


def test_clause_2_a_soft_limit_is_excused_by_reason_and_approver():
    begun = event(STARTED, 0)
    assert judged("2c", [begun, event("actual_restore", 30)], 40).state == "breached"
    said = event("actual_restore", 30, reason="主管道更换", approver="王主任")
    assert judged("2c", [begun, said], 40).state == "met_late_excused"


def test_the_rulebook_says_which_rules_may_pause():
    pausable = {each.code for each in catalogue.rules() if each.pauses}
    assert pausable == {"9b"}
