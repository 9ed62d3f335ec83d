"""Each clause that a case carries, from first contact to its verdict, over a real PostgreSQL."""

from datetime import date

import pytest
import pytest_asyncio

from commitments import ledger
from commitments.sweep import sweep
from runtime.ambient import fixed
from schemas.problems import Refusal
from schemas.work import Window
from tests.commitments.unit import (
    at,
    everything,
    opened,
    seeded,
    standing,
    states,
    step,
    tell,
    verified,
)


@pytest_asyncio.fixture
async def unit(database):
    return await seeded(database)


SMALL = {
    "external_pipe": False, "meter_g": "G16", "pipe_dn": 79, "pipe_length_m": 100, "buried": False,
}  # fmt: skip


async def test_clause_3_a_booking_without_a_window_is_kept_once_a_window_is_agreed(unit):
    window = Window(opens=at("2026-03-04 09:00"), closes=at("2026-03-04 11:00"))
    first = await opened(unit, "inspection_booking", "2026-03-02 09:00", window=window)
    second = await opened(unit, "inspection_booking", "2026-03-02 10:00")
    assert await states(unit, case_id=first) == {"3f": "met"}
    assert await states(unit, case_id=second) == {"3f": "running"}
    await step(unit, second, "no_appointment", "2026-03-03 09:00", reason="约满")
    assert await states(unit, case_id=second) == {"3f": "breached"}
    await verified(unit)


async def test_clause_4_a_smell_is_dispatched_departs_and_arrives_on_two_clocks(unit):
    case = await opened(unit, "repair", "2026-03-02 02:00", description="厨房有煤气味")
    told = await step(unit, case, "dispatched", "2026-03-02 02:01", crew="一班")
    assert told.kind == "emergency"
    await step(unit, case, "crew_departed", "2026-03-02 02:04")
    await step(unit, case, "crew_arrived", "2026-03-02 02:31")
    told = await step(unit, case, "made_safe", "2026-03-02 03:00", result="关阀")
    assert {each.rule: each.state for each in told.clocks} == {"4b": "met", "4c": "breached"}
    assert (told.state, told.may_follow) == ("closed", [])


async def test_clause_8_four_deliverables_by_one_named_person(unit):
    case = await opened(unit, "pre_service", "2026-06-18 09:00", account="6600000002")
    with pytest.raises(Refusal, match="case_step") as refused:
        await step(unit, case, "usage_scope_explained", "2026-06-18 10:00")
    assert refused.value.details["missing"] == ["person_assigned"]
    await step(unit, case, "person_assigned", "2026-06-18 10:00", person="李工")
    for n, name in enumerate(("usage_scope_explained", "technical_help_given", "site_surveyed")):
        await step(unit, case, name, f"2026-06-22 1{n}:00")
    assert await states(unit, case_id=case) == {"8": "running"}
    await step(unit, case, "preliminary_plan_set", "2026-06-23 23:59", document="方案-1")
    assert await states(unit, case_id=case) == {"8": "met"}


async def test_clause_9_starts_when_papers_money_and_materials_are_all_in_and_says_why(unit):
    case = await opened(unit, "connection", "2026-01-05 09:00", account="6600000002", facts=SMALL)
    await step(unit, case, "manager_assigned", "2026-01-05 10:00", manager="王经理")
    await step(unit, case, "papers_in", "2026-01-20 10:00")
    await step(unit, case, "materials_in", "2026-01-26 10:00")
    assert set(await states(unit, case_id=case)) == {"9e"}
    told = await step(unit, case, "money_in", "2026-01-27 10:00", voucher="V-1")
    assert "9d: buried is no" in told.why
    clock = (await standing(unit, case_id=case))["9d"]
    # the last of the three came on the 27th: that is when the fifteen days begin
    assert clock.started_at == at("2026-01-27 10:00")
    assert clock.due_on.isoformat() == "2026-02-24"
    told = await step(unit, case, "install_accepted", "2026-02-14 17:00", service_fee_fen=0)
    assert {each.rule: each.state for each in told.clocks} == {
        "9d": "met", "9e": "met", "S3": "running",
    }  # fmt: skip
    told = await step(unit, case, "filed", "2026-03-01 23:00", document="备案-1")
    assert {each.rule: each.state for each in told.clocks}["S3"] == "met"
    await verified(unit)


async def test_clause_9_a_missing_parameter_is_named_and_the_case_waits_for_it(unit):
    facts = {name: value for name, value in SMALL.items() if name != "pipe_dn"}
    case = await opened(unit, "connection", "2026-01-05 09:00", account="6600000002", facts=facts)
    await step(unit, case, "manager_assigned", "2026-01-05 10:00", manager="王经理")
    await step(unit, case, "papers_in", "2026-01-06 10:00")
    await step(unit, case, "materials_in", "2026-01-06 10:00")
    before = await everything(unit)
    with pytest.raises(Refusal, match="fact_missing") as refused:
        await step(unit, case, "money_in", "2026-01-07 10:00", voucher="V-1")
    assert refused.value.details == {"fact": "pipe_dn"}
    assert await everything(unit) == before
    told = await step(unit, case, "money_in", "2026-01-07 10:00", voucher="V-1", pipe_dn=80)
    assert {each.rule for each in told.clocks} == {"9c", "9e"}


async def test_clause_9_a_service_fee_breaks_9e_and_design_stops_the_35_days(unit):
    facts = SMALL | {"external_pipe": True}
    case = await opened(unit, "connection", "2026-03-02 09:00", account="6600000002", facts=facts)
    await step(unit, case, "manager_assigned", "2026-03-02 10:00", manager="王经理")
    for name in ("papers_in", "materials_in"):
        await step(unit, case, name, "2026-03-02 11:00")
    await step(unit, case, "money_in", "2026-03-02 12:00", voucher="V-1")
    plain = (await standing(unit))["9b"]
    stood = {"kind": "paused", "at": at("2026-03-09 09:00"), "reason": "design", "document": "D-1"}
    await tell(unit, plain.id, "2026-03-09 09:00", **stood)
    on = {"kind": "resumed", "at": at("2026-03-13 17:00"), "document": "D-2"}
    after = await tell(unit, plain.id, "2026-03-13 17:00", **on)
    assert after.due_on > plain.due_on
    await step(unit, case, "install_accepted", "2026-04-01 09:00", service_fee_fen=100)
    assert (await states(unit))["9e"] == "breached"


async def test_clause_10_no_gas_before_the_first_inspection_and_none_without_a_right(unit):
    case = await opened(unit, "relight", "2026-04-30 09:00", account="6600000004")
    before = await everything(unit)
    with pytest.raises(Refusal, match="first_gas_on_gate"):
        await step(unit, case, "gas_on_signed", "2026-05-11 09:00")
    assert await everything(unit) == before
    await step(unit, case, "not_eligible", "2026-05-06 09:00", reason="未验收")
    assert await states(unit, case_id=case) == {"10": "not_applicable"}
    other = await opened(unit, "relight", "2026-04-30 10:00")
    await step(unit, other, "gas_on_signed", "2026-05-11 23:00")
    assert await states(unit, case_id=other) == {"10": "met"}


async def test_clause_11_an_install_is_the_first_ignition_where_gas_was_never_on(unit):
    case = await opened(unit, "appliance_install", "2026-04-30 09:00", account="6600000004",
                        purchased_on=date(2026, 4, 30))  # fmt: skip
    before = await everything(unit)
    with pytest.raises(Refusal, match="first_gas_on_gate"):
        await step(unit, case, "install_signed", "2026-05-06 09:00")
    assert await everything(unit) == before


async def test_clause_11_an_agreement_before_the_deadline_waives_and_one_after_does_not(unit):
    case = await opened(
        unit, "appliance_install", "2026-03-02 09:00", purchased_on=at("2026-03-02 09:00").date()
    )
    clock = (await standing(unit, case_id=case))["11"]
    late = {
        "kind": "waived",
        "consented_at": at("2026-03-06 00:00"),
        "agreed": "三周后",
        "document": "W-1",
    }
    before = await everything(unit)
    with pytest.raises(Refusal, match="waiver_too_late"):
        await tell(unit, clock.id, "2026-03-07 09:00", **late)
    assert await everything(unit) == before
    told = await tell(
        unit, clock.id, "2026-03-07 09:00", **late | {"consented_at": at("2026-03-05 23:59")}
    )
    assert told.state == "waived_by_agreement"


async def test_clause_12_a_repair_is_told_from_the_desk_when_no_tablet_says_so(unit):
    case = await opened(unit, "repair", "2026-03-02 22:00", description="灶具打不着火")
    await step(unit, case, "dispatched", "2026-03-03 08:00")
    await step(unit, case, "repair_started_in_home", "2026-03-03 22:00")
    await step(unit, case, "repair_completed", "2026-03-03 23:00")
    assert await states(unit, case_id=case) == {"12": "met"}


async def test_clause_13_a_resident_is_answered_then_done_within_five_days_of_the_agreed_one(unit):
    case = await opened(unit, "alteration", "2026-03-02 09:00")
    with pytest.raises(Refusal, match="fact_missing") as refused:
        await step(unit, case, "accepted", "2026-03-09 09:00")
    assert refused.value.details == {"fact": "agreed_on"}
    await step(unit, case, "accepted", "2026-03-09 17:00", agreed_on="2026-03-20")
    clock = (await standing(unit, case_id=case))["13b"]
    assert clock.due_on.isoformat() == "2026-03-27"
    await step(unit, case, "work_done", "2026-03-27 20:00")
    assert await states(unit, case_id=case) == {"13a": "met", "13b": "met"}


async def test_clause_13_another_customer_is_done_by_the_contract_which_may_be_amended(unit):
    case = await opened(unit, "alteration", "2026-03-02 09:00", account="6600000002")
    for given, code in (
        ({}, "fact_missing"),
        ({"contract_deadline": "2026-05-01T18:00:00"}, "fact_without_zone"),
        ({"contract_deadline": "soon"}, "fact_not_a_time"),
        ({"contract_deadline": "2026-03-01T18:00:00+08:00"}, "event_instant"),
    ):
        with pytest.raises(Refusal, match=code):
            await step(unit, case, "accepted", "2026-03-03 09:00", **given)
    until = "2026-05-01T18:00:00+08:00"
    await step(unit, case, "accepted", "2026-03-03 09:00", contract_deadline=until)
    clock = (await standing(unit, case_id=case))["13c"]
    assert clock.due_at == at("2026-05-01 18:00")
    moved = {
        "kind": "amended",
        "at": at("2026-04-01 09:00"),
        "due_at": at("2026-06-01 18:00"),
        "reason": "补充协议",
        "document": "B-1",
    }
    assert (await tell(unit, clock.id, "2026-04-01 09:00", **moved)).due_at == at(
        "2026-06-01 18:00"
    )
    await step(unit, case, "work_done", "2026-06-01 17:00")
    assert await states(unit, case_id=case) == {"13a": "met", "13c": "met"}
    await verified(unit)


@pytest.mark.parametrize(
    ("when", "state"), [("2026-03-09 17:00", "met"), ("2026-03-10 00:01", "breached")]
)
async def test_clause_13_a_refusal_is_written_with_its_reason_within_the_time_of_the_answer(
    unit, when, state
):
    case = await opened(unit, "alteration", "2026-03-02 09:00")
    with pytest.raises(Refusal, match="fact_missing"):
        await step(unit, case, "refused", when, reason="承重墙", document=" ")
    told = await step(unit, case, "refused", when, reason="承重墙", document="函-1")
    assert {each.rule: each.state for each in told.clocks} == {"13a": state, "13d": state}
    with pytest.raises(Refusal, match="case_closed"):
        await step(unit, case, "accepted", "2026-03-11 09:00", agreed_on="2026-03-20")


async def test_clause_14_money_is_sent_with_its_voucher_or_there_was_no_right_to_it(unit):
    sent = await opened(unit, "refund", "2026-03-02 09:00", channel="wechat")
    for facts, code in (({}, "fact_missing"), ({"amount_fen": "ten", "voucher": "V"}, "fact_not_a_number"),
                        ({"amount_fen": -1, "voucher": "V"}, "fact_not_a_number")):  # fmt: skip
        with pytest.raises(Refusal, match=code):
            await step(unit, sent, "money_sent", "2026-03-05 09:00", **facts)
    await step(unit, sent, "money_sent", "2026-03-09 23:00", amount_fen=12_000, voucher="V-1")
    none = await opened(unit, "refund", "2026-03-02 10:00")
    await step(unit, none, "not_eligible", "2026-03-03 09:00", reason="无预存余额")
    assert [await states(unit, case_id=each) for each in (sent, none)] == [
        {"14": "met"}, {"14": "not_applicable"},
    ]  # fmt: skip


async def test_clause_16_an_extension_needs_reason_and_consent_and_starts_a_clock_of_its_own(unit):
    case = await opened(unit, "complaint", "2026-03-06 16:00")
    await step(unit, case, "opinion_replied", "2026-03-08 15:59", opinion="核实中")
    before = await everything(unit)
    for given in (
        {"reason": " ", "customer_agreed": True},
        {"reason": "缺件", "customer_agreed": "yes"},
    ):
        with pytest.raises(Refusal, match="extension_without_reason"):
            await step(
                unit, case, "extension_agreed", "2026-03-12 09:00", until="2026-03-31", **given
            )
    with pytest.raises(Refusal, match="event_instant"):
        await step(
            unit,
            case,
            "extension_agreed",
            "2026-03-12 09:00",
            until="2026-03-12",
            reason="缺件",
            customer_agreed=True,
        )
    assert await everything(unit) == before
    told = await step(
        unit,
        case,
        "extension_agreed",
        "2026-03-12 09:00",
        until="2026-03-31",
        reason="缺件",
        customer_agreed=True,
    )
    assert sorted((each.rule, each.state) for each in told.clocks) == [
        ("16a", "met"), ("16b", "met"), ("16b", "running"),
    ]  # fmt: skip
    told = await step(unit, case, "resolved", "2026-04-01 09:00", result="已更换")
    assert sorted((each.rule, each.state) for each in told.clocks)[-1] == ("16b", "met")
    assert [each.state for each in told.clocks if each.rule == "16b"] == ["met", "breached"]
    await verified(unit)


async def test_clause_16_a_complaint_that_is_not_taken_is_explained(unit):
    case = await opened(unit, "complaint", "2026-03-06 16:00")
    told = await step(unit, case, "refused", "2026-03-07 09:00", reason="非本公司管道")
    assert {each.rule: each.state for each in told.clocks} == {
        "16a": "met", "16b": "not_applicable", "16c": "met",
    }  # fmt: skip


async def test_the_law_beside_the_handbook_an_enquiry_is_answered_in_five_working_days(unit):
    case = await opened(unit, "enquiry", "2026-03-02 09:00", channel="wechat")
    await step(unit, case, "replied", "2026-03-09 09:00", words="已查")
    assert await states(unit, case_id=case) == {"S1": "met"}


async def test_every_stage_tells_its_roles_once(unit):
    case = await opened(unit, "refund", "2026-03-02 09:00")
    for _ in range(2):
        await sweep(unit, ambient=fixed(at("2026-03-20 09:00")), limit=100)
    clock = (await standing(unit, case_id=case))["14"]
    told = await ledger.explain(unit, "u1", commitment_id=clock.id, now=at("2026-03-21 09:00"))
    assert [(each["stage"], each["role"]) for each in told["warnings"]] == [
        ("warned", "dispatcher"), ("due", "supervisor"),
        ("overdue", "administrator"), ("overdue", "supervisor"),
    ]  # fmt: skip
    assert all(each["told_at"] == at("2026-03-20 09:00") > each["at"] for each in told["warnings"])


TELLINGS = [
    ("9b", {"kind": "paused", "at": "2026-03-20", "reason": "design", "document": "D"}, "already_paused"),
    ("13a", {"kind": "resumed", "at": "2026-03-03", "document": "D"}, "not_paused"),
    ("13a", {"kind": "paused", "at": "2026-03-03", "reason": "design", "document": "D"}, "pause_reason"),
    ("9b", {"kind": "amended", "at": "2026-03-20", "due_at": "2027-01-01", "reason": "r", "document": "D"}, "not_amendable"),
    ("13a", {"kind": "waived", "consented_at": "2026-03-03", "agreed": "x", "document": "D"}, "not_waivable"),
    ("13a", {"kind": "happened", "at": "2026-03-03", "what": "money_sent"}, "event_unknown"),
    ("13a", {"kind": "happened", "at": "2026-03-03", "what": "reply_given", "facts": {"kept": False}}, "event_unknown"),
    ("13a", {"kind": "happened", "at": "2026-03-01", "what": "reply_given"}, "event_instant"),
    ("13a", {"kind": "happened", "at": "2026-03-22", "what": "reply_given"}, "event_instant"),
    ("13a", {"kind": "extension_agreed_with_reason", "at": "2026-03-03", "until": "2026-04-01", "reason": "r", "customer_agreed": True, "document": "D"}, "event_unknown"),
    ("13a", {"kind": "extension_agreed_with_reason", "at": "2026-03-03", "until": "2026-04-01", "reason": "", "customer_agreed": True, "document": "D"}, "extension_without_reason"),
    ("14", {"kind": "paused", "at": "2026-03-03", "reason": "design", "document": "D"}, "commitment_closed"),
    ("14", {"kind": "not_applicable", "at": "2026-03-03", "reason": "r"}, "commitment_closed"),
    ("14", {"kind": "happened", "at": "2026-03-03", "what": "money_sent"}, "commitment_closed"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "event", "refused"), TELLINGS, ids=lambda each: str(each)[:60])
async def test_what_a_commitment_refuses_leaves_every_table_as_it_was(unit, code, event, refused):
    await opened(unit, "alteration", "2026-03-02 09:00")
    paid = await opened(unit, "refund", "2026-03-02 09:00")
    await step(unit, paid, "money_sent", "2026-03-03 10:00", amount_fen=1, voucher="V")
    pipe = await opened(
        unit,
        "connection",
        "2026-03-02 09:00",
        account="6600000002",
        facts=SMALL | {"external_pipe": True},
    )
    await step(unit, pipe, "manager_assigned", "2026-03-02 10:00", manager="王")
    for name, facts in (("papers_in", {}), ("materials_in", {}), ("money_in", {"voucher": "V"})):
        await step(unit, pipe, name, "2026-03-02 11:00", **facts)
    held = await standing(unit)
    stands = {"kind": "paused", "at": at("2026-03-10 09:00"), "reason": "design", "document": "D"}
    await tell(unit, held["9b"].id, "2026-03-10 09:00", **stands)
    before = await everything(unit)
    given = {name: at(f"{value} 12:00") if name in ("at", "consented_at", "due_at") else value
             for name, value in event.items()}  # fmt: skip
    with pytest.raises(Refusal, match=refused):
        await tell(
            unit,
            held[code].id,
            "2026-03-04 12:00" if code == "13a" else "2026-03-21 12:00",
            **given,
        )
    assert await everything(unit) == before


async def test_a_step_that_comes_too_early_too_late_or_from_nowhere_changes_nothing(unit):
    case = await opened(unit, "repair", "2026-03-02 09:00", description="灶具打不着火")
    before = await everything(unit)
    for name, when, code in (
        ("money_sent", "2026-03-02 10:00", "case_step"),
        ("repair_completed", "2026-03-02 10:00", "case_step"),
        ("dispatched", "2026-03-02 08:59", "event_instant"),
    ):
        with pytest.raises(Refusal, match=code):
            await step(unit, case, name, when)
    assert await everything(unit) == before
