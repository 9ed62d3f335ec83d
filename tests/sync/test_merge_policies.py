"""Each merge policy by name, the order of arrival, and what is never masked."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.sync import Mark, Operation, RecordState
from storage import checklists
from sync.decision import Captured, Context
from sync.merge import apply, apply_all, office_edit
from sync.policies import POLICIES

SPACE = UUID("00000000-0000-4000-8000-000000000001")
VISIT, TECHNICIAN = uuid5(SPACE, "visit"), uuid5(SPACE, "technician")
START = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
TEMPLATE = "RES-INSP@2026.1"


def context(**changes) -> Context:
    given_ = {
        "templates": checklists.templates(),
        "transitions": checklists.transitions(),
        "mine": frozenset({VISIT}),
        "held_by": {VISIT: None},
        "known": frozenset(),
        "premises": frozenset(),
    }
    return Context(**{**given_, **changes})


def visit(**fields) -> RecordState:
    shown = {"state": "in_progress", "template": TEMPLATE, **fields}
    mark = Mark(by="office", who="office", n=0, at_ms=0)
    made = RecordState(
        id=VISIT,
        kind="visit",
        visit_id=VISIT,
        version=1,
        fields=shown,
        versions=dict.fromkeys(shown, 1),
    )
    del mark
    return made


def said(tablet: str, n: int, fields=None, *, base=None, minutes=0, **more) -> Captured:
    at = START + timedelta(minutes=minutes)
    operation = Operation(
        id=uuid5(SPACE, f"{tablet}-{n}"),
        n=n,
        record=VISIT,
        kind=more.pop("kind", "patch"),
        observed_at=at,
        fields=fields or {},
        base=base or {},
        template=TEMPLATE,
        **more,
    )
    return Captured(
        operation=operation,
        tablet=uuid5(SPACE, tablet),
        technician=TECHNICIAN,
        who=tablet,
        corrected_at=at,
        received_at=START + timedelta(hours=8),
        trust="verified",
    )


def both(one: Captured, other: Captured, **fields):
    return apply_all({VISIT: visit(**fields)}, [one, other], context=context())


def test_severity_max_the_more_dangerous_value_wins_and_both_are_kept():
    done = both(said("a", 1, {"R12": "fail"}), said("b", 1, {"R12": "pass"}))
    assert done.records[VISIT].fields["R12"] == "fail"
    conflict = done.steps[1].disagreements[0]
    assert conflict.open
    assert {each.value for each in conflict.values} == {"fail", "pass"}


def test_severity_max_a_pass_that_saw_a_foreign_fail_does_not_hide_it():
    first = apply(visit(), said("a", 1, {"R12": "fail"}), context=context())
    second = apply(first.record, said("b", 1, {"R12": "pass"}, base={"R12": 2}), context=context())
    assert second.record.fields["R12"] == "fail"
    assert second.result.outcome == "conflict"


def test_a_technician_may_correct_the_own_slip_of_the_finger():
    done = both(said("a", 1, {"R12": "fail"}), said("a", 2, {"R12": "pass"}, minutes=1))
    assert done.records[VISIT].fields["R12"] == "pass"
    assert not done.steps[1].disagreements
    assert done.steps[1].lost[0].value == "fail"


def test_numeric_worst_max_keeps_every_reading_and_shows_the_highest():
    done = both(said("a", 1, {"R26": 120.0}), said("b", 1, {"R26": 0.0}))
    assert done.records[VISIT].fields["R26"] == 120.0
    assert len(done.records[VISIT].authors.rivals["R26"]) == 2


def test_numeric_worst_min_keeps_every_reading_and_shows_the_lowest():
    done = both(said("a", 1, {"R04": 0.9}), said("b", 1, {"R04": 0.4}))
    assert done.records[VISIT].fields["R04"] == 0.4


def test_union_set_photos_of_both_tablets_are_there():
    one, other = "a" * 64, "b" * 64
    done = both(said("a", 1, {"R02.photos": [one]}), said("b", 1, {"R02.photos": [other]}))
    assert set(done.records[VISIT].fields["R02.photos"]) == {one, other}
    assert {each.sha256 for step in done.steps for each in step.files} == {one, other}


def test_write_once_the_first_signature_stands_and_the_second_is_kept():
    one, other = {"signature": "a" * 64}, {"signature": "b" * 64}
    done = both(said("b", 1, {"R28": other}, minutes=9), said("a", 1, {"R28": one}))
    assert done.records[VISIT].fields["R28"] == one
    assert len(done.records[VISIT].authors.rivals["R28"]) == 2


def test_technician_owns_the_one_on_site_wins_over_the_office():
    mark = Mark(by="office", who="office", n=1, at_ms=10**15)
    repair = visit(template="REP@2026.1")
    known = office_edit(repair, fields={"P04": "wear"}, mark=mark, context=context()).record
    operation = said("a", 1, {"P04": "misuse"})
    operation = Captured(
        **{
            name: getattr(operation, name)
            for name in Captured.__struct_fields__
            if name != "operation"
        },
        operation=Operation(
            id=uuid5(SPACE, "x"),
            n=1,
            record=VISIT,
            kind="patch",
            observed_at=START,
            fields={"P04": "misuse"},
            template="REP@2026.1",
        ),
    )
    step = apply(known, operation, context=context())
    assert step.record.fields["P04"] == "misuse"
    assert any(each.value == "wear" for each in step.lost)


def test_dispatcher_owns_the_office_decides_and_the_tablets_word_is_kept():
    mark = Mark(by="office", who="office", n=1, at_ms=1)
    moved = office_edit(visit(), fields={"priority": "high"}, mark=mark, context=context()).record
    step = apply(moved, said("a", 1, {"priority": "low"}), context=context())
    assert step.record.fields["priority"] == "high"
    assert any(each.value == "low" for each in step.lost)


def test_max_date_guard_two_dates_wait_for_a_person():
    done = both(said("a", 1, {"R19": "2030-01-01"}), said("b", 1, {"R19": "2029-01-01"}))
    assert done.steps[1].disagreements[0].open


def test_counter_monotonic_keeps_all_readings_and_asks():
    done = both(said("a", 1, {"R07": 120.0}), said("b", 1, {"R07": 90.0}))
    assert done.records[VISIT].fields["R07"] == 120.0
    assert done.steps[1].disagreements[0].open


def test_manual_both_are_kept_until_a_person_decides():
    done = both(said("a", 1, {"R02": "match"}), said("b", 1, {"R02": "mismatch"}))
    assert done.steps[1].result.outcome == "conflict"
    assert len(done.steps[1].disagreements[0].values) == 2


def test_lww_history_the_last_observed_wins_whatever_comes_first():
    late, early = said("a", 1, {"note": "late"}, minutes=5), said("b", 1, {"note": "early"})
    assert both(late, early).records[VISIT].fields["note"] == "late"
    assert both(early, late).records[VISIT].fields["note"] == "late"


def test_monotonic_state_work_after_a_cancel_is_kept_for_a_person():
    step = apply(
        visit(state="cancelled"),
        said("a", 1, kind="command", command="field_done"),
        context=context(),
    )
    assert step.result.outcome == "conflict"
    assert step.result.code == "after_cancel"
    assert step.record.fields["state"] == "cancelled"
    assert step.record.fields["pending_decision"] == ["after_cancel:field_done"]


def test_a_second_completion_is_kept_and_shown():
    first = apply(visit(), said("a", 1, kind="command", command="field_done"), context=context())
    second = apply(
        first.record, said("b", 1, kind="command", command="no_access"), context=context()
    )
    assert first.result.outcome == "applied"
    assert second.result.code == "second_completion"


def test_work_on_a_visit_that_went_to_somebody_else_is_stored_and_marked():
    moved = context(held_by={VISIT: uuid5(SPACE, "other")})
    step = apply(visit(), said("a", 1, {"R12": "fail"}), context=moved)
    assert step.result.outcome == "merged"
    assert step.result.code == "reassigned"
    assert step.dangers[0].grade == "critical"


def test_a_foreign_visit_is_not_written():
    step = apply(visit(), said("a", 1, {"R12": "fail"}), context=context(mine=frozenset()))
    assert (step.result.outcome, step.result.code) == ("quarantined", "not_yours")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"R99": "pass"}, "item_unknown"),
        ({"R12": "perhaps"}, "answer_option"),
        ({"R12": 3}, "answer_type"),
        ({"R26": "12"}, "answer_type"),
        ({"R19": "next week"}, "answer_type"),
        ({"R09": ["ok", "purple"]}, "answer_option"),
        ({"R02.photos": ["../etc/passwd"]}, "answer_type"),
    ],
)
def test_an_answer_outside_its_question_is_kept_in_quarantine(fields, code):
    step = apply(visit(), said("a", 1, fields), context=context())
    assert (step.result.outcome, step.result.code) == ("quarantined", code)
    assert step.record is None


def test_an_operation_waits_for_its_predecessor_and_goes_on_when_it_comes():
    first = said("a", 1, {"note": "one"})
    second = said("a", 2, {"note": "two"}, after=[first.operation.id])
    alone = apply_all({VISIT: visit()}, [second], context=context())
    assert alone.steps[0].result.outcome == "held"
    reversed_ = apply_all({VISIT: visit()}, [second, first], context=context())
    assert [each.result.outcome for each in reversed_.steps] == ["applied", "applied"]
    assert reversed_.records[VISIT].fields["note"] == "two"


def test_one_poison_operation_never_stops_the_others():
    done = apply_all(
        {VISIT: visit()},
        [said("a", 1, {"R99": 1}), said("a", 2, {"R12": "pass"})],
        context=context(),
    )
    assert [each.result.outcome for each in done.steps] == ["quarantined", "applied"]


def test_equal_values_never_conflict():
    done = both(said("a", 1, {"R02": "match"}), said("b", 1, {"R02": "match"}))
    assert not any(step.disagreements for step in done.steps)


def test_every_policy_of_the_catalogue_has_a_rule():
    named = {each["code"] for each in checklists.document("merge_policies.yaml")["policies"]}
    assert named == POLICIES
    used = {item.policy for each in checklists.templates().values() for item in each.items}
    assert used <= POLICIES


ANSWERS = {
    "R12": st.sampled_from(["pass", "fail"]),
    "R26": st.sampled_from([0.0, 5.0, 50.0]),
    "R04": st.sampled_from([0.2, 0.6, 1.0]),
    "R02": st.sampled_from(["match", "mismatch"]),
    "R02.photos": st.lists(st.sampled_from(["a" * 64, "b" * 64]), min_size=1, max_size=2),
    "note": st.sampled_from(["x", "y", "z"]),
}
one_answer = st.one_of(
    *(values.map(lambda v, f=field: {f: v}) for field, values in ANSWERS.items())
)


def effective(state: RecordState) -> dict:
    shown = {k: v for k, v in state.fields.items() if k in ANSWERS}
    return {k: sorted(v) if isinstance(v, list) else v for k, v in shown.items()}


@given(st.lists(one_answer, min_size=2, max_size=4))
def test_i7_the_merged_state_does_not_depend_on_the_order_of_arrival(answers):
    operations = [said(f"t{n}", 1, each, minutes=n) for n, each in enumerate(answers)]
    results = [
        effective(apply_all({VISIT: visit()}, list(order), context=context()).records[VISIT])
        for order in permutations(operations)
    ]
    assert all(each == results[0] for each in results)


@given(one_answer, one_answer)
def test_i8_merging_the_same_operation_again_changes_nothing(before, answer):
    known = apply(visit(), said("b", 1, before), context=context()).record
    once = apply(known, said("a", 1, answer), context=context()).record or known
    twice = apply(once, said("a", 1, answer), context=context()).record or once
    assert effective(once) == effective(twice)


@given(st.lists(st.sampled_from(["pass", "fail"]), min_size=2, max_size=5))
def test_i19_a_fail_is_never_masked_by_another_tablet(values):
    operations = [said(f"t{n}", 1, {"R12": v}, minutes=n) for n, v in enumerate(values)]
    merged = apply_all({VISIT: visit()}, operations, context=context()).records[VISIT]
    assert merged.fields["R12"] == ("fail" if "fail" in values else "pass")
