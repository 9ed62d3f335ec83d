"""Draws how fast each engine came down on one day, and our plan of that day on a map (two PNG).

usage: plan_pictures.py PROBLEM.json TRACKS RUN RESULTS; runs in the peers' environment.
"""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

NAMES = {"ours": "Doorstep", "pyvrp": "PyVRP", "vroom": "VROOM", "ortools": "OR-Tools"}


def main() -> None:
    """Both pictures."""
    problem = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    tracks, run, results = Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
    curves(tracks, run, results)
    plan = json.loads((tracks / f"track-{run}-ours.json").read_text("utf-8"))["plan"]
    the_map(problem, plan, results)


def curves(tracks: Path, run: str, results: Path) -> None:
    """Best cost by seconds of the processor; VROOM tells only its end."""
    pyplot.figure(figsize=(8, 4.5))
    for name, label in NAMES.items():
        path = tracks / f"track-{run}-{name}.json"
        points = json.loads(path.read_text("utf-8"))["track"] if path.exists() else []
        if points:
            at, cost = zip(*points, strict=True)
            pyplot.step(at, cost, where="post", label=label)
    pyplot.xlabel("seconds of the processor")
    pyplot.ylabel("penalties and travel, seconds")
    pyplot.xscale("symlog", linthresh=1)
    pyplot.yscale("log")
    pyplot.legend()
    pyplot.grid(alpha=0.3, which="both")
    pyplot.tight_layout()
    pyplot.savefig(results / "plan-convergence.png", dpi=80)
    pyplot.close()


def the_map(problem: dict, plan: dict, results: Path) -> None:
    """Each route in a colour; what was left out as crosses."""
    at = {each["id"]: each["place"] for each in problem["jobs"]}
    homes = {each["id"]: each["home"] for each in problem["technicians"]}
    pyplot.figure(figsize=(8, 8))
    for number, route in enumerate(plan["routes"]):
        home = homes[route["technician"]]
        points = [home, *(at[stop["job"]] for stop in route["stops"]), home]
        east, north = ([each[axis] for each in points] for axis in ("longitude", "latitude"))
        colour = pyplot.cm.tab20(number % 20)
        pyplot.plot(east, north, "-", color=colour, linewidth=0.8)
        pyplot.plot(east[1:-1], north[1:-1], ".", color=colour, markersize=4)
        pyplot.plot(east[:1], north[:1], "s", color=colour, markersize=5)
    left = [at[each] for each in plan["unassigned"]]
    pyplot.plot([e["longitude"] for e in left], [e["latitude"] for e in left], "kx", markersize=4)
    pyplot.gca().set_aspect(1 / 0.77)
    pyplot.title(f"{len(homes)} technicians, {len(at) - len(left)} of {len(at)} jobs")
    pyplot.tight_layout()
    pyplot.savefig(results / "plan-map.png", dpi=80)
    pyplot.close()


if __name__ == "__main__":
    main()
