"""A small unit for stories of promises: two grids, premises of every class, and short words."""

from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa

from commitments import cases, handling, ledger
from runtime.ambient import fixed
from schemas.telling import Told
from schemas.work import CaseRequest, StepWish
from storage.tables import commitment, grid, metadata, premises, unit_table

UNIT = "u1"
SHANGHAI = ZoneInfo("Asia/Shanghai")
HOME, SHOP, FARM, NEW = (UUID(int=n) for n in (101, 102, 103, 104))
_HOMES = (
    (HOME, "6600000001", "resident", "N1", date(2020, 1, 1), date(2024, 6, 1)),
    (SHOP, "6600000002", "non_resident", "N1", date(2020, 1, 1), date(2025, 10, 7)),
    (FARM, "6600000003", "rural_piped", "R1", date(2022, 1, 1), date(2026, 3, 31)),
    (NEW, "6600000004", "rural_piped", "R1", None, None),
)


def at(text):
    """A local instant such as `2026-11-23 09:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


async def seeded(engine):
    """Writes the unit."""
    async with engine.begin() as tx:
        await tx.execute(sa.insert(unit_table).values(id=UNIT, name_zh="测试公司", settings={}))
        for n, code in enumerate(("N1", "R1"), start=1):
            await tx.execute(sa.insert(grid).values(id=UUID(int=n), unit_id=UNIT, code=code))
        for home, account, kind, code, gas, seen in _HOMES:
            await tx.execute(
                sa.insert(premises).values(
                    id=home, unit_id=UNIT, account=account, address=f"{account}号",
                    address_given="", customer_class=kind, grid_id=UUID(int=1 if code == "N1" else 2),
                    first_gas_on=gas, last_inspection_on=seen, row_hash="",
                )
            )  # fmt: skip
    return engine


async def everything(engine):
    """Every row of every table: what a refusal must leave as it was."""
    async with engine.connect() as tx:
        return {
            table.name: sorted(map(repr, (await tx.execute(sa.select(table))).all()))
            for table in metadata.sorted_tables
        }


async def opened(engine, kind, when, *, account="6600000001", **given):
    """A case by its kind, told the minute it came in; returns its id."""
    wish = CaseRequest(
        kind=kind, channel=given.pop("channel", "hotline"), account=account,
        received_at=at(when), **given,
    )  # fmt: skip
    done = await cases.open_cases(engine, UNIT, requests=[wish], ambient=fixed(at(when)))
    return done.opened[0]


async def step(engine, case_id, name, when, **facts):
    """A step of a case, told when it was true."""
    wish = StepWish(step=name, at=at(when), facts=facts)
    by = ("受理员", fixed(at(when)))
    return await handling.step(engine, UNIT, case_id=case_id, wish=wish, by=by)


async def tell(engine, commitment_id, when, **event):
    """What the office says to a commitment, as its body would come over the wire."""
    told = msgspec.convert({"event": event}, Told, strict=False)
    by = ("主管", fixed(at(when)))
    return await ledger.tell(engine, UNIT, commitment_id=commitment_id, wish=told.event, by=by)


async def standing(engine, **where):
    """Commitments of the unit by rule; several of one rule as a list of states."""
    async with engine.connect() as tx:
        found = await tx.execute(sa.select(commitment).order_by(commitment.c.started_at))
    return {
        each.rule_code: each
        for each in found
        if all(getattr(each, k) == v for k, v in where.items())
    }


async def states(engine, **where):
    """Rule to state."""
    return {code: each.state for code, each in (await standing(engine, **where)).items()}


async def verified(engine):
    """Every verdict is still the fold of its events."""
    found = await ledger.verify(engine, UNIT)
    assert (found["differences"], found["broken_chains"]) == (0, 0), found
    return found["recomputed"]


def by(when):
    """Who speaks, at an instant."""
    return "调度", fixed(at(when))


def iso(when):
    """A local instant as the wire carries it."""
    return at(when).isoformat()
