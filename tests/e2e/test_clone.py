"""A fresh clone runs soon, once the packages that it needs are cached on the machine."""

import os
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from runtime import processes
from tests.e2e.conftest import ROOT, figure

PATIENCE_SECONDS = 540


def face_of(base: str) -> str:
    """The board's page, once it is served."""
    try:
        return httpx.get(f"{base}/board/", timeout=5).text
    except httpx.TransportError:
        return ""


def test_a_clone_is_running_with_its_faces_by_one_word(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("NEEDS the repository: this is a copy of its files")
    begun = time.monotonic()
    subprocess.run(["git", "clone", "-q", str(ROOT), str(tmp_path / "clone")], check=True)
    port = processes.free_port()
    given = {
        k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "DATABASE", "DOORSTEP"))
    }
    with (tmp_path / "log").open("wb") as log:
        child = subprocess.Popen(
            ["make", "run"],
            cwd=tmp_path / "clone",
            env={**given, "DOORSTEP_PORT": str(port)},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while "<script" not in face_of(f"http://127.0.0.1:{port}"):
            assert child.poll() is None, (tmp_path / "log").read_text("utf-8")[-2000:]
            assert time.monotonic() - begun < PATIENCE_SECONDS
            time.sleep(0.2)
        took = time.monotonic() - begun
    finally:
        os.killpg(child.pid, signal.SIGINT)
        child.wait(timeout=60)
    figure(f"clone to running: {took:.0f} s (goal ≤ 90)")
