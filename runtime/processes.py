"""Starts servers and workers as processes of their own, waits until they answer, and stops them."""

import os
import signal
import socket
import subprocess  # starts this very program  # nosec B404
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from schemas.problems import Refusal

READY_SECONDS_MAX = 90
STOP_SECONDS_MAX = 15
LOG_BYTES_MAX = 10 * 2**20
FOLLOWS = "DOORSTEP_FOLLOWS_PARENT"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def process(
    word: str, environment: Mapping[str, str], *, log: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """`doorstep WORD` for as long as the block runs; what it logs goes into a file, if one is
    named, begun anew when it has grown large."""
    target = _opened(log)
    child = subprocess.Popen(  # nosec B603
        [sys.executable, "-m", "runtime.cli", word],
        env={**os.environ, **environment, FOLLOWS: "1"},
        stdout=subprocess.DEVNULL,
        stderr=target if not os.environ.get("DOORSTEP_TRACE") else None,
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    if target != subprocess.DEVNULL:
        os.close(target)
    try:
        yield child
    finally:
        stop(child)


def _opened(log: Path | None) -> int:
    if log is None:
        return subprocess.DEVNULL
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_suffix(".old"))
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def follow_parent() -> None:
    """Ends this process in order once the one that started it is gone, however that one ended.

    The parent holds the other end of standard input and never writes: the system closes it for a
    process that was killed, too.
    """
    if os.environ.get(FOLLOWS):
        threading.Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    # not sys.stdin: its lock, held here, would stop the server's own forked workers
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def stop(child: subprocess.Popen[bytes]) -> None:
    """Asks a process and its children to stop, and insists after a while."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if child.poll() is not None:
            return
        try:
            os.killpg(child.pid, sign)
            child.wait(timeout=STOP_SECONDS_MAX)
        except (subprocess.TimeoutExpired, ProcessLookupError):
            continue


def wait_until_ready(port: int, child: subprocess.Popen[bytes]) -> None:
    """Returns once the server answers that it is ready."""
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline and child.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise Refusal("unavailable", part="server", exit=child.poll())
