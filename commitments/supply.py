"""Shell: gas at premises is turned on, shut off and restored, each behind its gate."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import cases, duties, entry, writing
from commitments.calendar import local_day
from commitments.intake import midnight
from commitments.office import AHEAD
from commitments.rules import rule_for
from schemas.ambient import Ambient
from schemas.commitment import Event
from schemas.ids import named
from schemas.outage import GasAnswer, GasWish
from schemas.problems import Refusal
from storage import audit, catalogue, outages, supply
from storage.engine import Transaction
from storage.services import services
from sync.supply import Word, row_of

FIRST, RURAL = "3d", "rural_piped"
LOOKS = ("inspection", "inspection_booking")
SINCE = timedelta(days=30)
"""Visits of days before were followed, or wait for a person."""


async def turn(
    engine: AsyncEngine, unit_id: str, *, premises_id: UUID, wish: GasWish, by: tuple[str, Ambient]
) -> GasAnswer:
    """No first gas-on before the first inspection; gas that was shut off comes back only after a
    recheck that passed. What the gate refuses changes nothing."""
    actor, ambient = by
    if wish.at > ambient.now + AHEAD:
        raise Refusal("event_instant", fact="at")
    async with engine.begin() as tx:
        home = await outages.supply_of(tx, unit_id, premises_id=premises_id)
        if home is None:
            raise Refusal("not_found")
        if wish.to == "first_on":
            await turn_on_first(tx, home, at=wish.at, ambient=ambient)
            await outages.set_supply(tx, premises_id, values={"supply_state": "on"})
        elif wish.to == "off":
            values = {"supply_state": f"off:{wish.at.astimezone(UTC).isoformat()}"}
            await outages.set_supply(tx, premises_id, values=values)
        else:
            await _restore(tx, home, at=wish.at)
        await _decided(tx, unit_id, wish=wish, premises_id=premises_id, by=by)
        said = audit.Entry(
            at=ambient.now,
            actor=actor,
            action=f"gas.{wish.to}",
            subject=str(premises_id),
            detail={"reason": wish.reason, "person": wish.person},
        )
        await audit.append(tx, unit_id, entry=said)
        after = await outages.supply_of(tx, unit_id, premises_id=premises_id)
    first = after.first_gas_on
    return GasAnswer(
        premises=premises_id,
        account=after.account,
        supply_state=after.supply_state.split(":")[0],
        first_gas_on=None if first is None else first.isoformat(),
    )


async def _decided(
    tx: Transaction, unit_id: str, *, wish: GasWish, premises_id: UUID, by: tuple[str, Ambient]
) -> None:
    """What tablets say about the gas later is weighed against this, what they said before is
    settled."""
    actor, ambient = by
    word = Word(
        id=ambient.new_id(),
        premises=premises_id,
        state="suspended" if wish.to == "off" else "on",
        who=actor,
        at=wish.at,
        received_at=ambient.now,
        trust="verified",
        decided=True,
    )
    await supply.lock_words(tx, unit_id, premises=[premises_id])
    await supply.add_words(tx, [row_of(word, unit_id)])


async def turn_on_first(tx: Transaction, home: Any, *, at: datetime, ambient: Ambient) -> None:
    """The first gas-on, after the first inspection; the cycle of inspections begins with it."""
    if home.first_gas_on is not None:
        raise Refusal("case_step", step="first_on", since=home.first_gas_on.isoformat())
    inspected_at = inspected(home)
    duties.may_turn_on_first(inspected_at=inspected_at, at=at)
    assert inspected_at is not None
    day = local_day(catalogue.calendar(), at)
    await outages.set_supply(tx, home.id, values={"first_gas_on": day})
    if home.customer_class == RURAL:
        await _proven(tx, home, span=(inspected_at, at), ambient=ambient)
    await cases.begin_cycle(tx, home.unit_id, premises_id=home.id, ambient=ambient)


async def follow(engine: AsyncEngine, unit_id: str, *, ambient: Ambient) -> int:
    """What tablets did at homes that never had gas: the first look is known to the gate, and gas that
    was lit behind it counts as on, with its promise (3d) and its cycle. How many homes."""
    calendar, since = catalogue.calendar(), local_day(catalogue.calendar(), ambient.now - SINCE)
    lighting = [name for name in services().kinds if entry.lights(name, services())]
    kinds = (list(LOOKS), lighting)
    async with engine.begin() as tx:
        found = await supply.first_times(tx, unit_id, since=since, kinds=kinds)
        looked = {
            each["id"]: local_day(calendar, each["looked_at"])
            for each in found
            if each["last_inspection_on"] is None and each["looked_at"] is not None
        }
        await cases.renew_cycles(tx, unit_id, inspected=looked, ambient=ambient)
        lit = [each for each in found if each["lit_at"] is not None]
        on = [await _lit(tx, unit_id, home=each, ambient=ambient) for each in lit]
    return len(looked) + sum(on)


async def _lit(tx: Transaction, unit_id: str, *, home: Any, ambient: Ambient) -> bool:
    stands = await outages.supply_of(tx, unit_id, premises_id=home["id"])
    try:
        await turn_on_first(tx, stands, at=home["lit_at"], ambient=ambient)
    except Refusal:
        # lit before anybody looked, in a time without this gate: for a person
        return False
    said = audit.Entry(
        at=ambient.now, actor="tablet", action="gas.first_on", subject=str(home["id"])
    )
    await audit.append(tx, unit_id, entry=said)
    return True


def inspected(home: Any) -> datetime | None:
    """When the last inspection of premises was, as an instant of its day."""
    day = home.last_inspection_on
    return None if day is None else midnight(catalogue.calendar(), day)


async def _proven(
    tx: Transaction, home: Any, *, span: tuple[datetime, datetime], ambient: Ambient
) -> None:
    """Clause 3d as a promise of its own: inspected before or at the first gas-on."""
    calendar, (since, until) = catalogue.calendar(), span
    rules = await writing.rulebook(tx, home.unit_id)
    rule = rule_for(rules, FIRST, on_day=local_day(calendar, until))
    opening = entry.Opening(
        id=named(home.unit_id, "commitment", "first_gas_on", home.account, FIRST),
        unit_id=home.unit_id,
        rule=rule,
        started_at=since,
        received_at=ambient.now,
        source=f"premises:{home.account}",
        premises_id=home.id,
        facts={"deadline": until.astimezone(UTC).isoformat()},
    )
    done = Event(
        kind="inspection_completed",
        observed_at=since,
        received_at=ambient.now,
        source=f"premises:{home.last_inspection_on}",
        body={"day": home.last_inspection_on.isoformat()},
    )
    begun = entry.opened(opening, calendar, now=ambient.now)
    told = entry.told(begun, done, rule=rule, calendar=calendar, now=ambient.now)
    await writing.begin(tx, [told], rules=rules, ambient=ambient)


async def _restore(tx: Transaction, home: Any, *, at: datetime) -> None:
    state, _, since = home.supply_state.partition(":")
    if state != "off":
        raise Refusal("case_step", step="on", supply=state)
    unit_id, place = home.unit_id, {"premises_id": home.id}
    if await outages.open_dangers(tx, unit_id, **place):
        raise Refusal("recheck_missing")
    shut_at = datetime.fromisoformat(since) if since else datetime.min.replace(tzinfo=UTC)
    passed = await outages.last_recheck(tx, unit_id, **place)
    if passed is None:
        # nothing was dangerous: an inspection on a later day says so as well; one of the same day
        # may be the very look that led to the shutting
        passed = inspected(home)
    if passed is not None and passed > at:
        raise Refusal("recheck_missing")
    duties.may_restore(shut_at=shut_at, recheck_passed_at=passed)
    await outages.set_supply(tx, home.id, values={"supply_state": "on"})
