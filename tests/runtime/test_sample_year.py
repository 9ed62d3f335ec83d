"""A generated year goes through the shells of a real one, and every verdict of it can be redone."""

import sqlalchemy as sa

from commitments import ledger
from runtime import sample_year
from storage.tables import commitment, commitment_event


async def test_a_generated_year_is_made_again_without_a_difference_and_a_flipped_byte_is_found(
    database,
):
    told = await sample_year.generate(database, "u9", size=100, year=2025, say=lambda _: None)
    assert told.cycles == 100 and told.cases >= 12 and told.stops > 60 and told.attempts > 0
    found = await ledger.verify(database, "u9")
    assert found["recomputed"] >= 100 + told.cases
    assert (found["differences"], found["broken_chains"]) == (0, 0)
    async with database.begin() as tx:
        states = set(await tx.scalars(sa.select(commitment.c.state).distinct()))
        victim = (await tx.execute(sa.select(commitment_event).limit(1))).one()
        await tx.execute(
            sa.update(commitment_event)
            .where(commitment_event.c.commitment_id == victim.commitment_id)
            .values(source_key=sa.func.overlay(
                commitment_event.c.source_key, "X", 1, 1))
        )  # fmt: skip
    assert {"met", "breached", "met_late_excused", "running"} <= states
    assert (await ledger.verify(database, "u9"))["broken_chains"] == 1
