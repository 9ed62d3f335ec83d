"""What deserves a second look: one picture for two doors, wherever it is named."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from schemas.sync import Operation
from sync.marks import Seen, marks

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
PICTURE = "ab" * 32
VISITS = UUID(int=1), UUID(int=2)


def seen(visit, fields):
    operation = Operation(
        id=UUID(int=visit.int + 100),
        n=1,
        record=visit,
        kind="patch",
        observed_at=NOW,
        fields=fields,
    )
    return Seen(
        operation=operation, visit=visit, tablet=UUID(int=9), technician="T", at=NOW, home=None
    )


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"R12.photos": [PICTURE]}, "same_photo"),
        ({"signature": PICTURE}, "same_signature"),
        ({"no_access": {"door_photo": PICTURE, "waited_minutes": 10}}, "same_photo"),
        ({"refusal": {"photos": [PICTURE]}}, "same_photo"),
        ({"A22": PICTURE}, "same_photo"),
        ({"photos": [PICTURE]}, "same_photo"),
    ],
)
def test_a_picture_that_speaks_for_two_visits_is_marked_wherever_it_is_named(fields, kind):
    one, other = (seen(visit, fields) for visit in VISITS)
    found = marks([one, other], named={PICTURE: set(VISITS)})
    assert [(each.kind, each.visit, each.other) for each in found] == [
        (kind, VISITS[0], VISITS[1]),
        (kind, VISITS[1], VISITS[0]),
    ]


def test_a_picture_of_one_visit_is_not_marked():
    fields = {"no_access": {"door_photo": PICTURE}}
    assert marks([seen(VISITS[0], fields)], named={PICTURE: {VISITS[0]}}) == []
