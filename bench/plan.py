"""`make bench-plan`: our engine beside PyVRP, VROOM and OR-Tools on the same days and instances.

Equal seconds of the processor, one thread, every plan counted and checked by our checker. SIZES,
SEEDS, SECONDS and VRPTW_SECONDS choose a share of the whole; shares of one RELEASE add up in one
file of results. The last line is one JSON object: the summary of what that file holds.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bench.plan_days import day_of
from bench.plan_results import PEERS, Kept
from scheduling import solver, vrptw
from scheduling.check import check, cost
from scheduling.problem import ABLE, Prepared, prepare
from scheduling.timing import timed_route
from schemas.plan import Cost, Plan, Problem, Route
from schemas.problems import Refusal

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".state" / "bench-plan"
ENVIRONMENT = ROOT / ".state" / "peers" / "planners"
PACKAGES = ("pyvrp==0.14.1", "pyvroom==1.15.2", "ortools==9.15.6755", "matplotlib==3.11.2")
INSTANCES = ROOT.parent / "shared" / "data" / "vrptw"
RESULTS = ROOT / "bench" / "results"


def main() -> None:
    """Days first, instances second, pictures third."""
    given = _arguments()
    STATE.mkdir(parents=True, exist_ok=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    _environment()
    solver.warm()
    kept = Kept(RESULTS / f"plan-{given.name}.json", engine=solver.ENGINE)
    _days(given, kept)
    _instances(given, kept)
    if given.sizes and given.peers:
        _pictures(given)
    print(json.dumps(kept.found.get("summary", {})))


def _arguments() -> argparse.Namespace:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--sizes", type=_numbers, default=[20, 60, 200], help="or none")
    words.add_argument(
        "--seeds", type=_numbers, default=[1, 2, 3, 4, 5], help="which, not how many"
    )
    words.add_argument("--seconds", type=_numbers, default=[10, 60])
    words.add_argument("--vrptw-seconds", type=_numbers, default=[30], help="or none")
    words.add_argument("--instances", type=_words, default=[], help="all of them if not said")
    words.add_argument("--vrptw-peers", type=_words, default=["pyvrp"])
    words.add_argument("--peers", type=_words, default=list(PEERS))
    words.add_argument("--name", default="latest", help="names the file of results, by release")
    return words.parse_args()


def _words(text: str) -> list[str]:
    return [] if text == "none" else text.split(",")


def _numbers(text: str) -> list[int]:
    return [int(each) for each in _words(text)]


def _environment() -> None:
    if (ENVIRONMENT / "ready").exists():
        return
    print("installing the peers", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    subprocess.run([str(ENVIRONMENT / "bin" / "pip"), "install", "-q", *PACKAGES], check=True)
    (ENVIRONMENT / "ready").touch()


def _days(given: argparse.Namespace, kept: Kept) -> None:
    for size in given.sizes:
        for seed in given.seeds:
            problem = day_of(size, seed=seed)
            prepared = prepare(problem)
            for seconds in given.seconds:
                row = {"technicians": size, "seed": seed, "seconds": seconds}
                row |= _beside(prepared, seconds, name=f"day-{size}-{seed}", peers=given.peers)
                kept.add("days", row)


def _beside(prepared: Prepared, seconds: float, *, name: str, peers: list[str]) -> dict[str, Any]:
    """Our cost and that of each peer, counted by the checker, and how many violations it found."""
    problem = prepared.problem
    figures: dict[str, Any] = {"violations": 0}
    track: list[tuple[float, int]] = []
    begun = time.thread_time()
    watch = solver.Watch(
        progress=lambda share, cost: track.append((time.thread_time() - begun, cost.seconds))
    )
    plan = solver.solve(problem, budget=solver.Budget(seconds=seconds, cpu=True), watch=watch)
    figures["ours"] = _counted(problem, plan, figures)
    _keep_track(f"{name}-{seconds}-ours", track, plan=plan)
    for peer in peers:
        answer = _peer(prepared, peer, seconds=seconds, name=name, optional=True)
        routes, dropped = _plan_of(prepared, answer["routes"])
        figures[peer] = _counted(problem, routes, figures)
        figures[f"{peer}_dropped"] = dropped
        figures[f"{peer}_cpu"] = answer["cpu_seconds"]
        _keep_track(f"{name}-{seconds}-{peer}", answer["track"], plan=routes)
    if peers:
        best = min(figures[peer] for peer in peers)
        figures["ratio"] = round(figures["ours"] / best, 4)
    return figures


def _counted(problem: Problem, plan: Plan, figures: dict[str, Any]) -> int:
    figures["violations"] += len(check(problem, plan))
    return cost(problem, plan).seconds


def _peer(
    prepared: Prepared, peer: str, *, seconds: float, name: str, optional: bool
) -> dict[str, Any]:
    source, out = STATE / f"{name}.npz", STATE / f"{name}-{peer}.json"
    _write(prepared, source, optional=optional)
    script = str(ROOT / "bench" / "peers" / "planners.py")
    python = str(ENVIRONMENT / "bin" / "python")
    subprocess.run(
        [python, script, str(source), peer, str(seconds), str(out)],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    answer: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return answer


def _write(prepared: Prepared, path: Path, *, optional: bool) -> None:
    problem = prepared.problem
    people, jobs = problem.technicians, problem.jobs
    skills = sorted({skill for each in (*people, *jobs) for skill in each.skills})
    lunch = people[0].lunch
    np.savez(
        path,
        seconds=prepared.seconds,
        start=prepared.start_spot,
        duration=prepared.duration,
        window=np.stack([prepared.opens[:, 0], prepared.closes[:, 0]], axis=1),
        penalty=np.array([each.penalty_seconds for each in jobs]),
        load=np.array([each.load for each in jobs]),
        capacity=np.array([10**6 if t.capacity is None else t.capacity for t in people]),
        held=np.array([[skill in t.skills for skill in skills] for t in people]).reshape(
            len(people), -1
        ),
        asked=np.array([[skill in j.skills for skill in skills] for j in jobs]).reshape(
            len(jobs), -1
        ),
        shift=np.array([(t.shift.opens, t.shift.closes) for t in people]),
        lunch=np.array(
            [lunch.opens, lunch.closes - lunch.duration_seconds, lunch.duration_seconds]
            if lunch
            else [0, 0, 0]
        ),
        optional=optional,
    )


def _plan_of(prepared: Prepared, routes: list[list[int]]) -> tuple[Plan, int]:
    """A peer's routes with exact hours; what does not fit them is dropped, cheapest first."""
    timed: list[Route] = []
    dropped = 0
    for t, given in enumerate(routes):
        jobs = [job for job in given if prepared.why[t, job] == ABLE]
        dropped += len(given) - len(jobs)
        while True:
            try:
                timed.append(timed_route(prepared, t, jobs=jobs))
                break
            except Refusal:
                jobs.remove(min(jobs, key=lambda job: prepared.problem.jobs[job].penalty_seconds))
                dropped += 1
    placed = {stop.job for route in timed for stop in route.stops}
    plan = Plan(
        engine="peer", seed=1, iterations=0, cost=Cost(), routes=tuple(timed),
        unassigned=tuple(each.id for each in prepared.problem.jobs if each.id not in placed),
        travel_seconds=0, travel_metres=0,
    )  # fmt: skip
    return plan, dropped


def _instances(given: argparse.Namespace, kept: Kept) -> None:
    if given.vrptw_seconds and not INSTANCES.exists():
        print("NEEDS ../shared/data/vrptw: no VRPTW instance was solved", file=sys.stderr)
        return
    for seconds in given.vrptw_seconds:
        known = json.loads((INSTANCES / "best_known.json").read_text("utf-8"))
        for name in given.instances or known:
            problem = vrptw.problem_of((INSTANCES / f"{name}.txt").read_text("utf-8"))
            plan = solver.solve(problem, budget=solver.Budget(seconds=seconds, cpu=True))
            row: dict[str, Any] = {"instance": name, "seconds": seconds}
            row["ours"] = _gap(problem, plan, known[name])
            prepared = prepare(problem)
            for peer in given.vrptw_peers:
                answer = _peer(prepared, peer, seconds=seconds, name=name, optional=False)
                found, _ = _plan_of(prepared, answer["routes"])
                row[peer] = _gap(problem, found, known[name])
            kept.add("vrptw", row)


def _gap(problem: Problem, plan: Plan, best: float) -> float | None:
    """Per cent above the best known distance; None where somebody is not served."""
    if check(problem, plan) or plan.unassigned:
        return None
    return round(100 * (cost(problem, plan).seconds / vrptw.TENTHS / best - 1), 3)


def _keep_track(name: str, track: list[Any], *, plan: Plan) -> None:
    kept = {"track": track, "plan": msgspec.to_builtins(plan)}
    (STATE / f"track-{name}.json").write_text(json.dumps(kept), "utf-8")


def _pictures(given: argparse.Namespace) -> None:
    """Convergence on one day, and our plan of it on a map."""
    size, seconds = given.sizes[min(1, len(given.sizes) - 1)], given.seconds[-1]
    problem = STATE / "picture.json"
    problem.write_bytes(msgspec.json.encode(day_of(size, seed=1)))
    subprocess.run(
        [
            str(ENVIRONMENT / "bin" / "python"), str(ROOT / "bench" / "peers" / "plan_pictures.py"),
            str(problem), str(STATE), f"day-{size}-1-{seconds}", str(RESULTS),
        ],
        check=True,
    )  # fmt: skip


if __name__ == "__main__":
    main()
