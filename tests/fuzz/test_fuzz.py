"""A share of `make fuzz`: every operation, four roles, valid and invalid data."""

from tests.fuzz.lane import fuzzed

EXAMPLES = 8


def test_no_generated_request_is_answered_by_a_failure_or_against_the_document():
    lane = fuzzed(EXAMPLES)
    assert lane.calls["positive"] > 300 and lane.calls["negative"] > 100
    assert not lane.wrong, "\n\n".join(f"{key}: {said}" for key, said in lane.wrong.items())
