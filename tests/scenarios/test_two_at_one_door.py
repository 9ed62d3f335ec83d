"""Two technicians who were sent together, each with a tablet."""

import pytest


async def for_two(story):
    """A visit for two, and both tablets."""
    one, other = await story.tablet(), await story.tablet()
    visit = await story.visit(one, other)
    second = {"second_id": other.sender.technician_id}
    story.tables.visits[visit] = story.tables.visits[visit] | second
    return one, other, visit


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_two_who_were_sent_together_say_the_same_steps_and_nobody_has_to_decide(story, order):
    one, other, visit = await for_two(story)
    for word in ("en_route", "on_site", "in_progress"):
        one.says(visit, word)
        other.says(visit, word)
    for n in order:
        await story.sync((one, other)[n])
    assert story.conflicts(visit) == []
    assert story.tables.visits[visit]["state"] == "on_site"
    assert not story.tables.visits[visit]["pending_decision"]


async def test_of_two_who_were_sent_together_two_ends_that_differ_are_shown_to_a_person(story):
    one, other, visit = await for_two(story)
    one.says(visit, "field_done")
    await story.sync(one)
    other.says(visit, "on_site")
    other.says(visit, "no_access")
    await story.sync(other)
    assert story.conflicts(visit) == ["state"]
    assert story.tables.visits[visit]["outcome"] == "field_done"
