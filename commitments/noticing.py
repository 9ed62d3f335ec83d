"""Shell: a danger that the law names is told in writing, as a promise of its own (S5, 建城规〔2023〕4号)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import entry, writing
from commitments.calendar import local_day
from commitments.clock import EVIDENCE_WAIT
from commitments.rules import rule_for
from schemas.ambient import Ambient
from schemas.commitment import JUDGED, Event, Facts
from schemas.ids import named
from storage import catalogue, standing

RULE = "S5"
PAGE = 500


async def look(engine: AsyncEngine, unit_id: str, *, ambient: Ambient) -> int:
    """Each of the four dangers begins a promise when it is found; the signed notice keeps it, and
    three days without one break it: so long may a proof still lie on a tablet. Returns how many
    were begun or judged."""
    async with engine.begin() as tx:
        rules = await writing.rulebook(tx, unit_id)
        found = await standing.named_by_law(tx, unit_id, rule=RULE, limit=PAGE)
        calendar = catalogue.calendar()
        drafts = [
            entry.opened(
                entry.Opening(
                    id=named(unit_id, "commitment", RULE, str(each["id"])),
                    unit_id=unit_id,
                    rule=rule_for(rules, RULE, on_day=local_day(calendar, each["found_at"])),
                    started_at=each["found_at"],
                    received_at=ambient.now,
                    source=f"hazard:{each['id']}",
                    premises_id=each["premises_id"],
                    facts={"hazard": str(each["id"]), "statutory": each["statutory"]},
                ),
                calendar,
                now=ambient.now,
            )
            for each in found
            if each["clock"] is None
        ]
        begun = await writing.begin(tx, drafts, rules=rules, ambient=ambient)
        heard = {
            named(unit_id, "commitment", RULE, str(each["id"])): _judged(each, ambient=ambient)
            for each in found
        }
        told = {key: events for key, events in heard.items() if events}
        await writing.tell(tx, unit_id, heard=told, rules=rules, ambient=ambient)
    return begun + len(told)


def _judged(hazard: Any, *, ambient: Ambient) -> Sequence[Event]:
    late = hazard["found_at"] + EVIDENCE_WAIT < ambient.now
    if not hazard["noticed"] and not late:
        return ()
    ended = hazard["ended_at"] or ambient.now
    at = max(hazard["found_at"], ended) if hazard["noticed"] else ambient.now
    why = "the notice is signed" if hazard["noticed"] else "no written notice within three days"
    body: Facts = {"kept": bool(hazard["noticed"]), "why": why}
    return [
        Event(
            kind=JUDGED,
            observed_at=at,
            received_at=ambient.now,
            source=f"hazard:{hazard['id']}:{JUDGED}",
            body=body,
        )
    ]
