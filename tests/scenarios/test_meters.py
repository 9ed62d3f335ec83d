"""A meter runs forward: what reads less than before is kept, shown, and explained where it can be."""

import itertools

import pytest

from runtime.ambient import fixed
from sync.conflicts import decided
from sync.readings import BELOW, ROLLED, rolls_over
from sync.rows import changed_row
from tests.simulation.worlds import PERSON

REPAIR, INSP = "REP@2026.1", "RES-INSP@2026.1"


async def visits_to_one_home(story, *templates):
    """A tablet with several visits to the same premises, one after the other."""
    tablet = await story.tablet()
    visits = [await story.visit(tablet, template=each) for each in templates]
    home = story.state(visits[0]).premises_id
    for each in visits[1:]:
        story.tables.records[each] = story.tables.records[each] | {"premises_id": home}
        story.tables.visits[each] = story.tables.visits[each] | {"premises_id": home}
    return tablet, visits


async def reads(story, tablet, visit, **fields):
    said = tablet.answers(visit, **fields)
    await story.sync(tablet)
    story.later(tablet, days=30)
    return said


def doubts(story, visit):
    rows = story.tables.conflicts.values()
    return [row for row in rows if row["record_id"] == visit]


async def test_a_reading_above_the_last_one_is_just_a_reading(story):
    tablet, (one, two) = await visits_to_one_home(story, INSP, INSP)
    await reads(story, tablet, one, R07=1200.5)
    said = await reads(story, tablet, two, R07=1260.0)
    assert (tablet.outcome(said), doubts(story, two)) == ("applied", [])


async def test_a_reading_below_the_last_visits_is_kept_and_shown_to_a_person(story):
    tablet, (one, two) = await visits_to_one_home(story, INSP, INSP)
    await reads(story, tablet, one, R07=1200.5)
    said = await reads(story, tablet, two, R07=120.0)
    assert (tablet.outcome(said), story.held(said)["code"]) == ("conflict", BELOW)
    assert story.shows(two, "R07") == 120.0
    assert story.conflicts(two) == ["R07"]
    assert story.beside(two, "R07") == [1200.5, 120.0]


async def test_a_reading_in_doubt_is_no_measure_for_the_next(story):
    tablet, (one, two, three) = await visits_to_one_home(story, INSP, INSP, INSP)
    await reads(story, tablet, one, R07=1200.0)
    await reads(story, tablet, two, R07=120.0)
    await reads(story, tablet, three, R07=130.0)
    assert story.beside(three, "R07") == [1200.0, 130.0]


async def test_a_reading_that_a_person_decided_is_the_measure_for_the_next(story):
    tablet, (one, two, three) = await visits_to_one_home(story, INSP, INSP, INSP)
    await reads(story, tablet, one, R07=1200.0)
    await reads(story, tablet, two, R07=120.0)
    state = decided(
        story.state(two), "R07", value=120.0, who=PERSON, ambient=fixed(story.server.now)
    )
    story.tables.records[two] = story.tables.records[two] | changed_row(state)
    said = await reads(story, tablet, three, R07=130.0)
    assert (tablet.outcome(said), doubts(story, three)) == ("applied", [])


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_whichever_visit_is_heard_of_first_the_low_one_is_shown(story, order):
    people = []
    for n, index in enumerate((1000.0, 900.0, 1100.0)):
        tablet = await story.tablet()
        visit = await story.visit(tablet)
        people.append((tablet, visit, index, n))
    home = story.state(people[0][1]).premises_id
    for _, visit, _, _ in people[1:]:
        story.tables.records[visit] = story.tables.records[visit] | {"premises_id": home}
        story.tables.visits[visit] = story.tables.visits[visit] | {"premises_id": home}
    for tablet, visit, index, _ in people:
        story.later(*(each[0] for each in people), hours=2)
        tablet.answers(visit, R07=index)
    for at in order:
        await story.sync(people[at][0])
    assert [story.conflicts(visit) for _, visit, _, _ in people] == [[], ["R07"], []]


async def test_a_meter_that_was_exchanged_begins_a_series_of_its_own(story):
    tablet, (one, two, three) = await visits_to_one_home(story, INSP, REPAIR, INSP)
    await reads(story, tablet, one, R07=4200.0)
    new = {"old_serial": "A1", "old_index": 4300, "new_serial": "B7", "new_index": 0}
    await reads(story, tablet, two, P09=new)
    said = await reads(story, tablet, three, R07=35.0)
    assert tablet.outcome(said) == "applied"
    assert [doubts(story, each) for each in (one, two, three)] == [[], [], []]


async def test_another_serial_in_the_same_visit_begins_a_series_of_its_own(story):
    tablet, (one, two) = await visits_to_one_home(story, INSP, INSP)
    await reads(story, tablet, one, R07=4200.0, meter_serial_found="A1")
    said = await reads(story, tablet, two, R07=3.0, meter_serial_found="B7")
    assert (tablet.outcome(said), doubts(story, two)) == ("applied", [])


async def test_the_same_serial_again_is_the_same_meter(story):
    tablet, (one, two) = await visits_to_one_home(story, INSP, INSP)
    await reads(story, tablet, one, R07=4200.0, meter_serial_found="A1")
    said = await reads(story, tablet, two, R07=3.0, meter_serial_found="A1")
    assert tablet.outcome(said) == "conflict"


async def test_the_last_reading_of_an_exchanged_meter_is_held_against_its_own_series(story):
    tablet, (one, two) = await visits_to_one_home(story, INSP, REPAIR)
    await reads(story, tablet, one, R07=4200.0)
    new = {"old_serial": "A1", "old_index": 420, "new_serial": "B7", "new_index": 0}
    said = await reads(story, tablet, two, P09=new)
    assert (tablet.outcome(said), story.conflicts(two)) == ("conflict", ["P09"])


async def test_a_counter_that_rolled_over_is_noted_and_waits_for_nobody(story):
    tablet, (one, two, three) = await visits_to_one_home(story, INSP, INSP, INSP)
    await reads(story, tablet, one, R07=99_870.0)
    said = await reads(story, tablet, two, R07=42.5)
    assert (tablet.outcome(said), story.conflicts(two)) == ("applied", [])
    (noted,) = doubts(story, two)
    assert (noted["status"], [each["value"] for each in noted["values"]]) == (
        "resolved", [99_870.0, 42.5],
    )  # fmt: skip
    assert noted["resolution"]["reason"] == ROLLED
    # from here it counts up again
    said = await reads(story, tablet, three, R07=80.0)
    assert (tablet.outcome(said), doubts(story, three)) == ("applied", [])


@pytest.mark.parametrize(
    ("before", "after", "rolled"),
    [
        (99_870.0, 42.5, True), (9_990.0, 12.0, True), (99_870.0, 20_000.0, False),
        (50_000.0, 10.0, False), (99.0, 1.0, False), (999.0, 1.0, False), (99_870.0, 98_000.0, False),
    ],
)  # fmt: skip
def test_a_counter_rolls_over_from_its_last_tenth_into_its_first(before, after, rolled):
    assert rolls_over(before, after) is rolled


async def test_meters_of_other_homes_have_nothing_to_do_with_it(story):
    tablet = await story.tablet()
    one, other = await story.visit(tablet), await story.visit(tablet)
    await reads(story, tablet, one, R07=1200.0)
    said = await reads(story, tablet, other, R07=3.0)
    assert tablet.outcome(said) == "applied"


async def test_a_reading_sent_again_opens_no_second_question(story):
    tablet, (one, two) = await visits_to_one_home(story, INSP, INSP)
    await reads(story, tablet, one, R07=1200.0)
    await reads(story, tablet, two, R07=1100.0)
    before = dict(story.tables.conflicts)
    tablet.memory.begin_again()
    await story.sync(tablet)
    assert story.tables.conflicts == before


async def test_a_doubt_closes_by_itself_once_the_reading_is_corrected(story):
    tablet, (one, two) = await visits_to_one_home(story, INSP, REPAIR)
    await reads(story, tablet, one, R07=4200.0)
    new = {"old_serial": "A1", "old_index": 420, "new_serial": "B7", "new_index": 0}
    await reads(story, tablet, two, P09=new)
    assert story.conflicts(two) == ["P09"]
    await reads(story, tablet, two, P09=new | {"old_index": 4203})
    assert story.conflicts(two) == []
    (doubt,) = doubts(story, two)
    assert doubt["resolution"]["reason"] == "reading_corrected"
    # and opens again where the first word comes back
    await reads(story, tablet, two, P09=new)
    assert story.conflicts(two) == ["P09"]


async def test_a_second_reading_at_one_visit_takes_away_the_doubt_and_is_a_question_of_its_own(
    story,
):
    tablet, (one, two) = await visits_to_one_home(story, INSP, INSP)
    await reads(story, tablet, one, R07=1200.0)
    await reads(story, tablet, two, R07=120.0)
    await reads(story, tablet, two, R07=1210.0)
    open_ = [row for row in doubts(story, two) if row["status"] == "open"]
    assert [[each["value"] for each in row["values"]] for row in open_] == [[120.0, 1210.0]]


async def test_a_meter_that_a_visit_put_in_is_the_meter_of_the_premises(story):
    tablet, (one, two) = await visits_to_one_home(story, INSP, REPAIR)
    await reads(story, tablet, one, R07=4200.0)
    new = {"old_serial": "A1", "old_index": 4300, "new_serial": "B7", "new_index": 0}
    await reads(story, tablet, two, P09=new)
    await reads(story, tablet, two, P09=new | {"new_serial": "B71"})
    (meter,) = story.tables.meters.values()
    assert (meter["serial"], meter["premises_id"]) == ("B71", story.state(two).premises_id)
