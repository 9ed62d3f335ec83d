"""Which of a tablet's numbers are held, told by spans."""

from hypothesis import given
from hypothesis import strategies as st

from sync.numbers import Held, joined

NUMBERS = st.sets(st.integers(1, 60))


def spans_of(numbers):
    return joined([], numbers)


@given(NUMBERS, NUMBERS, st.integers(1, 20))
def test_spans_tell_the_same_as_the_numbers(operations, unread, first):
    everything = {each for each in operations | unread if each >= first}
    held = Held(
        first=first,
        spans=joined(
            spans_of({each for each in operations if each >= first}),
            [each for each in unread if each >= first],
        ),
    )
    highest = max(everything, default=0)
    missing = {n for n in range(first, highest) if n not in everything}
    contiguous = next((n - 1 for n in range(first, 100) if n not in everything), 0)
    assert held.highest == highest
    assert held.contiguous == contiguous
    assert {n for begin, end in held.gaps for n in range(begin, end + 1)} == missing
    assert all(begin <= end for begin, end in held.gaps)


def test_numbers_beside_each_other_are_one_span():
    assert spans_of([3, 1, 2, 7]) == ((1, 3), (7, 7))
    assert joined([(1, 4), (6, 9)], [5]) == ((1, 9),)
