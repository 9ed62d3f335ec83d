"""Each clause that runs on a clock, from first contact to verdict."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from commitments import entry
from commitments.answers import choose
from commitments.clock import fold, may_pause, may_resume, may_waive
from commitments.intake import Book, draft
from commitments.rules import rule_for
from schemas.commitment import (
    ATTEMPTED,
    PAUSED,
    RESUMED,
    STARTED,
    VOIDED,
    WAIVED,
    Event,
)
from schemas.problems import Refusal
from schemas.work import CaseRequest, PremisesFacts
from storage import catalogue
from storage.services import services

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text):
    """A local instant such as `2026-11-23 09:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


def event(kind, when, *, received=None, **body):
    return Event(
        kind=kind,
        observed_at=at(when),
        received_at=at(received or when),
        source=f"test:{kind}",
        body=body,
    )


def judged(code, events, *, now):
    rule = rule_for(catalogue.rules(), code, on_day=at(now).date())
    return fold(rule, events, calendar=catalogue.calendar(), now=at(now))


def asked(kind, received, *, description="", **given):
    request = CaseRequest(
        kind=kind,
        channel=given.pop("channel", "hotline"),
        account="6600000001",
        received_at=at(received),
        description=description,
        **given,
    )
    premises = PremisesFacts(id="p", account="6600000001", customer_class="resident")
    book = Book(services=services(), rules=catalogue.rules(), calendar=catalogue.calendar())
    return draft(request, premises, book=book)


def local(instant):
    return instant.astimezone(SHANGHAI).isoformat(" ", "minutes")[:16]


def test_clause_2_an_outage_that_lasts_within_its_day_is_kept():
    begun = event(STARTED, "2026-11-23 09:00")
    back = event("actual_restore", "2026-11-23 17:00")
    assert judged("2c", [begun, back], now="2026-11-25 09:00").state == "met"


def test_clause_2_gas_is_back_by_the_announced_end():
    begun = event(STARTED, "2026-11-23 09:00", deadline="2026-11-23T17:00:00+08:00")
    late = event("actual_restore", "2026-11-23 17:01")
    assert judged("2d", [begun, late], now="2026-11-24 09:00").state == "breached"


@pytest.mark.parametrize(
    ("code", "since", "last_day"),
    [
        ("3a", "2024-12-01 00:00", "2026-12-01"),
        ("3b", "2025-12-01 00:00", "2026-12-01"),
        ("3c", "2026-06-01 00:00", "2026-12-01"),
    ],
)
def test_clause_3_an_inspection_may_be_done_until_its_last_day_is_over(code, since, last_day):
    begun = event(STARTED, since)
    done = event("inspection_completed", f"{last_day} 23:59")
    verdict = judged(code, [begun, done], now="2026-12-05 09:00")
    assert verdict.state == "met"
    assert verdict.due_on is not None and verdict.due_on.isoformat() == last_day


def test_clause_3_a_knock_in_vain_does_not_reset_the_interval():
    begun = event(STARTED, "2024-11-01 00:00")
    knocked = event(ATTEMPTED, "2026-10-20 10:00")
    verdict = judged("3a", [begun, knocked], now="2026-11-20 10:00")
    assert verdict.state == "breached"
    assert verdict.due_on is not None and verdict.due_on.isoformat() == "2026-11-01"


def test_clause_3_finds_the_cycle_from_the_class_or_names_the_fact():
    assert choose("3", {"customer_class": "rural_piped"})[0] == "3c"
    with pytest.raises(Refusal, match="fact_missing"):
        choose("3", {})


def test_clause_4_a_smell_becomes_an_emergency_with_two_clocks_whatever_it_was_called():
    drafted = asked("repair", "2026-11-23 02:00", description="厨房有煤气味")
    assert (drafted.kind, drafted.rerouted) == ("emergency", True)
    dues = {each.rule.code: each.due_at for each in drafted.clocks}
    assert {code: local(due) for code, due in dues.items() if due} == {
        "4b": "2026-11-23 02:05",
        "4c": "2026-11-23 02:30",
    }
    begun, left = event(STARTED, "2026-11-23 02:00"), event("crew_departed", "2026-11-23 02:04")
    assert judged("4b", [begun, left], now="2026-11-23 03:00").state == "met"
    arrived = event("crew_arrived", "2026-11-23 02:31")
    assert judged("4c", [begun, arrived], now="2026-11-23 03:00").state == "breached"


@pytest.mark.parametrize(("seconds", "state"), [(15, "met"), (16, "breached")])
def test_clause_6_a_call_is_answered_within_three_rings(seconds, state):
    begun = event(STARTED, "2026-11-23 09:00")
    answered = begun.observed_at + timedelta(seconds=seconds)
    picked_up = Event(
        kind="answered", observed_at=answered, received_at=answered, source="cti", body={}
    )
    assert judged("6", [begun, picked_up], now="2026-11-23 10:00").state == state


@pytest.mark.parametrize("channel", ["hotline", "hall", "online_hall", "wechat"])
def test_clause_7_the_clock_is_the_same_whatever_the_channel(channel):
    drafted = asked("repair", "2026-11-23 09:00", channel=channel)
    assert [local(each.due_at) for each in drafted.clocks] == ["2026-11-24 09:00"]


def test_clause_8_stops_at_the_last_of_four_deliverables():
    begun = event(STARTED, "2026-06-18 09:00")
    three = [
        event("usage_scope_explained", "2026-06-18 10:00"),
        event("technical_help_given", "2026-06-18 11:00"),
        event("site_surveyed", "2026-06-22 09:00"),
    ]
    assert judged("8", [begun, *three], now="2026-06-23 12:00").state == "running"
    plan = event("preliminary_plan_set", "2026-06-23 18:00")
    verdict = judged("8", [begun, *three, plan], now="2026-06-24 12:00")
    assert (verdict.state, verdict.stopped_at) == ("met", plan.observed_at)


def test_clause_9_a_connection_stands_still_during_design():
    begun = event(STARTED, "2026-03-02 09:00")
    still = event(PAUSED, "2026-03-09 09:00", reason="design", document="D-1")
    on = event(RESUMED, "2026-03-13 17:00")
    plain = judged("9b", [begun], now="2026-03-20 09:00")
    paused = judged("9b", [begun, still, on], now="2026-03-20 09:00")
    assert judged("9b", [begun, still], now="2026-03-10 09:00").state == "paused"
    # five working days stood still, and just as many come at the end
    assert catalogue.calendar().works(paused.due_on)
    assert len(set(paused.days) - set(plain.days)) == 5
    assert paused.pauses[0].document == "D-1"


def test_clause_10_relight_is_signed_within_five_working_days():
    drafted = asked("relight", "2026-04-30 09:00")
    assert [local(each.due_at) for each in drafted.clocks] == ["2026-05-12 00:00"]
    begun = event(STARTED, "2026-04-30 09:00")
    signed = event("gas_on_signed", "2026-05-11 23:00")
    assert judged("10", [begun, signed], now="2026-05-12 09:00").state == "met"


def test_clause_11_counts_from_the_day_after_the_purchase():
    drafted = asked(
        "appliance_install", "2026-10-08 09:00", purchased_on=datetime(2026, 9, 30).date()
    )
    assert [local(each.due_at) for each in drafted.clocks] == ["2026-10-11 00:00"]


def test_clause_11_an_agreement_dated_before_the_deadline_waives_it():
    begun = event(STARTED, "2026-03-02 09:00")
    agreed = event(WAIVED, "2026-03-04 09:00", agreed_on="2026-03-20")
    verdict = judged("11", [begun, agreed], now="2026-03-09 09:00")
    assert (verdict.state, verdict.wake_at) == ("waived_by_agreement", None)


def test_clause_12_hours_do_not_stop_at_night_and_late_proof_still_counts():
    begun = event(STARTED, "2026-11-20 22:00")
    waiting = judged("12", [begun], now="2026-11-22 09:00")
    assert waiting.state == "overdue_evidence_pending"
    in_home = event("repair_started_in_home", "2026-11-21 21:30", received="2026-11-22 10:00")
    verdict = judged("12", [begun, in_home], now="2026-11-22 11:00")
    assert (verdict.state, verdict.proof_received_at) == ("met", in_home.received_at)


def test_clause_12_a_customer_who_was_away_excuses_a_late_repair():
    begun = event(STARTED, "2026-11-20 09:00")
    knocked = event(ATTEMPTED, "2026-11-20 15:00")
    in_home = event("repair_started_in_home", "2026-11-22 09:00")
    verdict = judged("12", [begun, knocked, in_home], now="2026-11-23 09:00")
    assert (verdict.state, verdict.late_seconds) == ("met_late_excused", 24 * 3600)


def test_clause_13_is_answered_then_done_and_another_clock_is_the_contracts():
    begun = event(STARTED, "2026-03-02 09:00")
    reply = event("reply_given", "2026-03-09 17:00")
    assert judged("13a", [begun, reply], now="2026-03-10 09:00").state == "met"
    done = event("work_done", "2026-03-10 00:01")
    assert judged("13b", [begun, done], now="2026-03-11 09:00").state == "breached"


def test_clause_14_money_is_sent_within_five_working_days():
    drafted = asked("refund", "2026-12-24 09:00", channel="wechat")
    assert drafted.work is None
    begun, sent = event(STARTED, "2026-12-24 09:00"), event("money_sent", "2026-12-31 20:00")
    assert judged("14", [begun, sent], now="2027-01-02 09:00").state == "met"


def test_clause_14_a_date_in_a_year_without_a_notice_says_that_it_is_a_guess():
    begun = event(STARTED, "2026-12-29 09:00")
    verdict = judged("14", [begun], now="2026-12-30 09:00")
    assert (verdict.state, verdict.provisional) == ("provisional", True)


def test_clause_14_a_request_without_a_right_to_money_is_not_applicable():
    begun, voided = event(STARTED, "2026-03-02 09:00"), event(VOIDED, "2026-03-03 09:00")
    assert judged("14", [begun, voided], now="2026-04-01 09:00").state == "not_applicable"


def test_clause_16_two_clocks_run_at_once_and_are_judged_apart():
    drafted = asked("complaint", "2026-03-06 16:00")
    assert {each.rule.code: local(each.due_at) for each in drafted.clocks} == {
        "16a": "2026-03-08 16:00",
        "16b": "2026-03-14 00:00",
    }
    begun = event(STARTED, "2026-03-06 16:00")
    opinion = event("opinion_replied", "2026-03-08 16:01")
    extended = event("extension_agreed_with_reason", "2026-03-13 12:00", reason="parts")
    assert judged("16a", [begun, opinion], now="2026-03-15 09:00").state == "breached"
    assert judged("16b", [begun, extended], now="2026-03-15 09:00").state == "met"


def test_a_pause_in_a_pause_and_a_resume_without_one_are_refused():
    begun, still = event(STARTED, "2026-03-02 09:00"), event(PAUSED, "2026-03-03 09:00")
    with pytest.raises(Refusal, match="already_paused"):
        may_pause([begun, still], at("2026-03-04 09:00"))
    with pytest.raises(Refusal, match="not_paused"):
        may_resume([begun], at("2026-03-04 09:00"))
    may_resume([begun, still], at("2026-03-04 09:00"))


def test_a_waiver_after_the_deadline_or_for_a_promise_that_has_none_is_refused():
    begun = event(STARTED, "2026-03-02 09:00")
    verdict = judged("11", [begun], now="2026-03-03 09:00")
    rule = rule_for(catalogue.rules(), "11", on_day=verdict.due_on)
    may_waive(rule, verdict, consented_at=at("2026-03-05 23:59"))
    with pytest.raises(Refusal, match="waiver_too_late"):
        may_waive(rule, verdict, consented_at=at("2026-03-06 00:00"))
    relight = rule_for(catalogue.rules(), "10", on_day=verdict.due_on)
    with pytest.raises(Refusal, match="not_waivable"):
        may_waive(relight, verdict, consented_at=at("2026-03-03 09:00"))


def test_field_work_becomes_the_event_that_its_clause_waits_for():
    rules = {each.code: each for each in catalogue.rules()}
    for kind, state, code in [
        ("repair", "in_progress", "12"),
        ("appliance_install", "field_done", "11"),
        ("relight", "field_done", "10"),
        ("alteration", "field_done", "13b"),
        ("emergency", "en_route", "4b"),
        ("emergency", "on_site", "4c"),
        ("inspection", "field_done", "3a"),
        ("pre_service", "on_site", "8"),
    ]:
        assert set(entry.field_events(kind, state)) & set(rules[code].stops), kind
    assert entry.field_events("inspection", "no_access") == (ATTEMPTED,)
