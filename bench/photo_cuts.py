"""How much of a photo is sent again when the link cuts it twenty times.

Protocol: a 5 MB photo goes up by tus in PATCHes that are cut after a random number of bytes, twenty
times; then the rest. Counted is every byte that was sent beyond the photo's own. The last line is
JSON; the goal is at most 20 × 256 KiB.

    python -m bench.photo_cuts
"""

import asyncio
import base64
import hashlib
import json
import random
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx

from bench import sync_ours as ours
from runtime import processes
from runtime.demo.work import picture
from storage import embedded, migrate

CUTS, BYTES = 20, 5_000_000
GOAL = CUTS * 256 * 1024


def main() -> int:
    """Uploads one photo; 1 where too much was sent again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cluster = embedded.start(folder / "postgres", durable=True)
        try:
            cluster.ensure_database("photo")
            url = cluster.url("photo")
            asyncio.run(migrate.upgrade(url))
            _, tokens = asyncio.run(ours._seed(url, 1))
            port = processes.free_port()
            environment = {
                "DATABASE_URL": url, "DOORSTEP_PORT": str(port), "DOORSTEP_STATE": name,
            }  # fmt: skip
            with processes.process("serve", environment) as child:
                processes.wait_until_ready(port, child)
                figures = upload(port, tokens[0])
        finally:
            cluster.stop()
            embedded.remove(folder / "postgres")
    print(json.dumps(figures))
    return 0 if figures["sent_again_bytes"] <= GOAL else 1


def upload(port: int, token: str) -> dict[str, Any]:
    """Twenty cut PATCHes, then one whole one."""
    dice = random.Random(7)
    head = picture(dice)
    content = head + dice.randbytes(BYTES - len(head))
    sha256 = hashlib.sha256(content).hexdigest()
    pairs = {"sha256": sha256, "filetype": "image/jpeg"}
    metadata = ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in pairs.items())
    headers = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0"}
    base, sent = f"http://127.0.0.1:{port}", 0
    begun = httpx.post(
        f"{base}/api/v1/attachments",
        headers=headers | {"Upload-Length": str(len(content)), "Upload-Metadata": metadata},
    )
    begun.raise_for_status()
    path = begun.headers["Location"]
    for _ in range(CUTS):
        offset = _offset(base + path, headers)
        size = min(dice.randint(20_000, 400_000), len(content) - offset)
        _cut(port, path, headers, content[offset:], offset=offset, after=size)
        sent += size
    offset = _offset(base + path, headers)
    rest = content[offset:]
    done = httpx.patch(
        base + path,
        content=rest,
        headers=headers
        | {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"},
        timeout=60,
    )
    done.raise_for_status()
    return {
        "bytes": len(content),
        "cuts": CUTS,
        "sent_again_bytes": sent + len(rest) - len(content),
        "goal_bytes": GOAL,
    }


class Upload:
    """A photo under way, for whoever wants to go on with it."""

    def __init__(self, path: str, headers: dict[str, str], *, content: bytes) -> None:
        self._path, self._headers, self._content = path, headers, content

    async def send(self, client: httpx.AsyncClient) -> int:
        """Goes on from where the server is; the status of its answer."""
        at = int((await client.head(self._path, headers=self._headers)).headers["Upload-Offset"])
        headers = self._headers | {
            "Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream",
        }  # fmt: skip
        rest = self._content[at:]
        return (await client.patch(self._path, content=rest, headers=headers)).status_code


async def started(client: httpx.AsyncClient, base: str, token: str, *, size: int) -> Upload:
    """A photo that was announced and of which nothing was sent."""
    dice = random.Random(11)
    head = picture(dice)
    content = head + dice.randbytes(size - len(head))
    pairs = {"sha256": hashlib.sha256(content).hexdigest(), "filetype": "image/jpeg"}
    metadata = ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in pairs.items())
    headers = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0"}
    announced = headers | {"Upload-Length": str(size), "Upload-Metadata": metadata}
    begun = await client.post(f"{base}/attachments", headers=announced)
    begun.raise_for_status()
    root = base.removesuffix("/api/v1")
    return Upload(root + begun.headers["Location"], headers, content=content)


def _offset(address: str, headers: dict[str, str]) -> int:
    return int(httpx.head(address, headers=headers).headers["Upload-Offset"])


def _cut(
    port: int, path: str, headers: dict[str, str], content: bytes, *, offset: int, after: int
) -> None:
    lines = [
        f"PATCH {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {len(content)}",
        f"Upload-Offset: {offset}", "Content-Type: application/offset+octet-stream",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]  # fmt: skip
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + content[:after])


if __name__ == "__main__":
    sys.exit(main())
