"""Equations that the fold, the chain and the calendar hold for whatever comes."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commitments import chain, entry
from commitments.calendar import end_of_day, local_day, months_after, working_days_after
from commitments.clock import fold
from commitments.rules import rule_for
from commitments.triage import route
from schemas.commitment import (
    ATTEMPTED,
    PAUSED,
    RESUMED,
    STARTED,
    WAIVED,
    Event,
)
from schemas.problems import Refusal
from storage import catalogue

BEGUN = datetime(2026, 3, 2, 1, tzinfo=UTC)
CODES = ["3c", "4b", "8", "9b", "10", "11", "12", "13a", "14", "16a", "16b"]
OFTEN = settings(max_examples=60, deadline=None)


def made(kind, minutes, *, late=0):
    observed = BEGUN + timedelta(minutes=minutes)
    body = {"reason": "design", "document": "D-1"} if kind == PAUSED else {}
    return Event(
        kind=kind,
        observed_at=observed,
        received_at=observed + timedelta(minutes=late),
        source=f"{kind}:{minutes}",
        body=body,
    )


def rule(code):
    return rule_for(catalogue.rules(), code, on_day=BEGUN.date())


def judged(code, events, now):
    return fold(rule(code), events, calendar=catalogue.calendar(), now=now)


@st.composite
def histories(draw):
    code = draw(st.sampled_from(CODES))
    kinds = st.sampled_from([PAUSED, RESUMED, WAIVED, ATTEMPTED, *rule(code).stops])
    rest = draw(st.lists(st.tuples(kinds, st.integers(1, 60_000)), max_size=6, unique=True))
    return code, [made(STARTED, 0), *(made(kind, minutes) for kind, minutes in rest)]


NOWS = st.integers(0, 90_000).map(lambda minutes: BEGUN + timedelta(minutes=minutes))


@OFTEN
@given(histories(), NOWS, st.randoms(use_true_random=False))
def test_events_fold_to_one_verdict_in_whatever_order_they_came(history, now, random):
    code, events = history
    shuffled = events[:]
    random.shuffle(shuffled)
    assert judged(code, shuffled, now) == judged(code, events, now)


@OFTEN
@given(histories(), NOWS)
def test_folding_twice_changes_nothing_and_a_wake_is_always_ahead(history, now):
    code, events = history
    verdict = judged(code, events, now)
    assert judged(code, events, now) == verdict
    assert verdict.wake_at is None or verdict.wake_at > now


@OFTEN
@given(histories(), NOWS)
def test_stages_are_in_order_and_never_ahead_of_now(history, now):
    code, events = history
    stages = judged(code, events, now).stages
    assert list(stages) == sorted(stages, key=lambda each: each.at)
    assert all(each.at <= now for each in stages)


@OFTEN
@given(st.sampled_from(CODES), NOWS, NOWS)
def test_a_stage_that_was_reached_stays_while_nothing_happens(code, one, other):
    earlier, later = sorted((one, other))
    events = [made(STARTED, 0)]
    before, after = (judged(code, events, now).stages for now in (earlier, later))
    assert after[: len(before)] == before


@pytest.mark.parametrize("code", CODES)
def test_three_days_away_fire_every_stage_in_order_with_its_true_instant(code):
    events = [made(STARTED, 0)]
    asleep_until = judged(code, events, BEGUN).wake_at
    step_by_step, now = [], BEGUN
    while asleep_until is not None:
        now = asleep_until
        verdict = judged(code, events, now)
        step_by_step = verdict.stages
        asleep_until = verdict.wake_at
    assert judged(code, events, now + timedelta(days=3)).stages == step_by_step
    names = [each.name for each in step_by_step if not each.name.endswith("_late")]
    assert names[:3] == ["started", "warned", "due"]
    assert [each.at for each in step_by_step] == sorted(each.at for each in step_by_step)


@OFTEN
@given(st.lists(st.tuples(st.sampled_from([PAUSED, ATTEMPTED]), st.integers(0, 9_999)), max_size=8))
def test_a_flipped_byte_in_any_past_event_is_found(given_events):
    head, links = "", []
    events = [made(STARTED, 0), *(made(kind, minutes) for kind, minutes in given_events)]
    for n, each in enumerate(events, start=1):
        found = chain.link(head, n, event=each)
        links.append((n, each, head, found))
        head = found
    assert chain.broken_at(links) is None
    for place, (n, each, previous, found) in enumerate(links):
        forged = msgspec.structs.replace(each, source=each.source + "x")
        tampered = [*links[:place], (n, forged, previous, found), *links[place + 1 :]]
        assert chain.broken_at(tampered) == n
        if place < len(links) - 1:
            assert chain.broken_at([*links[:place], *links[place + 1 :]]) is not None


@OFTEN
@given(st.dates(date(2018, 1, 1), date(2026, 6, 30)), st.integers(1, 60))
def test_working_days_are_worked_counted_once_and_after_the_event(start, count):
    calendar = catalogue.calendar()
    days = working_days_after(calendar, start, count=count)
    assert len(set(days)) == count and list(days) == sorted(days) and days[0] > start
    assert all(map(calendar.works, days))
    skipped = {start + timedelta(days=n) for n in range(1, (days[-1] - start).days)} - set(days)
    assert not any(map(calendar.works, skipped))


@OFTEN
@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)), st.integers(1, 60))
def test_months_never_run_into_the_month_after(start, months):
    last = months_after(start, months)
    assert (last.year - start.year) * 12 + last.month - start.month == months
    assert last.day <= start.day


@OFTEN
@given(st.dates(date(2018, 1, 1), date(2030, 1, 1)))
def test_the_last_instant_of_a_day_is_not_in_it(day):
    calendar = catalogue.calendar()
    over = end_of_day(calendar, day)
    assert local_day(calendar, over - timedelta(microseconds=1)) == day
    assert local_day(calendar, over) == day + timedelta(days=1)


def test_nothing_is_folded_without_a_start():
    with pytest.raises(Refusal, match="commitment_without_start"):
        judged("11", [made(PAUSED, 5)], BEGUN)


def test_a_deadline_without_a_zone_is_refused():
    begun = msgspec.structs.replace(made(STARTED, 0), body={"deadline": "2026-03-02T17:00:00"})
    with pytest.raises(Refusal, match="fact_without_zone"):
        judged("2d", [begun], BEGUN)


def test_what_the_ledger_holds_folds_back_to_the_event_that_was_entered():
    opening = entry.Opening(
        id=UUID(int=1),
        unit_id="u",
        rule=rule("12"),
        started_at=BEGUN,
        received_at=BEGUN,
        source="case:1",
    )
    entered = entry.opened(opening, catalogue.calendar(), now=BEGUN)
    held = entered.commitments[0]
    added = entry.appended("u", held, events=[made("repair_started_in_home", 60)])
    links = [
        (r["n"], _event(r), r["previous_hash"], r["hash"]) for r in [*entered.events, *added.events]
    ]
    assert chain.broken_at(links) is None
    assert added.commitments[0]["head_hash"] == links[-1][3]


def _event(row):
    return Event(
        kind=row["kind"],
        observed_at=row["observed_at"],
        received_at=row["received_at"],
        source=row["source_key"],
        body=row["body"],
    )


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("厨房闻到气味", "emergency"),
        ("报警器一直响", "emergency"),
        ("老人头晕恶心", "emergency"),
        ("灶具打不着火，没有气味", "repair"),
        ("没有异味，但是报警器报警", "emergency"),
        ("表不走字", "repair"),
    ],
)
def test_triage_sends_danger_to_the_emergency_desk_and_a_denial_is_no_danger(words, kind):
    assert route("repair", words) == kind


def test_triage_believes_an_answer_more_than_the_words():
    assert route("refund", "退款", answers={"smell": True}) == "emergency"
    assert route("repair", "打不着火", answers={"smell": False}) == "repair"
