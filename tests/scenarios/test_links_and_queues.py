"""What a link, a queue and a restart may do to an answer: nothing."""

from uuid import UUID

import msgspec

from schemas.sync import Outcome, SyncAnswer
from tests.simulation.scene import UPGRADED


async def test_answers_given_in_order_arrive_in_order(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    for value in (0.9, 0.8, 0.7):
        tablet.answers(visit, R04=value)
    await story.sync(tablet)
    assert story.shows(visit, "R04") == 0.7
    assert story.lost(visit, "R04") == [0.9, 0.8]


async def test_a_day_offline_is_seen_on_the_tablet_before_anybody_else_knows(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.answers(visit, R12="fail")
    tablet.says(visit, "field_done")
    assert (tablet.sees(visit, "R12"), tablet.sees(visit, "state")) == ("fail", "field_done")
    assert story.shows(visit, "R12") is None
    assert tablet.memory.unsent() == 2


async def test_a_request_that_never_arrives_is_sent_again(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    said = tablet.answers(visit, R12="pass")
    tablet.request()
    await story.sync(tablet)
    assert tablet.outcome(said) == "applied"


async def test_a_reply_that_is_lost_costs_a_duplicate_and_nothing_else(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    said = tablet.answers(visit, R12="fail")
    assert await story.send(tablet)
    before = story.tables.records[visit]["version"]
    await story.sync(tablet)
    assert tablet.outcome(said) == "duplicate"
    assert story.tables.records[visit]["version"] == before


async def test_a_request_that_arrives_twice_has_one_effect(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.answers(visit, R26=120.0)
    sent, body = tablet.request()
    first = await story.server.exchange(tablet.sender, body)
    await story.server.exchange(tablet.sender, body)
    tablet.take(sent, first)
    await story.sync(tablet)
    assert story.conflicts(visit) == []
    assert len(story.tables.operations) == 1


async def test_a_message_of_last_week_changes_nothing_today(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.answers(visit, note="old")
    _, body = tablet.request()
    await story.sync(tablet)
    tablet.answers(visit, note="new")
    await story.sync(tablet)
    story.later(tablet, days=7)
    await story.server.exchange(tablet.sender, body)
    assert story.shows(visit, "note") == "new"


async def test_a_queue_of_several_batches_is_interrupted_and_goes_on_where_it_was(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    said = [tablet.answers(visit, note=str(n)) for n in range(250)]
    story.sent, body = tablet.request()
    tablet.take(story.sent, await story.server.exchange(tablet.sender, body))
    assert tablet.memory.unsent() == 150
    tablet.crash()
    await story.sync(tablet)
    assert {tablet.outcome(each) for each in said} == {"applied"}
    assert story.shows(visit, "note") == "249"


async def test_a_crash_between_tap_and_save_was_never_called_saved(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.memory.answer(str(visit), {"R12": "fail"}, now=tablet.wall)
    tablet.crash()
    assert tablet.memory.unsent() == 0
    said = tablet.answers(visit, R12="pass")
    await story.sync(tablet)
    assert tablet.outcome(said) == "applied"


async def test_a_crash_after_saving_loses_nothing(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    said = tablet.answers(visit, R12="fail")
    tablet.crash()
    await story.sync(tablet)
    assert tablet.outcome(said) == "applied"


async def test_a_crash_while_the_answer_comes_in_doubles_nothing(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.answers(visit, R07=100.0)
    assert await story.send(tablet)
    tablet.crash()
    await story.sync(tablet)
    assert story.shows(visit, "R07") == 100.0
    assert story.conflicts(visit) == []


async def test_an_update_that_comes_before_its_create_waits_in_sight(story):
    tablet = await story.tablet()
    note = story.server.key()
    later = tablet.captures(note, kind="patch", fields={"text": "second"})
    await story.sync(tablet)
    assert tablet.outcome(later) == "held"
    assert story.held(later)["outcome"] == "held"
    tablet.captures(note, kind="create", record_kind="note", fields={"text": "first"})
    await story.sync(tablet)
    assert story.held(later)["outcome"] in ("applied", "merged")
    assert {story.shows(note, "text"), *story.lost(note, "text")} >= {"first", "second"}


async def test_an_operation_waits_for_the_one_it_names(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    first = tablet.answers(visit, note="first")
    tablet.memory.outbox.clear()
    second = tablet.captures(visit, kind="patch", fields={"note": "second"}, after=[first.id])
    await story.sync(tablet)
    assert tablet.outcome(second) == "held"
    tablet.memory.outbox.append(first)
    await story.sync(tablet)
    assert story.held(second)["outcome"] == "applied"
    assert story.shows(visit, "note") == "second"


async def test_what_it_waited_for_may_be_on_another_record(story):
    tablet = await story.tablet()
    one, other = await story.visit(tablet), await story.visit(tablet)
    first = tablet.answers(one, note="meter exchanged")
    tablet.memory.outbox.clear()
    second = tablet.captures(other, kind="patch", fields={"note": "so is this"}, after=[first.id])
    await story.sync(tablet)
    tablet.memory.outbox.append(first)
    await story.sync(tablet)
    assert story.held(second)["outcome"] == "applied"


async def test_a_visit_made_on_the_spot_may_wait_for_another_operation(story):
    tablet = await story.tablet()
    known = await story.visit(tablet)
    first = tablet.answers(known, note="the neighbour asked")
    tablet.memory.outbox.clear()
    spot = tablet.captures(
        story.server.key(),
        kind="create",
        record_kind="visit",
        premises=story.tables.visits[known]["premises_id"],
        template="RES-INSP@2026.1",
        fields={"R12": "pass"},
        after=[first.id],
    )
    await story.sync(tablet)
    assert tablet.outcome(spot) == "held"
    tablet.memory.outbox.append(first)
    await story.sync(tablet)
    assert story.held(spot)["outcome"] == "applied"


async def test_what_waited_too_long_is_applied_with_a_mark(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    never = story.server.key()
    said = tablet.captures(visit, kind="patch", fields={"R12": "fail"}, after=[never])
    await story.sync(tablet)
    assert story.shows(visit, "R12") is None
    story.later(tablet, hours=73)
    await story.server.settle(hours=72)
    assert story.shows(visit, "R12") == "fail"
    assert story.held(said)["code"] == "predecessor_missing"


async def test_a_malformed_operation_in_the_middle_harms_neither_neighbour(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    before = tablet.answers(visit, R12="pass")
    bad = tablet.captures(visit, kind="patch", fields={"R12": 7})
    after = tablet.answers(visit, R13="pass")
    await story.sync(tablet)
    assert [tablet.outcome(each) for each in (before, bad, after)] == [
        "applied",
        "quarantined",
        "applied",
    ]
    assert story.quarantined(bad) == "answer_type"


async def test_a_state_that_nobody_knows_is_put_aside_whole(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    said = tablet.captures(visit, kind="command", command="teleported", fields={"note": "?"})
    await story.sync(tablet)
    assert story.quarantined(said) == "state_unknown"
    assert story.shows(visit, "state") == "dispatched"


async def test_an_unknown_question_is_put_aside_and_the_tablet_is_told(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    said = tablet.answers(visit, R99="pass")
    await story.sync(tablet)
    assert tablet.memory.refused == [f"{said.id}: item_unknown"]


async def test_an_answer_outside_its_options_is_put_aside(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    said = tablet.answers(visit, R12="perhaps")
    await story.sync(tablet)
    assert story.quarantined(said) == "answer_option"


async def test_a_checklist_version_that_was_never_published_is_put_aside(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    said = tablet.captures(visit, kind="patch", fields={"R12": "fail"}, template="RES-INSP@2031.7")
    await story.sync(tablet)
    assert story.quarantined(said) == "template_unknown"


async def test_the_same_id_with_other_contents_is_put_aside_and_the_first_stands(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    said = tablet.answers(visit, R12="fail")
    await story.sync(tablet)
    changed = msgspec.structs.replace(said, fields={"R12": "pass"})
    tablet.memory.outbox.append(changed)
    await story.sync(tablet)
    assert story.quarantined(said) == "id_reused"
    assert story.shows(visit, "R12") == "fail"


async def test_poison_at_the_head_of_the_queue_holds_nobody_up(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    for _ in range(120):
        tablet.captures(visit, kind="patch", fields={"R12": 7})
    good = tablet.answers(visit, R12="fail")
    await story.sync(tablet)
    assert tablet.outcome(good) == "applied"
    assert tablet.memory.unsent() == 0


async def test_a_page_of_one_record_at_a_time_brings_everything(story):
    tablet = await story.tablet()
    visits = [await story.visit(tablet) for _ in range(5)]
    tablet.memory.records.clear()
    tablet.memory.cursor = ""
    for _ in range(12):
        sent, body = tablet.memory.request(now=tablet.wall)
        reply = await story.server.exchange(tablet.sender, msgspec.json.encode(body | {"limit": 1}))
        if not tablet.take(sent, reply):
            break
    assert set(tablet.memory.records) == {str(each) for each in visits}


async def test_an_edit_between_two_pages_leaves_no_hole(story):
    tablet = await story.tablet()
    visits = [await story.visit(tablet) for _ in range(3)]
    await story.server.edit(visits[0], {"office_note": "a", "priority": "high"})
    tablet.memory.records.clear()
    tablet.memory.cursor = ""

    async def one_record():
        sent, body = tablet.memory.request(now=tablet.wall)
        body = msgspec.json.encode(body | {"limit": 1})
        tablet.take(sent, await story.server.exchange(tablet.sender, body))

    await one_record()
    await one_record()
    await story.server.edit(visits[0], {"office_note": "b"})
    await story.sync(tablet)
    assert tablet.sees(visits[0], "priority") == "high"
    assert tablet.sees(visits[0], "office_note") == "b"


async def test_a_budget_smaller_than_a_record_still_brings_the_record(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    await story.server.edit(visit, {"office_note": "x" * 3_000})
    sent, body = tablet.memory.request(now=tablet.wall)
    reply = await story.server.exchange(
        tablet.sender, msgspec.json.encode(body | {"budget_bytes": 1024})
    )
    tablet.take(sent, reply)
    assert len(tablet.sees(visit, "office_note")) == 3_000


async def test_an_exchange_with_nothing_to_say_changes_nothing(story):
    tablet = await story.tablet()
    await story.visit(tablet)
    before = tablet.memory.cursor
    await story.sync(tablet)
    assert tablet.memory.cursor == before


async def test_a_note_made_in_a_cellar_comes_back_as_it_was_written(story):
    tablet = await story.tablet()
    note = tablet.notes("阀井进水，需抽水")
    assert tablet.sees(note, "text") == "阀井进水，需抽水"
    await story.sync(tablet)
    assert tablet.memory.records[str(note)].fields["text"] == "阀井进水，需抽水"


async def test_what_is_dangerous_leaves_the_tablet_first_and_in_its_own_order(story):
    tablet = await story.tablet()
    quiet, unsafe = await story.visit(tablet), await story.visit(tablet)
    for n in range(3):
        tablet.answers(quiet, note=str(n))
    tablet.answers(unsafe, note="smell at the door")
    tablet.memory.answer(str(unsafe), {"R12": "fail"}, now=tablet.wall, urgent=True)
    tablet.save()
    sent, body = tablet.request()
    assert [each.record for each in sent] == [unsafe, unsafe]
    assert [each.n for each in sent] == [4, 5]
    assert msgspec.json.decode(body)["lanes"] == ["safety"]
    await story.sync(tablet)
    assert tablet.memory.urgent == []


async def test_danger_that_goes_alone_takes_nothing_off_a_screen_that_is_heard_anew(story):
    tablet = await story.tablet()
    visit, other = await story.visit(tablet), await story.visit(tablet)
    tablet.memory.answer(str(visit), {"R12": "fail"}, now=tablet.wall, urgent=True)
    tablet.memory.begin_again()
    sent, _ = tablet.request()
    alone = SyncAnswer(
        cursor="", server_time=story.server.now, outcomes=[Outcome(outcome="applied")]
    )
    tablet.take(sent, msgspec.json.encode(alone))
    assert {str(visit), str(other)} <= set(tablet.memory.records)


async def test_a_deleted_note_that_another_edits_keeps_both_words(story):
    one, other = await story.tablet(), await story.tablet()
    note = one.notes("call first")
    await story.sync(one)
    await story.server.share(note, other.sender.technician_id)
    await story.sync(other)
    one.captures(note, kind="delete")
    other.answers(note, text="call at noon")
    await story.sync(one, other)
    assert story.state(note).deleted
    assert {story.shows(note, "text"), *story.lost(note, "text")} >= {"call first", "call at noon"}


async def test_a_visit_in_a_newer_checklist_is_answered_under_that_one(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet, template=UPGRADED)
    said = tablet.answers(visit, R12="fail")
    gone = tablet.answers(visit, R15=["ok"])
    await story.sync(tablet)
    assert tablet.outcome(said) == "applied"
    assert story.quarantined(gone) == "item_unknown"


async def test_nobody_writes_on_a_visit_that_was_never_theirs(story):
    one, other = await story.tablet(), await story.tablet()
    visit = await story.visit(one)
    said = other.captures(visit, kind="patch", fields={"R12": "pass"}, template="RES-INSP@2026.1")
    await story.sync(other)
    assert story.quarantined(said) == "not_yours"
    assert story.shows(visit, "R12") is None
    assert str(visit) not in other.memory.records
    assert isinstance(visit, UUID)


async def test_the_nil_id_is_nobodys_record_whoever_says_it_first(story):
    nil = UUID(int=0)
    one, two = await story.tablet(), await story.tablet()
    said = [
        each.captures(nil, kind="create", record_kind="note", fields={"text": "mine"})
        for each in (one, two)
    ]
    await story.sync(one)
    await story.sync(two)
    assert [one.outcome(said[0]), two.outcome(said[1])] == ["quarantined", "quarantined"]
    assert {story.quarantined(each) for each in said} == {"operation_malformed"}
