"""The reference tablet's file: whole whatever dies, and nobody's answer lost to another process."""

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest

from runtime import durable
from runtime.ambient import boot
from runtime.cli import main
from runtime.outbox import Held, Memory
from runtime.tablet import Tablet

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from runtime.tablet import Tablet
tablet = Tablet.open(Path(sys.argv[1]))
while True:
    tablet.create("note", {"text": "x"}, now=datetime.now(UTC))
    print(tablet.memory.next_n - 1, flush=True)
"""


@pytest.fixture
def tablet(tmp_path):
    """An install that was enrolled, with one visit."""
    memory = Memory(
        server="http://127.0.0.1:1", tablet=uuid4(), technician=uuid4(), access="a", refresh="r",
        boot=uuid4(), booted_at=NOW - timedelta(hours=1),
    )  # fmt: skip
    fields = {"template": "RES-INSP@2026.1", "state": "dispatched"}
    memory.records[str(uuid4())] = Held(kind="visit", version=1, fields=fields, versions={})
    made = Tablet(tmp_path / "t.json", memory)
    made.save()
    return made


def test_an_answer_saved_by_another_process_is_not_overwritten(tablet):
    (visit,) = tablet.memory.records
    screen, sending = Tablet.open(tablet.path), Tablet.open(tablet.path)
    screen.answer(visit, {"R12": "fail"}, now=NOW)
    sending.answer(visit, {"note": "x"}, now=NOW)
    screen.command(visit, "on_site", now=NOW)
    kept = Tablet.open(tablet.path).memory.outbox
    assert [(each.n, each.kind, each.fields) for each in kept] == [
        (1, "patch", {"R12": "fail"}),
        (2, "patch", {"note": "x"}),
        (3, "command", {}),
    ]


def test_many_hands_on_one_file_number_every_operation_once(tablet):
    (visit,) = tablet.memory.records

    def work():
        own = Tablet.open(tablet.path)
        for _ in range(15):
            own.answer(visit, {"note": "x"}, now=NOW)

    hands = [threading.Thread(target=work) for _ in range(4)]
    for each in hands:
        each.start()
    for each in hands:
        each.join()
    kept = Tablet.open(tablet.path).memory.outbox
    assert [each.n for each in kept] == list(range(1, 61))


def test_what_was_said_to_be_saved_is_there_after_kill_9(tablet):
    told = 0
    for wanted in (1, 4, 9, 20):
        command = [sys.executable, "-c", WRITER, str(tablet.path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(wanted):
                told = int(writer.stdout.readline())
            writer.kill()
            for line in writer.stdout:
                told = int(line)
        memory = Tablet.open(tablet.path).memory
        numbers = [each.n for each in memory.outbox]
        assert numbers == list(range(1, len(numbers) + 1))
        # one more may have been saved and not yet said
        assert len(numbers) - told in (0, 1)


def test_a_file_that_was_half_written_is_the_old_one(tmp_path):
    path = tmp_path / "f"
    durable.write(path, b"old")
    (tmp_path / "f.new").write_bytes(b"hal")
    assert path.read_bytes() == b"old"
    durable.write(path, b"new")
    assert (path.read_bytes(), (tmp_path / "f.new").exists()) == (b"new", False)


def test_the_same_photo_taken_twice_is_kept_once_and_whole(tablet):
    name = tablet.photo(b"a picture", media_type="image/jpeg")
    (tablet.path.with_suffix("") / name).write_bytes(b"a pic")
    assert tablet.photo(b"a picture", media_type="image/jpeg") == name
    (kept,) = tablet.memory.photos
    assert (tablet.path.with_suffix("") / name).read_bytes() == b"a picture"
    assert kept.sha256 == name


def test_uptime_is_the_machines_and_not_the_wall_clocks(tablet):
    (visit,) = tablet.memory.records
    key = uuid4()
    tablet.awake(key, timedelta(hours=5), now=NOW)
    tablet.answer(visit, {"note": "x"}, now=NOW)
    # somebody sets the clock eight hours back; a minute passes
    wrong = NOW - timedelta(hours=8)
    tablet.awake(key, timedelta(hours=5, minutes=1), now=wrong)
    tablet.answer(visit, {"note": "y"}, now=wrong)
    one, other = tablet.memory.outbox
    assert (one.boot, other.boot) == (key, key)
    assert other.uptime_ms - one.uptime_ms == 60_000


def test_this_machine_says_which_boot_it_is_in():
    one, other = boot(), boot()
    assert one is not None
    assert other is not None
    assert one[0] == other[0]
    assert timedelta(0) < one[1] <= other[1]


def test_the_command_line_keeps_what_is_made_on_the_spot(tablet, tmp_path, capsys):
    home, picture = uuid4(), tmp_path / "door.png"
    picture.write_bytes(b"a picture")
    file = str(tablet.path)
    assert main(["tablet", file, "make", "visit", "{}", "--premises", str(home),
                 "--template", "RES-INSP@2026.1"]) == 0  # fmt: skip
    visit = capsys.readouterr().out.strip()
    assert main(["tablet", file, "photo", str(picture), "--lane", "thumbnail"]) == 0
    name = capsys.readouterr().out.strip()
    said = msgspec.json.encode({"grade": "critical", "photos": [name]}).decode()
    assert main(["tablet", file, "make", "hazard", said, "--visit", visit]) == 0
    memory = Tablet.open(tablet.path).memory
    first, second = memory.outbox
    assert (str(first.record), first.premises, first.template) == (visit, home, "RES-INSP@2026.1")
    assert (str(second.visit), second.after) == (visit, [first.id])
    assert set(memory.urgent) == {visit, str(second.record)}
    assert [(each.sha256, each.lane) for each in memory.photos] == [(name, "thumbnail")]
    assert memory.boot == first.boot
