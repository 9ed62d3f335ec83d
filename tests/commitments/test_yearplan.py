"""Inspections at size: levelled into working days, opened ahead, tried again, told in two figures."""

import json
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from commitments import access, cases, cycles, yearplan
from commitments.access import Attempt
from runtime import chores
from runtime.ambient import fixed
from scheduling import run
from schemas.cycles import Levelling
from schemas.problems import Refusal
from storage import catalogue, registry
from storage.tables import commitment, cycle_plan, grid, heating_season, premises, visit, work_order
from tests.commitments.test_ledger_story import UNIT, cluster, engine

__all__ = ["cluster", "engine"]
CALENDAR = catalogue.calendar()
NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
TODAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("河北省廊坊市固安县英国宫家园一期8号楼1单元303室", "河北省廊坊市固安县英国宫家园一期"),
        ("永清县育才花园三期１７号楼２单元１６０２室", "永清县育才花园三期"),
        ("永清县李店村121号", "永清县李店村"),
        ("固安县育才小区三期商铺19号", "固安县育才小区三期"),
        ("没有门牌的地方", "没有门牌的地方"),
    ],
)
def test_a_place_is_the_compound_or_village_before_the_first_number(address, place):
    assert cycles.place_of(address) == place


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-2, 11), st.integers(0, 5)), max_size=120),
    st.integers(0, 11),
    st.integers(0, 4),
)
def test_levelling_by_place_makes_nothing_later_and_nothing_too_early(each, lead, gather):
    due = np.array([one for one, _ in each], dtype=np.int64)
    place = np.array([one for _, one in each], dtype=np.int64)
    how = Levelling(months=12, lead_months=lead, gather_months=gather)
    chosen = cycles.level_places(due, place, how=how)
    limit = np.clip(due, 0, 11)
    assert (chosen <= limit).all()
    assert (chosen >= np.maximum(limit - lead, 0)).all()


def test_a_trip_takes_neighbours_along_and_the_month_is_no_fuller_for_it():
    dice = np.random.default_rng(1)
    due, place = dice.integers(0, 12, 24_000), np.repeat(np.arange(200), 120)
    alone = cycles.level_places(due, place, how=Levelling(gather_months=0))
    together = cycles.level_places(due, place, how=Levelling(gather_months=2))
    for each in (alone, together):
        filled = np.bincount(each, minlength=12)
        assert filled.max() / filled.mean() <= 1.1
    apart = [len(np.unique(each * 200 + place)) for each in (alone, together)]
    assert apart[1] <= apart[0]


def test_a_month_is_spread_evenly_and_a_place_lies_on_neighbouring_days():
    place = np.array([1, 0, 1, 0, 2, 2])
    assert cycles.days_within(place, 3).tolist() == [1, 0, 1, 0, 2, 2]


async def homes(engine, rows):
    """Premises from `(due_on, address)`, all residents unless said otherwise."""
    async with engine.begin() as tx:
        await tx.execute(sa.delete(premises))
        for n, (due, address, *more) in enumerate(rows):
            kind = more[0] if more else "resident"
            await tx.execute(
                sa.insert(premises).values(
                    id=UUID(int=n + 1), unit_id=UNIT, account=f"H{n:03}", address=address,
                    address_given=address, customer_class=kind, inspection_due_on=due,
                    last_inspection_on=more[1] if len(more) > 1 else None,
                    first_gas_on=date(2020, 1, 1), row_hash="",
                )
            )  # fmt: skip


async def planned(engine, kind="interval"):
    async with engine.connect() as tx:
        found = await tx.execute(
            sa.select(cycle_plan)
            .where(cycle_plan.c.kind == kind)
            .order_by(cycle_plan.c.premises_id)
        )
        return found.all()


async def test_a_cliff_becomes_a_plain_of_working_days_before_every_due_day(engine):
    cliff = date(2027, 2, 20)
    await homes(engine, [(cliff, f"固安县小区{chr(0x4E00 + n // 10)}{n}号") for n in range(240)])
    done = await yearplan.level(engine, UNIT, how=Levelling(), ambient=fixed(NOW))
    assert (done.premises, done.places) == (240, 24)
    assert done.peak_over_mean_before == 12.0
    assert done.peak_over_mean <= 1.1
    rows = await planned(engine)
    assert all(TODAY <= each.planned_on <= each.due_on for each in rows)
    assert all(CALENDAR.works(each.planned_on) for each in rows)
    shown = await yearplan.year(engine, UNIT)
    assert sum(each.planned for each in shown.months) == 240
    assert [each.due for each in shown.months if each.due] == [240]


async def test_overdue_work_comes_first_and_is_planned_today_or_later(engine):
    await homes(engine, [(date(2025, 12, 1), "甲村1号"), (date(2026, 9, 1), "乙村1号")])
    await yearplan.level(engine, UNIT, how=Levelling(), ambient=fixed(NOW))
    overdue = (await planned(engine))[0]
    assert overdue.planned_on >= TODAY and overdue.planned_on.month == 3


async def test_the_workers_chore_levels_once_a_month_and_opens_work_ahead_once(engine):
    await homes(engine, [(date(2026, 3, 20), "甲村1号"), (date(2027, 1, 20), "乙村1号")])
    assert await chores.due_work(engine, ambient=fixed(NOW)) >= 1
    assert await chores.due_work(engine, ambient=fixed(NOW)) == 0
    assert not await yearplan.level_monthly(engine, UNIT, ambient=fixed(NOW))
    april = fixed(datetime(2026, 4, 1, 1, tzinfo=UTC))
    assert await yearplan.level_monthly(engine, UNIT, ambient=april)
    async with engine.connect() as tx:
        opened = (await tx.execute(sa.select(work_order))).all()
    urgent = next(each for each in opened if each.number == "AJ-H000-20260320")
    assert urgent.facts["place"] == "甲村"
    assert urgent.earliest_at < urgent.due_at


async def test_what_was_inspected_meanwhile_is_not_opened(engine):
    await homes(engine, [(date(2026, 3, 20), "甲村1号")])
    await yearplan.level(engine, UNIT, how=Levelling(), ambient=fixed(NOW))
    async with engine.begin() as tx:
        done = {"id": UUID(int=1), "last_inspection_on": TODAY}
        await registry.inspected(tx, [{**done, "inspection_due_on": date(2028, 3, 2)}])
    assert await yearplan.open_work(engine, UNIT, ambient=fixed(NOW)) == 0


async def season(engine, **given):
    async with engine.begin() as tx:
        await tx.execute(sa.delete(heating_season))
        values = {"unit_id": UNIT, "region": "北", "season": "2026", "grids": [],
                  "planned_start": date(2026, 11, 15), "source": "城管局", **given}  # fmt: skip
        await tx.execute(sa.insert(heating_season).values(**values))


async def test_rural_premises_are_planned_from_75_days_before_heating_and_follow_a_moved_start(
    engine,
):
    autumn = fixed(datetime(2026, 9, 20, 1, tzinfo=UTC))
    rural = [(date(2027, 2, 1), f"石桥村{n}号", "rural_piped", date(2026, 8, 1)) for n in range(8)]
    inspected = (date(2027, 3, 5), "石桥村99号", "rural_piped", date(2026, 9, 5))
    await homes(engine, [*rural, inspected, (date(2027, 2, 1), "县城小区1号")])
    await season(engine)
    assert await yearplan.preheat(engine, UNIT, ambient=autumn) == 8
    rows = await planned(engine, "preheating")
    assert {each.due_on for each in rows} == {date(2026, 11, 14)}
    assert all(date(2026, 9, 20) <= each.planned_on <= date(2026, 11, 14) for each in rows)
    await yearplan.open_work(engine, UNIT, ambient=fixed(datetime(2026, 11, 1, 1, tzinfo=UTC)))
    await season(engine, actual_start=date(2026, 11, 8))
    await yearplan.preheat(engine, UNIT, ambient=autumn)
    async with engine.connect() as tx:
        orders = (await tx.execute(sa.select(work_order))).all()
    assert {each.number[:3] for each in orders} == {"CN-"}
    assert {each.due_at for each in orders} == {datetime(2026, 11, 7, 16, tzinfo=UTC)}


async def test_before_the_window_opens_nothing_is_planned_for_it_early(engine):
    await homes(engine, [(date(2027, 2, 1), "石桥村1号", "rural_piped", date(2026, 8, 1))])
    await season(engine)
    await yearplan.preheat(engine, UNIT, ambient=fixed(datetime(2026, 6, 1, 1, tzinfo=UTC)))
    assert [
        each.planned_on >= date(2026, 9, 1) for each in await planned(engine, "preheating")
    ] == [True]


async def knocked(engine, *times, outcome="no_access", notice=True):
    """An order at premises 1 with visits in vain at these local times."""
    order = uuid4()
    async with engine.begin() as tx:
        await tx.execute(
            sa.insert(work_order).values(
                id=order, unit_id=UNIT, premises_id=UUID(int=1), number=f"AJ-{order.hex[:8]}",
                kind="inspection", template="RES-INSP@2026.1", skills=["inspection"],
                duration_seconds=1200, tier="normal", state=outcome, facts={},
                due_at=datetime(2026, 6, 1, tzinfo=UTC),
            )
        )  # fmt: skip
        for n, text in enumerate(times, start=1):
            at = datetime.fromisoformat(f"{text}+08:00")
            key = uuid4()
            await tx.execute(
                sa.insert(visit).values(
                    id=key, unit_id=UNIT, work_order_id=order, premises_id=UUID(int=1),
                    on_day=at.date(), attempt=n, state="ended", outcome=outcome,
                    template="RES-INSP@2026.1", ended_at=at,
                )
            )  # fmt: skip
            fields = {"no_access": {"notice_photo": "f" * 64}} if notice else {}
            await tx.execute(
                sa.text(
                    "INSERT INTO record (id, unit_id, kind, visit_id, premises_id, fields)"
                    " VALUES (:id, :unit, 'visit', :id, :home, cast(:fields AS json))"
                ),
                {"id": key, "unit": UNIT, "home": UUID(int=1),
                 "fields": json.dumps(fields)},
            )  # fmt: skip
    return order


async def order_now(engine, key):
    async with engine.connect() as tx:
        return (await tx.execute(sa.select(work_order).where(work_order.c.id == key))).one()


async def test_nobody_home_on_a_working_morning_is_tried_on_an_evening_of_another_day(engine):
    await homes(engine, [(date(2026, 6, 1), "甲村1号")])
    key = await knocked(engine, "2026-03-02T09:30")
    done = await yearplan.try_again(engine, UNIT, ambient=fixed(NOW))
    assert (done.again, done.escalated) == (1, 0)
    order = await order_now(engine, key)
    assert order.state == "scheduled"
    assert order.window_opens == datetime(2026, 3, 3, 10, tzinfo=UTC)
    assert order.window_closes == datetime(2026, 3, 3, 13, tzinfo=UTC)
    assert (await yearplan.try_again(engine, UNIT, ambient=fixed(NOW))).again == 0


async def test_once_enough_was_offered_a_supervisor_takes_over_and_the_interval_stays_open(engine):
    await homes(engine, [(date(2026, 6, 1), "甲村1号", "resident", date(2024, 6, 1))])
    key = await knocked(engine, "2026-03-02T09:30", "2026-03-03T19:00", "2026-03-07T10:00")
    later = fixed(datetime(2026, 3, 8, tzinfo=UTC))
    done = await yearplan.try_again(engine, UNIT, ambient=later)
    assert (done.again, done.escalated) == (0, 1)
    assert "escalated" in (await order_now(engine, key)).facts
    assert (await yearplan.try_again(engine, UNIT, ambient=later)).escalated == 0
    shown = await yearplan.shown(engine, UNIT, premises_id=UUID(int=1), now=later.now)
    assert (shown.interval_kept, shown.duty_kept, shown.missing) == (None, True, [])
    assert [each.band for each in shown.attempts] == ["morning", "evening", "morning"]
    missed = await yearplan.shown(
        engine, UNIT, premises_id=UUID(int=1), now=datetime(2026, 6, 2, tzinfo=UTC)
    )
    assert (missed.interval_kept, missed.duty_kept) == (False, True)


async def test_a_knock_without_a_notice_keeps_no_duty_and_a_refusal_goes_to_a_person(engine):
    await homes(engine, [(date(2026, 6, 1), "甲村1号", "resident", date(2024, 6, 1))])
    await knocked(engine, "2026-03-02T09:30", "2026-03-03T19:00", "2026-03-07T10:00", notice=False)
    shown = await yearplan.shown(
        engine, UNIT, premises_id=UUID(int=1), now=datetime(2026, 3, 8, tzinfo=UTC)
    )
    assert (shown.duty_kept, shown.missing) == (False, ["notice_each_time"])
    refused = await knocked(engine, "2026-03-05T09:30", outcome="refused")
    await yearplan.try_again(engine, UNIT, ambient=fixed(datetime(2026, 3, 8, tzinfo=UTC)))
    assert "escalated" in (await order_now(engine, refused)).facts


async def test_coverage_tells_the_interval_and_the_offer_apart_by_grid_and_month(engine):
    await homes(
        engine,
        [(None, "甲村1号", "resident", date(2024, 5, 1)),
         (None, "甲村2号", "resident", date(2024, 5, 2)),
         (None, "甲村3号", "resident", date(2024, 5, 3))],
    )  # fmt: skip
    async with engine.begin() as tx:
        key = uuid4()
        await tx.execute(sa.insert(grid).values(id=key, unit_id=UNIT, code="固安-北"))
        await tx.execute(sa.update(premises).values(grid_id=key))
    assert await cases.open_cycles(engine, UNIT, ambient=fixed(NOW)) == 3
    await knocked(engine, "2026-03-02T09:30", "2026-03-03T19:00", "2026-03-07T10:00")
    async with engine.begin() as tx:
        await tx.execute(
            sa.update(commitment).where(commitment.c.premises_id == UUID(int=2)).values(state="met")
        )
        others = commitment.c.premises_id != UUID(int=2)
        await tx.execute(sa.update(commitment).where(others).values(state="breached"))
    found = await yearplan.coverage(engine, UNIT, since=date(2026, 1, 1), until=date(2026, 12, 31))
    (line,) = found.lines
    assert (line.grid, line.month, line.due) == ("固安-北", "2026-05", 3)
    assert (line.interval_kept, line.duty_kept, line.attempts) == (1, 2, 3)


async def test_a_due_list_is_read_page_by_page_without_a_gap(engine):
    days = [date(2026, 12, 1) + timedelta(days=n % 31) for n in range(70)]
    await homes(engine, [(day, f"甲村{n}号") for n, day in enumerate(days)] + [
        (date(2026, 11, 30), "乙村1号"), (date(2027, 1, 1), "乙村2号")])  # fmt: skip
    seen, after = [], ""
    while True:
        page = await yearplan.due_list(engine, UNIT, month="2026-12", grid=None, page=(after, 20))
        seen += [each.premises for each in page.items]
        if page.next is None:
            break
        after = page.next
    assert len(seen) == len(set(seen)) == 70


async def test_what_is_no_month_and_premises_without_a_cycle_are_refused(engine):
    with pytest.raises(Refusal, match="fact_not_a_time"):
        await yearplan.due_list(engine, UNIT, month="2026-13", grid=None, page=("", 5))
    with pytest.raises(Refusal, match="fact_not_a_time"):
        await yearplan.due_list(engine, UNIT, month="2026-12", grid=None, page=("x", 5))
    with pytest.raises(Refusal, match="not_found"):
        await yearplan.shown(engine, UNIT, premises_id=uuid4(), now=NOW)
    await homes(engine, [(None, "甲村1号", "unknown")])
    with pytest.raises(Refusal, match="cycle_unknown"):
        await yearplan.shown(engine, UNIT, premises_id=UUID(int=1), now=NOW)


def test_an_attempt_after_the_last_lawful_day_mends_nothing():
    late = Attempt(at=datetime(2026, 6, 5, 11, tzinfo=UTC), notice_left=True)
    missing = access.offered([late], due_on=date(2026, 6, 1), calendar=CALENDAR)
    assert "attempts_on_other_days" in missing


async def test_levelled_work_comes_to_the_plan_of_its_day_and_moves_with_a_new_levelling(engine):
    day = TODAY + timedelta(days=3)
    await homes(engine, [(TODAY + timedelta(days=60), f"永清县李店村{n}号") for n in range(6)])
    ambient = fixed(NOW)
    async with engine.begin() as tx:
        await tx.execute(sa.update(premises).values(latitude=39.4, longitude=116.3))
    await yearplan.level(engine, UNIT, how=Levelling(), ambient=ambient)
    async with engine.begin() as tx:
        await tx.execute(sa.update(cycle_plan).values(planned_on=day))
    assert await yearplan.open_work(engine, UNIT, ambient=ambient) == 6
    async with engine.connect() as tx:
        kept = (await tx.execute(sa.select(work_order.c.level_on))).scalars().all()
        asked = {
            each: await run.asked_of(tx, UNIT, on_day=each, now=NOW)
            for each in (day - timedelta(days=1), day, day + timedelta(days=1))
        }
    assert set(kept) == {day}
    waiting = {each: len(found.problem.jobs) for each, found in asked.items()}
    assert waiting == {day - timedelta(days=1): 0, day: 6, day + timedelta(days=1): 6}
    # one trip: they are one group, so that a village is one technician's
    assert {each.group for each in asked[day].problem.jobs} == {"永清县李店村"}
    await yearplan.level(engine, UNIT, how=Levelling(), ambient=ambient)
    async with engine.connect() as tx:
        rows = await tx.execute(
            sa.select(
                work_order.c.level_on, cycle_plan.c.planned_on, work_order.c.earliest_at
            ).join(cycle_plan, cycle_plan.c.premises_id == work_order.c.premises_id)
        )
        moved = rows.all()
    assert {each.level_on for each in moved} != {day}
    assert all(each.level_on == each.planned_on for each in moved)
    assert all(each.earliest_at.astimezone(CALENDAR.zone).date() == each.level_on for each in moved)
