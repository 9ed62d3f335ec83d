"""What a reviewer broke who had not written any of it: each is a story that once ended wrongly."""

import subprocess
import sys
from datetime import date

import msgspec
import pytest
import pytest_asyncio
import sqlalchemy as sa

from commitments import cases, ledger, recalendar, rulebooks, supply, whatif
from commitments.answers import choose
from commitments.rules import drafted, made, refuse_longer
from commitments.workflow import faults, read_workflow
from runtime import proof
from runtime.ambient import fixed
from runtime.server import photos
from runtime.settings import Settings
from schemas.calendar import Notice
from schemas.outage import GasWish
from schemas.problems import Refusal
from schemas.rulebook import RuleDraft
from schemas.whatif import WhatIf
from storage import catalogue
from storage import ledger as rows
from storage.tables import commitment_event, premises, work_order
from tests.commitments.test_due_dates import SMALL, nine
from tests.commitments.test_outages import announce, went
from tests.commitments.test_proof_bundles import changed, checked
from tests.commitments.test_seasons_and_supply import heat
from tests.commitments.unit import (
    HOME,
    UNIT,
    at,
    by,
    iso,
    opened,
    seeded,
    standing,
    step,
    tell,
    verified,
)  # fmt: skip


@pytest_asyncio.fixture
async def unit(database):
    return await seeded(database)


@pytest.mark.parametrize("customer", [None, "resident", "non_resident"])
def test_clause_3_behind_a_rural_pipe_the_six_months_hold_whatever_the_customer(customer):
    facts = {"area": "rural_pipeline"} | ({"customer": customer} if customer else {})
    assert choose("3", facts)[0] == "3c"


def test_clause_3_a_resident_elsewhere_keeps_his_24_months():
    assert choose("3", {"customer": "resident", "area": "not_rural_pipeline"})[0] == "3a"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"external_pipe": "false"}, "invalid_field"),
        ({"buried": "no"}, "invalid_field"),
        ({"customer": "banana"}, "invalid_field"),
        ({"pipe_length_m": "1,200"}, "fact_not_a_number"),
        ({"pipe_length_m": "0.1 km"}, "fact_not_a_number"),
        ({"pipe_length_m": -5}, "fact_not_a_number"),
        ({"pipe_dn": "1/2"}, "fact_not_a_number"),
    ],
)
def test_clause_9_a_fact_that_cannot_be_read_is_named_and_never_guessed(change, code):
    with pytest.raises(Refusal, match=code) as refused:
        nine({**SMALL, **change})
    assert next(iter(change)) == refused.value.details["fact"]


@pytest.mark.parametrize("meter", ["G16", "g16", "G 16", 16, "16", "16.0"])
def test_clause_9_g16_is_small_however_it_is_written(meter):
    assert nine({**SMALL, "meter_g": meter, "pipe_dn": "dn 65", "pipe_length_m": "100m"})[0] == "9d"


def test_a_workflow_whose_range_of_steps_is_endless_is_refused_and_not_walked():
    with pytest.raises(Refusal, match="workflow_unsound"):
        read_workflow("w", {"steps": [{"step": "08-99999999999999", "zh": "a", "next": "end"}]})


async def bundled(engine, folder, key, when):
    blobs = photos(Settings(state=str(folder / "state")))
    wish = (key, folder / "bundle")
    await proof.write(engine, UNIT, blobs=blobs, wish=wish, now=at(when))
    return folder / "bundle"


@pytest.mark.parametrize(
    ("rule", "state"), [("2a", "met"), ("2b", "met"), ("2c", "met"), ("2d", "breached")]
)
async def test_the_bundle_of_an_honest_outage_holds_for_each_of_its_promises(
    unit, tmp_path, rule, state
):
    window = {"opens": iso("2026-03-20 09:00"), "closes": iso("2026-03-20 23:30")}
    story = await announce(unit, planned=window)
    await went(unit, story, "stopped", "2026-03-20 09:00")
    await went(unit, story, "restored", "2026-03-20 23:00")
    found = (await standing(unit))[rule]
    assert found.state == state
    assert checked(await bundled(unit, tmp_path, found.id, "2026-04-01 09:00")) == (
        0, "the bundle holds\n",
    )  # fmt: skip


async def test_a_stop_that_no_event_of_the_chain_knows_is_found_in_a_bundle(unit, tmp_path):
    await opened(unit, "refund", "2026-03-02 09:00")
    key = (await standing(unit))["14"].id
    await tell(
        unit,
        key,
        "2026-03-20 09:00",
        kind="happened",
        what="money_sent",
        at=iso("2026-03-20 09:00"),
    )
    folder = await bundled(unit, tmp_path, key, "2026-04-01 09:00")

    def forged(told):
        told["verdict"] |= {"stopped_at": "2026-03-04T01:00:00Z", "state": "met"}

    changed(folder, forged)
    assert checked(folder)[0] == 1


async def test_what_if_asks_of_a_limit_that_differs_by_area_as_well(unit):
    await opened(unit, "emergency", "2026-03-02 09:00")
    key = (await standing(unit))["4c"].id
    when = "2026-03-02 09:20"
    await tell(unit, key, when, kind="happened", what="crew_arrived", at=iso(when))
    wish = WhatIf(rule="4c", limit=10, since=date(2026, 1, 1), until=date(2026, 12, 31))
    found = await whatif.asked(unit, UNIT, wish=wish, now=at("2026-03-05 09:00"))
    assert (found.was, found.would_be) == ({"met": 1}, {"breached": 1})


async def turned(engine, to, when, *, told=None):
    wish = GasWish(to=to, at=at(when), reason="r", person="张工")
    return await supply.turn(engine, UNIT, premises_id=HOME, wish=wish, by=by(told or when))


async def test_the_look_that_led_to_the_shutting_is_no_recheck_after_it(unit):
    async with unit.begin() as tx:
        seen = sa.update(premises).where(premises.c.id == HOME)
        await tx.execute(seen.values(last_inspection_on=date(2026, 3, 2)))
    await turned(unit, "off", "2026-03-02 10:00")
    with pytest.raises(Refusal, match="recheck_missing"):
        await turned(unit, "on", "2026-03-02 11:00")
    async with unit.begin() as tx:
        await tx.execute(seen.values(last_inspection_on=date(2026, 3, 3)))
    with pytest.raises(Refusal, match="recheck_missing"):
        await turned(unit, "on", "2026-03-02 12:00", told="2026-03-03 18:00")
    assert (await turned(unit, "on", "2026-03-03 18:00")).supply_state == "on"


async def test_clause_3_work_falls_due_by_the_shorter_cycle_that_the_unit_published(unit):
    book = {"document": {"version": "local-1", "effective_from": "2026-03-01"}, "rules": [
        {"id": "3a", "zh": "居民安检12个月", "start": "last_completed_inspection_or_first_gas_on",
         "stop": "inspection_completed", "clock": {"unit": "month", "at_most": 12}}]}  # fmt: skip
    await rulebooks.publish(
        unit, UNIT, wish=drafted(book), actor="主管", ambient=fixed(at("2026-03-01 09:00"))
    )
    async with unit.begin() as tx:
        await cases.renew_cycles(
            tx, UNIT, inspected={HOME: date(2026, 3, 2)}, ambient=fixed(at("2026-03-02 18:00"))
        )
        due = await tx.scalar(sa.select(premises.c.inspection_due_on).where(premises.c.id == HOME))
    assert (await standing(unit, premises_id=HOME))["3a"].due_on == due == date(2027, 3, 2)


async def test_a_chain_of_which_nothing_is_left_is_counted_as_broken(unit):
    await opened(unit, "refund", "2026-03-02 09:00")
    async with unit.begin() as tx:
        await tx.execute(sa.delete(commitment_event))
    found = await ledger.verify(unit, UNIT)
    assert found["broken_chains"] == found["recomputed"] == 1


async def test_work_is_due_by_the_days_of_the_unit_as_its_promise_is(unit):
    notice = {"year": 2026, "source": "公司放假通知", "layer": "operator",
              "days": [{"on": "2026-03-07", "works": True}]}  # fmt: skip
    await recalendar.take(
        unit, UNIT, notice=msgspec.convert(notice, Notice, strict=False), actor="主管",
        ambient=fixed(at("2026-03-01 09:00")),
    )  # fmt: skip
    await opened(unit, "relight", "2026-03-02 09:00")
    promised = (await standing(unit))["10"]
    assert promised.due_on == date(2026, 3, 7)
    async with unit.connect() as tx:
        assert await tx.scalar(sa.select(work_order.c.due_at)) == promised.due_at


def test_a_workflow_without_a_step_cannot_be_walked():
    assert [each.fault for each in faults(read_workflow("w", {"steps": []}))] == ["no_steps"]


@pytest.mark.parametrize("limit", [float("nan"), float("inf"), 0, -1])
def test_a_step_whose_limit_is_no_number_of_hours_has_a_clock_without_limit(limit):
    step = {"step": "1", "zh": "a", "next": "end", "clock": {"unit": "hour", "at_most": limit}}
    found = [each.fault for each in faults(read_workflow("w", {"steps": [step]}))]
    assert found == ["clock_without_limit"]


def test_a_workflow_file_with_a_word_for_a_limit_is_refused_and_does_not_fail(tmp_path):
    file = tmp_path / "w.yaml"
    file.write_text("steps: [{step: '1', zh: a, next: end, clock: {unit: hour, at_most: abc}}]")
    done = subprocess.run(
        [sys.executable, "-m", "runtime.cli", "workflow", "check", str(file)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert "file_unreadable" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


RESERVED = ["started", "paused", "resumed", "waived", "amended", "not_applicable",
            "attempted_in_vain", "calendar_changed"]  # fmt: skip


@pytest.mark.parametrize("kind", RESERVED)
@pytest.mark.parametrize("where", ["stop", "milestone"])
def test_no_rule_gives_a_word_of_the_clock_itself_another_meaning(kind, where):
    # "happened: waived" would be a waiver after the deadline, without a customer
    rule = {"id": "12", "zh": "报修", "stop": "repair_started_in_home", where: kind,
            "clock": {"unit": "hour", "at_most": 24}}  # fmt: skip
    drafts = msgspec.convert([rule], list[RuleDraft])
    with pytest.raises(Refusal, match="rulebook_unsound"):
        made(drafts, "local-1", chain=[], since=None, until=None)


def test_a_window_that_a_local_rule_drops_makes_the_promise_weaker():
    handbook = next(each for each in catalogue.rules() if each.code == "3e")
    refuse_longer(handbook, handbook)
    with pytest.raises(Refusal, match="rule_longer_without_source"):
        refuse_longer(handbook, msgspec.structs.replace(handbook, window=False, source="company"))


async def test_a_date_that_has_passed_is_not_moved_while_its_proof_may_still_be_on_a_tablet(unit):
    await heat(unit, "2026-08-01 09:00")
    found = (await standing(unit))["3e"]
    assert found.due_at == at("2026-11-15 00:00")
    later = {"kind": "amended", "due_at": iso("2026-12-01 00:00"), "reason": "r", "document": "D"}
    with pytest.raises(Refusal, match="event_instant"):
        await tell(unit, found.id, "2026-11-16 09:00", at=iso("2026-11-16 09:00"), **later)
    await tell(unit, found.id, "2026-11-14 09:00", at=iso("2026-11-14 09:00"), **later)
    assert (await standing(unit))["3e"].due_at == at("2026-12-01 00:00")


async def test_clause_16_an_extension_told_to_the_promise_itself_is_a_promise_with_its_own_end(
    unit,
):
    case = await opened(unit, "complaint", "2026-03-02 09:00")
    first = (await standing(unit))["16b"]
    said = {"kind": "extension_agreed_with_reason", "at": iso("2026-03-05 09:00"), "reason": "等配件",
            "customer_agreed": True, "document": "D"}  # fmt: skip
    with pytest.raises(Refusal, match="event_instant"):
        await tell(unit, first.id, "2026-03-05 09:00", until="2026-03-09", **said)
    await tell(unit, first.id, "2026-03-05 09:00", until="2026-03-20", **said)
    async with unit.connect() as tx:
        held = await rows.open_for(tx, UNIT, case_id=case)
    second = next(each for each in held if each.rule_code == "16b" and each.id != first.id)
    assert (second.due_at, second.state) == (at("2026-03-21 00:00"), "running")
    await step(unit, case, "resolved", "2026-03-23 09:00", result="已换")
    async with unit.connect() as tx:
        held = await rows.open_for(tx, UNIT, case_id=case)
    assert [each.state for each in held if each.id == second.id] == ["breached"]
    await verified(unit)


async def test_work_that_waits_follows_its_promise_when_a_notice_moves_it(unit):
    await opened(unit, "relight", "2026-03-02 09:00")
    assert (await standing(unit))["10"].due_on == date(2026, 3, 9)
    notice = {"year": 2026, "source": "公司放假通知", "layer": "operator",
              "days": [{"on": "2026-03-07", "works": True}]}  # fmt: skip
    await recalendar.take(
        unit, UNIT, notice=msgspec.convert(notice, Notice, strict=False), actor="主管",
        ambient=fixed(at("2026-03-03 09:00")),
    )  # fmt: skip
    promised = (await standing(unit))["10"]
    assert promised.due_on == date(2026, 3, 7)
    async with unit.connect() as tx:
        assert await tx.scalar(sa.select(work_order.c.due_at)) == promised.due_at


async def test_clause_13_a_moved_date_of_a_contract_does_not_move_the_last_day_of_consent(unit):
    case = await opened(unit, "alteration", "2026-03-02 09:00", account="6600000002")
    await step(
        unit, case, "accepted", "2026-03-03 09:00", contract_deadline=iso("2026-03-10 18:00")
    )
    promised = (await standing(unit))["13c"].id
    await tell(
        unit, promised, "2026-03-09 09:00", kind="amended", at=iso("2026-03-09 09:00"),
        due_at=iso("2026-03-20 18:00"), reason="补充协议", document="D",
    )  # fmt: skip
    waiver = {"kind": "waived", "agreed": "延后", "document": "D"}
    for when in ("2026-03-10 18:00", "2026-03-15 09:00"):
        with pytest.raises(Refusal, match="waiver_too_late"):
            await tell(unit, promised, "2026-03-15 09:00", consented_at=iso(when), **waiver)
    await tell(unit, promised, "2026-03-15 09:00", consented_at=iso("2026-03-10 17:59"), **waiver)
    assert (await standing(unit))["13c"].state == "waived_by_agreement"
