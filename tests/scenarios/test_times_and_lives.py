"""Clocks that lie, tablets that were copied, databases that were put back."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from runtime.outbox import Memory
from schemas.problems import Refusal
from tests.scenarios.story import Tablet
from tests.simulation.worlds import Crashed

HOUR = timedelta(hours=1)


async def answered(story, tablet, *, sync=True):
    """A visit with one finding; returns both."""
    visit = await story.visit(tablet)
    said = tablet.answers(visit, R12="fail")
    if sync:
        await story.sync(tablet)
    return visit, said


async def test_a_clock_eight_hours_ahead_moves_no_deadline(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.turn_clock(8 * HOUR)
    said, true = tablet.answers(visit, R12="fail"), story.server.now
    story.later(tablet, hours=3)
    await story.sync(tablet)
    row = story.held(said)
    assert (row["corrected_at"], row["trust"]) == (true, "verified")
    assert said.observed_at == true + 8 * HOUR


async def test_a_clock_of_1970_is_no_obstacle(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.turn_clock(datetime(1970, 1, 2, tzinfo=UTC) - story.server.now)
    said, true = tablet.answers(visit, R12="fail"), story.server.now
    story.later(tablet, hours=1)
    await story.sync(tablet)
    assert story.held(said)["corrected_at"] == true


async def test_a_clock_turned_back_in_the_middle_of_a_visit_keeps_the_order(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    first = tablet.says(visit, "on_site")
    tablet.turn_clock(-HOUR)
    story.later(tablet, minutes=20)
    second = tablet.says(visit, "field_done")
    assert second.observed_at < first.observed_at
    await story.sync(tablet)
    one, other = story.held(first)["corrected_at"], story.held(second)["corrected_at"]
    assert other - one == timedelta(minutes=20)
    assert story.tables.visits[visit]["ended_at"] == other


async def test_work_of_a_boot_in_which_nothing_was_heard_is_kept_and_not_trusted(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.reboot()
    said = tablet.answers(visit, R12="fail")
    tablet.reboot()
    story.later(tablet, days=2)
    await story.sync(tablet)
    row = story.held(said)
    assert row["trust"] in ("unknown", "skewed")
    assert row["outcome"] == "applied"


async def test_after_a_reboot_a_tablet_asks_first_and_proves_its_times(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.reboot()
    said, true = tablet.answers(visit, R12="fail"), story.server.now
    story.later(tablet, hours=5)
    sent, _ = tablet.request()
    assert sent == []
    await story.sync(tablet)
    assert (story.held(said)["corrected_at"], story.held(said)["trust"]) == (true, "verified")


async def test_a_message_that_was_two_days_under_way_is_dated_when_it_was_true(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    said, true = tablet.answers(visit, R12="fail"), story.server.now
    _, body = tablet.request()
    story.later(tablet, days=2)
    await story.server.exchange(tablet.sender, body)
    row = story.held(said)
    assert row["corrected_at"] <= row["received_at"]
    assert row["trust"] != "verified" or row["corrected_at"] == true


async def test_nothing_was_done_after_it_arrived(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.reboot()
    tablet.turn_clock(timedelta(days=9))
    said = tablet.answers(visit, R12="fail")
    tablet.reboot()
    await story.sync(tablet)
    assert story.held(said)["corrected_at"] <= story.held(said)["received_at"]


async def test_a_fast_clock_does_not_put_ones_own_word_in_front(story):
    one, other = await story.tablet(), await story.tablet()
    visit = await story.visit(one, other)
    one.turn_clock(timedelta(days=3))
    one.answers(visit, note="early, on a fast clock")
    story.later(one, other, minutes=10)
    other.answers(visit, note="late")
    await story.sync(other, one)
    assert story.shows(visit, "note") == "late"


async def test_a_database_put_back_to_yesterday_hears_everything_again(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    copy = await story.server.world.backup()
    said = tablet.answers(visit, R12="fail")
    await story.sync(tablet)
    assert tablet.memory.unsent() == 0
    await story.server.world.restore(copy, epoch=story.server.key())
    assert story.shows(visit, "R12") is None
    await story.sync(tablet)
    assert story.shows(visit, "R12") == "fail"
    assert story.held(said)["outcome"] == "applied"


async def test_a_database_put_back_forgets_what_it_never_knew_on_the_tablet_too(story):
    tablet = await story.tablet()
    copy = await story.server.world.backup()
    gone = await story.visit(tablet)
    await story.server.world.restore(copy, epoch=story.server.key())
    await story.sync(tablet)
    assert str(gone) not in tablet.memory.records


async def test_until_everything_is_heard_again_the_old_route_stays_on_screen(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    copy = await story.server.world.backup()
    await story.server.world.restore(copy, epoch=story.server.key())
    assert await story.send(tablet) is None
    assert tablet.sees(visit, "state") == "dispatched"
    await story.sync(tablet)
    assert tablet.sees(visit, "state") == "dispatched"


async def test_a_tablet_put_back_to_an_old_image_catches_up(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    image = tablet.saved
    await story.server.edit(visit, {"office_note": "after the image"})
    await story.sync(tablet)
    tablet.saved = image
    tablet.crash()
    await story.sync(tablet)
    assert tablet.sees(visit, "office_note") == "after the image"


def copied(story, tablet: Tablet) -> Tablet:
    """A second install from the first one's image: two tablets, one identity."""
    twin = Tablet(tablet.sender, story.dice, true=tablet.true)
    twin.memory = msgspec.json.decode(tablet.saved, type=Memory)
    twin.saved = tablet.saved
    return twin


async def test_a_copied_tablet_loses_nothing_of_either(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    twin = copied(story, tablet)
    one, other = tablet.answers(visit, R12="fail"), twin.answers(visit, R13="fail")
    assert one.n == other.n
    await story.sync(tablet, twin)
    assert (story.shows(visit, "R12"), story.shows(visit, "R13")) == ("fail", "fail")


async def test_a_copied_tablet_cannot_take_back_what_its_twin_found(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    twin = copied(story, tablet)
    tablet.answers(visit, R12="fail")
    twin.answers(visit, note="x")
    await story.sync(tablet, twin)
    twin.answers(visit, R12="pass")
    await story.sync(twin)
    assert story.shows(visit, "R12") == "fail"
    assert story.conflicts(visit) == ["R12"]


async def test_a_tablet_never_hears_that_something_was_sent_that_was_not(story):
    tablet = await story.tablet()
    visit, said = await answered(story, tablet, sync=False)
    story.server.world.dies = True
    with pytest.raises(Crashed):
        await story.send(tablet)
    assert str(said.id) not in tablet.memory.outcomes
    assert tablet.memory.unsent() == 1
    await story.sync(tablet)
    assert story.shows(visit, "R12") == "fail"


async def test_what_was_acknowledged_is_remembered_to_be_offered_again(story):
    tablet = await story.tablet()
    _, said = await answered(story, tablet)
    assert [each.id for each in tablet.memory.acknowledged] == [said.id]
    tablet.memory.begin_again()
    assert [each.id for each in tablet.memory.outbox] == [said.id]


async def test_everything_sent_once_more_changes_nothing(story):
    tablet = await story.tablet()
    visit, _ = await answered(story, tablet)
    tablet.says(visit, "field_done")
    await story.sync(tablet)
    before = story.tables
    tablet.memory.begin_again()
    await story.sync(tablet)
    for name in ("records", "operations", "conflicts", "hazards", "entries", "history"):
        assert getattr(before, name) == getattr(story.tables, name), name


async def test_a_tablet_enrolled_anew_sends_what_it_held_under_its_new_name(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    said = tablet.answers(visit, R12="fail")
    old = tablet.sender.tablet_id
    tablet.become(await story.server.install(tablet.sender.technician_id))
    await story.sync(tablet)
    assert story.shows(visit, "R12") == "fail"
    assert story.held(said)["tablet_id"] == tablet.sender.tablet_id != old


async def test_a_database_that_never_heard_of_the_tablet_gets_its_work_all_the_same(story):
    first = await story.tablet()
    visit = await story.visit(first)
    copy = await story.server.world.backup()
    second = Tablet(
        await story.server.install(first.sender.technician_id), story.dice, true=first.true
    )
    await story.sync(second)
    said = second.answers(visit, R12="fail")
    await story.sync(second)
    await story.server.world.restore(copy, epoch=story.server.key())
    assert await story.send(second) is None
    with pytest.raises(Refusal, match="tablet_revoked"):
        await story.send(second)
    second.become(await story.server.install(first.sender.technician_id))
    await story.sync(second)
    assert story.shows(visit, "R12") == "fail"
    assert story.held(said)["outcome"] == "applied"


async def last_word(story):
    """A tablet that was revoked with an answer of a visit on it, which waits for a person."""
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    said = tablet.answers(visit, R12="fail")
    await story.server.revoke(tablet.sender.tablet_id)
    await story.send(tablet)
    assert story.quarantined(said) == "tablet_revoked"
    return tablet, visit, said


async def test_what_a_person_rejected_stays_rejected_under_a_new_name(story):
    tablet, visit, said = await last_word(story)
    assert await story.server.decide(release=False)
    tablet.become(await story.server.install(tablet.sender.technician_id))
    await story.sync(tablet)
    assert tablet.outcome(said) == "duplicate"
    assert story.shows(visit, "R12") is None
    assert story.held(said) is None


async def test_what_waited_for_a_person_and_comes_under_a_new_name_leaves_nothing_to_decide(story):
    tablet, visit, said = await last_word(story)
    tablet.become(await story.server.install(tablet.sender.technician_id))
    await story.sync(tablet)
    assert (tablet.outcome(said), story.shows(visit, "R12")) == ("applied", "fail")
    assert {row["status"] for row in story.tables.quarantine.values()} == {"released"}
    assert not await story.server.decide(release=False)


async def test_work_that_follows_on_rejected_work_goes_on(story):
    tablet, visit, first = await last_word(story)
    await story.server.decide(release=False)
    tablet.become(await story.server.install(tablet.sender.technician_id))
    later = tablet.captures(visit, kind="patch", fields={"note": "so"}, after=[first.id])
    await story.sync(tablet)
    assert story.held(later)["outcome"] == "applied"
