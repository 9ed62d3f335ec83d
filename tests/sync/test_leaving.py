"""Counterexamples that became tests: what one push leaves in the ledger."""

from datetime import UTC, datetime
from uuid import uuid4

from commitments import entry
from sync import leaving
from sync.decision import Change

NOW = datetime(2026, 3, 6, 9, 0, tzinfo=UTC)


def change(record, state: str) -> Change:
    return Change(
        record=record,
        state=state,
        at=NOW,
        trust="verified",
        received_at=NOW,
        operation=uuid4(),
        technician=uuid4(),
        lawful=True,
    )


def test_two_work_orders_of_one_push_on_one_inspection_cycle_make_one_chain():
    """Found by the demo on a made-up region: both appended at the same number of the chain."""
    commitment, visits, orders = uuid4(), (uuid4(), uuid4()), (uuid4(), uuid4())
    held = [
        {"id": commitment, "via": order, "work_kind": kind, "events": 1, "head_hash": "h"}
        for order, kind in zip(orders, ("inspection", "inspection_booking"), strict=True)
    ]
    holders = {v: {"work_order_id": o} for v, o in zip(visits, orders, strict=True)}
    said = [change(v, "field_done") for v in visits]
    events, changed = leaving.commitment_rows("u", said, holders=holders, clocks=held)
    assert [each["n"] for each in events] == [2, 3]
    assert events[1]["previous_hash"] == events[0]["hash"]
    assert [(each["events"], each["head_hash"]) for each in changed] == [(3, events[1]["hash"])]


def test_work_that_bears_on_no_promise_wakes_none():
    said = [change(uuid4(), "field_done")]
    assert leaving.commitment_rows("u", said, holders={}, clocks=[]) == ([], [])


def test_a_knock_in_vain_is_an_attempt_and_resets_no_cycle():
    assert entry.field_events("inspection", "no_access") == ("attempted_in_vain",)
    assert entry.field_events("inspection", "field_done") == ("inspection_completed",)
    assert entry.field_events("repair", "in_progress") == ("repair_started_in_home",)
