"""`python -m tests.simulation LANE`: prints progress, the figures as one JSON object, and the verdict
as its last line."""

import argparse
import asyncio
import logging
import sys
import tempfile
from pathlib import Path

import msgspec

from tests.simulation import crash, lanes


def main() -> int:
    """Runs a lane; 0 where nothing was broken and everything was reached."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("lane", choices=["sim", "planted", "pg", "crash"])
    parser.add_argument("--schedules", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--kills", type=int, default=60)
    given = parser.parse_args()
    logging.disable(logging.ERROR)
    if given.lane == "planted":
        figures = lanes.sim_planted()
        good = figures["caught"] == figures["planted"]
        verdict = f"caught={figures['caught']}/{figures['planted']}"
    elif given.lane == "pg":
        with tempfile.TemporaryDirectory() as folder:
            figures = lanes.sim_pg(given.schedules, folder=Path(folder) / "postgres")
        good = not figures["violations"]
        verdict = f"violations={figures['violations']}"
    elif given.lane == "crash":
        with tempfile.TemporaryDirectory() as folder:
            figures = asyncio.run(crash.run(Path(folder), kills=given.kills))
        good = not figures["lost"] and not figures["doubled"] and not figures["unsent"]
        verdict = f"lost={figures['lost']} doubled={figures['doubled']} unsent={figures['unsent']}"
    else:
        figures = lanes.sim(given.schedules, first=given.first)
        good = not figures["violations"] and not figures["faults_never_fired"]
        never = figures["faults_never_fired"]
        verdict = f"violations={figures['violations']} faults_never_fired={len(never)}"
    print(msgspec.json.encode(figures).decode())
    print(verdict)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
