"""Cases, sweep, office events and proof over a real PostgreSQL."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from itertools import count
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
import sqlalchemy as sa

from commitments import cases, ledger
from commitments.sweep import sweep
from runtime.ambient import fixed
from runtime.database import own_server
from schemas.commitment import PAUSED, RESUMED, WAIVED, Event
from schemas.problems import Refusal
from schemas.work import CaseRequest
from storage import ledger as rows
from storage.engine import make_engine
from storage.migrate import upgrade
from storage.tables import (
    commitment,
    commitment_event,
    commitment_stage,
    premises,
    unit_table,
)

UNIT = "u1"
BEGUN = datetime(2026, 3, 2, 1, tzinfo=UTC)
PREMISES = UUID(int=7)
NUMBERS = count(1)
pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with own_server(tmp_path_factory.mktemp("commitments-postgres"), durable=False) as started:
        started.ensure_database("seed")
        asyncio.run(_seed(started.url("seed")))
        yield started


@pytest_asyncio.fixture
async def engine(cluster):
    name = f"story{next(NUMBERS)}"
    cluster.ensure_database(name, template="seed")
    made = make_engine(cluster.url(name), connections=2)
    yield made
    await made.dispose()
    cluster.drop_database(name)


async def _seed(url):
    await upgrade(url)
    made = make_engine(url, connections=1)
    async with made.begin() as tx:
        await tx.execute(sa.insert(unit_table).values(id=UNIT, name_zh="测试公司", settings={}))
        await tx.execute(
            sa.insert(premises).values(
                id=PREMISES,
                unit_id=UNIT,
                account="6600000001",
                address="测试路1号",
                address_given="测试路1号",
                customer_class="resident",
                first_gas_on=date(2020, 1, 1),
                last_inspection_on=date(2024, 6, 1),
                row_hash="",
            )
        )
    await made.dispose()


def request(kind, number, **given):
    return CaseRequest(
        kind=kind,
        channel="hotline",
        account=given.pop("account", "6600000001"),
        received_at=given.pop("received_at", BEGUN),
        number=number,
        **given,
    )


async def opened(engine, *requests):
    return await cases.open_cases(engine, UNIT, requests=requests, ambient=fixed(BEGUN))


async def held(engine, code):
    async with engine.connect() as tx:
        found = await tx.execute(sa.select(commitment).where(commitment.c.rule_code == code))
        return found.one()


async def record(engine, code, kind, *, hours, **body):
    at = BEGUN + timedelta(hours=hours)
    event = Event(kind=kind, observed_at=at, received_at=at, source=f"office:{hours}", body=body)
    found = await held(engine, code)
    await ledger.record(engine, UNIT, commitment_id=found.id, event=event, ambient=fixed(at))


async def test_a_complaint_is_told_from_first_contact_to_two_verdicts(engine):
    await opened(engine, request("complaint", "C1"))
    await record(engine, "16a", "opinion_replied", hours=20)
    await record(engine, "16b", "resolved", hours=24 * 9)
    assert ((await held(engine, "16a")).state, (await held(engine, "16b")).state) == (
        "met",
        "breached",
    )
    found = await held(engine, "16b")
    told = await ledger.explain(
        engine, UNIT, commitment_id=found.id, now=BEGUN + timedelta(days=30)
    )
    assert [each["kind"] for each in told["events"]] == ["started", "resolved"]
    assert len(told["verdict"]["days"]) == 5
    assert told["events"][-1]["hash"] == found.head_hash


async def test_three_days_away_every_stage_is_stored_once_with_its_true_instant(engine):
    await opened(engine, request("repair", "R1"))
    late = fixed(BEGUN + timedelta(days=4, hours=1))
    assert await sweep(engine, ambient=late, limit=100) == 1
    assert await sweep(engine, ambient=late, limit=100) == 0
    async with engine.connect() as tx:
        stages = (
            await tx.execute(sa.select(commitment_stage).order_by(commitment_stage.c.at))
        ).all()
    assert [(each.stage, each.at - BEGUN) for each in stages] == [
        ("started", timedelta()),
        ("dispatched_late", timedelta(hours=12)),
        ("warned", timedelta(hours=18)),
        ("due", timedelta(hours=24)),
        ("overdue", timedelta(hours=48)),
        ("proof_overdue", timedelta(hours=96)),
    ]
    assert (await held(engine, "12")).state == "breached"


async def test_sweeping_in_small_steps_ends_where_one_late_sweep_ends(engine):
    await opened(engine, request("repair", "R1"), request("refund", "F1"))
    for hour in range(0, 24 * 12, 7):
        await sweep(engine, ambient=fixed(BEGUN + timedelta(hours=hour)), limit=1)
    states = {(code, state) for code, state, _ in await ledger.states(engine, UNIT)}
    assert states == {("12", "breached"), ("14", "breached")}


async def test_a_known_number_is_left_alone_and_an_unknown_account_is_rejected(engine):
    first = await opened(engine, request("refund", "F1"), request("refund", "F2", account="none"))
    again = await opened(engine, request("refund", "F1"))
    assert [len(first.opened), first.rejected[0].code] == [1, "account_unknown"]
    assert (again.opened, again.known) == ((), ("F1",))


async def test_every_premises_has_its_inspection_clock_once(engine):
    assert await cases.open_cycles(engine, UNIT, ambient=fixed(BEGUN)) == 1
    assert await cases.open_cycles(engine, UNIT, ambient=fixed(BEGUN)) == 0
    assert (await held(engine, "3a")).due_on == date(2026, 6, 1)


@pytest.mark.parametrize(
    ("code", "kind", "hours", "refused"),
    [
        ("13a", RESUMED, 5, "not_paused"),
        ("13a", WAIVED, 5, "not_waivable"),
        ("11", WAIVED, 24 * 30, "waiver_too_late"),
    ],
)
async def test_a_refused_event_changes_nothing(engine, code, kind, hours, refused):
    await opened(
        engine,
        request("alteration", "A1"),
        request("appliance_install", "I1", purchased_on=date(2026, 3, 2)),
    )
    before = await held(engine, code)
    with pytest.raises(Refusal, match=refused):
        await record(engine, code, kind, hours=hours)
    assert await held(engine, code) == before


async def test_a_second_pause_is_refused_and_the_first_one_stays(engine):
    await opened(engine, request("alteration", "A1"))
    await record(engine, "13a", PAUSED, hours=5, reason="approval", document="D-1")
    with pytest.raises(Refusal, match="already_paused"):
        await record(engine, "13a", PAUSED, hours=6)
    found = await held(engine, "13a")
    assert (found.state, found.events) == ("paused", 2)


async def test_a_commitment_of_another_unit_is_not_found(engine):
    await opened(engine, request("refund", "F1"))
    found = await held(engine, "14")
    with pytest.raises(Refusal, match="not_found"):
        await ledger.explain(engine, "u2", commitment_id=found.id, now=BEGUN)


async def test_verify_finds_no_difference_then_every_flipped_byte_of_the_past(engine):
    await opened(engine, request("repair", "R1"), request("complaint", "C1"))
    await record(engine, "16b", "resolved", hours=24, words="解决")
    await sweep(engine, ambient=fixed(BEGUN + timedelta(days=10)), limit=100)
    # a test without a key: no head bears our mark
    whole = {"recomputed": 3, "differences": 0, "broken_chains": 0, "unsealed": 3, "guessed": 0}
    assert await ledger.verify(engine, UNIT) == whole
    async with engine.connect() as tx:
        links = (await tx.execute(sa.select(commitment_event))).all()
    for each in links:
        here = sa.and_(
            commitment_event.c.commitment_id == each.commitment_id, commitment_event.c.n == each.n
        )
        for changed in ({"body": {"forged": 1}}, {"hash": "0" * 64}, {"source_key": "x"}):
            await _set(engine, here, changed)
            assert (await ledger.verify(engine, UNIT))["broken_chains"] == 1, changed
            await _set(engine, here, {name: getattr(each, name) for name in changed})
    assert await ledger.verify(engine, UNIT) == whole


@pytest.mark.parametrize("number", [1.0, 1e16, 1e22, 0.1, 1e-7, -0.0, 2**60])
async def test_a_chain_holds_whatever_zone_and_form_its_facts_came_in(engine, number):
    local = BEGUN.astimezone(ZoneInfo("Asia/Shanghai"))
    wish = request("refund", "F1", received_at=local)
    await cases.open_cases(engine, UNIT, requests=[wish], ambient=fixed(local))
    found = await held(engine, "14")
    sent = Event(
        kind="money_sent", observed_at=local, received_at=local, source="x", body={"n": number}
    )
    await ledger.record(engine, UNIT, commitment_id=found.id, event=sent, ambient=fixed(local))
    whole = {"recomputed": 1, "differences": 0, "broken_chains": 0, "unsealed": 1, "guessed": 0}
    assert await ledger.verify(engine, UNIT) == whole


async def test_verify_finds_a_verdict_that_somebody_improved(engine):
    await opened(engine, request("repair", "R1"))
    await sweep(engine, ambient=fixed(BEGUN + timedelta(days=10)), limit=100)
    async with engine.begin() as tx:
        found = (await tx.execute(sa.select(commitment))).one()
        await rows.update_commitments(tx, [{"id": found.id, "state": "met"}])
    assert (await ledger.verify(engine, UNIT))["differences"] == 1


async def _set(engine, here, changed):
    async with engine.begin() as tx:
        await tx.execute(sa.update(commitment_event).where(here).values(**changed))


async def test_a_completed_inspection_is_followed_by_the_next_cycle(engine):
    assert await cases.open_cycles(engine, UNIT, ambient=fixed(BEGUN)) == 1
    async with engine.begin() as tx:
        (cycle,) = (await tx.execute(sa.select(commitment))).all()
    done = Event(
        kind="inspection_completed",
        observed_at=datetime(2026, 3, 10, 20, tzinfo=UTC),
        received_at=datetime(2026, 3, 12, tzinfo=UTC),
        source="operation:x:inspection_completed",
    )
    await ledger.record(engine, UNIT, commitment_id=cycle.id, event=done, ambient=fixed(BEGUN))
    later = fixed(datetime(2026, 3, 13, tzinfo=UTC))
    for _ in range(2):
        # as a tablet's push leaves it: the event is in the chain, the sweep is woken to fold it
        async with engine.begin() as tx:
            await tx.execute(sa.update(commitment).values(wake_at=later.now))
        await sweep(engine, ambient=later, limit=10)
    async with engine.begin() as tx:
        home = (await tx.execute(sa.select(premises))).one()
        cycles = (await tx.execute(sa.select(commitment).order_by(commitment.c.started_at))).all()
    # 20:00 UTC is the 11th in Shanghai, and the interval runs from that day
    assert home.last_inspection_on == date(2026, 3, 11)
    assert home.inspection_due_on == date(2028, 3, 11)
    assert [each.state for each in cycles] == ["met", "running"]
    assert cycles[1].due_on == date(2028, 3, 11)
    assert (await ledger.verify(engine, UNIT))["differences"] == 0


async def test_due_work_reaches_every_page_and_is_made_once(engine, monkeypatch):
    monkeypatch.setattr(cases, "PAGE", 2)
    async with engine.begin() as tx:
        for n in range(5):
            await tx.execute(
                sa.insert(premises).values(
                    id=UUID(int=100 - n), unit_id=UNIT, account=f"77{n}", address="a",
                    address_given="a", customer_class="rural_piped",
                    inspection_due_on=date(2026, 3, 1), row_hash="",
                )
            )  # fmt: skip
    until = date(2026, 3, 31)
    assert await cases.generate_due(engine, UNIT, until=until, ambient=fixed(BEGUN)) == 5
    assert await cases.generate_due(engine, UNIT, until=until, ambient=fixed(BEGUN)) == 0
