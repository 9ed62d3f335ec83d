"""The pages that a tablet is written from name everything that goes over the wire."""

import re
from pathlib import Path

import msgspec
import pytest

from schemas import access, sync
from sync import lifecycle, policies, template

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = "".join(
    (ROOT / "docs" / "protocol" / name).read_text("utf-8") for name in ("sync.md", "wire.md")
)
NAMED = set(re.findall(r"[A-Za-z_]+", " ".join(re.findall(r"`([^`\n]+)`", PAGES))))
SPOKEN = [
    access.Enrol, access.Enrolled, access.Refresh, access.Tokens, sync.Operation, sync.TabletClock,
    sync.SyncRequest, sync.Outcome, sync.Change, sync.SyncAnswer, sync.HelloRequest, sync.Limits,
    sync.HelloAnswer, sync.Receipt, sync.Receipts, sync.DigestRequest, sync.DigestAnswer,
    sync.PackRequest, sync.PackAnswer, sync.Bundle, sync.BundlePayload, sync.Drained,
]  # fmt: skip


@pytest.mark.parametrize("kind", SPOKEN, ids=lambda each: each.__name__)
def test_every_field_of_the_wire_is_on_the_pages(kind):
    said = {each.encode_name for each in msgspec.structs.fields(kind)}
    assert said - NAMED - {"clock"} == set()


def test_every_field_of_a_visit_and_a_hazard_is_on_the_pages():
    assert {*template.VISIT_FIELDS, *template.HAZARD_FIELDS} - NAMED == set()


def test_every_state_a_tablet_may_say_is_on_the_pages():
    assert set(lifecycle.ON_TABLET) - NAMED - {"dispatched"} == set()


def test_every_code_that_a_push_answers_is_on_the_pages():
    code = re.compile(
        r'(?:return|code=|code = |_quarantined\(operation,|UNPROVEN = |BELOW, ROLLED =)\s*"([a-z_]+)"'
    )
    merging = ("merge", "reading", "template", "supply", "readings", "last_word", "leaving")
    found = {
        each for name in merging for each in code.findall((ROOT / f"sync/{name}.py").read_text())
    }
    assert len(found) > 15
    # of a conflict it is the name of its policy
    assert found - NAMED - policies.POLICIES == set()
