"""A real server: a new version takes over without a lost answer, overload is told at once, and what
an operator reads holds nothing personal."""

import asyncio
import json
import os
import signal
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api import door
from runtime import processes
from storage import embedded

READY = "/health/ready"


class Serving:
    """A server process with its port and its log."""

    def __init__(self, port: int, log: Path, *, pid: int) -> None:
        self.base, self.port, self.log, self.pid = f"http://127.0.0.1:{port}", port, log, pid

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def figure(self, name: str) -> float:
        text = httpx.get(f"{self.base}/metrics").text
        return float(next(x for x in text.splitlines() if x.startswith(f"{name} ")).split()[1])


@pytest.fixture(scope="module")
def serving(
    cluster: embedded.Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    folder, name = tmp_path_factory.mktemp("serving"), f"t{uuid.uuid4().hex[:16]}"
    cluster.ensure_database(name, template="doorstep_template")
    port, log = processes.free_port(), folder / "serve.log"
    environment = {
        "DATABASE_URL": cluster.url(name),
        "DOORSTEP_PORT": str(port),
        "DOORSTEP_STATE": str(folder / "state"),
        "DOORSTEP_WORKERS": "2",
    }
    with processes.process("serve", environment, log=log) as child:
        processes.wait_until_ready(port, child)
        yield Serving(port, log, pid=child.pid)
    cluster.drop_database(name)


def workers_of(pid: int) -> set[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(each) for each in children}


async def test_slow_clients_keep_nobody_else_out(serving):
    head = (
        b"POST /api/v1/session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"content-length: 1000\r\n\r\n{"
    )
    held = []
    for _ in range(2 * door.WORKING_MAX + 40):
        one = socket.create_connection(("127.0.0.1", serving.port))
        one.sendall(head)
        held.append(one)
    async with httpx.AsyncClient(base_url=serving.base, timeout=20) as client:
        wish = {"login": "nobody", "password": "nothing"}
        # all of them at once are a crowd, and the door may close until each waits for its bytes
        deadline = time.monotonic() + 30
        while (await client.post("/api/v1/session", json=wish)).status_code == 503:
            assert time.monotonic() < deadline, "dribbling keeps everybody out"
            await asyncio.sleep(0.2)
        for _ in range(20):
            reply = await client.post("/api/v1/session", json=wish)
            assert reply.status_code in (401, 429), reply.text
    for one in held:
        one.close()


async def test_overload_is_told_at_once_and_is_over_when_it_is_over(serving):
    limits = httpx.Limits(max_connections=900)
    async with httpx.AsyncClient(base_url=serving.base, timeout=60, limits=limits) as client:
        wish = {"login": "nobody", "password": "nothing"}
        replies = await asyncio.gather(
            *(client.post("/api/v1/session", json=wish) for _ in range(800))
        )
        found = {each.status_code for each in replies}
        assert found <= {401, 429, 503}, found
        for each in replies:
            if each.status_code == 503:
                assert int(each.headers["retry-after"]) >= 1
                assert each.json()["code"] == "unavailable"
        assert (await client.get("/health/live")).status_code == 200
        assert (await client.get("/schema/openapi.json")).status_code == 200


async def test_the_log_names_routes_and_nothing_personal(serving):
    secret = "13812345678"
    async with httpx.AsyncClient(base_url=serving.base, timeout=20) as client:
        await client.post(
            f"/api/v1/session?phone={secret}", json={"login": secret, "password": "x"}
        )
        await client.get(f"/api/v1/track/{secret}")
        await client.get(f"/api/v1/nothing/{secret}")
    lines = [each for each in serving.lines() if each.get("event") == "request"]
    assert {"/api/v1/session", "/api/v1/track/{code}"} <= {each["route"] for each in lines}
    assert all(each["ms"] >= 0 and each["request"] for each in lines)
    assert secret not in serving.log.read_text()


async def test_figures_count_all_processes_of_a_server(serving):
    async with httpx.AsyncClient(base_url=serving.base) as client:
        for _ in range(10):
            await client.get("/health/live")
    text = httpx.get(f"{serving.base}/metrics").text
    counted = [
        float(each.rsplit(" ", 1)[1])
        for each in text.splitlines()
        if each.startswith("doorstep_request_seconds_count") and 'route="/health/live"' in each
    ]
    assert sum(counted) >= 10, serving.log.read_text()[-1500:]
    assert serving.figure("doorstep_worker_silent_seconds") == -1
    assert serving.figure("doorstep_door_turned_away") >= 0


async def test_a_new_version_takes_over_and_no_answer_is_lost(serving):
    stop, answers, closed = asyncio.Event(), list[int](), list[int]()

    async def ask() -> None:
        while not stop.is_set():
            async with httpx.AsyncClient(base_url=serving.base, timeout=20) as client:
                try:
                    answer = await client.get(READY)
                except (httpx.RemoteProtocolError, httpx.ReadError):
                    # A process that leaves closes a connection it has accepted and read nothing
                    # of; RFC 9112 9.3.1 lets a client repeat what is idempotent, and ours do.
                    closed.append(1)
                    answer = await client.get(READY)
                answers.append(answer.status_code)

    asking = [asyncio.create_task(ask()) for _ in range(6)]
    await asyncio.sleep(0.5)
    before = workers_of(serving.pid)
    os.kill(serving.pid, signal.SIGHUP)
    deadline = time.monotonic() + 60
    while workers_of(serving.pid) & before and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
    await asyncio.sleep(0.5)
    stop.set()
    await asyncio.gather(*asking)
    assert not workers_of(serving.pid) & before
    assert len(answers) > 50 and set(answers) == {200}
    # each asker may meet each leaving process in that instant once, no more
    assert len(closed) <= len(asking) * len(before)
