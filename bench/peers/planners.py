"""PyVRP, VROOM and OR-Tools on a day or a VRPTW instance; runs in an environment of its own.

usage: planners.py INPUT.npz PEER SECONDS OUT.json. One thread each. VROOM models skills, priorities
and the floating lunch itself. PyVRP has no breaks and OR-Tools' cost it its first plans: for both
lunch is taken out of the clock at noon, and skills are loads (PyVRP) or vehicle sets (OR-Tools).
"""

import json
import sys
import time
from datetime import timedelta
from typing import Any

import numpy as np

NOON, BREAK = 12 * 3600, 45 * 60
HORIZON = 2 * 86_400
Day = dict[str, Any]


def squeezed(day: Day, instants: Any) -> Any:
    """The clock without the lunch hour; where nobody eats, the clock as it is."""
    at = np.asarray(instants)
    if not day["lunch"][2]:
        return at
    return np.where(at <= NOON, at, np.where(at < NOON + BREAK, NOON, at - BREAK))


def pyvrp(day: Day, seconds: float) -> dict[str, Any]:
    """Iterated local search with prizes for optional clients."""
    import pyvrp as peer

    begun, track = time.process_time(), []
    jobs, people = len(day["duration"]), len(day["shift"])
    held, asked = day["held"], day["asked"]
    columns = [c for c in range(held.shape[1]) if not held[:, c].all()]
    opens, closes = squeezed(day, day["window"]).T
    optional = bool(day["optional"])
    clients = [
        peer.Client(
            j,
            delivery=[int(day["load"][j]), *(int(asked[j, c]) for c in columns)],
            service_duration=int(day["duration"][j]),
            tw_early=int(opens[j]),
            tw_late=int(closes[j]),
            prize=int(day["penalty"][j]) if optional else 0,
            required=not optional,
        )
        for j in range(jobs)
    ]
    spots = sorted({int(each) for each in day["start"]})
    kinds: dict[tuple[int, ...], list[int]] = {}
    for t in range(people):
        early, late = int(day["shift"][t, 0]), int(squeezed(day, day["shift"][t, 1]))
        key = (int(day["start"][t]), early, late, int(day["capacity"][t]), *map(int, held[t]))
        kinds.setdefault(key, []).append(t)
    vehicles = [
        peer.VehicleType(
            len(alike),
            [key[3], *(jobs if held[alike[0], c] else 0 for c in columns)],
            start_depot=spots.index(key[0]),
            end_depot=spots.index(key[0]),
            tw_early=key[1],
            tw_late=key[2],
        )
        for key, alike in kinds.items()
    ]
    matrix = np.ascontiguousarray(day["seconds"].astype(np.int64))
    data = peer.ProblemData(
        [peer.Location(0, 0) for _ in range(len(matrix))],
        clients, [peer.Depot(each) for each in spots], vehicles, [matrix], [matrix],
    )  # fmt: skip

    class Told(peer.IteratedLocalSearchCallbacks):
        def on_best(self, best: Any) -> None:
            if best.is_feasible():
                cost = best.distance() + (best.uncollected_prizes() if optional else 0)
                track.append((time.process_time() - begun, int(cost)))

    params = peer.SolveParams(ils=peer.IteratedLocalSearchParams(callbacks=Told()))
    # the processor's seconds, like ours: the machine is shared
    found = peer.solve(
        data, lambda best: time.process_time() - begun >= seconds, seed=1, collect_stats=False,
        params=params, display=False,
    )  # fmt: skip
    routes: list[list[int]] = [[] for _ in range(people)]
    free = {key: list(alike) for key, alike in kinds.items()}
    keys = list(kinds)
    if found.best.is_feasible():
        for route in found.best.routes():
            t = free[keys[route.vehicle_type()]].pop(0)
            routes[t] = [each.idx for each in route if each.is_client()]
    return {"routes": routes, "track": track, "iterations": found.num_iterations}


def vroom(day: Day, seconds: float) -> dict[str, Any]:
    """Its own local search, to the depth that is best within the time."""
    import vroom as peer

    jobs, people = len(day["duration"]), len(day["shift"])
    problem = peer.Input()
    problem.set_durations_matrix("car", day["seconds"].astype(np.uint32))
    lunch = [int(each) for each in day["lunch"]]
    names = range(day["held"].shape[1])
    problem.add_vehicle(
        [
            peer.Vehicle(
                t + 1,
                start=int(day["start"][t]),
                end=int(day["start"][t]),
                capacity=[int(day["capacity"][t])],
                skills={c + 1 for c in names if day["held"][t, c]},
                time_window=peer.TimeWindow(*(int(each) for each in day["shift"][t])),
                breaks=[peer.Break(1, [peer.TimeWindow(lunch[0], lunch[1])], service=lunch[2])]
                if lunch[2]
                else [],
            )
            for t in range(people)
        ]
    )
    problem.add_job(
        [
            peer.Job(
                j,
                location=j,
                delivery=peer.Amount([int(day["load"][j])]),
                default_service=int(day["duration"][j]),
                skills={c + 1 for c in names if day["asked"][j, c]},
                priority=max(1, min(100, round(day["penalty"][j] / 1000))),
                time_windows=[peer.TimeWindow(*(int(each) for each in day["window"][j]))],
            )
            for j in range(jobs)
        ]
    )
    level = 5 if jobs <= 700 else 1
    solution = problem.solve(
        exploration_level=level, nb_threads=1, timeout=timedelta(seconds=seconds)
    )
    routes: list[list[int]] = [[] for _ in range(people)]
    table = solution.routes
    for vehicle, steps in table[table.type == "job"].groupby("vehicle_id", sort=False):
        routes[int(vehicle) - 1] = [int(each) for each in steps.id]
    return {"routes": routes, "track": [], "iterations": 0}


def ortools(day: Day, seconds: float) -> dict[str, Any]:
    """Cheapest insertion in parallel, then guided local search."""
    from ortools.constraint_solver import pywrapcp, routing_enums_pb2

    begun, track = time.process_time(), []
    jobs, people = len(day["duration"]), len(day["shift"])
    matrix, starts = day["seconds"], [int(each) for each in day["start"]]
    spots = [*range(jobs), *starts]
    index = pywrapcp.RoutingIndexManager(
        jobs + people, people, [jobs + t for t in range(people)], [jobs + t for t in range(people)]
    )
    model = pywrapcp.RoutingModel(index)
    full = matrix[np.ix_(spots, spots)]
    work = np.concatenate([day["duration"], np.zeros(people, dtype=np.int64)])
    model.SetArcCostEvaluatorOfAllVehicles(model.RegisterTransitMatrix(full.tolist()))
    model.AddDimension(
        model.RegisterTransitMatrix((full + work[:, None]).tolist()), HORIZON, HORIZON, False, "T"
    )
    hours = model.GetDimensionOrDie("T")
    loads = [*(int(each) for each in day["load"]), *([0] * people)]
    model.AddDimensionWithVehicleCapacity(
        model.RegisterUnaryTransitVector(loads), 0, [int(c) for c in day["capacity"]], True, "L"
    )
    windows, able = (
        squeezed(day, day["window"]),
        (day["held"] @ day["asked"].T) == day["asked"].sum(1),
    )
    for j in range(jobs):
        node = index.NodeToIndex(j)
        hours.CumulVar(node).SetRange(*(int(each) for each in windows[j]))
        if day["optional"]:
            model.AddDisjunction([node], int(day["penalty"][j]))
        model.VehicleVar(node).SetValues([-1, *(int(t) for t in np.flatnonzero(able[:, j]))])
    for t in range(people):
        early, late = int(day["shift"][t, 0]), int(squeezed(day, day["shift"][t, 1]))
        hours.CumulVar(model.Start(t)).SetRange(early, late)
        hours.CumulVar(model.End(t)).SetRange(early, late)
    settings = pywrapcp.DefaultRoutingSearchParameters()
    first = routing_enums_pb2.FirstSolutionStrategy
    settings.first_solution_strategy = first.PARALLEL_CHEAPEST_INSERTION
    meta = routing_enums_pb2.LocalSearchMetaheuristic
    settings.local_search_metaheuristic = meta.GUIDED_LOCAL_SEARCH
    left = max(0.1, seconds - (time.process_time() - begun))
    settings.time_limit.seconds, settings.time_limit.nanos = int(left), int(left % 1 * 1e9)
    model.AddAtSolutionCallback(
        lambda: track.append((time.process_time() - begun, int(model.CostVar().Max())))
    )
    found = model.SolveWithParameters(settings)
    routes: list[list[int]] = [[] for _ in range(people)]
    for t in range(people if found else 0):
        node = model.Start(t)
        while not model.IsEnd(node):
            if index.IndexToNode(node) < jobs:
                routes[t].append(index.IndexToNode(node))
            node = found.Value(model.NextVar(node))
    return {"routes": routes, "track": track, "iterations": 0}


PEERS = {"pyvrp": pyvrp, "vroom": vroom, "ortools": ortools}


def main() -> None:
    """Runs one peer; again with a longer limit where the machine gave it too little time."""
    source, name, seconds, out = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4]
    day = dict(np.load(source))
    limit = seconds
    for _ in range(2):
        cpu, wall = time.process_time(), time.monotonic()
        answer = PEERS[name](day, limit)
        cpu, wall = time.process_time() - cpu, time.monotonic() - wall
        if name == "pyvrp" or cpu > 0.9 * seconds or wall < 0.8 * limit:
            break
        limit = seconds * min(5.0, limit / cpu)
    with open(out, "w", encoding="utf-8") as file:
        json.dump(answer | {"cpu_seconds": round(cpu, 2)}, file)


if __name__ == "__main__":
    main()
