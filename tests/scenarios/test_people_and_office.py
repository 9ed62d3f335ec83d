"""Two technicians, an office that goes on deciding, and what a person has to see."""

import pytest

from tests.simulation.scene import UPGRADED


async def together(story, *, field, values):
    """Two tablets answer one question of one visit without having seen each other."""
    one, other = await story.tablet(), await story.tablet()
    visit = await story.visit(one, other)
    one.answers(visit, **{field: values[0]})
    story.later(one, other, minutes=5)
    other.answers(visit, **{field: values[1]})
    return one, other, visit


async def test_two_technicians_answer_different_questions_of_one_visit(story):
    one, other = await story.tablet(), await story.tablet()
    visit = await story.visit(one, other)
    one.answers(visit, R12="pass")
    other.answers(visit, R13="fail")
    await story.sync(one, other)
    assert (story.shows(visit, "R12"), story.shows(visit, "R13")) == ("pass", "fail")
    marks = story.state(visit).authors.marks
    assert {"T0", "T1"} <= {each.who for each in marks.values()}
    assert story.conflicts(visit) == []


async def test_two_technicians_who_agree_do_not_disagree(story):
    one, other, visit = await together(story, field="R02", values=("match", "match"))
    await story.sync(one, other)
    assert story.shows(visit, "R02") == "match"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_one_says_fail_and_one_says_pass_fail_is_shown_and_a_person_decides(story, order):
    one, other, visit = await together(story, field="R12", values=("fail", "pass"))
    for n in order:
        await story.sync((one, other)[n])
    await story.sync(one, other)
    assert story.shows(visit, "R12") == one.sees(visit, "R12") == "fail"
    assert story.conflicts(visit) == ["R12"]
    assert sorted(story.beside(visit, "R12")) == ["fail", "pass"]


async def test_a_pass_that_saw_the_others_fail_does_not_take_it_away(story):
    one, other = await story.tablet(), await story.tablet()
    visit = await story.visit(one, other)
    one.answers(visit, R12="fail")
    await story.sync(one, other)
    other.answers(visit, R12="pass")
    await story.sync(one, other)
    assert story.shows(visit, "R12") == "fail"
    assert story.conflicts(visit) == ["R12"]


async def test_agreeing_with_a_fail_and_taking_it_back_leaves_the_fail_of_the_other(story):
    one, other = await story.tablet(), await story.tablet()
    visit = await story.visit(one, other)
    one.answers(visit, R12="fail")
    await story.sync(one, other)
    other.answers(visit, R12="fail")
    await story.sync(other)
    other.answers(visit, R12="pass")
    await story.sync(one, other)
    assert story.shows(visit, "R12") == "fail"


async def test_whoever_slipped_corrects_the_own_answer_and_the_slip_is_history(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.answers(visit, R12="fail")
    tablet.answers(visit, R12="pass")
    await story.sync(tablet)
    assert story.shows(visit, "R12") == "pass"
    assert story.lost(visit, "R12") == ["fail"]
    assert story.conflicts(visit) == []


async def test_a_hazard_stays_open_though_its_finder_corrected_the_answer(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.answers(visit, R12="fail")
    await story.sync(tablet)
    tablet.answers(visit, R12="pass")
    await story.sync(tablet)
    (hazard,) = story.tables.hazards.values()
    assert (hazard["state"], hazard["grade"]) == ("open", "critical")


async def test_two_leak_readings_show_the_worse_and_keep_both(story):
    one, other, visit = await together(story, field="R26", values=(0.0, 120.0))
    await story.sync(one, other)
    assert story.shows(visit, "R26") == 120.0
    assert len(story.state(visit).authors.rivals["R26"]) == 2


async def test_two_ventilation_readings_show_the_lower(story):
    one, other, visit = await together(story, field="R04", values=(1.2, 0.4))
    await story.sync(one, other)
    assert story.shows(visit, "R04") == 0.4


async def test_two_who_told_the_customer_both_did(story):
    one, other, visit = await together(story, field="R01", values=(True, True))
    await story.sync(one, other)
    assert story.shows(visit, "R01") is True
    assert story.conflicts(visit) == []


async def test_two_meter_readings_wait_for_a_person(story):
    one, other, visit = await together(story, field="R07", values=(100.0, 99.0))
    await story.sync(one, other)
    assert story.conflicts(visit) == ["R07"]
    assert sorted(story.beside(visit, "R07")) == [99.0, 100.0]


async def test_two_hose_dates_wait_for_a_person_and_nothing_jumps_meanwhile(story):
    one, other, visit = await together(story, field="R19", values=("2029-01-01", "2027-01-01"))
    await story.sync(one, other)
    assert story.conflicts(visit) == ["R19"]
    assert story.shows(visit, "R19") == "2029-01-01"


async def test_two_signatures_the_first_stands_and_the_second_is_kept(story):
    one, other, visit = await together(story, field="signature", values=("a" * 64, "b" * 64))
    await story.sync(other)
    await story.sync(one, other)
    assert story.shows(visit, "signature") == "a" * 64
    assert "b" * 64 in story.lost(visit, "signature")


async def test_two_remarks_the_later_one_is_shown_whoever_sends_first(story):
    one, other, visit = await together(story, field="note", values=("early", "late"))
    await story.sync(other)
    await story.sync(one, other)
    assert story.shows(visit, "note") == "late"
    assert "early" in story.lost(visit, "note")


async def test_the_office_and_the_technician_disagree_on_what_was_found(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    await story.server.edit(visit, {"R02": "match"})
    tablet.answers(visit, R02="mismatch")
    await story.sync(tablet)
    assert story.conflicts(visit) == ["R02"]
    assert sorted(story.beside(visit, "R02")) == ["match", "mismatch"]


async def test_the_office_cannot_edit_a_danger_away(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.answers(visit, R12="fail")
    await story.sync(tablet)
    await story.server.edit(visit, {"R12": "pass"})
    await story.sync(tablet)
    assert story.shows(visit, "R12") == tablet.sees(visit, "R12") == "fail"
    assert story.conflicts(visit) == ["R12"]


async def test_what_the_office_owns_it_decides_and_the_tablets_word_is_kept(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    await story.server.edit(visit, {"priority": "high"})
    tablet.answers(visit, priority="low")
    await story.sync(tablet)
    assert story.shows(visit, "priority") == tablet.sees(visit, "priority") == "high"
    assert "low" in story.lost(visit, "priority")


async def test_an_office_note_reaches_a_tablet_that_has_unsent_work(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.answers(visit, R12="pass")
    await story.server.edit(visit, {"office_note": "dog in the yard"})
    await story.sync(tablet)
    assert tablet.sees(visit, "office_note") == "dog in the yard"
    assert tablet.sees(visit, "R12") == "pass"


async def test_a_visit_reassigned_while_its_tablet_was_offline_keeps_the_work(story):
    one, other = await story.tablet(), await story.tablet()
    visit = await story.visit(one)
    said = one.answers(visit, R12="fail")
    await story.server.reassign(visit, other.sender.technician_id)
    await story.sync(one, other)
    assert one.outcome(said) == "merged"
    assert story.held(said)["code"] == "reassigned"
    assert other.sees(visit, "R12") == "fail"


async def test_a_visit_reassigned_leaves_the_first_tablet_once_its_work_is_sent(story):
    one, other = await story.tablet(), await story.tablet()
    visit = await story.visit(one)
    one.answers(visit, note="nobody answered the bell")
    await story.server.reassign(visit, other.sender.technician_id)
    await story.sync(one, other)
    assert str(visit) not in one.memory.records
    assert one.memory.unsent() == 0
    assert other.sees(visit, "note") == "nobody answered the bell"


async def test_a_visit_finished_by_whom_it_was_taken_from_waits_for_a_person(story):
    one, other = await story.tablet(), await story.tablet()
    visit = await story.visit(one)
    done = one.says(visit, "field_done")
    await story.server.reassign(visit, other.sender.technician_id)
    await story.sync(one, other)
    assert (one.outcome(done), story.held(done)["code"]) == ("conflict", "reassigned")
    assert story.conflicts(visit) == ["state"]


async def test_a_visit_given_back_is_whole_again(story):
    one, other = await story.tablet(), await story.tablet()
    visit = await story.visit(one)
    await story.server.reassign(visit, other.sender.technician_id)
    await story.sync(one, other)
    await story.server.reassign(visit, one.sender.technician_id)
    await story.sync(one, other)
    assert one.memory.shown(str(visit)) == story.state(visit).fields
    assert str(visit) not in other.memory.records


async def test_a_visit_cancelled_while_it_was_done_is_done_and_a_person_decides(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.answers(visit, R12="pass")
    done = tablet.says(visit, "field_done")
    await story.server.cancel(visit)
    await story.sync(tablet)
    assert (tablet.outcome(done), story.held(done)["code"]) == ("conflict", "after_cancel")
    assert story.shows(visit, "R12") == "pass"
    assert story.shows(visit, "pending_decision") == ["after_cancel:field_done"]


async def test_a_visit_done_twice_counts_once_and_both_are_kept(story):
    one, other = await story.tablet(), await story.tablet()
    visit = await story.visit(one, other)
    first, second = one.says(visit, "field_done"), other.says(visit, "no_access")
    await story.sync(one, other)
    assert one.outcome(first) == "applied"
    assert story.held(second)["code"] in ("second_completion", "reassigned")
    assert story.shows(visit, "state") == "field_done"


async def test_steps_that_nobody_said_aloud_are_no_obstacle(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    done = tablet.says(visit, "field_done")
    await story.sync(tablet)
    assert tablet.outcome(done) == "applied"


async def test_going_back_to_the_road_after_the_work_began_is_for_a_person(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.says(visit, "in_progress")
    back = tablet.says(visit, "accepted")
    await story.sync(tablet)
    assert story.held(back)["code"] == "unlawful"
    assert story.shows(visit, "state") == "in_progress"


@pytest.mark.parametrize(
    ("state", "words"),
    [("no_access", {"no_access": ["rang_twice"]}), ("refused", {"reason": "came at dinner time"})],
)
async def test_a_door_that_stays_closed_is_an_outcome_with_its_words(story, state, words):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    said = tablet.says(visit, state, **words)
    await story.sync(tablet)
    assert tablet.outcome(said) == "applied"
    assert story.tables.visits[visit]["outcome"] == state
    (name,) = words
    assert story.lost(visit, name) == [words[name]]


async def test_a_new_visit_of_the_day_arrives_with_the_next_exchange(story):
    tablet = await story.tablet()
    await story.visit(tablet)
    added = await story.server.visit(tablet.sender.technician_id)
    assert str(added) not in tablet.memory.records
    await story.sync(tablet)
    assert tablet.sees(added, "state") == "dispatched"


async def test_answers_stay_under_the_checklist_they_were_given_under(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    said = tablet.answers(visit, R15=["near_wiring"])
    # a later version without R15 is published meanwhile, and the next visit has it
    newer = await story.visit(tablet, template=UPGRADED)
    await story.sync(tablet)
    assert tablet.outcome(said) == "applied"
    assert said.template == "RES-INSP@2026.1"
    assert story.shows(visit, "R15") == ["near_wiring"]
    assert tablet.sees(newer, "template") == UPGRADED


async def test_two_checklists_of_one_kind_are_answered_side_by_side(story):
    tablet = await story.tablet()
    old, new = await story.visit(tablet), await story.visit(tablet, template=UPGRADED)
    both = [tablet.answers(each, R12="fail") for each in (old, new)]
    await story.sync(tablet)
    assert [tablet.outcome(each) for each in both] == ["applied", "applied"]
    assert {each.template for each in both} == {"RES-INSP@2026.1", UPGRADED}


async def test_a_danger_found_again_keeps_its_first_day(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.answers(visit, R03="open_plan")
    await story.sync(tablet)
    (first,) = story.tables.hazards.values()
    story.later(tablet, days=5)
    tablet.answers(visit, R03="open_plan", note="still so")
    await story.sync(tablet)
    (again,) = story.tables.hazards.values()
    assert again["found_at"] == first["found_at"]


async def test_a_danger_found_again_and_worse_is_raised(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.answers(visit, R03="open_plan")
    await story.sync(tablet)
    tablet.answers(visit, R03="bedroom_use")
    await story.sync(tablet)
    (hazard,) = story.tables.hazards.values()
    assert hazard["grade"] == "critical"


async def test_a_visit_made_on_the_spot_is_a_visit_like_any_other(story):
    tablet = await story.tablet()
    known = await story.visit(tablet)
    home = story.tables.visits[known]["premises_id"]
    spot = story.server.key()
    tablet.captures(
        spot,
        kind="create",
        record_kind="visit",
        premises=home,
        template="RES-INSP@2026.1",
        fields={"R12": "fail"},
    )
    tablet.says(spot, "field_done")
    await story.sync(tablet)
    assert story.shows(spot, "state") == "field_done"
    assert story.tables.visits[spot]["technician_id"] == tablet.sender.technician_id
    assert [each["grade"] for each in story.tables.hazards.values()] == ["critical"]


async def test_a_danger_found_after_it_was_closed_is_another_one(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.answers(visit, R03="open_plan")
    await story.sync(tablet)
    (first,) = story.tables.hazards.values()
    story.tables.hazards[first["id"]] = first | {"state": "closed"}
    tablet.answers(visit, R03="bedroom_use")
    await story.sync(tablet)
    assert sorted(each["state"] for each in story.tables.hazards.values()) == ["closed", "open"]


async def test_two_findings_of_one_batch_are_one_hazard_at_its_worst(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.answers(visit, R03="open_plan")
    tablet.answers(visit, R03="bedroom_use")
    await story.sync(tablet)
    assert [each["grade"] for each in story.tables.hazards.values()] == ["critical"]


async def test_a_visit_waits_for_every_photo_that_proves_how_it_ended(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    door, paper = "ab" * 32, "cd" * 32
    tablet.answers(visit, not_done={"end_photo": door, "reason": "no pressure"})
    tablet.says(visit, "not_done", notice={"photo": paper})
    await story.sync(tablet)
    assert set(story.tables.attachments) == {door, paper}
    assert story.tables.visits[visit]["certification"] == "waiting_evidence"
