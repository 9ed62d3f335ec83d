"""What the reference tablet keeps, shows and sends: the oracle for every other client."""

from uuid import UUID

import pytest

from schemas.problems import Refusal


async def urgent(story, tablet, visit, **fields):
    """A dangerous answer is given and sent alone; the link dies before anything else is said."""
    operation = tablet.memory.answer(str(visit), fields, now=tablet.wall, urgent=True)
    tablet.save()
    tablet.take(story.sent, reply) if (reply := await story.send(tablet)) else None
    return operation


async def test_a_danger_that_was_sent_alone_stays_on_the_screen_until_the_record_comes(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    said = await urgent(story, tablet, visit, R12="fail")
    assert (tablet.outcome(said), tablet.memory.outbox) == ("applied", [])
    assert tablet.memory.records[str(visit)].fields.get("R12") is None
    assert tablet.sees(visit, "R12") == "fail"
    tablet.crash()
    assert tablet.sees(visit, "R12") == "fail"
    await story.sync(tablet)
    assert (tablet.memory.unheard, tablet.sees(visit, "R12")) == ([], "fail")


async def test_after_what_went_alone_a_tablet_hears_what_is_new(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    await story.server.edit(visit, {"office_note": "dog"})
    tablet.memory.answer(str(visit), {"R12": "fail"}, now=tablet.wall, urgent=True)
    await story.sync(tablet)
    assert (tablet.sees(visit, "office_note"), tablet.memory.unheard) == ("dog", [])


async def test_a_word_that_was_refused_does_not_stay_on_the_screen(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    said = await urgent(story, tablet, visit, R12="no_such_answer")
    assert tablet.outcome(said) == "quarantined"
    assert tablet.sees(visit, "R12") is None


async def test_a_danger_sent_alone_by_a_tablet_that_stands_nowhere_survives_a_restored_database(
    story,
):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    backup = await story.server.world.backup()
    tablet.memory.begin_again()
    said = await urgent(story, tablet, visit, R12="fail")
    await story.server.world.restore(backup, epoch=story.server.key())
    assert story.held(said) is None
    await story.sync(tablet)
    assert story.shows(visit, "R12") == "fail"


async def test_a_danger_sent_alone_to_a_restored_database_is_offered_to_it_once_more(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    await story.server.world.restore(await story.server.world.backup(), epoch=story.server.key())
    said = await urgent(story, tablet, visit, R12="fail")
    assert tablet.outcome(said) == "applied"
    await story.sync(tablet)
    assert (tablet.outcome(said), story.shows(visit, "R12")) == ("duplicate", "fail")


async def test_a_revoked_visit_is_frozen_until_what_was_captured_on_it_is_sent_then_forgotten(
    story, monkeypatch
):
    monkeypatch.setattr("runtime.outbox.BATCH", 1)
    one, other = await story.tablet(), await story.tablet()
    visit = await story.visit(one)
    one.answers(visit, R04=0.7)
    one.answers(visit, note="x")
    await story.server.reassign(visit, other.sender.technician_id)
    reply = await story.send(one)
    one.take(story.sent, reply)
    assert one.memory.frozen == [str(visit)]
    assert (one.sees(visit, "R04"), one.sees(visit, "note")) == (0.7, "x")
    with pytest.raises(Refusal, match="visit_frozen"):
        one.answers(visit, R12="fail")
    await story.sync(one)
    assert (str(visit) in one.memory.records, one.memory.frozen) == (False, [])
    assert story.shows(visit, "note") == "x"


async def test_a_visit_that_comes_back_is_frozen_no_more(story, monkeypatch):
    monkeypatch.setattr("runtime.outbox.BATCH", 1)
    one, other = await story.tablet(), await story.tablet()
    visit = await story.visit(one)
    one.answers(visit, R04=0.7)
    one.answers(visit, note="x")
    await story.server.reassign(visit, other.sender.technician_id)
    one.take(story.sent, reply) if (reply := await story.send(one)) else None
    await story.server.reassign(visit, one.sender.technician_id)
    await story.sync(one)
    assert one.memory.frozen == []
    one.answers(visit, R12="pass")


async def test_a_hazard_on_a_visit_made_on_the_spot_leaves_first_and_takes_the_visit_along(story):
    tablet = await story.tablet()
    planned = await story.visit(tablet)
    home = story.state(planned).premises_id
    for n in range(150):
        tablet.answers(planned, note=str(n))
    now = tablet.wall
    spot = tablet.memory.create("visit", {}, now=now, premises=home, template="RES-INSP@2026.1")
    hazard = tablet.memory.create(
        "hazard", {"item": "R12", "grade": "critical"}, now=now, urgent=True, visit=UUID(spot)
    )
    tablet.save()
    sent, body = tablet.request()
    assert {str(each.record) for each in sent} == {spot, hazard}
    assert b'"lanes":["safety"]' in body
    await story.sync(tablet)
    assert [story.state(UUID(key)).premises_id for key in (spot, hazard)] == [home, home]
    assert set(tablet.memory.outcomes.values()) == {"applied"}


async def test_what_a_tablet_remembers_of_the_past_is_bounded(story, monkeypatch):
    monkeypatch.setattr("runtime.outbox.REMEMBERED_MAX", 5)
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    for n in range(12):
        tablet.answers(visit, note=str(n), **({"R12": "nonsense"} if n % 2 else {}))
        await story.sync(tablet)
    memory = tablet.memory
    assert {len(memory.acknowledged), len(memory.outcomes), len(memory.refused)} == {5}


async def test_a_visit_that_is_made_before_anything_is_said_of_it_is_made(story):
    tablet = await story.tablet()
    home = story.state(await story.visit(tablet)).premises_id
    spot = tablet.memory.create("visit", {}, now=tablet.wall, premises=home)
    tablet.save()
    await story.sync(tablet)
    assert tablet.sees(UUID(spot), "state") == "dispatched"
    said = tablet.answers(UUID(spot), note="x")
    await story.sync(tablet)
    assert (tablet.outcome(said), story.shows(UUID(spot), "note")) == ("applied", "x")


async def test_a_hazard_that_no_question_asks_for_is_a_hazard_at_the_office(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    home = story.state(visit).premises_id
    notes = ("阳台私接", "gas smell in the shaft")
    made = [
        tablet.memory.create(
            "hazard", {"item": "other", "grade": grade, "note": note}, now=tablet.wall, visit=visit
        )
        for grade, note in zip(("minor", "critical"), notes, strict=True)
    ]
    tablet.save()
    await story.sync(tablet)
    rows = sorted(story.tables.hazards.values(), key=lambda row: row["grade"])
    assert [(row["grade"], row["body"]["note"]) for row in rows] == [
        ("critical", notes[1]), ("minor", notes[0]),
    ]  # fmt: skip
    assert {(row["premises_id"], row["visit_id"]) for row in rows} == {(home, visit)}
    # worse on a second look: the same hazard, its first day
    tablet.answers(UUID(made[0]), grade="major")
    await story.sync(tablet)
    assert sorted(row["grade"] for row in story.tables.hazards.values()) == ["critical", "major"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"note": "x"}, "fields_missing"),
        ({"grade": "dreadful"}, "answer_option"),
        ({"grade": 3}, "answer_type"),
        ({"grade": "major", "item": ""}, "answer_type"),
        ({"grade": "major", "item": "x" * 65}, "answer_type"),
    ],
)
async def test_a_hazard_without_a_grade_that_we_know_is_shown_to_a_person(story, fields, code):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.memory.create("hazard", fields, now=tablet.wall, visit=visit)
    tablet.save()
    await story.sync(tablet)
    assert [row["code"] for row in story.tables.quarantine.values()] == [code]
    assert story.tables.hazards == {}


async def test_gas_is_not_opened_over_a_critical_hazard_that_no_question_asks_for(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    home = story.state(visit).premises_id
    tablet.answers(visit, supply="suspended")
    tablet.memory.create("hazard", {"grade": "critical"}, now=tablet.wall, visit=visit)
    said = tablet.answers(visit, supply="on")
    await story.sync(tablet)
    assert tablet.outcome(said) == "conflict"
    assert story.tables.supply[home] == "suspended"


async def test_long_answers_leave_in_as_many_bodies_as_they_need(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    long = {f"part{n}": "x" * 3_900 for n in range(14)}
    said = [
        tablet.captures(visit, kind="patch", fields={"no_access": long | {"n": n}})
        for n in range(60)
    ]
    sizes = []
    while tablet.memory.outbox:
        reply = await story.send(tablet)
        sizes.append(len(tablet.request()[1]))
        tablet.take(story.sent, reply)
    assert max(sizes) <= 2 * 1024 * 1024
    assert len(sizes) >= 3
    assert {tablet.outcome(each) for each in said} <= {"applied", "merged"}


async def test_an_answer_that_no_server_takes_is_refused_while_it_is_on_the_screen(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    with pytest.raises(Refusal, match="body_too_large"):
        tablet.captures(visit, kind="patch", fields={f"p{n}": "x" * 3_900 for n in range(20)})
    assert (tablet.memory.outbox, tablet.memory.next_n) == ([], 1)


async def test_a_file_for_another_tablet_takes_the_dangerous_first(story, monkeypatch):
    monkeypatch.setattr("runtime.outbox.OPERATIONS_MAX", 3)
    tablet = await story.tablet()
    quiet, unsafe = await story.visit(tablet), await story.visit(tablet)
    for n in range(3):
        tablet.answers(quiet, note=str(n))
    tablet.memory.answer(str(unsafe), {"R12": "fail"}, now=tablet.wall, urgent=True)
    assert [each.n for each in tablet.memory.carried()] == [4, 1, 2]
