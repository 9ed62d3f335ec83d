"""Every lawful transition, what an unlawful one means, and time as evidence."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from schemas.problems import Refusal
from schemas.sync import Operation, TabletClock
from storage import checklists
from sync import cursor, time
from sync.lifecycle import judge, passed
from sync.reading import Read, Unread, read_operation

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
BY_TECHNICIAN = sorted(each for each in checklists.transitions() if each[2] == "T")


@pytest.mark.parametrize(("source", "target", "role"), BY_TECHNICIAN)
def test_a_technicians_lawful_change_of_state_is_lawful(source, target, role):
    verdict = judge(checklists.transitions(), source, wanted=target, role=role)
    # a tablet may not schedule: the office does when it hears of the wish
    assert verdict in ("lawful", "unknown_state")
    assert (verdict == "unknown_state") == (target == "scheduled")


@pytest.mark.parametrize(
    ("state", "wanted", "verdict"),
    [
        ("cancelled", "field_done", "after_cancel"),
        ("closed", "field_done", "second_completion"),
        ("field_done", "no_access", "second_completion"),
        ("field_done", "field_done", "same"),
        ("dispatched", "field_done", "lawful"),
        ("in_progress", "accepted", "unlawful"),
        ("dispatched", "closed", "unknown_state"),
    ],
)
def test_what_a_tablets_word_means_in_another_state(state, wanted, verdict):
    assert judge(checklists.transitions(), state, wanted=wanted, role="T") == verdict


@pytest.mark.parametrize(
    ("state", "wanted", "past"),
    [
        ("on_site", "en_route", True),
        ("field_done", "in_progress", True),
        ("on_site", "on_site", False),
        ("en_route", "on_site", False),
        ("field_done", "no_access", False),
        ("cancelled", "on_site", False),
        ("suspended", "in_progress", False),
    ],
)
def test_of_two_the_later_says_no_more_than_the_first_on_the_way_to_the_work(state, wanted, past):
    assert passed(state, wanted=wanted) == past


def operation(**changes) -> Operation:
    given = {"id": uuid4(), "n": 1, "record": uuid4(), "kind": "command", "observed_at": NOW}
    return Operation(**{**given, **changes})


BOOT = uuid4()


def at_uptime(minutes, *, sent_at=NOW, heard=None) -> TabletClock:
    """Sent at an uptime; `heard` is an answer's server time and the uptime it came at."""
    at, came = heard or (None, None)
    return TabletClock(
        sent_at=sent_at,
        uptime_ms=minutes * 60_000,
        boot=BOOT,
        heard_at=at,
        heard_uptime_ms=None if came is None else came * 60_000,
    )


WRONG = NOW + timedelta(hours=8)


def test_within_one_boot_the_uptime_says_it_whatever_the_clock_was_set_to():
    later, clock = NOW + timedelta(hours=3), at_uptime(240, sent_at=WRONG, heard=(NOW, 60))
    boots = time.heard((), clock, received_at=later)
    said = operation(observed_at=WRONG, uptime_ms=90 * 60_000, boot=BOOT)
    found = time.corrected(said, clock, boots=boots, received_at=later)
    assert (found.at, found.trust) == (NOW + timedelta(minutes=30), "verified")


def test_a_message_that_was_days_under_way_does_not_move_what_was_true():
    boots = time.heard((), at_uptime(61, heard=(NOW, 60)), received_at=NOW + timedelta(minutes=1))
    said = operation(uptime_ms=65 * 60_000, boot=BOOT)
    late, clock = NOW + timedelta(days=2), at_uptime(70, heard=(NOW, 60))
    boots = time.heard(boots, clock, received_at=late)
    found = time.corrected(said, clock, boots=boots, received_at=late)
    assert (found.at, found.trust) == (NOW + timedelta(minutes=5), "verified")


def test_a_message_alone_proves_nothing_even_where_its_clock_happens_to_agree():
    # sent an hour ago with a clock that is an hour fast: it looks right, and is not
    boots = time.heard((), at_uptime(60, sent_at=NOW), received_at=NOW)
    said = operation(uptime_ms=60 * 60_000, boot=BOOT)
    assert time.corrected(said, at_uptime(60), boots=boots, received_at=NOW).trust == "skewed"


def test_an_answer_that_was_long_under_way_proves_nothing_either():
    asked = NOW - timedelta(hours=2)
    boots = time.heard((), at_uptime(60, heard=(asked, 59)), received_at=NOW)
    assert not boots[0].sure
    boots = time.heard(boots, at_uptime(62, heard=(NOW, 60)), received_at=NOW + timedelta(hours=5))
    assert boots[0].sure


def test_bounds_that_contradict_each_other_are_not_believed():
    # an answer that came later than the message after it: another install, or a lie
    boots = time.heard((), at_uptime(60, heard=(NOW, 10)), received_at=NOW)
    assert not boots[0].sure


def test_a_boot_in_which_the_tablet_was_never_heard_is_not_trusted_though_its_clock_is_right_now():
    clock = TabletClock(sent_at=NOW, uptime_ms=60_000, boot=uuid4())
    boots = time.heard((), clock, received_at=NOW)
    said = operation(observed_at=NOW - timedelta(days=5), uptime_ms=1, boot=uuid4())
    assert time.corrected(said, clock, boots=boots, received_at=NOW).trust == "unknown"


def test_a_clock_that_is_eight_hours_off_is_shifted_and_marked():
    clock = TabletClock(sent_at=NOW + timedelta(hours=8))
    said = operation(observed_at=NOW + timedelta(hours=7))
    found = time.corrected(said, clock, boots=(), received_at=NOW)
    assert (found.at, found.trust) == (NOW - timedelta(hours=1), "skewed")


def test_nothing_was_true_after_it_arrived():
    said = operation(observed_at=NOW + timedelta(days=7))
    clock = TabletClock(sent_at=NOW)
    assert time.corrected(said, clock, boots=(), received_at=NOW).at <= NOW


def test_without_a_word_about_its_clock_a_tablet_is_not_trusted():
    found = time.corrected(operation(), None, boots=(), received_at=NOW)
    assert found.trust == "unknown"


def test_only_the_latest_boots_are_remembered():
    boots = ()
    for n in range(12):
        clock = TabletClock(sent_at=NOW, uptime_ms=n, boot=uuid4())
        boots = time.heard(boots, clock, received_at=NOW)
    assert len(boots) == time.BOOTS_MAX
    assert boots[0].id == clock.boot


def test_a_cursor_comes_back_as_it_went():
    epoch, box = uuid4(), uuid4()
    for place in (cursor.Place(at=7, end=7), cursor.Place(at=7, end=9)):
        text = cursor.write(epoch, {box: place})
        assert cursor.read(text, epoch=epoch, mailboxes={box: 9}) == {box: place}


@pytest.mark.parametrize("forged", ["nonsense", "AAAA", "x" * 900])
def test_a_forged_cursor_is_refused(forged):
    with pytest.raises(Refusal, match="cursor_forged"):
        cursor.read(forged, epoch=uuid4(), mailboxes={uuid4(): 3})


def test_a_cursor_from_the_future_or_of_another_mailbox_is_refused():
    epoch, box = uuid4(), uuid4()
    for key, at, end in ((box, 99, 99), (box, 2, 99), (box, 3, 2), (uuid4(), 1, 1)):
        written = cursor.write(epoch, {key: cursor.Place(at=at, end=end)})
        with pytest.raises(Refusal, match="cursor_forged"):
            cursor.read(written, epoch=epoch, mailboxes={box: 3})


def test_a_cursor_of_another_epoch_says_so():
    with pytest.raises(Refusal, match="cursor_of_another_epoch"):
        cursor.read(cursor.write(uuid4(), {}), epoch=uuid4(), mailboxes={})


def test_a_delta_sends_only_what_is_newer_and_the_whole_when_unsure():
    versions = {"a": 1, "b": 4, "c": 6}
    trail = [30, 5, 12, 2]

    def newer(at, *, end=None):
        place = cursor.Place(at=at, end=end or at)
        return cursor.newer_fields(versions, cursor.seen_version(trail, place, position=40))

    assert newer(31) == ["c"]
    assert newer(12) == ["b", "c"]
    assert newer(3) is None


def test_a_reader_who_came_by_after_a_record_had_moved_on_has_not_seen_it_there():
    # it stood at 12 until it went to 30; the reader passed 12 when the mailbox ended at 35
    passed_late, passed_in_time = cursor.Place(at=20, end=35), cursor.Place(at=20, end=29)
    assert cursor.seen_version([30, 5, 12, 2], passed_late, position=40) is None
    assert cursor.seen_version([30, 5, 12, 2], passed_in_time, position=40) == 2


GOOD = (
    b'{"id":"019aaaaa-0000-7000-8000-000000000001","n":1,'
    b'"record":"019aaaaa-0000-7000-8000-000000000002","kind":"patch",'
    b'"observed_at":"2026-11-24T08:00:00+08:00","fields":{"note":"x"}}'
)


def test_a_sound_operation_is_read_and_named_by_its_contents():
    read = read_operation(GOOD)
    assert isinstance(read, Read)
    assert read.payload_hash == read_operation(GOOD.replace(b":1,", b": 1,")).payload_hash


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"+08:00", b"", "operation_malformed"),
        (b'"n":1', b'"n":"1"', "operation_malformed"),
        (b'"n":1', b'"n":0', "operation_malformed"),
        (b'"note":"x"', b'"note":' + b"[" * 5000, "operation_malformed"),
        (b'"note":"x"', b'"note":"\\u0000"', "text_unseemly"),
        (b'"note":"x"', '"note":"\u202e"'.encode(), "text_unseemly"),
        (b"2026-11", b"9998-11", "time_impossible"),
        (b'"kind":"patch"', b'"kind":"patch","role":"admin"', "operation_malformed"),
        (b'"note":"x"', b'"note":"' + b"x" * 70_000 + b'"', "operation_too_large"),
        (b'"note":"x"', b'"note":"\xff"', "operation_malformed"),
    ],
)
def test_a_malformed_operation_is_told_apart_and_keeps_its_id_where_it_can(old, new, code):
    read = read_operation(GOOD.replace(old, new))
    assert isinstance(read, Unread)
    assert read.code == code
