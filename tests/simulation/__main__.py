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
from tests.simulation.dying import Crashed


class _Why(logging.Handler):
    """Says what a server that asked to come again had met; it dies on purpose, and that is no news."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, Crashed):
            print(f"  not answered: {type(error).__name__}: {error}"[:300], flush=True)


def _tell_why() -> None:
    log = logging.getLogger("doorstep.api")
    log.propagate = False
    log.addHandler(_Why())


def main() -> int:
    """Runs a lane; 0 where nothing was broken and everything was reached."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("lane", choices=["sim", "planted", "pg", "crash"])
    parser.add_argument("--schedules", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--kills", type=int, default=60)
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    _tell_why()
    if given.lane == "planted":
        figures = lanes.sim_planted()
        good = figures["caught"] == figures["planted"]
        verdict = f"caught={figures['caught']}/{figures['planted']}"
    elif given.lane == "pg":
        with tempfile.TemporaryDirectory() as folder:
            figures = lanes.sim_pg(
                given.schedules, first=given.first, folder=Path(folder) / "postgres"
            )
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
