"""Gas that is off, from its notice to the four verdicts of clause 2."""

from datetime import date

import msgspec
import pytest
import pytest_asyncio
import sqlalchemy as sa

from commitments import outages, reports, standing
from runtime.ambient import fixed
from schemas.outage import OutageStep, OutageWish
from schemas.problems import Refusal
from schemas.standing import PromiseSettings
from storage import outages as outage_rows
from storage.tables import premises
from tests.commitments.unit import (
    HOME,
    UNIT,
    at,
    by,
    everything,
    iso,
    seeded,
    verified,
)

PEAKS = [{"opens": "17:00:00", "closes": "20:00:00"}]


@pytest_asyncio.fixture
async def unit(database):
    await seeded(database)
    given = msgspec.convert({"peak_bands": PEAKS}, PromiseSettings)
    await standing.lay_down(database, UNIT, given=given, by=("主管", fixed(at("2026-01-01 09:00"))))
    return database


def planned(**changed):
    given = {
        "reason": "主管道更换", "number": "TQ-1", "grids": ["N1"],
        "planned": {"opens": iso("2026-03-10 09:00"), "closes": iso("2026-03-10 17:00")},
        "notice": {"text": "停气公告", "at": iso("2026-03-08 09:00"), "channels": ["web", "sms"], "document": "公告-1"},
    }  # fmt: skip
    return msgspec.convert(given | changed, OutageWish)


async def announce(engine, when="2026-03-08 09:00", **changed):
    return await outages.write_down(engine, UNIT, wish=planned(**changed), by=by(when))


async def went(engine, story, step, when, **said):
    wish = msgspec.convert({"step": step, "at": iso(when), **said}, OutageStep)
    return await outages.step(engine, UNIT, outage_id=story.outage.id, wish=wish, by=by(when))


def stand(story):
    return {each.rule: each.state for each in story.clocks}


async def test_clause_2_an_outage_keeps_its_four_promises_from_the_notice_to_gas_that_is_back(unit):
    told = await announce(unit)
    assert stand(told) == {"2a": "running", "2b": "met", "S2": "running"}
    assert [each.account for each in told.touched] == ["6600000001", "6600000002"]
    await went(unit, told, "stopped", "2026-03-10 09:00")
    told = await went(unit, told, "restored", "2026-03-10 17:00")
    assert stand(told) == {"2a": "met", "2b": "met", "2c": "met", "2d": "met", "S2": "met"}
    await verified(unit)


async def test_a_notice_that_came_earlier_than_it_had_to_has_time_to_spare_in_a_report(unit):
    window = {"opens": iso("2026-03-10 12:00"), "closes": iso("2026-03-10 16:00")}
    told = await announce(unit, planned=window)
    await went(unit, told, "stopped", "2026-03-10 12:00")
    await went(unit, told, "restored", "2026-03-10 15:00")
    wish = reports.Wish(since=date(2026, 3, 1), until=date(2026, 3, 31), by="rule")
    found = await reports.report(unit, UNIT, wish=wish, today=date(2026, 4, 1))
    spare = {each.key: each.slack.p50_hours for each in found.lines}
    assert (spare["2a"], spare["2c"], spare["2d"]) == (3.0, 21.0, 1.0)
    late = [each.count for each in found.slack if (each.until_hours or 1) <= 0]
    assert sum(late) == 0


async def test_clause_2_affected_premises_stay_as_they_were_when_it_was_announced(unit):
    told = await announce(unit)
    async with unit.begin() as tx:
        await tx.execute(sa.update(premises).where(premises.c.id == HOME).values(address="改名路"))
    async with unit.connect() as tx:
        seen = await outage_rows.touched(tx, UNIT, outage_id=told.outage.id, after="", limit=9)
    assert [each.address for each in seen] == ["6600000001号", "6600000002号"]


async def test_clause_2_too_early_at_peak_too_long_and_at_night_are_four_breaches(unit):
    window = {"opens": iso("2026-03-10 09:00"), "closes": iso("2026-03-10 18:00")}
    told = await announce(unit, planned=window)
    await went(unit, told, "stopped", "2026-03-10 08:00")
    told = await went(unit, told, "restored", "2026-03-11 23:00")
    assert set(stand(told).values()) == {"breached"} and len(told.clocks) == 5


async def test_clause_2_more_than_a_day_is_excused_by_a_reason_and_an_approver_only(unit):
    for number, said, state in (
        ("TQ-1", {"reason": "管道塌方"}, "breached"),
        ("TQ-2", {"reason": "管道塌方", "approver": "王总"}, "met_late_excused"),
    ):
        told = await announce(unit, number=number)
        await went(unit, told, "stopped", "2026-03-10 09:00")
        told = await went(unit, told, "restored", "2026-03-11 12:00", **said)
        assert stand(told)["2c"] == state


async def test_clause_2_what_is_called_off_owes_no_notice(unit):
    told = await announce(unit)
    told = await went(unit, told, "cancelled", "2026-03-09 09:00", reason="天气")
    assert (told.outage.state, stand(told)["2a"]) == ("cancelled", "not_applicable")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"notice": {"text": "t", "at": iso("2026-03-08 10:00"), "channels": ["web"], "document": "d"}}, "outage_notice_short"),
        ({"planned": {"opens": iso("2026-03-10 17:00"), "closes": iso("2026-03-10 09:00")}}, "outage_times"),
        ({"planned": {"opens": iso("2026-03-10 09:00"), "closes": iso("2026-05-10 09:00")}}, "outage_times"),
        ({"notice": None}, "fact_missing"),
        ({"planned": None}, "fact_missing"),
        ({"planned": None, "notice": None}, "fact_missing"),
        ({"stopped_at": iso("2026-03-10 09:00")}, "outage_times"),
        ({"grids": ["R9"]}, "outage_nobody"),
        ({"number": "TQ-0"}, "case_known"),
        ({"notice": {"text": "t", "at": iso("2026-04-08 10:00"), "channels": ["web"], "document": "d"}}, "event_instant"),
    ],
    ids=lambda each: str(each)[:40],
)  # fmt: skip
async def test_an_outage_that_may_not_be_is_refused_and_nothing_changed(unit, changed, code):
    await announce(unit, number="TQ-0")
    before = await everything(unit)
    with pytest.raises(Refusal, match=code):
        await announce(unit, when="2026-03-08 12:00", **changed)
    assert await everything(unit) == before


async def test_an_outage_takes_its_steps_in_turn(unit):
    told = await announce(unit)
    for step, when, code in (
        ("restored", "2026-03-10 17:00", "outage_step"),
        ("cancelled", "2026-03-09 17:00", "fact_missing"),
        ("stopped", "2026-03-07 17:00", "event_instant"),
    ):
        before = await everything(unit)
        with pytest.raises(Refusal, match=code):
            await went(unit, told, step, when)
        assert await everything(unit) == before


def test_instants_without_a_zone_are_no_instants():
    for given in (
        {"reason": "r", "stopped_at": "2026-03-10T09:00:00", "grids": ["N1"]},
        {
            "reason": "r",
            "planned": {"opens": "2026-03-10T09:00:00", "closes": "2026-03-10T17:00:00"},
        },
    ):
        with pytest.raises(msgspec.ValidationError, match="timezone"):
            msgspec.convert(given, OutageWish)
