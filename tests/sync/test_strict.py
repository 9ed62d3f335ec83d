"""One text means one thing: nothing is said twice, and an id is written one way."""

from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.strict import crooked_id, said_twice
from sync.reading import Read, Unread, read_operation

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.floats(width=32)
    .filter(lambda each: each == each and abs(each) != float("inf")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def written(value: Any, *, twice: bool, space: str) -> str:
    """The value as JSON with a space of one's own; in `twice` every object says one key again."""
    if isinstance(value, dict):
        pairs = [
            f"{msgspec.json.encode(key).decode()}{space}:{written(each, twice=twice, space=space)}"
            for key, each in value.items()
        ]
        return "{" + ",".join(pairs + pairs[:1] * twice) + "}"
    if isinstance(value, list):
        return "[" + ",".join(written(each, twice=twice, space=space) for each in value) + "]"
    return msgspec.json.encode(value).decode()


def objects(value: Any) -> int:
    if isinstance(value, dict):
        return bool(value) + sum(map(objects, value.values()))
    return sum(map(objects, value)) if isinstance(value, list) else 0


@given(values, st.booleans(), st.sampled_from(["", " ", "\t", "\n"]))
def test_a_key_is_said_twice_where_it_is_and_nowhere_else(value, twice, space):
    text = written(value, twice=twice, space=space).encode()
    assert said_twice(text) == (twice and objects(value) > 0)


@given(values)
def test_what_messagepack_holds_once_is_not_held_twice(value):
    raw = msgspec.msgpack.encode(value)
    assert not said_twice(raw, "msgpack")
    # the same with a number written longer than it need be, and a real in four bytes
    longer = b"\x92" + raw + b"\xca\x00\x00\x00\x00"
    assert not said_twice(longer, "msgpack")
    assert said_twice(b"\x92" + raw + b"\x82\xa1a\x01\xa1a\x02", "msgpack")


@pytest.mark.parametrize("colon", [b"\\u003a", b"\\u003A", b":"])
def test_a_colon_within_a_text_is_no_key(colon):
    assert not said_twice(b'{"a":"\\"' + colon + b'"}')
    assert said_twice(b'{"a":"\\"' + colon + b'","a":1}')


class Shape(msgspec.Struct):
    id: UUID
    note: str = ""
    of: dict[UUID, int] = {}
    more: list[UUID] = []


ID = "019aaaaa-0000-7000-8000-00000000000f"


@pytest.mark.parametrize(
    ("body", "crooked"),
    [
        ({"id": ID}, False),
        ({"id": ID.upper()}, True),
        ({"id": ID.replace("-", "")}, True),
        ({"id": ID[:-1] + "F"}, True),
        ({"id": ID, "note": ID.upper()}, False),
        ({"id": ID, "note": "x", "of": {ID.upper(): 1}}, True),
        ({"id": ID, "of": {ID: 1, ID.upper(): 2}}, True),
        ({"id": ID, "more": [ID, ID.upper()]}, True),
    ],
)
def test_an_id_is_written_one_way_and_a_text_as_anybody_likes(body, crooked):
    for form, module in (("json", msgspec.json), ("msgpack", msgspec.msgpack)):
        raw = module.encode(body)
        assert crooked_id(module.decode(raw, type=Shape), raw, form=form) == crooked


OPERATION = {
    "id": ID, "n": 1, "record": "019aaaaa-0000-7000-8000-000000000001", "kind": "create",
    "record_kind": "note", "observed_at": "2026-11-24T00:00:00Z", "fields": {"text": "门口有狗"},
}  # fmt: skip


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_an_operation_in_capitals_is_put_aside_under_its_id(form):
    encode = msgspec.json.encode if form == "json" else msgspec.msgpack.encode
    assert isinstance(read_operation(encode(OPERATION), form=form), Read)
    aside = read_operation(encode({**OPERATION, "id": ID.upper()}), form=form)
    assert isinstance(aside, Unread)
    assert (aside.code, aside.id) == ("operation_malformed", UUID(ID))


def test_keys_that_say_nothing_new_hide_no_key_that_is_said_twice():
    raw = msgspec.json.encode({**OPERATION, "visit": None, "after": []})
    assert isinstance(read_operation(raw), Read)
    twice = msgspec.json.encode(OPERATION).replace(b'"n":1', b'"n":1,"visit":null,"visit":null')
    assert isinstance(read_operation(twice), Unread)


def test_an_operation_that_says_a_field_twice_is_put_aside():
    raw = msgspec.json.encode(OPERATION).replace(b'{"text":', b'{"text":"no","text":')
    aside = read_operation(raw)
    assert isinstance(aside, Unread) and aside.code == "operation_malformed"
