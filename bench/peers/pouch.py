"""pouchdb-server on LevelDB, spoken to by PouchDB's own replicator from an empty memory store."""

import json
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

import httpx

from bench import cpu
from bench.answers import answers as made
from runtime.processes import free_port

BATCH, PAGE = 200, 1_000
PACKAGES = ("pouchdb-server@4", "pouchdb-core@7", "pouchdb-adapter-memory@7",
            "pouchdb-adapter-http@7", "pouchdb-replication@7")  # fmt: skip
SCRIPT = Path(__file__).with_name("replicate.mjs")


def run(peers: Path, folder: Path, *, answers: int) -> dict[str, Any]:
    """Installs it where it is not, then replicates there and back."""
    home = peers / "pouch"
    if not (home / "node_modules" / "pouchdb-replication").exists():
        home.mkdir(parents=True, exist_ok=True)
        (home / "package.json").write_text("{}")
        subprocess.run(["npm", "install", "--silent", *PACKAGES], cwd=home, check=True)
    folder.mkdir(parents=True)
    port = free_port()
    server = subprocess.Popen(
        [str(home / "node_modules" / ".bin" / "pouchdb-server"), "--port", str(port),
         "--dir", str(folder), "--config", str(folder / "config.json"), "--no-stdout-logs"],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        base = f"http://127.0.0.1:{port}/answers"
        _wait(base)
        docs = [{"_id": str(uuid.uuid4()), **fields} for fields in made(answers)]
        (folder / "answers.json").write_text(json.dumps(docs))
        push = _replicate(home, "push", base, batch=BATCH, server=server.pid)
        pull = _replicate(home, "pull", base, batch=PAGE, server=server.pid)
        if (push["written"], pull["written"]) != (answers, answers):
            raise RuntimeError(f"pouchdb-server took {push} and gave {pull}")
    finally:
        server.terminate()
        server.wait(timeout=20)
    return {
        "push_per_cpu_second": round(answers / push["cpu"]),
        "pull_per_cpu_second": round(answers / pull["cpu"]),
        "push_per_second": round(answers / push["wall"]),
    }


def _wait(base: str) -> None:
    for _ in range(300):
        try:
            if httpx.put(base, timeout=5).status_code in (201, 412):
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError("pouchdb-server does not answer")


def _replicate(home: Path, way: str, base: str, *, batch: int, server: int) -> dict[str, Any]:
    file = Path(f"/proc/{server}/cwd").resolve() / "answers.json"
    client = subprocess.Popen(
        ["node", str(SCRIPT), way, base, str(file), str(batch)],
        cwd=home, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert client.stdin is not None
    assert client.stdout is not None
    if client.stdout.readline().strip() != "ready":
        raise RuntimeError("the replicator did not start")
    before, wall = cpu.seconds(server), time.perf_counter()
    client.stdin.write("go\n")
    client.stdin.flush()
    told: dict[str, Any] = json.loads(client.stdout.readline())
    told |= {"cpu": cpu.seconds(server) - before, "wall": time.perf_counter() - wall}
    client.wait(timeout=60)
    return told
