"""Commitments in the simulation over PostgreSQL: paused, amended, their calendar changed, while
tablets push; judged by I9.

The double in memory holds no commitments, so these faults have reach counters of their own and dice
of their own: the schedules of the other lane stay as they were drawn.
"""

import random
from collections import Counter
from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa

from commitments import entry, ledger, recalendar, writing
from commitments.clock import fold
from commitments.rules import rule_for
from runtime.ambient import fixed
from schemas.calendar import Notice, NoticeDay
from schemas.commitment import AMENDED, CALENDAR, PAUSED, RESUMED, Event
from schemas.problems import Refusal
from schemas.telling import Amended, Paused, Resumed, Telling
from storage import catalogue, scope
from storage import ledger as rows
from storage import tables as t
from tests.simulation.judge import Finding
from tests.simulation.worlds import UNIT, PostgresWorld

FAULTS = ("commitment_paused", "commitment_amended", "calendar_changed")
RULES = ("9b", "13c")
"""One that counts working days and may pause, one whose date is agreed and may be amended."""
MOVES = frozenset({PAUSED, RESUMED, AMENDED, CALENDAR})


class Promises:
    """What the office does to promises while tablets are out."""

    def __init__(self, world: PostgresWorld, seed: int) -> None:
        self.world, self.dice = world, random.Random(f"promises {seed}")
        self.fired: Counter[str] = Counter()

    async def step(self, orders: list[UUID], now: datetime) -> None:
        """New work is promised; now and then somebody pauses, amends or changes the calendar."""
        with scope.within(UNIT):
            await self._begin(orders, now)
            held = uuid5(self.dice.choice(orders), self.dice.choice(RULES))
            wish = self._wish(now)
            if self.dice.random() < 0.2:
                # a promise that does not listen to it, or is paused already, says so
                with suppress(Refusal):
                    await ledger.tell(
                        self.world.engine, UNIT, commitment_id=held, wish=wish,
                        by=("office", fixed(now)),
                    )  # fmt: skip
                    kind = "amended" if isinstance(wish, Amended) else "paused"
                    self.fired[f"commitment_{kind}"] += 1
            if self.dice.random() < 0.03:
                await self._recalendar(now)

    def _wish(self, now: datetime) -> Telling:
        later = now + timedelta(days=self.dice.randint(1, 30))
        return self.dice.choice([
            Paused(at=now, reason="design", document="d"),
            Resumed(at=now, document="d"),
            Amended(at=now, due_at=later, reason="agreed anew", document="d"),
        ])  # fmt: skip

    async def _begin(self, orders: list[UUID], now: datetime) -> None:
        calendar, drafts = catalogue.calendar(), []
        for order in orders:
            for code in RULES:
                until = (now + timedelta(days=20)).isoformat()
                opening = entry.Opening(
                    id=uuid5(order, code), unit_id=UNIT,
                    rule=rule_for(catalogue.rules(), code, on_day=now.date()),
                    started_at=now, received_at=now, source="office:begun", work_order_id=order,
                    facts={"deadline": until} if code == "13c" else {},
                )  # fmt: skip
                drafts.append(entry.opened(opening, calendar, now=now))
        async with self.world.engine.begin() as tx:
            known = set(await tx.scalars(sa.select(t.commitment.c.id)))
            new = [each for each in drafts if each.commitments[0]["id"] not in known]
            if new:
                await writing.begin(tx, new, rules=catalogue.rules(), ambient=fixed(now))

    async def _recalendar(self, now: datetime) -> None:
        on = date(2026, 12, self.dice.randint(1, 31))
        notice = Notice(
            year=2026, source="notice", layer="operator",
            days=[NoticeDay(on=on, works=on.weekday() > 4)],
        )  # fmt: skip
        with suppress(Refusal):
            done = await recalendar.take(
                self.world.engine, UNIT, notice=notice, actor="office", ambient=fixed(now)
            )
            self.fired["calendar_changed"] += done.moved > 0

    async def judge(self) -> list[Finding]:
        """I9: stored verdicts are folds of their chains, and a date moves only by an event that
        says who and why."""
        with scope.within(UNIT):
            found = await ledger.verify(self.world.engine, UNIT)
            async with self.world.engine.connect() as tx:
                held = (await tx.execute(sa.select(t.commitment))).all()
                chains = await rows.events_of(tx, [each.id for each in held])
        # nobody here holds the key that marks the ends of chains
        broken = {n: v for n, v in found.items() if v and n not in ("recomputed", "unsealed")}
        findings = [Finding("I9", f"{broken}")] if broken else []
        for each in held:
            rule = rule_for(catalogue.rules(), each.rule_code, on_day=each.started_at.date())
            events = [entry.event_of(row) for row in chains[each.id]]
            findings += [Finding("I9", f"{each.id}: {what}") for what in moved(rule, events)]
        return findings


def moved(rule: Any, events: list[Event]) -> list[str]:
    """Every move of a due date that no event with actor and reason explains."""
    now = max(each.received_at for each in events)
    dues = [
        fold(rule, events[:n], calendar=catalogue.calendar(), now=now).due_at
        for n in range(1, len(events) + 1)
    ]
    return [
        f"{before} became {after} by {event.kind} {event.body}"
        for (before, after), event in zip(pairwise(dues), events[1:], strict=True)
        if before != after
        and not (
            event.kind in MOVES
            and event.body.get("actor")
            and (event.body.get("reason") or event.body.get("document"))
        )
    ]
