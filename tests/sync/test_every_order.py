"""Every order in which six operations of three tablets may arrive shows the same values (I7)."""

from collections.abc import Iterator
from uuid import uuid5

import pytest

from storage import checklists
from sync.merge import apply_all
from sync.template import items_by_code, severity
from tests.sync.test_merge_policies import SPACE, VISIT, context, said, visit

VALUES = {
    "R01": (True, False, True),
    "R02": ("match", "mismatch", "match"),
    "R03": ("separate_ventilated", "open_plan", "bedroom_use"),
    "R04": (0.9, 0.4, 1.2),
    "R05": ("none", "lpg_cylinder", "none"),
    "R07": (100.0, 99.0, 101.5),
    "R09": (["ok"], ["damaged"], ["reversed", "load_hung"]),
    "R12": ("pass", "fail", "pass"),
    "R19": ("2027-01-01", "2029-01-01", "2028-01-01"),
    "R26": (0.0, 120.0, 40.0),
    "R02.photos": (["a" * 64], ["b" * 64], ["c" * 64]),
    "signature": ("a" * 64, "b" * 64, "c" * 64),
    "note": ("one", "two", "three"),
    "no_access": (["rang"], ["called"], ["left a note"]),
    "meter_serial_found": ("X1", "X2", "X1"),
    "priority": ("low", "high", "low"),
}
"""A field of every merge policy, with three values that disagree."""


def interleavings(queues: list[list]) -> Iterator[list]:
    """Every order that keeps each tablet's own."""
    if not any(queues):
        yield []
    for n, queue in enumerate(queues):
        if queue:
            rest = [*queues[:n], queue[1:], *queues[n + 1 :]]
            for order in interleavings(rest):
                yield [queue[0], *order]


def queues_of(field: str, *, rounds: int) -> list[list]:
    """Three tablets that say something, and then something else, without having heard anybody."""
    values = VALUES[field]
    return [
        [
            said(tablet, n + 1, {field: values[(at + n) % 3]}, minutes=at + 10 * n)
            for n in range(rounds)
        ]
        for at, tablet in enumerate("abc")
    ]


def shown(order: list, field: str):
    """The effective value, and whatever is kept beside it."""
    state = visit()
    for each in order:
        done = apply_all({VISIT: state}, [each], context=context())
        state = done.records.get(VISIT, state)
    kept = sorted(repr(each.value) for each in state.authors.rivals.get(field, ()))
    value = state.fields[field]
    return (sorted(value) if isinstance(value, list) else value, kept)


@pytest.mark.parametrize("field", VALUES)
def test_six_operations_of_three_tablets_show_the_same_in_each_of_ninety_orders(field):
    orders = list(interleavings(queues_of(field, rounds=2)))
    assert len(orders) == 90
    found = [shown(order, field) for order in orders]
    assert all(each == found[0] for each in found), {str(each) for each in found}


@pytest.mark.parametrize("field", VALUES)
def test_whatever_the_order_every_value_is_shown_kept_or_history(field):
    for order in interleavings(queues_of(field, rounds=2)):
        state, lost = visit(), []
        for each in order:
            done = apply_all({VISIT: state}, [each], context=context())
            state = done.records.get(VISIT, state)
            lost += [one.value for step in done.steps for one in step.lost if one.field == field]
        kept = [each.value for each in state.authors.rivals.get(field, ())]
        there = [*lost, *kept, state.fields[field]]
        for each in order:
            value = each.operation.fields[field]
            union = isinstance(value, list) and isinstance(state.fields[field], list)
            whole = union and set(value) <= set(state.fields[field])
            assert value in there or whole, (field, value)


@pytest.mark.parametrize("field", ["R03", "R05", "R09", "R12"])
def test_in_no_order_is_the_worst_of_the_last_words_masked(field):
    items = items_by_code(checklists.templates()["RES-INSP@2026.1"])
    queues = queues_of(field, rounds=2)
    last = [queue[-1].operation.fields[field] for queue in queues]
    worst = max(severity(items, field, value=each) for each in last)
    for order in interleavings(queues):
        value, _ = shown(order, field)
        assert severity(items, field, value=value) >= worst


def test_one_tablets_sequence_in_one_batch_or_six_is_the_same():
    said_ = [said("a", n, {"R12": ("pass", "fail")[n % 2]}, minutes=n) for n in range(1, 7)]
    at_once = apply_all({VISIT: visit()}, said_, context=context()).records[VISIT]
    assert at_once.fields["R12"] == shown(said_, "R12")[0] == "pass"
    assert uuid5(SPACE, "visit") == VISIT
