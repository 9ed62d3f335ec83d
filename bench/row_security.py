"""What the net of row-level security costs the hot paths, as a ratio in one run.

Protocol: the server as deployed, fsync on, twice in turn: with its policies, and with row-level
security switched off on every table. Counted is CPU (application and PostgreSQL) of pushing and
pulling `--answers` answers; the best of `--rounds` each. The last line is JSON.

    python -m bench.row_security [--answers 4000] [--rounds 3]
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from bench.sync_ours import run
from storage.tables import metadata

OFF = ";".join(f'ALTER TABLE "{name}" DISABLE ROW LEVEL SECURITY' for name in metadata.tables)
LIMIT = 1.05


def main() -> int:
    """Runs both in turn; fails where the net costs more than 5 %."""
    parser = argparse.ArgumentParser(prog="python -m bench.row_security")
    parser.add_argument("--answers", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    best: dict[str, dict[str, int]] = {"with": {}, "without": {}}
    for _ in range(given.rounds):
        for name, prepare in (("with", ""), ("without", OFF)):
            with tempfile.TemporaryDirectory() as folder:
                found = run(Path(folder) / "ours", answers=given.answers, prepare=prepare)
            for what in ("push_per_cpu_second", "pull_per_cpu_second"):
                best[name][what] = max(best[name].get(what, 0), found[what])
    ratios = {what: round(best["without"][what] / best["with"][what], 3) for what in best["with"]}
    print(json.dumps({"best": best, "cost_ratio": ratios, "limit": LIMIT}))
    return 0 if all(each <= LIMIT for each in ratios.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
