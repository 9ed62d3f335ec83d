"""A connection from acceptance to contract through the API, and the customer who follows it."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from commitments import casework
from storage.tables import case_event, work_order
from tests.api.conftest import UNIT, signed_in

CODE = "collective_install_workflow"


@pytest.fixture
async def office(client):
    return await signed_in(client, "dispatcher")


async def opened(client, office, kind="alteration", **given):
    items = (await client.get("/api/v1/premises", headers=office)).json()["items"]
    account = next(each["account"] for each in items if each["customer_class"] == "resident")
    wish = {"kind": kind, "channel": "hall", "account": account,
            "received_at": "2026-11-23T23:00:00Z", **given}  # fmt: skip
    return (await client.post("/api/v1/cases", json=wish, headers=office)).json()


async def said(client, office, case, what, **body):
    reply = await client.post(f"/api/v1/cases/{case['id']}/{what}", json=body, headers=office)
    return reply.json() if reply.status_code < 300 else reply.json()["code"]


async def tracked(client, case):
    return (await client.get(f"/api/v1/track/{case['tracking_code']}")).json()


async def test_a_collective_connection_from_acceptance_to_where_the_handbook_ends(
    client, office, clock
):
    case = await opened(client, office)
    assert await said(client, office, case, "steps", step="01") == "workflow_not_begun"
    walk = await said(client, office, case, "workflow", workflow=CODE)
    assert (walk["at"], walk["missing_papers"]) == ("01", ["营业执照", "单位证明", "法人身份证"])
    assert await said(client, office, case, "workflow", workflow=CODE) == "workflow_begun"
    await said(client, office, case, "manager", name="郑经理", phone="0316-600000")
    await said(client, office, case, "documents", paper="营业执照", number="91130000")
    walk = await said(client, office, case, "steps", step="01")
    assert (walk["at"], walk["passages"][1]["due_at"]) == ("02", "2026-11-25T16:00:00Z")
    assert await said(client, office, case, "steps", step="03", answer="yes") == "workflow_step"
    clock.at += timedelta(days=3)
    office = await signed_in(client, "dispatcher")
    walk = await said(client, office, case, "steps", step="02")
    assert walk["passages"][1]["in_time"] is False
    assert walk["answers"] == ["no", "yes"]
    assert await said(client, office, case, "steps", step="03") == "fact_missing"
    for step, answer in (
        ("03", "yes"),
        ("D1", "company"),
        ("05", ""),
        ("06", ""),
        ("D2", "company"),
    ):
        walk = await said(client, office, case, "steps", step=step, answer=answer)
    assert (walk["at"], walk["waits_for"]) == ("07", ["papers", "contract"])
    assert await said(client, office, case, "steps", step="07") == "paper_missing"
    for paper in ("单位证明", "法人身份证"):
        await said(client, office, case, "documents", paper=paper)
    assert await said(client, office, case, "steps", step="07") == "workflow_waits"
    # in the zone of the office: its hash has to hold when the database gives it back in UTC
    await said(
        client, office, case, "contract", number="HT-1", signed_at="2026-11-26T10:00:00.5+08:00"
    )
    paid = {"number": "P1", "amount_fen": 320000, "paid_at": "2026-11-26T03:00:00Z"}
    await said(client, office, case, "payments", **paid)
    walk = await said(client, office, case, "steps", step="07")
    assert (walk["at"], walk["undefined"], walk["paid_fen"]) == ("08-17", True, 320000)
    assert (walk["manager"], walk["service_fee_fen"]) == ("郑经理", 0)
    assert await said(client, office, case, "steps", step="08-17") == "workflow_undefined"


async def test_another_workflow_is_loaded_without_code_and_takes_over_where_ours_ends(
    client, office
):
    supervisor = await signed_in(client, "supervisor")
    steps = [
        {"step": "18", "zh": "客户自行委托设计", "dept_zh": ["客户"], "next": "20",
         "clock": {"unit": "working_day", "at_most": 10}, "limit_zh": "10个工作日"},
        {"step": "20", "zh": "图纸会审", "dept_zh": ["工程管理部门"],
         "branches": {"pass": "end", "fail": "18"}, "customer_sees": True},
    ]  # fmt: skip
    wish = {"code": CODE, "version": "2027", "zh": "集体报装（补全）", "steps": steps}
    assert (await client.post("/api/v1/workflows", json=wish, headers=office)).status_code == 403
    made = await client.post("/api/v1/workflows", json=wish, headers=supervisor)
    assert made.json()["steps"] == 2
    again = await client.post("/api/v1/workflows", json=wish, headers=supervisor)
    assert again.json()["code"] == "workflow_known"
    drawn = await client.get(f"/api/v1/workflows/{CODE}/drawing.svg", headers=office)
    assert "图纸会审" in drawn.text
    case = await opened(client, office)
    await said(client, office, case, "workflow", workflow=CODE, version="handbook-000")
    for step, answer in (("01", ""), ("02", ""), ("03", "yes"), ("D1", "customer_own")):
        walk = await said(client, office, case, "steps", step=step, answer=answer)
    assert (walk["at"], walk["undefined"]) == ("18", True)
    later = {"workflow": CODE, "version": "2027", "at": "18"}
    assert await said(client, office, case, "workflow", **later) == "fact_missing"
    walk = await said(client, office, case, "workflow", **later, reason="手册补页")
    assert (walk["version"], walk["at"], walk["undefined"]) == ("2027", "18", False)
    await said(client, office, case, "steps", step="18")
    walk = await said(client, office, case, "steps", step="20", answer="pass")
    assert walk["ended"]
    shown = (await tracked(client, case))["steps"]
    assert [each["code"] for each in shown] == ["01", "02", "18", "20"]


@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        ([{"step": "1", "zh": "甲", "next": "2"}, {"step": "2", "zh": "乙", "next": "1"}],
         "1: loop_without_exit"),
        ([{"step": "1", "zh": "甲", "branches": {"yes": "end"}}], "1: decision_without_exits"),
        ([{"step": "1", "zh": "甲", "next": "end"}, {"step": "2", "zh": "乙", "next": "end"}],
         "2: unreachable"),
        ([{"step": "1", "zh": "甲", "next": "end", "clock": {"unit": "hour"}}],
         "1: clock_without_limit"),
    ],
)  # fmt: skip
async def test_a_workflow_that_cannot_be_walked_is_refused_with_its_fault_and_not_kept(
    client, steps, fault
):
    supervisor = await signed_in(client, "supervisor")
    wish = {"code": "made", "version": "1", "zh": "自定", "steps": steps}
    reply = await client.post("/api/v1/workflows", json=wish, headers=supervisor)
    assert reply.json()["code"] == "workflow_unsound"
    assert fault in reply.json()["details"]["faults"]
    listed = (await client.get("/api/v1/workflows", headers=supervisor)).json()["items"]
    assert [each["code"] for each in listed] == [CODE]


async def test_a_recorded_fact_that_somebody_changed_is_found_at_the_next_look(
    client, office, region
):
    case = await opened(client, office)
    await said(client, office, case, "workflow", workflow=CODE)
    await said(client, office, case, "manager", name="郑经理", phone="0316-600000")
    async with region.begin() as tx:
        await tx.execute(
            sa.update(case_event).where(case_event.c.n == 2)
            .values(body={"name": "别人", "phone": "0316-600000"})
        )  # fmt: skip
    reply = await client.get(f"/api/v1/cases/{case['id']}/workflow", headers=office)
    assert (reply.status_code, reply.json()["code"]) == (409, "chain_broken")


async def test_a_fact_of_the_future_or_of_another_units_case_is_refused(client, office):
    case = await opened(client, office)
    await said(client, office, case, "workflow", workflow=CODE)
    late = {"number": "P1", "amount_fen": 1, "paid_at": "2027-01-01T00:00:00Z"}
    assert await said(client, office, case, "payments", **late) == "fact_in_future"
    foreign = {"id": "019aaaaa-0000-7000-8000-000000000001"}
    assert await said(client, office, foreign, "documents", paper="x") == "not_found"


async def test_a_customer_moves_and_confirms_an_appointment_by_a_signed_link(
    client, office, clock, region
):
    case = await opened(
        client, office, "repair",
        window={"opens": "2026-11-24T06:00:00Z", "closes": "2026-11-24T08:00:00Z"},
    )  # fmt: skip
    page = await tracked(client, case)
    assert [each["state"] for each in page["steps"]] == ["done", "done", "now", "to_come"]
    assert page["promise"]["clause"] == "12" and page["promise"]["zh"]
    link = f"/api/v1/appointments/{page['appointment']['link']}"
    confirmed = (await client.post(f"{link}/confirm")).json()
    assert confirmed["confirmed_at"] == "2026-11-24T00:00:00Z"
    clock.at += timedelta(minutes=5)
    assert (
        (await client.post(f"{link}/confirm")).json()["confirmed_at"].startswith("2026-11-24T00:00")
    )
    hours = {"opens": "2026-11-24T10:00:00Z", "closes": "2026-11-24T12:00:00Z"}
    moved = (await client.post(f"{link}/move", json=hours)).json()
    assert (moved["opens"], moved["confirmed_at"]) == ("2026-11-24T10:00:00Z", None)
    entry = await client.get(f"{link}/calendar.ics")
    assert entry.headers["content-type"].startswith("text/calendar")
    assert "DTSTART:20261124T100000Z\r\n" in entry.text
    assert all(len(line.encode()) <= 75 for line in entry.text.split("\r\n"))
    async with region.connect() as tx:
        order = (
            await tx.execute(sa.select(work_order).where(work_order.c.case_id == case["id"]))
        ).one()
    assert order.window_opens == datetime(2026, 11, 24, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "code"),
    [
        (("2026-11-26T06:00:00Z", "2026-11-26T08:00:00Z"), "appointment_after_due"),
        (("2026-11-23T06:00:00Z", "2026-11-23T08:00:00Z"), "appointment_times"),
        (("2026-11-24T08:00:00Z", "2026-11-24T06:00:00Z"), "appointment_times"),
    ],
)
async def test_hours_that_cannot_be_are_refused_and_nothing_moves(client, office, hours, code):
    case = await opened(
        client, office, "repair",
        window={"opens": "2026-11-24T06:00:00Z", "closes": "2026-11-24T08:00:00Z"},
    )  # fmt: skip
    before = (await tracked(client, case))["appointment"]
    wish = {"opens": hours[0], "closes": hours[1]}
    reply = await client.post(f"/api/v1/appointments/{before['link']}/move", json=wish)
    assert reply.json()["code"] == code
    assert (await tracked(client, case))["appointment"]["opens"] == before["opens"]


async def test_a_link_that_was_changed_or_is_too_old_opens_nothing(client, office, clock):
    case = await opened(
        client, office, "repair",
        window={"opens": "2026-11-24T06:00:00Z", "closes": "2026-11-24T08:00:00Z"},
    )  # fmt: skip
    link = (await tracked(client, case))["appointment"]["link"]
    forged = link[:-1] + ("0" if link[-1] != "0" else "1")
    other = "0" * 32 + link[32:]
    for bad in (forged, other, "x", "0" * len(link)):
        reply = await client.get(f"/api/v1/appointments/{bad}")
        assert (reply.status_code, reply.json()["code"]) == (403, "link_invalid")
    clock.at += timedelta(days=90)
    assert (await client.get(f"/api/v1/appointments/{link}")).json()["code"] == "link_invalid"


async def test_facts_that_were_cut_from_the_end_of_a_case_are_missed(client, office, region):
    case = await opened(client, office)
    await said(client, office, case, "workflow", workflow=CODE)
    await said(client, office, case, "manager", name="郑经理", phone="0316-600000")
    found = await casework.verify(region, UNIT)
    assert found == {"case_chains": 1, "broken_case_chains": 0}
    async with region.begin() as tx:
        await tx.execute(sa.delete(case_event).where(case_event.c.n == 2))
    assert (await casework.verify(region, UNIT))["broken_case_chains"] == 1
    async with region.begin() as tx:
        await tx.execute(sa.delete(case_event))
    assert (await casework.verify(region, UNIT))["broken_case_chains"] == 1


SMALL = {"external_pipe": False, "meter_g": "G16", "pipe_dn": 79, "pipe_length_m": 100,
         "buried": False}  # fmt: skip


async def connection(client, office, **facts):
    items = (await client.get("/api/v1/premises", headers=office)).json()["items"]
    account = next(each["account"] for each in items if each["customer_class"] == "non_resident")
    case = await opened(client, office, "connection", account=account, facts=SMALL | facts)
    await said(client, office, case, "workflow", workflow=CODE)
    await said(client, office, case, "manager", name="郑经理", phone="0316-600000")
    return case


async def story_of(client, office, case):
    return (await client.get(f"/api/v1/cases/{case['id']}/events", headers=office)).json()


async def test_what_is_on_record_of_a_case_opens_the_gate_of_its_conditions(client, office):
    case = await connection(client, office)
    for paper in ("营业执照", "单位证明", "法人身份证"):
        await said(client, office, case, "documents", paper=paper)
    contract = {"number": "HT-1", "signed_at": "2026-11-23T23:10:00Z", "amount_fen": 1000}
    paid = {"amount_fen": 600, "paid_at": "2026-11-23T23:20:00Z"}
    await said(client, office, case, "payments", number="P1", **paid)
    await said(client, office, case, "contract", **contract)
    await said(client, office, case, "payments", number="F1", **paid, purpose="service_fee")
    assert "money_in" in (await story_of(client, office, case))["may_follow"]
    await said(client, office, case, "payments", number="P2", **paid)
    told = await story_of(client, office, case)
    assert {each["step"]: each["facts"] for each in told["steps"]} == {
        "manager_assigned": {"manager": "郑经理"}, "papers_in": {}, "money_in": {"voucher": "P2"},
    }  # fmt: skip
    wish = {"step": "materials_in", "at": "2026-11-24T00:00:00Z"}
    url = f"/api/v1/cases/{case['id']}/events"
    told = (await client.post(url, json=wish, headers=office)).json()
    assert {each["rule"] for each in told["clocks"]} == {"9d", "9e"}


async def test_money_on_record_waits_with_its_step_for_what_the_classifier_lacks(client, office):
    case = await connection(client, office, pipe_dn=None)
    for paper in ("营业执照", "单位证明", "法人身份证"):
        await said(client, office, case, "documents", paper=paper)
    url = f"/api/v1/cases/{case['id']}/events"
    wish = {"step": "materials_in", "at": "2026-11-24T00:00:00Z"}
    assert (await client.post(url, json=wish, headers=office)).status_code == 200
    await said(client, office, case, "contract", number="HT-1", signed_at="2026-11-23T23:10:00Z")
    paid = {"number": "P1", "amount_fen": 600, "paid_at": "2026-11-23T23:20:00Z"}
    walk = await said(client, office, case, "payments", **paid)
    assert walk["paid_fen"] == 600
    told = await story_of(client, office, case)
    assert "money_in" in told["may_follow"]
    survey = {"step": "surveyed", "at": "2026-11-24T00:00:00Z", "facts": {"pipe_dn": 80}}
    told = (await client.post(url, json=survey, headers=office)).json()
    assert {each["rule"] for each in told["clocks"]} == {"9c", "9e"}
