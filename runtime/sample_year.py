"""A year of a made-up unit: every cycle, case and stop through the shells that serve a real one.

Nothing here writes a verdict: events are told, the sweep folds, and `commitments verify` judges.
"""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import cases, entry, sweep
from commitments.calendar import months_after
from runtime.ambient import fixed
from schemas.base import Value
from schemas.commitment import ATTEMPTED, Event
from schemas.ids import named
from schemas.work import CaseRequest, Kind
from storage import ledger, registry

MONTHS = 12
PAGE = 5_000
SWEEP = 5_000
REQUESTS_A_YEAR = 0.12
"""Requests of all kinds for each premises: a unit of 100,000 takes a thousand a month and more."""
KINDS: tuple[Kind, ...] = (
    "repair", "complaint", "refund", "appliance_install", "enquiry", "relight", "alteration",
)  # fmt: skip
STOPS = {
    "12": "repair_started_in_home", "16a": "opinion_replied", "16b": "resolved", "14": "money_sent",
    "11": "install_signed", "S1": "replied", "10": "gas_on_signed", "13a": "reply_given",
    "3a": "inspection_completed", "3b": "inspection_completed", "3c": "inspection_completed",
}  # fmt: skip
CLASSES = (("resident", 24, 0.75), ("non_resident", 12, 0.05), ("rural_piped", 6, 0.2))


class Told(Value, frozen=True):
    """What a generated year held."""

    premises: int
    cycles: int
    cases: int
    stops: int
    attempts: int
    folded: int


async def generate(
    engine: AsyncEngine, unit_id: str, *, size: int, year: int, say: Callable[[str], None]
) -> Told:
    """Fills an empty unit with a year of facts, the same for the same size; seed 1."""
    dice = random.Random(1)  # a made-up year, no secret  # nosec B311
    begun = fixed(datetime(year, 1, 1, tzinfo=UTC))
    await _premises(engine, unit_id, size=size, first=date(year, 1, 1), dice=dice)
    say(f"{size} premises")
    cycles = await cases.open_cycles(engine, unit_id, ambient=begun)
    say(f"{cycles} inspection cycles")
    opened = stops = attempts = folded = 0
    for month in range(MONTHS):
        first = months_after(date(year, 1, 1), month)
        until = months_after(date(year, 1, 1), month + 1)
        opened += await _cases(engine, unit_id, month=(first, until), size=size, dice=dice)
        done = await _stops(engine, unit_id, month=(first, until), dice=dice)
        stops, attempts = stops + done[0], attempts + done[1]
        folded += await _swept(engine, at=_noon(until))
        say(f"{first:%Y-%m}: {opened} cases, {stops} stops, {folded} folded")
    return Told(
        premises=size, cycles=cycles, cases=opened, stops=stops, attempts=attempts, folded=folded
    )


async def _premises(
    engine: AsyncEngine, unit_id: str, *, size: int, first: date, dice: random.Random
) -> None:
    async with engine.begin() as tx:
        await registry.ensure_unit(tx, unit_id, name_zh="生成年度")
        grids = [
            {"id": named(unit_id, "grid", n), "unit_id": unit_id, "code": f"网格{n:02}"}
            for n in range(20)
        ]
        await registry.save_grids(tx, grids)
    for start in range(0, size, PAGE):
        rows = [
            _home(unit_id, n, first=first, dice=dice) for n in range(start, min(size, start + PAGE))
        ]
        async with engine.begin() as tx:
            await registry.save_premises(tx, rows, customers=[], meters=[])


def _home(unit_id: str, n: int, *, first: date, dice: random.Random) -> dict[str, Any]:
    kind, months, _ = CLASSES[_weighted(dice)]
    address = f"示例县小区{chr(0x4E00 + n // 120)}{n % 120 // 12 + 1}号楼{n % 12 + 1}室"
    last = first - timedelta(days=dice.randrange(1, months * 30))
    account = f"Y{n:08}"
    return {
        "id": named(unit_id, "premises", account),
        "unit_id": unit_id,
        "account": account,
        "customer_id": None,
        "grid_id": named(unit_id, "grid", n % 20),
        "address": address,
        "address_given": address,
        "customer_class": kind,
        "first_gas_on": last - timedelta(days=2_000),
        "last_inspection_on": last,
        "inspection_due_on": months_after(last, months),
        "row_hash": account,
    }


def _weighted(dice: random.Random) -> int:
    drawn, seen = dice.random(), 0.0
    for place, (_, _, share) in enumerate(CLASSES):
        seen += share
        if drawn < seen:
            return place
    return 0


async def _cases(
    engine: AsyncEngine,
    unit_id: str,
    *,
    month: tuple[date, date],
    size: int,
    dice: random.Random,
) -> int:
    first, until = month
    span = int((_noon(until) - _noon(first)).total_seconds())
    count = round(size * REQUESTS_A_YEAR / MONTHS)
    requests = []
    for n in range(count):
        at = _noon(first) + timedelta(seconds=dice.randrange(span))
        kind = dice.choice(KINDS)
        requests.append(
            CaseRequest(
                kind=kind,
                channel=dice.choice(("hotline", "hall", "online_hall", "wechat")),
                account=f"Y{dice.randrange(size):08}",
                received_at=at,
                number=f"Y{first:%y%m}-{n:06}",
                purchased_on=at.date() if kind == "appliance_install" else None,
            )
        )
    opened = 0
    for start in range(0, count, PAGE):
        part = requests[start : start + PAGE]
        done = await cases.open_cases(engine, unit_id, requests=part, ambient=fixed(_noon(until)))
        opened += len(done.opened)
    return opened


async def _stops(
    engine: AsyncEngine, unit_id: str, *, month: tuple[date, date], dice: random.Random
) -> tuple[int, int]:
    """Most promises of the month are kept, some late, some after a knock in vain, a few never."""
    first, until = month
    stops = attempts = 0
    after: UUID | None = None
    while True:
        async with engine.begin() as tx:
            page = await ledger.running(tx, unit_id, rules=sorted(STOPS), after=after, limit=PAGE)
            due = [
                each
                for each in page
                if each.due_at is not None and _noon(first) <= each.due_at < _noon(until)
            ]
            events: list[dict[str, Any]] = []
            rows: list[dict[str, Any]] = []
            for held in due:
                told = _life(held, dice=dice, received=_noon(until))
                if told:
                    added = entry.appended(unit_id, held._mapping, events=told)
                    events += added.events
                    rows += added.commitments
                    attempts += told[0].kind == ATTEMPTED
                    stops += told[-1].kind != ATTEMPTED
            await ledger.append_events(tx, events)
            await ledger.update_commitments(tx, rows)
        if len(page) < PAGE:
            return stops, attempts
        after = page[-1].id


def _life(held: Any, *, dice: random.Random, received: datetime) -> Sequence[Event]:
    drawn, span = dice.random(), held.due_at - held.started_at
    if drawn > 0.97:
        return ()
    late = drawn > 0.92
    share = 1.02 if late else 0.4 + 0.55 * dice.random()
    told = []
    if drawn > 0.88:
        knocked = held.started_at + span * 0.9
        told.append(_event(ATTEMPTED, min(knocked, received), received=received))
    stopped = min(held.started_at + span * share, received)
    told.append(_event(STOPS[held.rule_code], stopped, received=received))
    return told


def _event(kind: str, at: datetime, *, received: datetime) -> Event:
    return Event(
        kind=kind,
        observed_at=at,
        received_at=received,
        source=f"sample:{kind}",
        body={"trust": "verified"},
    )


async def _swept(engine: AsyncEngine, *, at: datetime) -> int:
    folded = 0
    while True:
        done = await sweep.sweep(engine, ambient=fixed(at), limit=SWEEP)
        folded += done
        if done < SWEEP:
            return folded


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)
