"""The demo shows all sixteen clauses, kept and broken, and every verdict follows from its events."""

from collections import defaultdict
from datetime import UTC, date, datetime

import pytest

from commitments import ledger
from commitments.sweep import sweep
from runtime import sample_region
from runtime.ambient import fixed
from runtime.demo import clauses
from runtime.opening import open_region
from storage import audit, catalogue

UNIT = "guan"


@pytest.mark.parametrize("evening", ["2026-03-05T18:00:00+08:00", "2026-11-25T00:20:00+08:00"])
async def test_all_sixteen_clauses_have_commitments_with_a_verdict(database, tmp_path, evening):
    now = datetime.fromisoformat(evening).astimezone(UTC)
    size = sample_region.Size(premises=300, technicians=4, requests=20)
    as_of = date.fromisoformat(evening[:10])
    sample_region.write_region(tmp_path, size=size, seed=3, as_of=as_of)
    await open_region(database, tmp_path, unit=(UNIT, as_of), ambient=fixed(now))
    assert await clauses.tell(database, UNIT, now=now) == len(clauses.CASES)
    while await sweep(database, ambient=fixed(now), limit=5_000):
        continue
    found = defaultdict(dict)
    for (clause, rule, _, state), counted in (await ledger.rule_states(database, UNIT)).items():
        found[clause][rule, state] = counted
    assert {str(n) for n in range(1, 17)} <= set(found)
    decided = {"met", "breached", "met_late_excused", "not_applicable", "waived_by_agreement"}
    undecided = [
        clause for clause, states in found.items()
        if not decided & {state for _, state in states} and not clause.startswith("S")
    ]  # fmt: skip
    assert not undecided
    told = {rule for states in found.values() for rule, _ in states}
    assert told == {each.code for each in catalogue.rules() if not each.proven_by}
    kept = {(rule, state) for states in found.values() for rule, state in states}
    assert {("2b", "met"), ("2b", "breached"), ("3d", "met"), ("3g", "met")} <= kept
    assert {("S5", "met"), ("S5", "breached")} <= kept
    verified = await ledger.verify(database, UNIT)
    assert (verified["differences"], verified["broken_chains"]) == (0, 0)
    async with database.connect() as tx:
        rows, broken = await audit.broken_at(tx, UNIT)
    assert rows > len(clauses.CASES) and broken is None
