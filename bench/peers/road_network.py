"""Runs in the environment of `bench.roads`: a street network from an OpenStreetMap extract, driven
by RoutingKit. Prints JSON: places and the seconds and metres of the fastest ways between them."""

import json
import random
import sys
from math import asin, cos, radians, sin, sqrt

import numpy as np
import osmium
from pyroutingkit import INF_WEIGHT, CCHMetric, CCHTopology

KMH = {
    "motorway": 80, "trunk": 60, "primary": 45, "secondary": 40, "tertiary": 35,
    "unclassified": 30, "residential": 25, "living_street": 12, "service": 15,
}  # fmt: skip
"""Speeds of a city's streets where no sign says less."""


def metres(one, other):
    (a, b), (c, d) = (map(radians, each) for each in (one, other))
    chord = sin((a - c) / 2) ** 2 + cos(a) * cos(c) * sin((b - d) / 2) ** 2
    return 2 * 6_371_008.8 * asin(sqrt(chord))


def streets(path):
    """Arcs (tail, head, seconds, metres) and places of junctions and bends."""
    nodes, places, arcs = {}, [], []
    for way in osmium.FileProcessor(path).with_locations():
        kind = way.tags.get("highway", "") if way.is_way() else ""
        kmh = KMH.get(kind.removesuffix("_link"))
        if kmh is None or way.tags.get("access") in ("no", "private"):
            continue
        signed = way.tags.get("maxspeed", "")
        kmh = min(kmh, int(signed)) if signed.isdecimal() else kmh
        line = [(n.ref, (n.location.lat, n.location.lon)) for n in way.nodes if n.location.valid()]
        for ref, place in line:
            if ref not in nodes:
                nodes[ref] = len(places)
                places.append(place)
        oneway = way.tags.get("oneway", "no")
        for (one, here), (other, there) in zip(line, line[1:], strict=False):
            far = metres(here, there)
            cost = (far / kmh * 3.6, far)
            if oneway != "-1":
                arcs.append((nodes[one], nodes[other], *cost))
            if oneway not in ("yes", "true", "1"):
                arcs.append((nodes[other], nodes[one], *cost))
    return places, arcs


def main(path, count):
    places, arcs = streets(path)
    tail, head = (np.array([arc[n] for arc in arcs], dtype=np.uint32) for n in (0, 1))
    at = np.array(places, dtype=np.float32)
    topology = CCHTopology()
    topology.build(tail, head, at[:, 0].copy(), at[:, 1].copy(), len(places))
    chosen = random.Random(7).sample(range(len(places)), min(count, len(places)))
    picked = np.array(chosen, dtype=np.uint32)
    told = {"places": [places[n] for n in chosen], "arcs": len(arcs), "nodes": len(places)}
    for name, column in (("seconds", 2), ("metres", 3)):
        # tenths, since weights are whole; shortest ways for metres, fastest for seconds
        metric = CCHMetric(topology)
        metric.customize(np.array([round(a[column] * 10) for a in arcs], dtype=np.uint32))
        table = np.asarray(metric.distances_many_to_many(picked, picked))
        told[name] = np.where(table == INF_WEIGHT, -1, np.rint(table / 10)).astype(int).tolist()
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
