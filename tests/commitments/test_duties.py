"""Standing promises and gates, judged from dated records; and each refusal of a bad one."""

from datetime import UTC, date, datetime, timedelta

import pytest

from commitments import duties
from commitments.duties import Outage, Proof
from schemas.base import Span
from schemas.problems import Refusal
from storage import catalogue


def at(text):
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


def span(opens, closes):
    return Span(opens=at(opens), closes=at(closes))


PLANNED = span("2026-11-25T09:00", "2026-11-25T17:00")
PEAK = span("2026-11-25T17:00", "2026-11-25T20:00")


def outage(**changed):
    given = {
        "noticed_at": at("2026-11-23T09:00"),
        "planned": PLANNED,
        "stopped_at": at("2026-11-25T09:00"),
        "restored_at": at("2026-11-25T16:30"),
    }
    return Outage(**{**given, **changed})


def findings(**changed):
    found = duties.outage_findings(outage(**changed), peaks=[PEAK], calendar=catalogue.calendar())
    return {each.rule: each.kept for each in found}


def test_clause_1_a_valid_report_and_steady_pressure_keep_the_supply_promise():
    found = duties.supply_findings(
        certificates=[(date(2026, 1, 1), date(2026, 12, 31))],
        pressures_kpa=[2.0, 2.1],
        pressure_range_kpa=(1.5, 3.0),
        on_day=date(2026, 12, 31),
    )
    assert [each.kept for each in found] == [True, True]


def test_clause_1_an_expired_report_and_a_low_pressure_are_two_breaches():
    found = duties.supply_findings(
        certificates=[(date(2026, 1, 1), date(2026, 6, 30))],
        pressures_kpa=[2.0, 1.2],
        pressure_range_kpa=(1.5, 3.0),
        on_day=date(2026, 7, 1),
    )
    assert [each.kept for each in found] == [False, False]


def test_clause_2_an_outage_announced_two_days_before_and_ended_in_time_keeps_all_four():
    assert findings() == {"2a": True, "2b": True, "2c": True, "2d": True}


def test_clause_2_a_notice_of_47_hours_is_refused_and_48_is_enough():
    with pytest.raises(Refusal, match="outage_notice_short") as refused:
        duties.may_announce(outage(noticed_at=at("2026-11-23T10:00")))
    assert refused.value.details == {"lead_hours": 47.0}
    duties.may_announce(outage())


def test_clause_2_an_outage_that_ends_before_it_begins_is_refused():
    with pytest.raises(Refusal, match="outage_times"):
        duties.may_announce(outage(planned=Span(opens=PLANNED.closes, closes=PLANNED.opens)))


def test_clause_2_the_peak_begins_where_the_window_ends():
    late = span("2026-11-25T09:00", "2026-11-25T17:01")
    assert findings(planned=late)["2b"] is False


def test_clause_2_more_than_a_day_is_excused_only_with_reason_and_approver():
    long = {"stopped_at": at("2026-11-24T09:00")}
    assert findings(**long)["2c"] is False
    assert findings(**long, reason="主管道更换")["2c"] is False
    assert findings(**long, reason="主管道更换", approver="王主任")["2c"] is True


@pytest.mark.parametrize(
    ("restored", "kept"),
    [
        ("2026-11-25T17:00", True),
        ("2026-11-25T17:01", False),
        ("2026-11-25T22:00", False),
        ("2026-11-26T05:59", False),
    ],
)
def test_clause_2_gas_is_back_in_time_and_never_at_night(restored, kept):
    assert findings(restored_at=at(restored))["2d"] is kept


def test_clause_2_what_is_still_off_is_not_judged_yet():
    open_still = findings(restored_at=None)
    assert (open_still["2c"], open_still["2d"]) == (None, None)


def test_clause_3_gas_is_not_turned_on_before_the_first_inspection():
    with pytest.raises(Refusal, match="first_gas_on_gate"):
        duties.may_turn_on_first(inspected_at=None, at=PLANNED.opens)
    with pytest.raises(Refusal, match="first_gas_on_gate"):
        duties.may_turn_on_first(inspected_at=PLANNED.closes, at=PLANNED.opens)
    duties.may_turn_on_first(inspected_at=PLANNED.opens, at=PLANNED.opens)


def test_clause_4_a_roster_shows_the_hours_that_nobody_covers():
    shifts = [
        span("2026-11-25T08:00", "2026-11-25T20:00"),
        span("2026-11-25T21:00", "2026-11-26T08:00"),
    ]
    day = span("2026-11-25T08:00", "2026-11-26T09:00")
    assert duties.roster_gaps(shifts, window=day) == (
        span("2026-11-25T20:00", "2026-11-25T21:00"),
        span("2026-11-26T08:00", "2026-11-26T09:00"),
    )
    assert duties.roster_gaps([day], window=day) == ()
    assert duties.roster_gaps([], window=day) == (day,)


def test_clause_5_a_hall_without_a_record_on_a_holiday_is_a_breach():
    opened = {date(2026, 10, 1) + timedelta(days=n) for n in range(7)} - {date(2026, 10, 4)}
    gaps = duties.days_without(opened, since=date(2026, 10, 1), until=date(2026, 10, 7))
    assert gaps == (date(2026, 10, 4),)


def test_clause_9_one_manager_and_no_fee():
    assert duties.connection_findings(manager="李经理", service_fee_fen=0)[0].kept
    assert not duties.connection_findings(manager="", service_fee_fen=0)[0].kept
    assert not duties.connection_findings(manager="李经理", service_fee_fen=1)[0].kept


@pytest.mark.parametrize("rule", ["13d", "16c"])
def test_clauses_13_and_16_a_refusal_says_why_and_in_time(rule):
    due_at = PLANNED.opens
    served = {"served_at": due_at, "due_at": due_at}
    assert duties.refusal_finding(rule, reason="管道距离不足", **served).kept
    assert not duties.refusal_finding(rule, reason="", **served).kept
    assert not duties.refusal_finding(rule, reason="x", served_at=None, due_at=due_at).kept
    late = due_at + timedelta(seconds=1)
    assert not duties.refusal_finding(rule, reason="x", served_at=late, due_at=due_at).kept


def test_clause_15_every_item_is_seen_alive_on_every_channel():
    items, channels = ["price", "fee"], ["web", "wechat"]
    proofs = [
        Proof(item=item, channel=channel, checked_on=date(2026, 11, 1), live=True)
        for item in items
        for channel in channels
    ]
    since = date(2026, 11, 1)
    look = {"items": items, "channels": channels, "since": since}
    assert duties.public_gaps(proofs, **look) == ()
    dead = Proof(item="fee", channel="web", checked_on=date(2026, 11, 9), live=False)
    assert duties.public_gaps([dead, *proofs], **look) == (("fee", "web"),)
    assert len(duties.public_gaps(proofs, **{**look, "since": date(2026, 11, 2)})) == 4


@pytest.mark.parametrize(("reason", "agreed"), [("", True), ("  ", True), ("缺件", False)])
def test_clause_16_an_extension_without_reason_or_consent_is_refused(reason, agreed):
    with pytest.raises(Refusal, match="extension_without_reason"):
        duties.may_extend(reason=reason, customer_agreed=agreed)
    duties.may_extend(reason="缺件", customer_agreed=True)


def test_the_law_names_four_dangers():
    # a visit with one is certified by its written notice alone: tests/api/test_evidence_and_days.py
    statutory = catalogue.document("hazard_grades.yaml")["statutory_major"]
    assert [each["code"] for each in statutory] == ["SM1", "SM2", "SM3", "SM4"]


def test_gas_that_was_shut_off_waits_for_a_recheck_after_the_shutting():
    shut = PLANNED.opens
    for passed in (None, shut, shut - timedelta(days=1)):
        with pytest.raises(Refusal, match="recheck_missing"):
            duties.may_restore(shut_at=shut, recheck_passed_at=passed)
    duties.may_restore(shut_at=shut, recheck_passed_at=shut + timedelta(minutes=1))
