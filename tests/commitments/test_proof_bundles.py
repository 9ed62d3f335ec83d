"""A bundle of proof holds for a checker that knows nothing of us, and breaks with one byte."""

import json
import shutil
import subprocess
import sys
from datetime import timedelta
from uuid import uuid4

import pytest

from commitments import check_bundle
from runtime import proof
from runtime.server import photos
from runtime.settings import Settings
from schemas.problems import Refusal
from tests.commitments.test_ledger_story import (
    BEGUN,
    UNIT,
    cluster,
    engine,
    held,
    opened,
    record,
    request,
)

__all__ = ["cluster", "engine"]
pytestmark = pytest.mark.asyncio
LATER = BEGUN + timedelta(days=30)


async def bundled(engine, folder, code="16b"):
    """A complaint that was answered and solved too late, as a bundle."""
    await opened(engine, request("complaint", "C1"))
    await record(engine, "16a", "opinion_replied", hours=20)
    await record(engine, "16b", "resolved", hours=24 * 9, by="周经理")
    found = await held(engine, code)
    blobs = photos(Settings(state=str(folder / "state")))
    wish = (found.id, folder / "bundle")
    return await proof.write(engine, UNIT, blobs=blobs, wish=wish, now=LATER)


def checked(folder):
    """What the shipped script says, run as an outsider would: alone, with Python only."""
    done = subprocess.run(
        [sys.executable, "-I", str(folder / "check_bundle.py"), str(folder)],
        capture_output=True, text=True, cwd="/",
    )  # fmt: skip
    return done.returncode, done.stdout


async def test_a_bundle_holds_for_a_script_of_less_than_a_hundred_lines(engine, tmp_path):
    figures = await bundled(engine, tmp_path)
    assert (figures["events"], figures["state"]) == (2, "breached")
    assert checked(tmp_path / "bundle") == (0, "the bundle holds\n")
    script = (tmp_path / "bundle" / "check_bundle.py").read_text("utf-8")
    assert script.count("\n") <= 100
    assert "commitments" not in script.replace("commitments/", "")


def changed(folder, change):
    """The proof with something changed, and a manifest made to fit: a careful forger."""
    path = folder / "proof.json"
    told = json.loads(path.read_text("utf-8"))
    change(told)
    path.write_text(json.dumps(told), "utf-8")
    manifest = json.loads((folder / "MANIFEST.json").read_text("utf-8"))
    manifest["proof.json"] = check_bundle.sha256(path.read_bytes())
    (folder / "MANIFEST.json").write_text(json.dumps(manifest), "utf-8")


def earlier(told):
    told["events"][1]["observed_at"] = "2026-03-04T01:00:00Z"


def earlier_and_hashed(told):
    earlier(told)
    told["events"][1]["hashed"] = told["events"][1]["hashed"].replace("2026-03-11", "2026-03-04")


def dropped(told):
    del told["events"][0]


def kept(told):
    told["verdict"]["state"] = "met"


def a_holiday_worked(told):
    """One day fewer, as if nobody had been at leisure: the end made to fit."""
    told["verdict"]["days"] = [told["verdict"]["days"][0], *told["verdict"]["days"][:-1]]
    told["verdict"]["days"].sort()
    told["verdict"]["due_at"] = told["verdict"]["days"][-1] + "T16:00:00Z"


def another_day(told):
    told["verdict"]["days"].append("2026-03-20")
    told["verdict"]["due_at"] = "2026-03-20T16:00:00Z"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (earlier, "shown otherwise"),
        (earlier_and_hashed, "chain breaks at event 2"),
        (dropped, "chain breaks at event 1"),
        (kept, "does not follow"),
        (another_day, "other days are counted"),
        (a_holiday_worked, "other days are counted"),
    ],
)
async def test_a_careful_forgery_is_found(engine, tmp_path, change, says):
    await bundled(engine, tmp_path)
    folder = tmp_path / "bundle"
    changed(folder, change)
    code, said = checked(folder)
    assert code == 1
    assert says in said


async def test_one_byte_of_any_file_is_found(engine, tmp_path):
    await bundled(engine, tmp_path)
    for name in ("proof.json", "check_bundle.py"):
        copy = tmp_path / f"copy-{name}"
        shutil.copytree(tmp_path / "bundle", copy)
        content = (copy / name).read_bytes()
        (copy / name).write_bytes(content.replace(b"event", b"Event", 1))
        done = subprocess.run(
            [sys.executable, check_bundle.__file__, str(copy)], capture_output=True, text=True
        )
        assert (done.returncode, f"changed: {name}" in done.stdout) == (1, True)
    (tmp_path / "bundle" / "more.txt").write_text("added")
    assert checked(tmp_path / "bundle")[0] == 1


async def test_a_bundle_goes_into_an_empty_folder_and_of_what_there_is(engine, tmp_path):
    blobs = photos(Settings(state=str(tmp_path)))
    with pytest.raises(Refusal, match="not_found"):
        await proof.write(engine, UNIT, blobs=blobs, wish=(uuid4(), tmp_path / "b"), now=LATER)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    with pytest.raises(Refusal, match="bundle_folder"):
        await proof.write(engine, UNIT, blobs=blobs, wish=(uuid4(), tmp_path / "full"), now=LATER)


async def test_an_operation_of_somebody_erased_says_so_and_one_that_was_changed_does_not_hold():
    said = {"id": "o", "hash": "0" * 64, "hashed": '{"text":"****"}'}
    assert check_bundle.facts({"operations": [said], "events": []}) == ["operation o was changed"]
    blanked = said | {"blanked_at": "2026-11-25T00:00:00Z"}
    assert check_bundle.facts({"operations": [blanked], "events": []}) == []


async def test_days_in_a_pause_are_counted_again_as_we_counted_them(engine, tmp_path):
    await opened(engine, request("refund", "T1"))
    await record(engine, "14", "paused", hours=20, reason="design", document="D-1")
    await record(engine, "14", "resumed", hours=24 * 3)
    await record(engine, "14", "money_sent", hours=24 * 9)
    found = await held(engine, "14")
    blobs = photos(Settings(state=str(tmp_path / "state")))
    wish = (found.id, tmp_path / "bundle")
    await proof.write(engine, UNIT, blobs=blobs, wish=wish, now=LATER)
    assert checked(tmp_path / "bundle") == (0, "the bundle holds\n")

    def unpaused(told):
        told["verdict"]["pauses"] = []

    changed(tmp_path / "bundle", unpaused)
    assert "other days are counted" in checked(tmp_path / "bundle")[1]
