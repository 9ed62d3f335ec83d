"""Every counterexample that was ever found, replayed."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4, uuid5

import msgspec
import pytest

from schemas.sync import Operation, RecordState, TabletClock
from storage import checklists
from sync import cursor, time
from sync.decision import Captured, Context
from sync.merge import apply_all
from tests.scheduling.test_live_story import lived_through
from tests.simulation.schedule import Schedule

FILES = sorted(Path(__file__).parent.glob("*.json"))
SPACE = UUID("00000000-0000-4000-8000-000000000002")
START = datetime(2026, 11, 24, tzinfo=UTC)
TEMPLATE = "RES-INSP@2026.1"


def merge(case: dict) -> None:
    """Operations in the order they came; what the record shows in the end."""
    visit = uuid5(SPACE, "visit")
    fields = {"state": "in_progress", "template": TEMPLATE}
    shown = RecordState(
        id=visit, kind="visit", version=1, fields=fields, versions=dict.fromkeys(fields, 1)
    )
    context = Context(
        templates=checklists.templates(),
        transitions=checklists.transitions(),
        mine=frozenset({visit}),
        held_by={visit: None},
        known=frozenset(),
        premises=frozenset(),
    )
    for at, each in enumerate(case["said"]):
        operation = Operation(
            id=uuid5(SPACE, f"{each['tablet']}-{each['n']}"),
            n=each["n"],
            record=visit,
            kind="patch",
            observed_at=START,
            fields=each["fields"],
            base=each.get("base", {}),
            template=TEMPLATE,
        )
        captured = Captured(
            operation=operation,
            tablet=uuid5(SPACE, each["tablet"]),
            technician=uuid5(SPACE, each["tablet"] + "-who"),
            who=each["tablet"],
            corrected_at=START + timedelta(minutes=at),
            received_at=START + timedelta(hours=1),
            trust="verified",
            shared=each.get("shared", False),
        )
        shown = apply_all({visit: shown}, [captured], context=context).records.get(visit, shown)
    assert {name: shown.fields[name] for name in case["shows"]} == case["shows"]


def seen(case: dict) -> None:
    """What a reader at a place has certainly seen of a record."""
    place = cursor.Place(**case["place"])
    found = cursor.seen_version(case["trail"], place, position=case["position"])
    assert found == case["seen"]


def trusted(case: dict) -> None:
    """How far the time of an operation may be trusted after one message."""
    boot, minute = uuid4(), timedelta(minutes=1)
    received = START + case["received_minutes"] * minute
    clock = TabletClock(
        sent_at=received - case["sent_minutes"] * minute + case["clock_minutes"] * minute,
        uptime_ms=case["uptime_minutes"] * 60_000,
        boot=boot,
    )
    boots = time.heard((), clock, received_at=received)
    operation = Operation(
        id=uuid4(), n=1, record=uuid4(), kind="command", observed_at=START, uptime_ms=0, boot=boot
    )
    found = time.corrected(operation, clock, boots=boots, received_at=received)
    assert found.trust == case["trust"]


def schedule(case: dict) -> None:
    """Whole schedules of the simulation."""
    for seed in case["seeds"]:
        assert asyncio.run(Schedule(seed).run()).findings == []


def live_day(case: dict) -> None:
    """Whole days of twelve events."""
    for seed in case["seeds"]:
        lived_through(seed)


REPLAYS = {
    "merge": merge, "cursor": seen, "time": trusted, "schedule": schedule, "live_day": live_day,
}  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda each: each.stem)
def test_a_counterexample_stays_fixed(path):
    case = json.loads(path.read_text("utf-8"))
    assert case["why"]
    REPLAYS[case["about"]](msgspec.convert(case, dict))
