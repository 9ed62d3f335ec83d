"""A rule changed over facts that were, premises proven as a whole, and chains that were cut."""

import json
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
import sqlalchemy as sa

from commitments import cases, ledger, whatif
from commitments.sweep import sweep
from runtime import proof
from runtime.ambient import fixed
from runtime.server import photos
from runtime.settings import Settings
from schemas.commitment import Event
from schemas.problems import Refusal
from schemas.rulebook import RuleDraft
from schemas.whatif import WhatIf
from storage import catalogue
from storage.tables import case, commitment, commitment_event
from tests.commitments.test_ledger_story import (
    BEGUN,
    PREMISES,
    UNIT,
    cluster,
    engine,
    opened,
    request,
)
from tests.commitments.test_proof_bundles import changed, checked

__all__ = ["cluster", "engine"]
LATER = datetime(2026, 5, 1, tzinfo=UTC)
YEAR = {"since": date(2026, 1, 1), "until": date(2026, 12, 31)}


async def repairs(engine):
    """Three repairs: begun after 6 and after 20 hours, and one never."""
    await opened(engine, *(request("repair", f"R{n}") for n in range(3)))
    async with engine.connect() as tx:
        ids = (await tx.scalars(sa.select(commitment.c.id).order_by(commitment.c.id))).all()
    for key, hours in zip(ids, (6, 20), strict=False):
        at = BEGUN + timedelta(hours=hours)
        event = Event(
            kind="repair_started_in_home", observed_at=at, received_at=at, source="office"
        )
        await ledger.record(engine, UNIT, commitment_id=key, event=event, ambient=fixed(at))
    await sweep(engine, ambient=fixed(LATER), limit=100)


async def test_a_shorter_limit_over_last_years_facts_turns_exactly_what_was_slower(engine):
    await repairs(engine)
    wish = WhatIf(rule="12", limit=12, **YEAR)
    found = await whatif.asked(engine, UNIT, wish=wish, now=LATER)
    assert (found.was, found.would_be) == ({"breached": 1, "met": 2}, {"breached": 2, "met": 1})
    assert (found.differ, found.limits, found.unit) == (1, [24.0], "hour")
    assert [(each.was, each.would_be) for each in found.turned] == [("met", "breached")]
    same = await whatif.asked(engine, UNIT, wish=WhatIf(rule="12", limit=24, **YEAR), now=LATER)
    assert (same.differ, same.was) == (0, same.would_be)


async def test_what_if_writes_nothing(engine):
    await repairs(engine)
    before = await ledger.states(engine, UNIT)
    await whatif.asked(engine, UNIT, wish=WhatIf(rule="12", limit=1, **YEAR), now=LATER)
    assert await ledger.states(engine, UNIT) == before
    assert (await ledger.verify(engine, UNIT))["differences"] == 0


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"rule": "99", "limit": 1, **YEAR}, "rule_unknown"),
        ({"rule": "7", "limit": 1, **YEAR}, "rule_without_clock"),
        ({"rule": "12", "limit": 1, "since": date(2026, 2, 1), "until": date(2026, 1, 1)},
         "report_period"),
    ],
)  # fmt: skip
async def test_a_question_that_cannot_be_asked_is_refused(engine, wish, code):
    with pytest.raises(Refusal, match=code):
        await whatif.asked(engine, UNIT, wish=WhatIf(**wish), now=LATER)


async def premises_bundle(engine, folder):
    await cases.open_cycles(engine, UNIT, ambient=fixed(BEGUN))
    await repairs(engine)
    blobs = photos(Settings(state=str(folder / "state")))
    wish = (PREMISES, folder / "bundle")
    return await proof.write_premises(engine, UNIT, blobs=blobs, wish=wish, now=LATER)


async def test_premises_are_proven_as_a_whole_by_the_same_script(engine, tmp_path):
    figures = await premises_bundle(engine, tmp_path)
    folder = tmp_path / "bundle"
    assert figures["commitments"] == len(list(folder.glob("proof-*.json"))) >= 4
    told = json.loads((folder / "premises.json").read_text("utf-8"))
    assert {each["rule"] for each in told["commitments"]} >= {"3a", "12"}
    assert checked(folder) == (0, "the bundle holds\n")
    assert (folder / "check_bundle.py").read_text("utf-8").count("\n") <= 100


async def test_one_forged_event_among_all_of_premises_is_found(engine, tmp_path):
    await premises_bundle(engine, tmp_path)
    folder = tmp_path / "bundle"
    victim = sorted(folder.glob("proof-*.json"))[0]

    def earlier(told):
        told["events"][0]["observed_at"] = "2020-01-01T00:00:00Z"

    (folder / "proof.json").write_bytes(victim.read_bytes())
    changed(folder, earlier)
    victim.write_bytes((folder / "proof.json").read_bytes())
    (folder / "proof.json").unlink()
    manifest = json.loads((folder / "MANIFEST.json").read_text("utf-8"))
    manifest[victim.name] = manifest.pop("proof.json")
    (folder / "MANIFEST.json").write_text(json.dumps(manifest), "utf-8")
    code, said = checked(folder)
    assert code == 1
    assert said.startswith(f"{victim.name}: event 1 is shown otherwise")


async def test_premises_that_are_not_the_units_have_no_bundle(engine, tmp_path):
    blobs = photos(Settings(state=str(tmp_path / "state")))
    with pytest.raises(Refusal, match="not_found"):
        await proof.write_premises(
            engine, "u2", blobs=blobs, wish=(PREMISES, tmp_path / "b"), now=LATER
        )


async def test_a_chain_whose_end_was_cut_off_is_found(engine):
    await repairs(engine)
    assert (await ledger.verify(engine, UNIT))["broken_chains"] == 0
    async with engine.begin() as tx:
        await tx.execute(sa.delete(commitment_event).where(commitment_event.c.n == 2))
        await tx.execute(sa.update(commitment).values(events=1).where(commitment.c.events == 2))
    assert (await ledger.verify(engine, UNIT))["broken_chains"] == 2


def other(**changed):
    shipped = msgspec.to_builtins(catalogue.drafts()["12"]) | changed
    return WhatIf(rule="12", other=msgspec.convert(shipped, RuleDraft), **YEAR)


async def test_another_measure_counts_the_same_facts_in_days(engine):
    await repairs(engine)
    days = other(clock={"unit": "working_day", "at_most": 1})
    found = await whatif.asked(engine, UNIT, wish=days, now=LATER)
    assert (found.units, found.unit, found.limit) == (["hour"], "working_day", 1)
    # a day that is not counted from and ends at 24:00 forgives what 20 hours would not at 12
    hours = other(clock={"unit": "hour", "at_most": 12})
    strict = await whatif.asked(engine, UNIT, wish=hours, now=LATER)
    assert (found.would_be, strict.would_be) == (
        {"breached": 1, "met": 2}, {"breached": 2, "met": 1}
    )  # fmt: skip


async def test_another_start_and_stop_are_read_from_what_is_on_record(engine):
    await repairs(engine)
    async with engine.connect() as tx:
        rows = await tx.execute(sa.select(commitment).order_by(commitment.c.id))
        slow = rows.all()[1]
    # dispatched after 19 hours, completed after 50: the chain has no reason to hear the second
    async with engine.begin() as tx:
        steps = [
            {"step": name, "at": at.isoformat(), "received_at": at.isoformat(), "actor": "x"}
            for name, hours in (("dispatched", 19), ("repair_completed", 50))
            for at in [BEGUN + timedelta(hours=hours)]
        ]
        await tx.execute(
            sa.update(case).where(case.c.id == slow.case_id).values(facts={"steps": steps})
        )
    later = await whatif.asked(engine, UNIT, wish=other(start="dispatched"), now=LATER)
    assert later.would_be == {"met": 1, "not_started": 2}
    done = await whatif.asked(engine, UNIT, wish=other(stop="repair_completed"), now=LATER)
    assert (done.was, done.would_be) == ({"breached": 1, "met": 2}, {"breached": 3})
    assert done.unheard == []
    nowhere = await whatif.asked(engine, UNIT, wish=other(stop="never_said"), now=LATER)
    assert nowhere.unheard == ["never_said"]


@pytest.mark.parametrize(
    "wish",
    [
        WhatIf(rule="12", **YEAR),
        WhatIf(rule="12", limit=1, other=catalogue.drafts()["12"], **YEAR),
        WhatIf(rule="12", other=catalogue.drafts()["14"], **YEAR),
    ],
    ids=["neither", "both", "of_another"],
)
async def test_a_question_asks_for_one_other_limit_or_one_other_rule(engine, wish):
    with pytest.raises(Refusal, match="invalid_field"):
        await whatif.asked(engine, UNIT, wish=wish, now=LATER)
