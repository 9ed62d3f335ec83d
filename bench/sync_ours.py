"""Our side of the comparison: the server as it is deployed, every check on, fsync on."""

import gzip
import time
import uuid
from datetime import UTC, datetime, timedelta
from datetime import time as at_time
from pathlib import Path
from typing import Any

import httpx
import msgspec
import sqlalchemy as sa
from uuid_utils.compat import uuid7

from bench import cpu
from bench.answers import answers as made
from bench.serving import serving
from storage import bulk
from storage import tables as t
from storage.engine import driver, make_engine
from sync.devices import hashed

BATCH, PAGE = 200, 500
TEMPLATE = "RES-INSP@2026.1"
NOW = datetime.now(UTC)


def run(folder: Path, *, answers: int, prepare: str = "") -> dict[str, Any]:
    """Push, push again, pull, one field, nothing: what each costs the server; `prepare` is SQL that
    runs as the owner before."""

    async def seed(url: str) -> tuple[list[uuid.UUID], list[str]]:
        seeded = await _seed(url, answers)
        if prepare:
            engine = make_engine(url)
            async with engine.begin() as tx:
                await (await driver(tx)).execute(prepare)
            await engine.dispose()
        return seeded

    with serving(folder, seed) as served:
        visits, tokens = served.seeded
        bench = _Bench(served.port, tokens, roots=(served.pid, served.postmaster))
        return bench.measure(visits, made(answers))


class _Bench:
    def __init__(self, port: int, tokens: list[str], *, roots: tuple[int, int]) -> None:
        self.base = f"http://127.0.0.1:{port}/api/v1"
        self.tokens = tokens
        self.roots = roots
        self.client = httpx.Client(timeout=120)

    def measure(self, visits: list[uuid.UUID], fields: list[dict[str, Any]]) -> dict[str, Any]:
        boot, at = str(uuid.uuid4()), datetime.now(UTC).isoformat()
        said = [
            {
                "id": str(uuid7()), "n": n, "record": str(visit), "kind": "patch",
                "observed_at": at, "boot": boot, "uptime_ms": 1000 * n, "template": TEMPLATE,
                "fields": given,
            }
            for n, (visit, given) in enumerate(zip(visits, fields, strict=True), 1)
        ]  # fmt: skip
        # as a tablet does that has said hello: it stands somewhere
        first = self._sync(b'{"lanes":["safety"]}', token=0, form="json")
        common = {"cursor": msgspec.json.decode(first)["cursor"], "lanes": ["safety"]}
        bodies = [
            msgspec.json.encode(common | {"operations": said[at : at + BATCH]})
            for at in range(0, len(said), BATCH)
        ]
        pushed = self._timed(lambda: [self._sync(body, token=0) for body in bodies])
        again = self._timed(lambda: [self._sync(body, token=0) for body in bodies])
        pulled = self._timed(lambda: self._pull(token=1))
        pages, cursor = pulled["value"]
        records = sum(len(msgspec.json.decode(page)["lean"]) for page in pages)
        return {
            "push_per_cpu_second": round(len(said) / pushed["cpu"]),
            "push_per_second": round(len(said) / pushed["wall"]),
            "replay_times_faster": round(pushed["cpu"] / again["cpu"], 2),
            "pull_per_cpu_second": round(records / pulled["cpu"]),
            "pull_seconds": round(pulled["wall"], 2),
            "pulled": records,
            "push_gzip_bytes_per_record": _per_record(bodies, len(said)),
            "pull_gzip_bytes_per_record": _per_record(pages, records),
            **self._small(said[0], cursor),
        }

    def _small(self, before: dict[str, Any], cursor: str) -> dict[str, Any]:
        """One field down, then nothing at all: what goes over the wire."""
        empty = msgspec.json.encode({"cursor": cursor, "lean": True})
        nothing, plain = self._sync(empty, token=1), self._sync(empty, token=1, form="json")
        change = {
            **before, "id": str(uuid7()), "n": 10**6, "base": {"note": 99},
            "fields": {"note": "door"},
        }  # fmt: skip
        self._sync(msgspec.json.encode({"operations": [change], "lanes": ["safety"]}), token=0)
        one, as_json = self._sync(empty, token=1), self._sync(empty, token=1, form="json")
        return {
            "empty_sync_bytes": len(plain) + len(empty),
            "one_field_down_gzip_bytes": len(gzip.compress(one)) - len(gzip.compress(nothing)),
            "one_field_down_gzip_bytes_as_json": len(gzip.compress(as_json))
            - len(gzip.compress(plain)),
        }

    def _timed(self, job: Any) -> dict[str, Any]:
        cpu_before, wall = cpu.seconds(*self.roots), time.perf_counter()
        value = job()
        return {
            "value": value,
            "cpu": max(cpu.seconds(*self.roots) - cpu_before, 0.01),
            "wall": time.perf_counter() - wall,
        }

    def _sync(self, body: bytes, *, token: int, form: str = "msgpack") -> bytes:
        reply = self.client.post(
            f"{self.base}/sync",
            content=body,
            headers={
                "Authorization": f"Bearer {self.tokens[token]}",
                "Content-Type": "application/json",
                "Accept": f"application/{form}",
                "Accept-Encoding": "identity",
            },
        )
        reply.raise_for_status()
        return reply.content

    def _pull(self, *, token: int) -> tuple[list[bytes], str]:
        pages, cursor, more = [], "", True
        while more:
            reply = self.client.get(
                f"{self.base}/sync/changes",
                params={
                    "cursor": cursor, "limit": PAGE, "budget_bytes": 4 * 1024 * 1024, "lean": True,
                },
                headers={
                    "Authorization": f"Bearer {self.tokens[token]}", "Accept-Encoding": "identity",
                },
            )  # fmt: skip
            reply.raise_for_status()
            pages.append(reply.content)
            answer = msgspec.json.decode(reply.content)
            cursor, more = answer["cursor"], answer.get("more", False)
        return pages, cursor


def _per_record(bodies: list[bytes], records: int) -> int:
    return round(sum(len(gzip.compress(body)) for body in bodies) / records)


async def _seed(url: str, many: int) -> tuple[list[uuid.UUID], list[str]]:
    """A technician with two tablets and so many visits in the mailbox."""
    person, box = uuid.uuid4(), uuid.uuid4()
    devices = [uuid.uuid4(), uuid.uuid4()]
    engine = make_engine(url, statement_seconds=120)
    async with engine.begin() as tx:
        await tx.execute(sa.insert(t.unit_table).values(id="u", name_zh="u", settings={}))
        await tx.execute(sa.insert(t.server_epoch).values(id=1, epoch=uuid.uuid4(), since=NOW))
        await tx.execute(
            sa.insert(t.technician).values(
                id=person, unit_id="u", number="T1", name="T1", row_hash="", skills=[], grids=[],
                shift_opens=at_time(8), shift_closes=at_time(17),
            )
        )  # fmt: skip
        await tx.execute(
            sa.insert(t.mailbox).values(
                id=box, unit_id="u", kind="technician", technician_id=person, position=many
            )
        )
        for each in devices:
            await _tablet(tx, each, person=person)
        visits = await _visits(tx, many, person=person, box=box)
    await engine.dispose()
    return visits, [f"token-of-{each}" for each in devices]


async def _tablet(tx: Any, device: uuid.UUID, *, person: uuid.UUID) -> None:
    await tx.execute(
        sa.insert(t.tablet).values(
            id=device, unit_id="u", technician_id=person, label="t", enrolled_at=NOW
        )
    )
    await tx.execute(
        sa.insert(t.token).values(
            hash=hashed(f"token-of-{device}"), unit_id="u", kind="access", tablet_id=device,
            family=device, expires_at=NOW + timedelta(days=1),
        )
    )  # fmt: skip


async def _visits(tx: Any, many: int, *, person: uuid.UUID, box: uuid.UUID) -> list[uuid.UUID]:
    keys = [(uuid.uuid4(), uuid.uuid4(), uuid.uuid4()) for _ in range(many)]
    homes, orders, visits, records, entries = [], [], [], [], []
    for n, (home, order, visit) in enumerate(keys, 1):
        homes.append({
            "id": home, "unit_id": "u", "account": str(n), "address": "-", "address_given": "-",
            "customer_class": "residential", "row_hash": "",
        })  # fmt: skip
        orders.append({
            "id": order, "unit_id": "u", "premises_id": home, "number": str(n),
            "kind": "inspection", "template": TEMPLATE, "skills": [], "duration_seconds": 1800,
            "tier": "normal", "state": "dispatched", "facts": {},
        })  # fmt: skip
        visits.append({
            "id": visit, "unit_id": "u", "work_order_id": order, "premises_id": home,
            "technician_id": person, "state": "planned", "template": TEMPLATE,
        })  # fmt: skip
        fields = {"state": "dispatched", "template": TEMPLATE}
        records.append({
            "id": visit, "unit_id": "u", "kind": "visit", "visit_id": visit, "premises_id": home,
            "version": 1, "fields": fields, "versions": dict.fromkeys(fields, 1), "authors": {},
            "deleted": False,
        })  # fmt: skip
        entries.append({
            "mailbox_id": box, "record_id": visit, "position": n, "record_version": 1,
            "forget": False,
        })  # fmt: skip
    for table, rows in (
        (t.premises, homes), (t.work_order, orders), (t.visit, visits), (t.record, records),
        (t.mailbox_entry, entries),
    ):  # fmt: skip
        await bulk.insert(tx, table, rows=rows)
    return [visit for _, _, visit in keys]
