"""Road services in their real formats, on loopback: a straight world at ten metres a second.

They compute in whole metres from the coordinates that they are sent, so that a mixed-up axis or
row shows in the figures.
"""

import asyncio
import json
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

from geopy.distance import great_circle


class Stub:
    """Answers like one service; `fail` makes it behave badly, `holes` are targets it cannot reach."""

    def __init__(self, kind, *, fail=None, holes=(), slow=10):
        self.kind, self.fail, self.holes, self.slow = kind, fail, set(holes), slow
        self.asked = []

    def answer(self, target, body):
        origins, targets = getattr(self, f"_{self.kind}")(urlsplit(target), body)
        self.asked.append((origins, targets))
        return getattr(self, f"_{self.kind}_answer")(origins, targets)

    def metres(self, one, other):
        if other in self.holes:
            return None
        return great_circle(one, other).m

    def _table(self, origins, targets, scale):
        rows = [[self.metres(o, t) for t in targets] for o in origins]
        return [[None if m is None else round(m * scale, 3) for m in row] for row in rows]

    def _osrm(self, url, body):
        head, _, places = url.path.rpartition("/")
        assert head == "/table/v1/driving" and body == b""
        spots = [tuple(map(float, each.split(",")))[::-1] for each in places.split(";")]
        query = {name: value[0] for name, value in parse_qs(url.query).items()}
        assert query["annotations"] == "duration,distance"
        pick = [[spots[int(n)] for n in query[k].split(";")] for k in ("sources", "destinations")]
        assert len(pick[0]) * len(pick[1]) <= 100 * 100 and len(spots) <= 100
        return pick

    def _osrm_answer(self, origins, targets):
        return {
            "code": "Ok",
            "durations": self._table(origins, targets, 1 / self.slow),
            "distances": self._table(origins, targets, 1),
            "sources": [{"hint": "", "location": [o[1], o[0]]} for o in origins],
        }

    def _valhalla(self, url, body):
        asked = json.loads(body)
        assert url.path == "/sources_to_targets" and asked["costing"] == "auto"
        pick = [[(e["lat"], e["lon"]) for e in asked[name]] for name in ("sources", "targets")]
        assert len(pick[0]) * len(pick[1]) <= 2500
        return pick

    def _valhalla_answer(self, origins, targets):
        def hop(row, column):
            m = self.metres(origins[row], targets[column])
            told = {"from_index": row, "to_index": column, "time": None, "distance": None}
            return told if m is None else {**told, "time": round(m / 10), "distance": m / 1000}

        rows = [[hop(r, c) for c in range(len(targets))] for r in range(len(origins))]
        return {"sources_to_targets": rows, "units": "kilometers", "algorithm": "costmatrix"}

    def _ors(self, url, body):
        asked = json.loads(body)
        assert url.path == "/v2/matrix/driving-car" and asked["units"] == "m"
        spots = [(lat, lon) for lon, lat in asked["locations"]]
        pick = [[spots[int(n)] for n in asked[name]] for name in ("sources", "destinations")]
        assert len(pick[0]) * len(pick[1]) <= 2500
        return pick

    def _ors_answer(self, origins, targets):
        return {
            "durations": self._table(origins, targets, 0.1),
            "distances": self._table(origins, targets, 1),
            "metadata": {"service": "matrix"},
        }

    def _amap(self, url, body):
        query = {name: value[0] for name, value in parse_qs(url.query).items()}
        assert url.path == "/v3/distance" and query["type"] == "1" and query["key"] == "secret"
        origins = [tuple(map(float, e.split(",")))[::-1] for e in query["origins"].split("|")]
        assert len(origins) <= 100
        return origins, [tuple(map(float, query["destination"].split(",")))[::-1]]

    def _amap_answer(self, origins, targets):
        def told(number, origin):
            m = self.metres(origin, targets[0])
            if m is None:
                return {"origin_id": str(number), "dest_id": "1", "info": "no", "code": "3"}
            return {
                "origin_id": str(number),
                "dest_id": "1",
                "distance": str(round(m)),
                "duration": str(round(m / 10)),
            }

        results = [told(n + 1, origin) for n, origin in enumerate(origins)]
        return {"status": "1", "info": "OK", "infocode": "10000", "results": results}


@asynccontextmanager
async def serving(stub):
    """The stub's address while it listens."""
    hung = asyncio.Event()

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        target = head.split(b" ", 2)[1].decode()
        named = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
        body = await reader.readexactly(int(named[0].split(b":")[1])) if named else b""
        status, content = 200, b"{]"
        if stub.fail == "hangs":
            stub.asked.append(None)
            await hung.wait()
        elif isinstance(stub.fail, int):
            stub.asked.append(None)
            status = stub.fail
        elif stub.fail == "once":
            stub.fail, status = None, 503
        elif isinstance(stub.fail, bytes):
            stub.asked.append(None)
            content = stub.fail
        else:
            content = json.dumps(stub.answer(target, body)).encode()
        writer.write(
            f"HTTP/1.1 {status} X\r\ncontent-length: {len(content)}\r\n"
            "content-type: application/json\r\nconnection: close\r\n\r\n".encode()
            + content
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        hung.set()
        server.close()
