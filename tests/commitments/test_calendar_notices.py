"""A notice on working days moves exactly the running clocks that lean on it, with history."""

import json
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
import sqlalchemy as sa

from commitments import cases, ledger, notices, recalendar
from commitments.sweep import sweep
from runtime import chores
from runtime.ambient import fixed
from schemas.calendar import Notice, NoticeDay
from schemas.commitment import Event
from schemas.problems import Refusal
from storage import catalogue
from storage import ledger as rows
from storage.tables import commitment
from tests.commitments.test_ledger_story import UNIT, cluster, engine, request

__all__ = ["cluster", "engine"]
pytestmark = pytest.mark.asyncio
BEFORE = datetime(2026, 12, 30, 2, tzinfo=UTC)
LATER = datetime(2026, 12, 31, 2, tzinfo=UTC)


def notice(*days, layer="official", year=2027):
    """New Year 2027 as it may be announced: 1 to 3 January off, the 4th worked."""
    given = days or (("2027-01-01", False), ("2027-01-04", False))
    return Notice(
        year=year,
        source="国办发明电〔2026〕00号",
        layer=layer,
        days=[NoticeDay(on=date.fromisoformat(day), works=works) for day, works in given],
    )


async def opened(engine, kind, number, at=BEFORE, **given):
    """A case; returns its commitments by clause."""
    done = await cases.open_cases(
        engine, UNIT, requests=[request(kind, number, received_at=at, **given)], ambient=fixed(at)
    )
    async with engine.connect() as tx:
        held = await rows.open_for(tx, UNIT, case_id=done.opened[0])
    return {each.clause: each for each in held}


async def now_of(engine, held):
    async with engine.connect() as tx:
        return await rows.commitment_of(tx, UNIT, commitment_id=held.id)


async def take(engine, given, at=LATER):
    return await recalendar.take(engine, UNIT, notice=given, actor="王主管", ambient=fixed(at))


async def test_a_clock_that_leans_on_the_days_moves_and_says_by_whom(engine):
    held = (await opened(engine, "refund", "R1"))["14"]
    assert held.provisional
    done = await take(engine, notice())
    assert (done.clocks, done.moved, done.official_until) == (1, 1, 2027)
    after = await now_of(engine, held)
    assert after.due_on > held.due_on
    assert not after.provisional
    told = await ledger.explain(engine, UNIT, commitment_id=held.id, now=LATER)
    event = told["events"][-1]
    assert (event["kind"], event["body"]["actor"]) == ("calendar_changed", "王主管")
    assert event["body"]["reason"].startswith("国办发明电")
    assert date(2027, 1, 4).isoformat() not in told["verdict"]["days"]


async def test_another_guess_about_years_to_come_makes_no_difference_after_an_upgrade(
    engine, monkeypatch
):
    ours = catalogue.calendar()
    plain = {day: works for day, works in ours.days.items() if day.year <= ours.official_until}
    before = msgspec.structs.replace(ours, days=plain, name="before")
    with monkeypatch.context() as earlier:
        earlier.setattr(catalogue, "calendar", lambda: before)
        running = (await opened(engine, "refund", "R1"))["14"]
        ended = (await opened(engine, "refund", "R2"))["14"]
        sent = Event(kind="money_sent", observed_at=BEFORE, received_at=BEFORE, source="x")
        await ledger.record(engine, UNIT, commitment_id=ended.id, event=sent, ambient=fixed(BEFORE))
        await sweep(engine, ambient=fixed(BEFORE + timedelta(minutes=1)), limit=10)
    found = await ledger.verify(engine, UNIT)
    assert (found["differences"], found["guessed"]) == (0, 2)
    assert await chores.guesses(engine, ambient=fixed(LATER)) == 1
    await sweep(engine, ambient=fixed(LATER), limit=10)
    assert (await now_of(engine, running)).due_on > running.due_on
    assert (await now_of(engine, ended)).due_on == ended.due_on
    found = await ledger.verify(engine, UNIT)
    assert (found["differences"], found["guessed"]) == (0, 1)
    assert await chores.guesses(engine, ambient=fixed(LATER)) == 0


async def test_a_clock_of_hours_and_one_that_ended_before_are_left_alone(engine):
    repair = (await opened(engine, "repair", "X1"))["12"]
    early = (await opened(engine, "refund", "X2", at=datetime(2026, 12, 1, 2, tzinfo=UTC)))["14"]
    done = await take(engine, notice())
    assert done.clocks == 0
    for held in (repair, early):
        after = await now_of(engine, held)
        assert (after.events, after.due_at, after.verdict) == (
            held.events, held.due_at, held.verdict,
        )  # fmt: skip


async def test_the_same_notice_again_changes_nothing(engine):
    held = (await opened(engine, "refund", "R2"))["14"]
    await take(engine, notice())
    first = await now_of(engine, held)
    again = await take(engine, notice(), at=datetime(2026, 12, 31, 5, tzinfo=UTC))
    assert (again.clocks, again.moved) == (0, 0)
    assert (await now_of(engine, held)).events == first.events


async def test_a_later_notice_corrects_an_earlier_one(engine):
    held = (await opened(engine, "refund", "R3"))["14"]
    await take(engine, notice())
    first = await now_of(engine, held)
    await take(engine, notice(("2027-01-04", True)), at=datetime(2026, 12, 31, 5, tzinfo=UTC))
    after = await now_of(engine, held)
    assert after.due_on < first.due_on
    assert after.events == first.events + 1


async def test_the_operators_own_day_prevails_over_the_official_one(engine):
    held = (await opened(engine, "refund", "R4"))["14"]
    await take(engine, notice(("2027-01-05", False), layer="operator"))
    first = await now_of(engine, held)
    assert first.provisional
    await take(
        engine,
        notice(("2027-01-01", False), ("2027-01-05", True)),
        at=datetime(2026, 12, 31, 5, tzinfo=UTC),
    )
    after = await now_of(engine, held)
    assert not after.provisional
    told = await ledger.explain(engine, UNIT, commitment_id=held.id, now=LATER)
    assert "2027-01-05" not in told["verdict"]["days"]


async def test_a_clock_that_begins_after_the_notice_hears_of_it_at_once(engine):
    await take(engine, notice(), at=BEFORE)
    held = (await opened(engine, "refund", "R5", at=LATER))["14"]
    assert not held.provisional
    told = await ledger.explain(engine, UNIT, commitment_id=held.id, now=LATER)
    assert [each["kind"] for each in told["events"]] == ["started", "calendar_changed"]
    assert "2027-01-04" not in told["verdict"]["days"]


async def test_every_verdict_is_still_the_fold_of_its_events(engine):
    for n in range(3):
        await opened(engine, "refund", f"V{n}")
        await opened(engine, "complaint", f"W{n}")
    await take(engine, notice())
    await opened(engine, "refund", "V9", at=LATER)
    counted = await ledger.verify(engine, UNIT)
    assert counted["recomputed"] >= 7
    assert (counted["differences"], counted["broken_chains"]) == (0, 0)


async def test_a_refused_notice_changes_nothing(engine):
    await opened(engine, "refund", "R6")
    whole = [(f"2027-02-{day:02d}", False) for day in range(1, 29)]
    for given, code in (
        (notice(("2026-12-31", False)), "calendar_notice"),
        (notice(("2027-01-01", False), ("2027-01-01", True)), "calendar_notice"),
        (notice(*whole), "calendar_without_working_day"),
    ):
        with pytest.raises(Refusal, match=code):
            await take(engine, given)
    async with engine.connect() as tx:
        assert await rows.calendar_of(tx, UNIT) == []
        moved = await tx.scalar(sa.select(sa.func.max(commitment.c.events)))
    assert moved == 1


async def test_a_notice_comes_as_json_or_csv():
    text = json.dumps(
        {
            "year": 2027, "source": "s", "layer": "official",
            "days": [{"on": "2027-01-01", "works": False}],
        }
    )  # fmt: skip
    read = notices.read_json(text)
    assert read.days[0] == NoticeDay(on=date(2027, 1, 1), works=False)
    read = notices.read_csv("on,works,name\n2027-01-01,休息,元旦\n2027-01-09,上班,\n", source="s")
    assert [(each.on.day, each.works) for each in read.days] == [(1, False), (9, True)]
    assert catalogue.calendar().official_until == 2026


@pytest.mark.parametrize(
    "text",
    ["on,works\n2027-01-01,perhaps\n", "on,works\n1 January,0\n", "on,works\n2026-12-31,0\n2027-01-01,0\n",
     "day\n2027-01-01\n", "on,works\n", "on,\x0cy\rz"],
)  # fmt: skip
async def test_a_csv_that_is_no_notice_is_refused_with_its_line(text):
    with pytest.raises(Refusal, match="calendar_notice"):
        notices.read_csv(text, source="s")


@pytest.mark.parametrize("text", ["", "[]", '{"year": 2027}', '{"year": 1, "days": []}'])
async def test_json_that_is_no_notice_is_refused(text):
    with pytest.raises(Refusal, match="calendar_notice"):
        notices.read_json(text)


async def test_a_clock_that_begins_after_a_notice_says_who_moved_it_and_by_which_notice(engine):
    await take(engine, notice())
    held = (await opened(engine, "refund", "R9", at=LATER))["14"]
    told = await ledger.explain(engine, UNIT, commitment_id=held.id, now=LATER)
    event = told["events"][1]
    assert (event["kind"], event["body"]["actor"]) == ("calendar_changed", "intake")
    assert event["body"]["reason"].startswith("国办发明电")
