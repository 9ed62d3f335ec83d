"""Shell: what every other shell of promises does in its own transaction: read the unit's rules,
begin clocks, tell them what happened, and keep what the fold made of it."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from commitments import entry, notices
from commitments.clock import fold
from schemas.ambient import Ambient
from schemas.base import Value, datetime
from schemas.commitment import CALENDAR, Event, Rule, Verdict
from schemas.problems import Refusal
from storage import catalogue, folding, ledger
from storage.engine import Transaction

Row = dict[str, Any]
Rules = Sequence[Rule]


class Folded(Value, frozen=True):
    """A commitment that was folded: its row before, what it heard, and what follows."""

    held: Any
    heard: Sequence[Event]
    rule: Rule
    verdict: Verdict


async def rulebook(tx: Transaction, unit_id: str) -> Rules:
    """What ships with the project and, over it, what the unit has published for itself."""
    published = await ledger.rules_of(tx, unit_id)
    return (*catalogue.rules(), *(rule_in(row) for row in published))


def rule_in(row: Any) -> Rule:
    """The rule of a row; the row's own days win, since an end is set later."""
    rule = msgspec.convert(row.body, Rule)
    ends = {"effective_from": row.effective_from, "effective_to": row.effective_to}
    return msgspec.structs.replace(rule, **ends)


def rule_of(rules: Rules, held: Any) -> Rule:
    """The rule version that a commitment started under, whatever holds by now."""
    for each in rules:
        if (each.code, each.version) == (held.rule_code, held.rule_version):
            return each
    raise Refusal("rule_unknown", rule=held.rule_code, version=held.rule_version)


async def begin(
    tx: Transaction, drafts: Sequence[entry.Entry], *, rules: Rules, ambient: Ambient
) -> int:
    """Opens clocks; one that is known stays as it is. Clocks of working days hear at once of what
    their unit was told of its calendar since it was shipped."""
    entries = await _with_notices(tx, drafts, rules=rules, ambient=ambient)
    opened = await ledger.open_commitments(
        tx, [row for each in entries for row in each.commitments]
    )
    await ledger.append_events(tx, [row for each in entries for row in each.events], again=True)
    return opened


async def tell(
    tx: Transaction,
    unit_id: str,
    *,
    heard: Mapping[UUID, Sequence[Event]],
    rules: Rules,
    ambient: Ambient,
) -> Sequence[Folded]:
    """Appends events to commitments of the unit, folds them and keeps stages and warnings."""
    held_rows = await ledger.lock_commitments(tx, list(heard))
    chains = await folding.chains(tx, [each.id for each in held_rows])
    folded, rows = [], []
    for held in held_rows:
        if held.unit_id != unit_id:
            raise Refusal("not_found")
        added = entry.appended(unit_id, held._mapping, events=heard[held.id])
        rows.append(added)
        rule = rule_of(rules, held)
        events = [*chains[held.id], *heard[held.id]]
        verdict = fold(rule, events, calendar=catalogue.calendar(), now=ambient.now)
        folded.append(Folded(held=held, heard=heard[held.id], rule=rule, verdict=verdict))
    await ledger.append_events(tx, [row for each in rows for row in each.events])
    await keep(tx, folded, also=[each.commitments[0] for each in rows], now=ambient.now)
    return folded


async def keep(
    tx: Transaction, folded: Sequence[Folded], *, also: Sequence[Row] = (), now: datetime
) -> None:
    """Writes verdicts, the stages that were reached and who was told of them, each once; `also` is
    the new length and head of each chain."""
    if not folded:
        return
    before = also or [{} for _ in folded]
    kept = [
        folding.Kept(
            id=each.held.id,
            unit_id=each.held.unit_id,
            verdict=each.verdict,
            said=entry.said(each.verdict, now=now),
            warnings=entry.warned(each.rule, each.verdict),
            events=row.get("events"),
            head=row.get("head_hash"),
        )
        for each, row in zip(folded, before, strict=True)
    ]
    await folding.keep(tx, kept, now=now)


async def _with_notices(
    tx: Transaction, drafts: Sequence[entry.Entry], *, rules: Rules, ambient: Ambient
) -> Sequence[entry.Entry]:
    counted = {(each.code, each.version): each for each in rules if each.unit == "working_day"}
    if not any(_rule_key(each) in counted for each in drafts):
        return drafts
    calendar, unit_id = catalogue.calendar(), str(drafts[0].commitments[0]["unit_id"])
    rows = [dict(row._mapping) for row in await ledger.calendar_of(tx, unit_id)]
    if not rows:
        return drafts
    event = Event(
        kind=CALENDAR,
        observed_at=ambient.now,
        received_at=ambient.now,
        source="calendar:at_start",
        body={
            **notices.overlay(rows, official_until=calendar.official_until),
            "actor": "intake",
            "reason": "; ".join(sorted({row["source"] for row in rows})),
        },
    )
    done = []
    for each in drafts:
        rule = counted.get(_rule_key(each))
        told = (
            each
            if rule is None
            else entry.told(each, event, rule=rule, calendar=calendar, now=ambient.now)
        )
        done.append(told)
    return done


def _rule_key(draft: entry.Entry) -> tuple[str, str]:
    first = draft.commitments[0]
    return first["rule_code"], first["rule_version"]
