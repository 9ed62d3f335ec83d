"""Desks, halls, calls, channels, publicity, supply: what is owed unasked, day by day."""

from datetime import date, timedelta

import msgspec
import pytest
import pytest_asyncio
import sqlalchemy as sa

from commitments import ledger, outages, standing
from commitments.calls import read_calls
from commitments.looking import CHANNELS, ITEMS
from commitments.sweep import sweep
from runtime.ambient import fixed
from schemas.outage import OutageStep, OutageWish
from schemas.problems import Refusal
from schemas.standing import PromiseSettings, Records
from storage import standing as rows
from storage.tables import commitment
from tests.commitments.unit import (
    UNIT,
    at,
    by,
    everything,
    iso,
    opened,
    seeded,
    verified,
)


@pytest_asyncio.fixture
async def unit(database):
    return await seeded(database)


DAY = date(2026, 3, 2)
FULL = {
    "standing_since": "2026-03-02", "halls": ["H1", "H2"], "judge_after_hours": 0,
    "pressure_low_kpa": 1.5, "pressure_high_kpa": 3.0,
}  # fmt: skip


async def laid(engine, **changed):
    given = msgspec.convert(FULL | changed, PromiseSettings)
    await standing.lay_down(engine, UNIT, given=given, by=by("2026-03-02 00:00"))


async def written(engine, when, *records):
    wish = msgspec.convert({"records": list(records)}, Records)
    return await standing.write_down(engine, UNIT, records=wish.records, by=by(when))


def a_good_day():
    hall = {"kind": "hall_opening", "on": "2026-03-02", "opens": iso("2026-03-02 08:00"), "closes": iso("2026-03-02 18:00")}  # fmt: skip
    return [
        {"kind": "quality_report", "number": "Q-1", "valid_from": "2026-01-01", "valid_to": "2026-12-31", "document": "GB 17820"},
        {"kind": "pressure", "station": "S1", "at": iso("2026-03-02 08:00"), "kpa": 2.1},
        {"kind": "shift", "desk": "emergency", "person": "甲", "opens": iso("2026-03-02 00:00"), "closes": iso("2026-03-02 12:00")},
        {"kind": "shift", "desk": "emergency", "person": "乙", "opens": iso("2026-03-02 12:00"), "closes": iso("2026-03-03 00:00")},
        hall | {"hall": "H1"}, hall | {"hall": "H2"},
        *({"kind": "public_check", "item": item, "channel": channel, "on": "2026-03-02", "live": True, "document": "截图"}
          for item in ITEMS for channel in CHANNELS),
    ]  # fmt: skip


async def looked(engine, when="2026-03-03 00:30"):
    await standing.look(engine, UNIT, ambient=fixed(at(when)))
    async with engine.connect() as tx:
        found = (await tx.execute(sa.select(commitment).order_by(commitment.c.id))).all()
    return sorted(
        (each.rule_code, each.facts["subject"], each.state)
        for each in found
        if each.facts.get("day") == DAY.isoformat()
    )


async def test_clauses_1_4_5_7_and_15_are_kept_on_a_day_that_has_its_records(unit):
    await laid(unit)
    await opened(unit, "refund", "2026-03-02 09:00", channel="wechat")
    assert {state for _, _, state in await looked(unit, "2026-03-02 08:00")} == {"running"}
    await written(unit, "2026-03-02 19:00", *a_good_day())
    assert await looked(unit) == [
        ("1", "", "met"), ("15", "", "met"), ("4a", "", "met"), ("5", "H1", "met"),
        ("5", "H2", "met"), ("7", "", "met"),
    ]  # fmt: skip
    assert await verified(unit) > 6


@pytest.mark.parametrize(
    ("gone", "changed", "broken"),
    [
        ("quality_report", {}, ("1", "")),
        ("pressure", {}, ("1", "")),
        ("pressure", {"kpa": 1.2}, ("1", "")),
        ("shift", {"closes": iso("2026-03-02 11:59")}, ("4a", "")),
        ("hall_opening", {}, ("5", "H1")),
        ("public_check", {"live": False}, ("15", "")),
    ],
    ids=str,
)
async def test_a_record_that_is_missing_or_bad_breaks_exactly_its_promise(
    unit, gone, changed, broken
):
    await laid(unit)
    records = a_good_day()
    place = next(n for n, each in enumerate(records) if each["kind"] == gone)
    if changed:
        records[place] = records[place] | changed
    else:
        del records[place]
    await written(unit, "2026-03-02 19:00", *records)
    found = await looked(unit)
    assert [each[:2] for each in found if each[2] == "breached"] == [broken]


async def test_clause_1_minutes_without_gas_that_nobody_announced_count(unit):
    await laid(unit)
    await written(unit, "2026-03-02 19:00", *a_good_day())
    burst = OutageWish(reason="挖断", stopped_at=at("2026-03-02 20:00"), grids=["N1"])
    told = await outages.write_down(unit, UNIT, wish=burst, by=by("2026-03-02 20:10"))
    back = OutageStep(step="restored", at=at("2026-03-02 20:45"))
    place = {"outage_id": told.outage.id, "wish": back, "by": by("2026-03-02 20:45")}
    await outages.step(unit, UNIT, **place)
    assert told.clocks == []
    found = {code: state for code, _, state in await looked(unit)}
    assert found["1"] == "breached"
    async with unit.connect() as tx:
        held = (await tx.execute(sa.select(commitment).where(commitment.c.rule_code == "1"))).all()
    day = next(each for each in held if each.facts["day"] == "2026-03-02")
    told = await ledger.explain(unit, UNIT, commitment_id=day.id, now=at("2026-03-04 09:00"))
    assert "45 unplanned minutes" in told["events"][-1]["body"]["why"]


async def test_a_day_that_was_judged_stays_judged_whatever_is_written_down_later(unit):
    await laid(unit)
    await written(
        unit, "2026-03-02 19:00", *[each for each in a_good_day() if each.get("hall") != "H1"]
    )
    first = await looked(unit)
    late = await written(unit, "2026-03-04 09:00", *a_good_day())
    assert (late.added, late.known) == (1, len(a_good_day()) - 1)
    assert await looked(unit, "2026-03-05 09:00") == first
    assert ("5", "H1", "breached") in first
    await verified(unit)


async def test_three_days_away_every_day_is_opened_and_judged_once(unit):
    await laid(unit)
    done = await standing.look(unit, UNIT, ambient=fixed(at("2026-03-06 00:30")))
    again = await standing.look(unit, UNIT, ambient=fixed(at("2026-03-06 00:30")))
    # five duties a day, publicity on the first only; the day that runs is open
    assert (done.opened, done.judged) == (5 * 5 + 1, 5 * 4 + 1)
    assert (again.opened, again.judged) == (0, 0)


def desk(opens, closes, person="丙"):
    return {"kind": "shift", "desk": "hotline", "person": person, "opens": iso(opens), "closes": iso(closes)}  # fmt: skip


@pytest.mark.parametrize(
    ("until", "state"), [("2026-03-03 00:00", "met"), ("2026-03-02 23:59", "breached")]
)
async def test_clause_6_a_hotline_desk_without_a_person_for_a_minute_is_a_breach(
    unit, until, state
):
    await laid(unit, hotline_since="2026-03-02")
    hotline = [
        desk("2026-03-02 00:00", "2026-03-02 12:00"),
        desk("2026-03-02 12:00", until, person="丁"),
    ]
    await written(unit, "2026-03-02 23:59", *a_good_day(), *hotline)
    assert ("6b", "", state) in await looked(unit)
    await verified(unit)


async def test_clause_6_no_desk_is_judged_before_the_day_from_which_it_is_recorded(unit):
    await laid(unit)
    await standing.look(unit, UNIT, ambient=fixed(at("2026-03-04 12:00")))
    given = msgspec.convert(FULL | {"hotline_since": "2026-03-03"}, PromiseSettings)
    with pytest.raises(Refusal, match="register_entry"):
        await standing.lay_down(unit, UNIT, given=given, by=by("2026-03-04 12:00"))
    given = msgspec.structs.replace(given, hotline_since=date(2026, 3, 5))
    await standing.lay_down(unit, UNIT, given=given, by=by("2026-03-04 12:00"))
    # what was laid down stays laid down once its day is over
    await standing.lay_down(unit, UNIT, given=given, by=by("2026-03-06 12:00"))
    await standing.look(unit, UNIT, ambient=fixed(at("2026-03-06 12:00")))
    async with unit.connect() as tx:
        held = (await tx.execute(sa.select(commitment))).all()
    days = {each.facts["day"]: each.state for each in held if each.rule_code == "6b"}
    assert days == {"2026-03-05": "breached", "2026-03-06": "running"}


async def test_a_hall_that_opens_later_owes_nothing_for_the_days_before(unit):
    await laid(unit, halls=[])
    await standing.look(unit, UNIT, ambient=fixed(at("2026-03-04 12:00")))
    await laid(unit, halls=["H9"])
    await standing.look(unit, UNIT, ambient=fixed(at("2026-03-05 12:00")))
    async with unit.connect() as tx:
        held = (await tx.execute(sa.select(commitment))).all()
    days = [each.facts["day"] for each in held if each.rule_code == "5"]
    assert sorted(days) == ["2026-03-04", "2026-03-05"]


CALLS = """话单号,振铃时间,接听时间,坐席,热线
C1,2026-03-02T09:00:00+08:00,2026-03-02T09:00:15+08:00,8001,客服
C2,2026-03-02T09:01:00+08:00,2026-03-02T09:01:16+08:00,8001,客服
C3,2026-03-02T09:02:00+08:00,,,抢险
"""


async def test_clause_6_calls_of_a_telephone_system_are_answered_in_three_rings_or_not(unit):
    calls = read_calls(CALLS)
    kept = await standing.write_down(unit, UNIT, records=calls, by=by("2026-03-02 20:00"))
    assert (kept.added, kept.clocks) == (3, 3)
    again = await standing.write_down(unit, UNIT, records=calls, by=by("2026-03-02 21:00"))
    assert (again.added, again.known, again.clocks) == (0, 3, 0)
    await sweep(unit, ambient=fixed(at("2026-03-02 21:00")), limit=10)
    async with unit.connect() as tx:
        held = (await tx.execute(sa.select(commitment))).all()
    assert {each.facts["call"]: each.state for each in held} == {
        "C1": "met", "C2": "breached", "C3": "breached",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "column_missing"),
        ("number,rang_at\nC1,2026-03-02T09:00:00+08:00\n", "column_missing"),
        ("number,rang_at,answered_at\n", "file_empty"),
        ("number,rang_at,answered_at\nC1,2026-03-02T09:00:00,\n", "fact_without_zone"),
        ("number,rang_at,answered_at\nC1,nine,\n", "fact_not_a_time"),
        ("number,rang_at,answered_at\n,2026-03-02T09:00:00+08:00,\n", "register_entry"),
        ("number,rang_at,answered_at,desk\nC1,2026-03-02T09:00:00+08:00,,moon\n", "register_entry"),
        ('number,rang_at,answered_at\n"C1\n', "fact_not_a_time"),
        # found by the fuzz lane: a bare carriage return in the header
        ("\x06x}\x0cy\rz", "file_unreadable"),
    ],
)
def test_a_list_of_calls_that_cannot_be_read_says_where(text, code):
    with pytest.raises(Refusal, match=code):
        read_calls(text)


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"kind": "shift", "desk": "hotline", "person": "p", "opens": iso("2026-03-02 09:00"), "closes": iso("2026-03-02 08:00")}, "register_entry"),
        ({"kind": "hall_opening", "hall": "H1", "on": "2026-03-03", "opens": iso("2026-03-02 08:00"), "closes": iso("2026-03-02 18:00")}, "register_entry"),
        ({"kind": "pressure", "station": "S1", "at": iso("2026-04-02 08:00"), "kpa": 2}, "event_instant"),
        ({"kind": "call", "desk": "hotline", "number": "1", "rang_at": iso("2026-03-02 08:00"), "answered_at": iso("2026-03-02 07:59")}, "register_entry"),
        ({"kind": "quality_report", "number": "Q", "valid_from": "2026-03-02", "valid_to": "2026-02-02", "document": "d"}, "register_entry"),
    ],
    ids=lambda each: str(each)[:30],
)  # fmt: skip
async def test_a_record_that_contradicts_itself_keeps_the_whole_file_out(unit, record, code):
    before = await everything(unit)
    with pytest.raises(Refusal, match=code):
        await written(unit, "2026-03-02 19:00", *a_good_day(), record)
    with pytest.raises(Refusal, match="register_entry"):
        await written(unit, "2026-03-02 19:00", *a_good_day(), a_good_day()[0])
    assert await everything(unit) == before


@pytest.mark.parametrize(
    "given",
    [
        {"peak_bands": [{"opens": "20:00:00", "closes": "17:00:00"}]},
        {"peak_bands": [{"opens": "17:00:00", "closes": "20:00:00"}, {"opens": "19:00:00", "closes": "21:00:00"}]},
        {"pressure_low_kpa": 3, "pressure_high_kpa": 3},
    ],
)  # fmt: skip
async def test_settings_that_contradict_themselves_are_refused(unit, given):
    before = await everything(unit)
    with pytest.raises(Refusal, match="register_entry"):
        await laid(unit, **given)
    assert await everything(unit) == before


async def test_the_register_is_read_by_kind_and_stretch(unit):
    await written(unit, "2026-03-02 19:00", *a_good_day())
    stretch = (at("2026-03-02 00:00"), at("2026-03-02 00:00") + timedelta(days=1))
    async with unit.connect() as tx:
        found = await rows.records(tx, UNIT, kind="hall_opening", stretch=stretch, limit=10)
        other = await rows.records(tx, "u2", kind="hall_opening", stretch=stretch, limit=10)
    assert ([each.body["hall"] for each in found], other) == (["H1", "H2"], [])
