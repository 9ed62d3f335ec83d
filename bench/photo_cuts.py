"""How much of a photo is sent again when the link cuts it twenty times.

Protocol: a 5 MB photo goes up by tus in PATCHes that are cut after a random number of bytes, twenty
times; then the rest. Counted is every byte that was sent beyond the photo's own. The last line is
JSON; the goal is at most 20 × 256 KiB.

    python -m bench.photo_cuts
"""

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
from bench.serving import serving
from runtime.demo.work import picture

CUTS, BYTES = 20, 5_000_000
PIECE = {"Content-Type": "application/offset+octet-stream"}
GOAL = CUTS * 256 * 1024


def main() -> int:
    """Uploads one photo; 1 where too much was sent again."""
    with (
        tempfile.TemporaryDirectory() as name,
        serving(Path(name), lambda url: ours._seed(url, 1)) as served,
    ):
        figures = upload(served.port, served.seeded[1][0])
    print(json.dumps(figures))
    return 0 if figures["sent_again_bytes"] <= GOAL else 1


def upload(port: int, token: str) -> dict[str, Any]:
    """Twenty cut PATCHes, then one whole one."""
    dice = random.Random(7)
    head = picture(dice)
    content = head + dice.randbytes(BYTES - len(head))
    headers, announced = tus(token, content)
    base, sent = f"http://127.0.0.1:{port}", 0
    begun = httpx.post(f"{base}/api/v1/attachments", headers=announced)
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
        headers=headers | {"Upload-Offset": str(offset), **PIECE},
        timeout=60,
    )
    done.raise_for_status()
    return {
        "bytes": len(content),
        "cuts": CUTS,
        "sent_again_bytes": sent + len(rest) - len(content),
        "goal_bytes": GOAL,
    }


def tus(token: str, content: bytes) -> tuple[dict[str, str], dict[str, str]]:
    """What every request about a photo says, and what the one says that announces it."""
    pairs = {"sha256": hashlib.sha256(content).hexdigest(), "filetype": "image/jpeg"}
    metadata = ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in pairs.items())
    headers = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0"}
    return headers, headers | {"Upload-Length": str(len(content)), "Upload-Metadata": metadata}


class Upload:
    """A photo under way, for whoever wants to go on with it."""

    def __init__(self, path: str, headers: dict[str, str], *, content: bytes) -> None:
        self._path, self._headers, self._content = path, headers, content

    async def send(self, client: httpx.AsyncClient) -> int:
        """Goes on from where the server is; the status of its answer."""
        at = int((await client.head(self._path, headers=self._headers)).headers["Upload-Offset"])
        headers = self._headers | {"Upload-Offset": str(at), **PIECE}
        rest = self._content[at:]
        return (await client.patch(self._path, content=rest, headers=headers)).status_code


async def started(client: httpx.AsyncClient, base: str, token: str, *, size: int) -> Upload:
    """A photo that was announced and of which nothing was sent."""
    dice = random.Random(11)
    head = picture(dice)
    content = head + dice.randbytes(size - len(head))
    headers, announced = tus(token, content)
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
