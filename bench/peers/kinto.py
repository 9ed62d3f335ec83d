"""Kinto over PostgreSQL: `/batch` of 200 PUTs, then pages of 1,000 by its own cursor."""

import gzip
import json
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import httpx

from bench import cpu
from bench.answers import answers as made
from runtime.processes import free_port
from storage import embedded

BATCH, PAGE = 200, 1_000
INI = """
[app:main]
use = egg:kinto
kinto.userid_hmac_secret = bench-only
kinto.storage_backend = kinto.core.storage.postgresql
kinto.storage_url = {url}
kinto.cache_backend = kinto.core.cache.postgresql
kinto.cache_url = {url}
kinto.permission_backend = kinto.core.permission.postgresql
kinto.permission_url = {url}
kinto.batch_max_requests = {batch}
kinto.paginate_by = {page}
multiauth.policies = basicauth
multiauth.policy.basicauth.use = kinto.core.authentication.BasicAuthAuthenticationPolicy
kinto.bucket_create_principals = system.Everyone
kinto.includes = kinto.plugins.default_bucket
[server:main]
use = egg:waitress#main
host = 127.0.0.1
port = {port}
"""


def run(peers: Path, folder: Path, *, answers: int) -> dict[str, Any]:
    """Installs it where it is not, then pushes and pulls."""
    environment = peers / "kinto"
    if not (environment / "bin" / "kinto").exists():
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        pip = [str(environment / "bin" / "pip"), "install", "-q", "kinto[postgresql]", "waitress"]
        subprocess.run(pip, check=True)
    cluster = embedded.start(folder / "postgres", durable=True)
    try:
        cluster.ensure_database("kinto")
        return _over(cluster, environment, folder, answers)
    finally:
        cluster.stop()
        embedded.remove(folder / "postgres")


def _over(cluster: Any, environment: Path, folder: Path, answers: int) -> dict[str, Any]:
    port = free_port()
    url = cluster.url("kinto").replace("postgresql+asyncpg", "postgresql")
    folder.mkdir(parents=True, exist_ok=True)
    ini = folder / "kinto.ini"
    ini.write_text(INI.format(url=url, batch=BATCH, page=PAGE, port=port))
    kinto = str(environment / "bin" / "kinto")
    subprocess.run([kinto, "migrate", "--ini", str(ini)], check=True, capture_output=True)
    server = subprocess.Popen(
        [kinto, "start", "--ini", str(ini), "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        base = f"http://127.0.0.1:{port}/v1"
        _wait(base)
        postmaster = int((cluster._data / "postmaster.pid").read_text().split()[0])
        return _measure(base, (server.pid, postmaster), answers)
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait(base: str) -> None:
    for _ in range(300):
        try:
            if httpx.get(base + "/", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError("Kinto does not answer")


def _measure(base: str, roots: tuple[int, int], answers: int) -> dict[str, Any]:
    path = "/buckets/default/collections/answers/records"
    with httpx.Client(auth=("bench", "bench"), timeout=300) as client:
        client.get(f"{base}/buckets/default/collections/answers").raise_for_status()
        requests = [
            {"method": "PUT", "path": f"{path}/{uuid.uuid4()}", "body": {"data": fields}}
            for fields in made(answers)
        ]
        bodies = [
            json.dumps({"requests": requests[at : at + BATCH]}).encode()
            for at in range(0, answers, BATCH)
        ]
        before, wall = cpu.seconds(*roots), time.perf_counter()
        headers = {"Content-Type": "application/json"}
        for body in bodies:
            client.post(f"{base}/batch", content=body, headers=headers).raise_for_status()
        push = cpu.seconds(*roots) - before
        push_wall = time.perf_counter() - wall
        before = cpu.seconds(*roots)
        pages, address = [], f"{base}{path}?_limit={PAGE}"
        while address:
            reply = client.get(address)
            reply.raise_for_status()
            pages.append(reply.content)
            address = reply.headers.get("Next-Page", "")
        pull = cpu.seconds(*roots) - before
    pulled = sum(len(json.loads(page)["data"]) for page in pages)
    if pulled != answers:
        raise RuntimeError(f"Kinto gave back {pulled} of {answers}")
    return {
        "push_per_cpu_second": round(answers / push),
        "push_per_second": round(answers / push_wall),
        "pull_per_cpu_second": round(answers / max(pull, 0.01)),
        "push_gzip_bytes_per_record": round(sum(len(gzip.compress(b)) for b in bodies) / answers),
        "pull_gzip_bytes_per_record": round(sum(len(gzip.compress(p)) for p in pages) / answers),
    }
