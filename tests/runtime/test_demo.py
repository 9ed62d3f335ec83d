"""The whole day, told on a made-up region as a user would tell it."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

from runtime import sample_region

ROOT = Path(__file__).resolve().parent.parent.parent


def told(region: Path, as_of: str, out: Path, seconds: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "runtime.cli", "demo", "--region", str(region), "--as-of", as_of,
         "--json", str(out), "--seconds", seconds],
        cwd=ROOT, capture_output=True, text=True, timeout=1_200,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(out.read_text("utf-8"))


def holds(figures: dict) -> None:
    plan, field, promises = figures["plan"], figures["field"], figures["commitments"]
    assert plan["candidates"] == plan["assigned"] + plan["unassigned"]
    assert plan["assigned"] > 0
    assert plan["unassigned_without_reason"] == plan["checker_violations"] == 0
    assert field["tablets"] == 3
    assert field["operations_lost"] == field["unsent"] == 0
    assert sum(field["outcomes"].values()) == field["operations"]
    assert field["conflicts_open"] >= 2
    assert field["photos_verified"] > 0
    assert promises["differences"] == 0
    for by in ("by_clause", "by_rule"):
        counted = [count for states in promises[by].values() for count in states.values()]
        assert promises["recomputed"] == sum(counted)


def test_one_working_day_on_a_made_up_region(tmp_path):
    region = tmp_path / "region"
    size = sample_region.Size(premises=1_500, technicians=10, requests=80)
    truth = sample_region.write_region(region, size=size, seed=21, as_of=date(2026, 3, 5))
    figures = told(region, "2026-03-05", tmp_path / "out.json", "4")
    holds(figures)
    planted = {kind: len(set(keys)) for kind, keys in truth["planted"].items()}
    found = {kind: count for kind, count in figures["import"]["findings"].items() if count}
    assert found == planted


def test_one_working_day_on_the_real_region(tmp_path, shared_data):
    figures = told(shared_data / "region-guan", "2026-11-23", tmp_path / "out.json", "10")
    holds(figures)
    assert figures["import"]["premises"] == 12_000
    assert figures["cases"] == {"opened": 414, "rejected": 6}
