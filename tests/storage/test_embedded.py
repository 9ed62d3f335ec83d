"""The embedded server belongs to whoever uses it: nobody stops it under another, none is left over."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import embedded

USES = """
import sys, time
from pathlib import Path
from storage import embedded
embedded.start(Path(sys.argv[1]), durable=False)
print("up", flush=True)
time.sleep(120)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    memory = Path("/dev/shm")
    place = (memory if memory.is_dir() else tmp_path) / f"doorstep-own-{os.getpid()}"
    yield place
    embedded.remove(place)


def another_user(folder: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", USES, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdout.readline().strip() == "up"
    return child


def test_the_last_user_to_leave_stops_the_server(folder: Path):
    first, second = (embedded.start(folder, durable=False) for _ in range(2))
    first.stop()
    assert second.running()
    second.stop()
    assert not second.running()


def test_a_user_that_was_killed_no_longer_counts(folder: Path):
    killed = another_user(folder)
    mine = embedded.start(folder, durable=False)
    killed.kill()
    killed.wait()
    assert mine.running()
    mine.stop()
    assert not mine.running()


def test_after_the_server_was_killed_a_start_brings_one_that_answers(folder: Path):
    first = embedded.start(folder, durable=False)
    identity = folder / "data" / "postmaster.pid"
    os.kill(int(identity.read_text().splitlines()[0]), signal.SIGKILL)
    second = embedded.start(folder, durable=False)
    assert second.running()
    second.ensure_database("after")
    first.stop()
    assert second.running()
    second.stop()
    time.sleep(0.1)
    assert not identity.exists()
