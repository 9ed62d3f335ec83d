"""What a push and a pull cost the server, beside Kinto and pouchdb-server in the same run.

Protocol: each server runs by itself on this machine over storage of its own with fsync on (Kinto and
we on PostgreSQL, pouchdb-server on LevelDB), one process. The same 10,000 answers of 387 bytes go
in, batches of 200, and come out again into an empty store, pages of 500 (1,000 for the peers).
Counted is the server's CPU: application and PostgreSQL, every process, user and system. Peers are
installed into environments of their own under --peers. The last line is JSON.

    python -m bench.sync [--answers 10000] [--peers DIR | --alone]
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.peers import kinto, pouch
from bench.sync_ours import run as ours

GOALS = {
    "push_per_cpu_second": 12_000,
    "pull_per_cpu_second": 50_000,
    "push_ratio_kinto": 80.0,
    "pull_ratio_kinto": 1.3,
    "push_ratio_pouch": 2.5,
    "pull_ratio_pouch": 8.0,
    "push_gzip_bytes_per_record": 140,
    "pull_gzip_bytes_per_record": 125,
    "one_field_down_gzip_bytes": 40,
    "empty_sync_bytes": 300,
}
AT_MOST = ("push_gzip_bytes_per_record", "pull_gzip_bytes_per_record", "one_field_down_gzip_bytes",
           "empty_sync_bytes")  # fmt: skip


def main() -> int:
    """Runs everybody and prints the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.sync")
    parser.add_argument("--answers", type=int, default=10_000)
    parser.add_argument("--peers", type=Path, default=Path(".state/peers"))
    parser.add_argument("--alone", action="store_true", help="without the peers")
    given = parser.parse_args()
    figures: dict[str, Any] = {"answers": given.answers}
    with tempfile.TemporaryDirectory() as folder:
        figures["ours"] = ours(Path(folder) / "ours", answers=given.answers)
        if not given.alone:
            for name, peer in (("kinto", kinto), ("pouch", pouch)):
                given.peers.mkdir(parents=True, exist_ok=True)
                where = (given.peers.resolve(), Path(folder) / name)
                figures[name] = peer.run(*where, answers=given.answers)
    _compare(figures)
    _table(figures)
    print(json.dumps(figures))
    return 0


def _compare(figures: dict[str, Any]) -> None:
    mine = figures["ours"]
    reached = {name: mine[name] for name in GOALS if name in mine}
    for peer in ("kinto", "pouch"):
        for what in ("push", "pull"):
            if peer in figures:
                theirs = figures[peer][f"{what}_per_cpu_second"]
                reached[f"{what}_ratio_{peer}"] = round(mine[f"{what}_per_cpu_second"] / theirs, 2)
    figures["goals"] = {
        name: {
            "goal": GOALS[name],
            "reached": value,
            "met": value <= GOALS[name] if name in AT_MOST else value >= GOALS[name],
        }
        for name, value in reached.items()
    }


def _table(figures: dict[str, Any]) -> None:
    print(f"{'':<22}{'push/CPU-s':>12}{'pull/CPU-s':>12}{'push gz B':>11}{'pull gz B':>11}")
    for name in ("ours", "kinto", "pouch"):
        if name in figures:
            each = figures[name]
            print(
                f"{name:<22}{each['push_per_cpu_second']:>12,}{each['pull_per_cpu_second']:>12,}"
                f"{each.get('push_gzip_bytes_per_record', '–'):>11}"
                f"{each.get('pull_gzip_bytes_per_record', '–'):>11}"
            )
    for name, each in figures["goals"].items():
        sign = "met   " if each["met"] else "MISSED"
        print(f"  {sign} {name:<30} {each['reached']:>12,}  goal {each['goal']:,}")


if __name__ == "__main__":
    sys.exit(main())
