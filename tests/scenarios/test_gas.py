"""Whether the gas is on: closing counts at once, opening only where it is proven."""

import itertools
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.supply import Site, Word, fold
from sync.template import SUPPLY
from tests.simulation.scene import START


def gas(story, visit):
    home = story.state(visit).premises_id
    return story.tables.supply.get(home, "on")


def waits(story, visit):
    rows = story.tables.conflicts.values()
    return [row for row in rows if row["record_id"] == visit and row["policy"] == "supply"]


async def two_visits_to_one_home(story):
    """Two technicians, each with a visit of the own to the same premises."""
    first, second = await story.tablet(), await story.tablet()
    one, other = await story.visit(first), await story.visit(second)
    home = story.state(one).premises_id
    row = story.tables.records[other]
    story.tables.records[other] = row | {"premises_id": home}
    story.tables.visits[other] = story.tables.visits[other] | {"premises_id": home}
    return first, second, one, other


async def test_a_technician_who_shuts_off_offline_shuts_off_for_everybody(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.answers(visit, R12="fail", supply="isolated_premises")
    await story.sync(tablet)
    assert gas(story, visit) == "isolated_premises"


async def test_gas_is_on_again_after_a_recheck_in_the_same_visit(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.answers(visit, R12="fail", supply="isolated_premises")
    story.later(tablet, minutes=20)
    tablet.answers(visit, R12="pass")
    restored = tablet.answers(visit, supply="on")
    await story.sync(tablet)
    assert tablet.outcome(restored) == "applied"
    assert (gas(story, visit), waits(story, visit)) == ("on", [])


async def test_gas_that_is_restored_without_a_recheck_waits_for_a_person_and_counts_as_off(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.answers(visit, R12="fail", supply="isolated_premises")
    restored = tablet.answers(visit, supply="on")
    await story.sync(tablet)
    assert tablet.outcome(restored) == "conflict"
    assert story.held(restored)["code"] == "restored_without_recheck"
    assert gas(story, visit) == "isolated_premises"
    (shown,) = waits(story, visit)
    assert [each["value"] for each in shown["values"]] == ["isolated_premises", "on"]


async def test_gas_that_one_shut_off_is_not_restored_by_another_who_did_not_recheck(story):
    first, second, one, other = await two_visits_to_one_home(story)
    first.answers(one, R12="fail", supply="isolated_premises")
    story.later(first, second, hours=1)
    second.answers(other, supply="on")
    # the one who opened comes home first
    await story.sync(second)
    assert gas(story, other) == "on"
    await story.sync(first)
    assert gas(story, one) == "isolated_premises"
    assert len(waits(story, other)) == 1


async def test_gas_that_one_shut_off_is_restored_by_another_who_rechecked(story):
    first, second, one, other = await two_visits_to_one_home(story)
    first.answers(one, R12="fail", supply="isolated_premises")
    await story.sync(first)
    story.later(first, second, hours=5)
    second.answers(other, R12="pass", supply="on")
    await story.sync(second)
    assert (gas(story, one), waits(story, other)) == ("on", [])


async def test_gas_that_was_restored_closes_again_when_the_recheck_is_contradicted(story):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    tablet.answers(visit, R03="bedroom_use", supply="isolated_premises")
    await story.sync(tablet)
    story.later(tablet, minutes=20)
    tablet.answers(visit, R03="separate_ventilated", supply="on")
    await story.sync(tablet)
    assert gas(story, visit) == "on"
    # less than critical, but no longer the sound answer that the gas was opened on
    story.later(tablet, minutes=20)
    tablet.answers(visit, R03="open_plan")
    await story.sync(tablet)
    assert gas(story, visit) == "isolated_premises"
    assert len(waits(story, visit)) == 1


NOWHERE = Site(dangers=(), records={}, items={}, held_by={})


def word(n, state, *, tablet, minute, trust="verified", **more):
    at = START + timedelta(minutes=minute)
    return Word(
        id=UUID(int=n), premises=UUID(int=99), state=state, who="x", at=at, trust=trust,
        received_at=START + timedelta(hours=n), record=UUID(int=tablet), tablet=UUID(int=tablet),
        technician=UUID(int=tablet), n=n, **more,
    )  # fmt: skip


@pytest.mark.parametrize("minute", [5, 15])
def test_opening_by_a_clock_that_proves_nothing_waits_whatever_the_clock_says(minute):
    closing = word(1, "suspended", tablet=1, minute=10)
    opening = word(2, "on", tablet=2, minute=minute, trust="skewed")
    standing = fold([closing, opening], NOWHERE)
    assert (standing.state, standing.unproven) == ("suspended", (opening,))


@pytest.mark.parametrize(
    ("trust", "after", "state"),
    [
        # told in two messages, the same minute may look like this
        ("verified", timedelta(seconds=2), "suspended"),
        ("verified", timedelta(hours=1), "on"),
        ("skewed", timedelta(hours=1), "suspended"),
        ("skewed", timedelta(hours=9), "on"),
    ],
)
def test_a_danger_counts_unless_it_was_certainly_found_after_the_gas_was_opened(
    trust, after, state
):
    closing = word(1, "suspended", tablet=1, minute=10, trust=trust)
    opening = word(2, "on", tablet=1, minute=20, trust=trust)
    found = Site(dangers=(("R12", opening.at + after),), records={}, items={}, held_by={})
    assert fold([closing, opening], found).state == state


def test_every_word_that_closed_the_gas_has_to_be_lifted_for_itself():
    closing = word(1, "isolated_premises", tablet=1, minute=6)
    opening = word(2, "on", tablet=2, minute=60)
    assert fold([closing, opening], NOWHERE).state == "on"
    # as closed as the first, from a clock that proves nothing: it may have been after the opening
    unsure = word(3, "isolated_premises", tablet=3, minute=10, trust="skewed")
    standing = fold([closing, opening, unsure], NOWHERE)
    assert (standing.state, standing.unproven) == ("isolated_premises", (opening,))


def test_a_tablets_own_words_follow_each_other_whatever_its_clock_did():
    closing = word(1, "isolated_premises", tablet=1, minute=60, trust="unknown")
    opening = word(2, "on", tablet=1, minute=3, trust="unknown")
    assert fold([opening, closing], NOWHERE).state == "on"


def test_what_a_person_decided_settles_what_was_said_before_and_nothing_that_came_after():
    closing = word(1, "suspended", tablet=1, minute=10)
    opening = word(2, "on", tablet=2, minute=20, trust="skewed")
    decided = word(3, "on", tablet=3, minute=0, decided=True)
    assert fold([closing, opening, decided], NOWHERE).unproven == ()
    again = word(4, "isolated_appliance", tablet=1, minute=30)
    assert fold([closing, opening, decided, again], NOWHERE).state == "isolated_appliance"


WORDS = st.lists(
    st.builds(
        lambda state, tablet, minute, trust: (state, tablet, minute, trust),
        st.sampled_from(list(SUPPLY)),
        st.integers(1, 3),
        st.integers(0, 50),
        st.sampled_from(["verified", "skewed", "unknown"]),
    ),
    min_size=1,
    max_size=5,
)


@given(WORDS)
def test_i7_how_the_gas_stands_does_not_depend_on_the_order_of_arrival(said):
    words = [
        word(n, state, tablet=tablet, minute=minute, trust=trust)
        for n, (state, tablet, minute, trust) in enumerate(said, 1)
    ]
    found = {
        (standing.state, frozenset(each.id for each in standing.unproven))
        for order in itertools.permutations(words)
        for standing in [fold(order, NOWHERE)]
    }
    assert len(found) == 1


@given(WORDS, st.integers(0, 50))
def test_i19_gas_that_is_shut_off_last_by_a_proven_clock_is_off(said, minute):
    words = [
        word(n, state, tablet=tablet, minute=min(minute, at), trust=trust)
        for n, (state, tablet, at, trust) in enumerate(said, 1)
    ]
    last = word(9, "suspended", tablet=4, minute=minute + 1)
    assert fold([*words, last], NOWHERE).state == "suspended"


@pytest.mark.parametrize("sent", ["together", "the danger first"])
async def test_a_danger_written_down_by_hand_keeps_the_gas_off_until_a_person_decides(story, sent):
    tablet = await story.tablet()
    visit = await story.visit(tablet)
    body = {"item": "other", "grade": "critical", "note": "软管被老鼠咬穿"}
    tablet.memory.create("hazard", body, now=tablet.wall, visit=visit)
    if sent == "the danger first":
        await story.sync(tablet)
    tablet.answers(visit, supply="isolated_premises")
    story.later(tablet, minutes=20)
    tablet.answers(visit, supply="on")
    await story.sync(tablet)
    assert gas(story, visit) == "isolated_premises"
    assert len(waits(story, visit)) == 1


async def a_first_relight(story):
    """An inspection and a relight of one technician at premises that never had gas."""
    tablet = await story.tablet()
    look, relight = await story.visit(tablet), await story.visit(tablet)
    home = story.state(look).premises_id
    row = story.tables.records[relight]
    story.tables.records[relight] = row | {"premises_id": home}
    there = {"premises_id": home, "work_kind": "relight"}
    story.tables.visits[relight] = story.tables.visits[relight] | there
    return tablet, look, relight


async def test_a_first_relight_that_nobody_inspected_before_is_kept_and_waits_for_a_person(story):
    tablet, _, relight = await a_first_relight(story)
    done = tablet.says(relight, "field_done")
    await story.sync(tablet)
    assert (tablet.outcome(done), story.held(done)["code"]) == ("conflict", "first_gas_on_gate")
    assert story.conflicts(relight) == ["state"]
    assert story.tables.visits[relight]["pending_decision"]
    assert story.tables.visits[relight]["state"] != "ended"


@pytest.mark.parametrize(("first", "outcome"), [("look", "applied"), ("relight", "conflict")])
async def test_an_inspection_that_ended_before_in_the_same_push_lets_the_gas_on(
    story, first, outcome
):
    tablet, look, relight = await a_first_relight(story)
    order = (look, relight) if first == "look" else (relight, look)
    ends = {}
    for each in order:
        ends[each] = tablet.says(each, "field_done")
        story.later(tablet, minutes=20)
    await story.sync(tablet)
    assert (tablet.outcome(ends[look]), tablet.outcome(ends[relight])) == ("applied", outcome)
