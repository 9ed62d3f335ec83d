"""Results of the planning bench, row by row in one file a release, so that shares of it add up."""

import json
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean
from typing import Any

Row = dict[str, Any]
PEERS = ("pyvrp", "vroom", "ortools")
KEYS = {"days": ("technicians", "seed", "seconds"), "vrptw": ("instance", "seconds")}
"""What tells rows apart; a row that is measured again takes the place of the old one."""


class Kept:
    """The rows of one release; written after each, because a share may be cut short."""

    def __init__(self, path: Path, *, engine: str) -> None:
        self.path = path
        self.found: dict[str, Any] = {"engine": engine, "days": [], "vrptw": []}
        if path.exists():
            self.found = json.loads(path.read_text("utf-8"))
        if self.found["engine"] != engine:
            raise SystemExit(f"{path.name} holds {self.found['engine']}: give RELEASE another name")

    def add(self, kind: str, row: Row) -> None:
        """Keeps and prints a row."""
        name = [row[key] for key in KEYS[kind]]
        rest = [each for each in self.found[kind] if [each[key] for key in KEYS[kind]] != name]
        self.found[kind] = sorted(
            [*rest, row], key=lambda each: [each[key] for key in reversed(KEYS[kind])]
        )
        self.found["summary"] = summary(self.found["days"], self.found["vrptw"])
        self.path.write_text(json.dumps(self.found, indent=1) + "\n", "utf-8")
        print(json.dumps(row), flush=True)


def summary(days: list[Row], instances: list[Row]) -> Row:
    """Means over what was measured, and over how many."""
    told: Row = {"violations": sum(each["violations"] for each in days)}
    for size, seconds in sorted({(each["technicians"], each["seconds"]) for each in days}):
        chosen = [e for e in days if (e["technicians"], e["seconds"]) == (size, seconds)]
        ratios = [each["ratio"] for each in chosen if "ratio" in each]
        if ratios:
            told[f"ratio_{size}_{seconds}s"] = round(fmean(ratios), 4)
            told[f"seeds_{size}_{seconds}s"] = len(ratios)
        sooner = list(_sooner(days, chosen))
        if sooner:
            told[f"ratio_{size}_10s_against_{seconds}s"] = round(fmean(sooner), 4)
    for seconds in sorted({each["seconds"] for each in instances}):
        rows = [each for each in instances if each["seconds"] == seconds]
        for who in ("ours", *PEERS):
            gaps = [each[who] for each in rows if each.get(who) is not None]
            if gaps:
                told[f"vrptw_gap_{who}_{seconds:g}s"] = round(fmean(gaps), 3)
                told[f"vrptw_served_{who}_{seconds:g}s"] = f"{len(gaps)} of {len(rows)}"
    return told


def _sooner(days: list[Row], later: Iterable[Row]) -> Iterable[float]:
    """Ours after ten seconds to the best peer after more, day by day."""
    short = {(e["technicians"], e["seed"]): e["ours"] for e in days if e["seconds"] == 10}
    for each in later:
        ours = short.get((each["technicians"], each["seed"]))
        peers = [each[peer] for peer in PEERS if peer in each]
        if ours is not None and peers and each["seconds"] > 10:
            yield ours / min(peers)
