"""A few days of the company's promises: every clause from first contact to a verdict, kept and not.

Told through the same shells as the API, at instants that lie just before the one it is told at.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import cases, handling, ledger, outages, rulebooks, seasons, standing, supply
from commitments.calendar import local_day
from commitments.calls import read_calls
from commitments.looking import CHANNELS, ITEMS
from runtime.ambient import fixed
from runtime.demo import law
from schemas.base import Value
from schemas.ids import named
from schemas.outage import GasWish, OutageStep, OutageWish
from schemas.problems import Refusal
from schemas.rulebook import ClockDraft, RulebookDraft
from schemas.standing import PromiseSettings, Records, SeasonWish
from schemas.telling import Told
from schemas.work import CaseRequest, StepWish
from storage import catalogue, registry
from storage import ledger as rows

WHO = "示例"
CLASSES = ("resident", "non_resident", "rural_piped")
Steps = Sequence[tuple[str, float, dict[str, Any]]]
"""Steps of a case: its name, hours after the case came in, and facts."""
SMALL = {
    "external_pipe": False, "meter_g": "G16", "pipe_dn": 50, "pipe_length_m": 100, "buried": False,
}  # fmt: skip
DESIGNED = SMALL | {"external_pipe": True}
READY: Steps = (
    ("manager_assigned", 1, {"manager": "王经理"}),
    ("papers_in", 26, {}),
    ("materials_in", 27, {}),
    ("money_in", 28, {"voucher": "V-1"}),
)
CASES: Sequence[tuple[str, str, float, dict[str, Any], Steps]] = (
    ("emergency", "resident", 60, {"description": "厨房有煤气味"}, (
        ("dispatched", 0.01, {"crew": "一班"}), ("crew_departed", 0.05, {}),
        ("crew_arrived", 0.4, {}), ("made_safe", 1, {"result": "关阀检漏"}))),
    ("emergency", "rural_piped", 30, {"description": "报警器一直响"}, (
        ("dispatched", 0.1, {"crew": "二班"}), ("crew_departed", 0.2, {}),
        ("crew_arrived", 1.2, {}))),
    ("pre_service", "non_resident", 50, {}, (
        ("person_assigned", 1, {"person": "李工"}), ("usage_scope_explained", 2, {}),
        ("technical_help_given", 3, {}), ("site_surveyed", 20, {}),
        ("preliminary_plan_set", 26, {"document": "方案-1"}))),
    ("connection", "non_resident", 240, {"facts": SMALL},
        (*READY, ("install_accepted", 230, {"service_fee_fen": 0}))),
    ("connection", "non_resident", 200, {"facts": DESIGNED}, READY),
    ("connection", "non_resident", 190, {"facts": SMALL | {"meter_g": "G25"}}, READY),
    ("connection", "resident", 180, {"facts": {"external_pipe": False}},
        (*READY, ("install_accepted", 150, {"service_fee_fen": 0}))),
    ("connection", "resident", 170, {"facts": {"external_pipe": True}}, READY),
    ("relight", "resident", 48, {}, (("gas_on_signed", 30, {}),)),
    ("relight", "resident", 47, {}, (("not_eligible", 20, {"reason": "未验收"}),)),
    ("appliance_install", "resident", 40, {"purchased_days": 2}, (
        ("appointment_agreed", 2, {"opens": "2026-01-01T09:00:00+08:00"}),
        ("install_signed", 30, {}))),
    ("repair", "resident", 45, {"description": "灶具打不着火"}, (
        ("dispatched", 4, {}), ("repair_started_in_home", 20, {}), ("repair_completed", 21, {}))),
    ("repair", "resident", 130, {"description": "表不走字"}, ()),
    ("alteration", "resident", 96, {}, (
        ("accepted", 24, {"agreed_days": 3}), ("work_done", 90, {}))),
    ("alteration", "non_resident", 95, {}, (
        ("accepted", 20, {"contract_deadline": "2030-01-01T18:00:00+08:00"}),)),
    ("alteration", "resident", 94, {}, (
        ("refused", 20, {"reason": "承重墙内管道", "document": "函-1"}),)),
    ("refund", "resident", 93, {}, (("money_sent", 50, {"amount_fen": 12_000, "voucher": "V-2"}),)),
    ("refund", "resident", 92, {}, (("not_eligible", 20, {"reason": "无余额"}),)),
    ("complaint", "resident", 91, {}, (
        ("opinion_replied", 10, {"opinion": "已核实"}), ("resolved", 60, {"result": "已更换"}))),
    ("complaint", "resident", 90, {}, (
        ("opinion_replied", 60, {"opinion": "核实中"}),
        ("extension_agreed", 70, {"until": "2030-01-01", "reason": "缺件", "customer_agreed": True}))),
    ("complaint", "resident", 89, {}, (("refused", 20, {"reason": "非本公司管道"}),)),
    ("enquiry", "resident", 88, {}, (("replied", 20, {"words": "已查"}),)),
    ("inspection_booking", "resident", 87, {}, (("no_appointment", 20, {"reason": "约满"}),)),
)  # fmt: skip


class Stage(Value, frozen=True):
    """Where the story is told: the unit, its accounts by class, its grids, and its last instant."""

    unit_id: str
    accounts: dict[str, list[str]]
    grids: list[str]
    now: datetime

    @property
    def today(self) -> datetime:
        """Midnight of the story's last day."""
        zone = catalogue.calendar().zone
        return datetime.combine(self.now.astimezone(zone).date(), time(), zone)


async def tell(engine: AsyncEngine, unit_id: str, *, now: datetime) -> int:
    """Tells the story; returns how many cases it has. A unit without premises has none."""
    stage = await _stage(engine, unit_id, now=now)
    if stage is None:
        return 0
    await _standing(engine, stage)
    await _outages(engine, stage)
    year = stage.now.year + (stage.today.date() >= date(stage.now.year, 11, 15))
    season = {
        "region": "all", "season": f"{year}-{year + 1}", "planned_start": f"{year}-11-15",
        "source": "示例通知",
    }  # fmt: skip
    wish = msgspec.convert(season, SeasonWish)
    await seasons.lay_down(engine, unit_id, wish=wish, by=(WHO, fixed(now)))
    await _local_policy(engine, stage)
    await _first_gas(engine, stage)
    residents = stage.accounts["resident"]
    await law.tell(engine, unit_id, accounts=(residents[0], residents[-1]), now=now)
    numbers = count(1)
    for kind, customer, hours, given, steps in CASES:
        await _case(
            engine, stage, story=(kind, customer, hours, given, steps), number=next(numbers)
        )
    return len(CASES)


async def _stage(engine: AsyncEngine, unit_id: str, *, now: datetime) -> Stage | None:
    async with engine.connect() as tx:
        homes = await registry.premises_page(tx, unit_id, after=None, limit=2_000)
        grids = await registry.grid_codes(tx, unit_id)
    by_class = {
        name: [each.account for each in homes if each.customer_class == name and each.first_gas_on]
        for name in CLASSES
    }
    anywhere = [each.account for each in homes if each.first_gas_on]
    if not anywhere or not grids:
        return None
    accounts = {name: found or anywhere for name, found in by_class.items()}
    return Stage(unit_id=unit_id, accounts=accounts, grids=sorted(grids.values()), now=now)


async def _local_policy(engine: AsyncEngine, stage: Stage) -> None:
    """The unit looks at piped homes of its villages every four months: shorter, as it may (3g)."""
    at = fixed(stage.today - timedelta(days=3))
    rule, clock = catalogue.drafts()["3c"], ClockDraft(unit="month", at_most=4)
    own = msgspec.structs.replace(rule, zh="农村管道4个月", clock=clock, parameter_source="company")
    book = RulebookDraft(
        version="demo-1", effective_from=local_day(catalogue.calendar(), at.now), rules=[own]
    )
    await rulebooks.publish(engine, stage.unit_id, wish=book, actor=WHO, ambient=at)


async def _first_gas(engine: AsyncEngine, stage: Stage) -> None:
    """A farm that gets gas for the first time: looked at before, and shut out until then."""
    built, day = named(stage.unit_id, "premises", "YS-NEW"), stage.today - timedelta(days=2)
    row = {
        "id": built, "unit_id": stage.unit_id, "account": "YS-NEW", "address": "示例村新建1号",
        "address_given": "示例村新建1号", "customer_class": "rural_piped", "row_hash": "YS-NEW",
    }  # fmt: skip
    by = (WHO, fixed(day + timedelta(hours=11)))
    wish = GasWish(to="first_on", at=by[1].now, reason="新装通气", person=WHO)
    async with engine.begin() as tx:
        await registry.save_premises(tx, [row], customers=[], meters=[])
    try:
        await supply.turn(engine, stage.unit_id, premises_id=built, wish=wish, by=by)
    except Refusal as gate:
        if gate.code != "first_gas_on_gate":
            raise
    async with engine.begin() as tx:
        looked = {built: day.date()}
        await cases.renew_cycles(tx, stage.unit_id, inspected=looked, ambient=by[1])
    await supply.turn(engine, stage.unit_id, premises_id=built, wish=wish, by=by)


async def _case(engine: AsyncEngine, stage: Stage, *, story: tuple[Any, ...], number: int) -> None:
    kind, customer, hours, given, steps = story
    came = stage.now - timedelta(hours=hours)
    given = dict(given)
    bought = given.pop("purchased_days", None)
    if bought is not None:
        given["purchased_on"] = (came - timedelta(days=bought)).date()
    accounts = stage.accounts[customer]
    wish = CaseRequest(
        kind=kind,
        channel=("hotline", "hall", "online_hall", "wechat")[number % 4],
        account=accounts[number % len(accounts)],
        received_at=came,
        number=f"YS{number:03d}",
        **given,
    )
    done = await cases.open_cases(engine, stage.unit_id, requests=[wish], ambient=fixed(came))
    if not done.opened:
        return
    for name, after, facts in steps:
        await _step(engine, stage, case_id=done.opened[0], told=(name, came, after, facts))
    if given.get("facts") == DESIGNED:
        await _designed(engine, stage, case_id=done.opened[0])


async def _step(
    engine: AsyncEngine, stage: Stage, *, case_id: UUID, told: tuple[str, datetime, float, Any]
) -> None:
    name, came, after, facts = told
    at = came + timedelta(hours=after)
    facts = dict(facts)
    days = facts.pop("agreed_days", None)
    if days is not None:
        facts["agreed_on"] = (at + timedelta(days=days)).date().isoformat()
    wish = StepWish(step=name, at=at, facts=facts)
    await handling.step(engine, stage.unit_id, case_id=case_id, wish=wish, by=(WHO, fixed(at)))


async def _designed(engine: AsyncEngine, stage: Stage, *, case_id: UUID) -> None:
    """Clause 9's clock stands still for the design."""
    async with engine.connect() as tx:
        held = await rows.open_for(tx, stage.unit_id, case_id=case_id)
    (clock,) = [each for each in held if each.rule_code == "9b"]
    at = stage.now - timedelta(hours=50)
    pause = {"kind": "paused", "at": at, "reason": "design", "document": "设计委托-1"}
    told = msgspec.convert({"event": pause}, Told)
    by = (WHO, fixed(at))
    await ledger.tell(engine, stage.unit_id, commitment_id=clock.id, wish=told.event, by=by)


async def _outages(engine: AsyncEngine, stage: Stage) -> None:
    # the first two lie across noon and its peak, the third between the peaks
    for number, day, hour, steps in (
        ("TQ001", -1, 9, True), ("TQ002", 4, 9, False), ("TQ003", 5, 13, False),
    ):  # fmt: skip
        opens = stage.today + timedelta(days=day, hours=hour)
        told_at = min(opens - timedelta(hours=50), stage.now)
        wish = {
            "reason": "主管道检修", "number": number, "grids": stage.grids[:1],
            "planned": {"opens": opens, "closes": opens + timedelta(hours=8 if hour == 9 else 4)},
            "notice": {"text": "计划停气公告", "at": told_at, "channels": ["web", "wechat", "sms"],
                       "document": f"公告-{number}"},
        }  # fmt: skip
        by = (WHO, fixed(told_at))
        sound = msgspec.convert(wish, OutageWish)
        told = await outages.write_down(engine, stage.unit_id, wish=sound, by=by)
        for step, hours in (("stopped", 0.0), ("restored", 7.5)) if steps else ():
            at = opens + timedelta(hours=hours)
            done = msgspec.convert({"step": step, "at": at}, OutageStep)
            by = (WHO, fixed(at))
            await outages.step(engine, stage.unit_id, outage_id=told.outage.id, wish=done, by=by)


async def _standing(engine: AsyncEngine, stage: Stage) -> None:
    """Two days of records: the first whole, the second with a gap in the night and a hall shut."""
    first, unit_id = stage.today - timedelta(days=2), stage.unit_id
    bands = [
        {"opens": "11:00:00", "closes": "12:30:00"},
        {"opens": "17:30:00", "closes": "20:00:00"},
    ]
    given = {
        "standing_since": first.date(), "hotline_since": first.date(), "halls": ["H1", "H2"], "peak_bands": bands,
        "remote_grids": stage.grids[-1:], "judge_after_hours": 0,
    }  # fmt: skip
    settings = msgspec.convert(given, PromiseSettings)
    await standing.lay_down(engine, unit_id, given=settings, by=(WHO, fixed(first)))
    wish = msgspec.convert({"records": _records(first)}, Records)
    by = (WHO, fixed(stage.today))
    await standing.write_down(engine, unit_id, records=wish.records, by=by)
    calls = "number,rang_at,answered_at,agent\n" + "".join(
        f"C{n},{(first + timedelta(hours=9, minutes=n)).isoformat()},{answered},800{n}\n"
        for n, answered in enumerate(
            (
                (first + timedelta(hours=9, minutes=n, seconds=s)).isoformat()
                for n, s in enumerate((6, 14, 31))
            )
        )
    )
    await standing.write_down(engine, unit_id, records=read_calls(calls), by=by)
    await standing.look(engine, unit_id, ambient=fixed(stage.now))


def _records(first: datetime) -> list[dict[str, Any]]:
    year = first.year
    found: list[dict[str, Any]] = [
        {"kind": "quality_report", "number": f"GB17820-{year}", "valid_from": f"{year}-01-01",
         "valid_to": f"{year}-12-31", "document": "气质检测报告"},
    ]  # fmt: skip
    for day in (first, first + timedelta(days=1)):
        on, whole = day.date(), day == first
        found.append(
            {"kind": "pressure", "station": "S1", "at": day + timedelta(hours=8), "kpa": 2.2}
        )
        for person, opens, closes in (("甲", 0, 12), ("乙", 12, 24 if whole else 22)):
            hours = {"opens": day + timedelta(hours=opens), "closes": day + timedelta(hours=closes)}
            for desk in ("emergency", "hotline"):
                found.append({"kind": "shift", "desk": desk, "person": person} | hours)
        for hall in ("H1", "H2") if whole else ("H1",):
            hours = {"opens": day + timedelta(hours=8), "closes": day + timedelta(hours=18)}
            found.append({"kind": "hall_opening", "hall": hall, "on": on} | hours)
    found += [
        {"kind": "public_check", "item": item, "channel": channel, "on": first.date(),
         "live": (item, channel) != ("fee", "gov_platform"), "document": "截图"}
        for item in ITEMS for channel in CHANNELS
    ]  # fmt: skip
    return found
