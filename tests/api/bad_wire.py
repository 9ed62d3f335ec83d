"""Bad input of any interface: what plain frameworks answer by a failure, or take and should not.

One line each: name → who, method, path, body or bytes, headers, status, code. `CASE` and the like
stand for things that are there; see test_bad_input.py.
"""

import gzip
import json

import zstandard

JSON = {"content-type": "application/json"}
WISH = {
    "kind": "repair", "channel": "hotline", "account": "ACCOUNT",
    "received_at": "2026-11-23T23:00:00+08:00",
}  # fmt: skip
ASSIGN = {"technician": "TECHNICIAN", "starts_at": "2026-11-24T09:00:00+08:00", "version": 1}
BIG = 2 * 1024 * 1024
RAW = json.dumps({**WISH, "description": "TEXT"})


def cases(content, status, code, **headers):
    """An intake by an agent."""
    given = {**JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return "agent", "POST", "/cases", content, given, status, code


def wish(status=422, code="invalid_field", **changed):
    return cases({**WISH, **changed}, status, code)


def told(text, status=422, code="invalid_field"):
    """The intake with raw text in the middle of a sentence."""
    raw = RAW.encode().replace(b"TEXT", text if isinstance(text, bytes) else text.encode())
    return cases(raw, status, code)


def assigned(**changed):
    body = {**ASSIGN, **changed}
    return "dispatcher", "POST", "/visits/VISIT/assign", body, JSON, 422, "invalid_field"


def got(path, status=422, code="invalid_field", who="dispatcher"):
    return who, "GET", path, None, {}, status, code


def packed(content, encoding, status=400, code="malformed_body"):
    return cases(content, status, code, content_encoding=encoding)


TRUNCATED = gzip.compress(RAW.encode())[:-9]
ZSTD = zstandard.compress(RAW.encode())

WIRE = {
    # bytes that are no JSON
    "an empty body": cases(b"", 400, "malformed_body"),
    "half a body": cases(b'{"kind":', 400, "malformed_body"),
    "two bodies": cases(RAW.encode() * 2, 400, "malformed_body"),
    "a trailing comma": cases(b'{"kind": "repair",}', 400, "malformed_body"),
    "single quotes": cases(b"{'kind': 'repair'}", 400, "malformed_body"),
    "a byte order mark": cases(b"\xef\xbb\xbf" + RAW.encode(), 400, "malformed_body"),
    "UTF-16": cases(RAW.encode("utf-16"), 400, "malformed_body"),
    "invalid UTF-8 in a string": told(b"\xff", 400, "malformed_body"),
    "overlong UTF-8": told(b"\xc0\xaf", 400, "malformed_body"),
    "a surrogate in UTF-8": told(b"\xed\xa0\x80", 400, "malformed_body"),
    "half an escaped surrogate": told("\\ud800", 400, "malformed_body"),
    "a line break within a string": told("a\nb", 400, "malformed_body"),
    "NaN": (
        "dispatcher", "POST", "/plans", b'{"day": "2026-11-25", "seconds": NaN}', JSON, 400,
        "malformed_body",
    ),
    "a plan of the year 9999": (
        "dispatcher", "POST", "/plans", {"day": "9999-12-31"}, JSON, 422, "invalid_field",
    ),
    "lists 100,000 deep": cases(b"[" * 100_000, 422, "invalid_field"),
    "facts 100,000 deep": cases(
        RAW.replace('"TEXT"', '"x", "facts": {"a": ' + "[" * 100_000).encode(), 422,
        "invalid_field",
    ),
    "a session 100,000 deep": (
        "nobody", "POST", "/session", b'{"login":' * 100_000, JSON, 422, "invalid_field",
    ),
    # shapes
    "null": cases(b"null", 422, "invalid_field"),
    "a list for an object": cases(b"[]", 422, "invalid_field"),
    "a number for an object": cases(b"1", 422, "invalid_field"),
    "a missing field": cases({"kind": "repair"}, 422, "invalid_field"),
    "an unknown field": wish(colour="red"),
    "a role that somebody gives oneself": wish(role="administrator"),
    "a unit that somebody gives oneself": wish(unit_id="another"),
    "null for what is required": wish(account=None),
    "a number for a text": wish(account=1),
    "a list for a text": wish(account=["1"]),
    "an unknown word of a list": wish(kind="gossip"),
    "a word of the list in capitals": wish(kind="REPAIR"),
    "an empty name": wish(account=""),
    # texts
    "a NUL": told("a\\u0000b"),
    "a raw NUL": told("a\0b", 422, "invalid_field"),
    "text that runs backwards": told("a\u202eb"),
    "escaped text that runs backwards": told("a\\u202eb"),
    "an isolate": told("a\u2066b"),
    "a text of a million letters": wish(description="x" * 1_000_000),
    "a reason of spaces": (
        "dispatcher", "POST", "/visits/VISIT/cancel", {"reason": "  \t "}, JSON, 422,
        "invalid_field",
    ),
    "a reason of ideographic spaces": (
        "dispatcher", "POST", "/visits/VISIT/cancel", {"reason": "\u3000\u3000"}, JSON, 422,
        "invalid_field",
    ),
    # instants and days
    "an instant without a zone": wish(received_at="2026-11-23T23:00:00"),
    "a day for an instant": wish(received_at="2026-11-23"),
    "seconds for an instant": wish(received_at=1_764_000_000),
    "digits for an instant": wish(received_at="1764000000"),
    "a word for an instant": wish(received_at="yesterday"),
    "the year 0": wish(received_at="0000-01-01T00:00:00Z"),
    "out of range after the shift, late": wish(received_at="9999-12-31T23:59:59-14:00"),
    "out of range after the shift, early": wish(received_at="0001-01-01T00:00:00+14:00"),
    "the year 9000": wish(received_at="9000-01-01T00:00:00Z"),
    "the 25th hour": wish(received_at="2026-11-23T25:00:00Z"),
    "a zone of 99 hours": wish(received_at="2026-11-23T23:00:00+99:00"),
    "the 30th of February": wish(received_at="2026-02-30T00:00:00Z"),
    # numbers
    "text for a number": assigned(version="1"),
    "yes for a number": assigned(version=True),
    "half a number": assigned(version=1.5),
    "a number beyond the column": assigned(version=10**30),
    "a number just beyond the column": assigned(version=2**63),
    "nothing for a number": assigned(version=None),
    "a number that is no text": assigned(technician=1),
    "an id that is none": assigned(technician="x"),
    "an id in capitals": assigned(technician="019AAAAA-0000-7000-8000-000000000001"),
    "an id in braces": assigned(technician="{019aaaaa-0000-7000-8000-000000000001}"),
    "an id without hyphens": assigned(technician="019aaaaa000070008000000000000001"),
    "an id in escaped capitals": (
        "dispatcher", "POST", "/enrolment-codes",
        b'{"technician": "019\\u0041aaaa-0000-7000-8000-000000000001"}', JSON, 422, "invalid_field",
    ),
    # what two readers of one body would understand in two ways
    "a key twice": cases(RAW.encode()[:-1] + b', "kind": "inspection"}', 422, "invalid_field"),
    "a key twice, once escaped": cases(
        RAW.encode()[:-1] + b', "k\\u0069nd": "inspection"}', 422, "invalid_field"),
    "a key twice with spaces": cases(
        RAW.encode()[:-1] + b', "kind"  : "repair"}', 422, "invalid_field"),
    "a key twice within": cases(
        RAW.encode()[:-1] + b', "facts": {"a": 1, "a": 2}}', 422, "invalid_field"),
    "a key twice in MessagePack": cases(
        b"\x82\xa4kind\xa6repair\xa4kind\xa6repair", 422, "invalid_field",
        content_type="application/msgpack"),

    # kinds of content
    "JSON under text/plain": cases(RAW.encode(), 415, "unsupported_media_type",
        content_type="text/plain"),
    "JSON under nothing": (
        "agent", "POST", "/cases", RAW.encode(), {}, 415, "unsupported_media_type",
    ),
    "a form": cases(b"kind=repair", 415, "unsupported_media_type",
        content_type="application/x-www-form-urlencoded"),
    "a multipart without the field": cases(b"--x--", 415, "unsupported_media_type",
        content_type="multipart/form-data; boundary=x"),
    "XML": cases(b"<a/>", 415, "unsupported_media_type", content_type="application/xml"),
    "MessagePack that is JSON": cases(RAW.encode(), 422, "invalid_field",
        content_type="application/msgpack"),
    "MessagePack that ends": cases(b"\x8a", 400, "malformed_body",
        content_type="application/msgpack"),
    "a body of more than 2 MiB": cases(b"x" * (BIG + 1), 413, "body_too_large"),
    "half a gzip": packed(TRUNCATED, "gzip"),
    "no gzip": packed(RAW.encode(), "gzip"),
    "a gzip bomb": packed(gzip.compress(b" " * 50_000_000), "gzip", 413, "body_too_large"),
    "half a zstd": packed(ZSTD[:-6], "zstd"),
    "no zstd": packed(RAW.encode(), "zstd"),
    "a zstd bomb": packed(zstandard.compress(b" " * 500_000_000), "zstd", 413, "body_too_large"),
    "brotli": packed(b"x", "br", 415, "unsupported_media_type"),
    "gzip twice": packed(b"x", "gzip, gzip", 415, "unsupported_media_type"),
    # queries and paths
    "limit -1": got("/cases?limit=-1"),
    "limit 0": got("/cases?limit=0"),
    "limit 501": got("/cases?limit=501"),
    "limit 10^12": got("/cases?limit=1000000000000"),
    "limit 10^40": got("/cases?limit=1" + "0" * 40),
    "limit x": got("/cases?limit=x"),
    "limit 1.5": got("/cases?limit=1.5"),
    "an empty limit": got("/cases?limit="),
    "after that is no id": got("/cases?after=x"),
    "a huge since": got("/audit?after=9223372036854775808", who="auditor"),
    "a negative since": got("/audit?after=-1", who="auditor"),
    "a NUL in a query": got("/cases?status=a%00b"),
    "a query of 61 letters": got("/cases?status=" + "x" * 61),
    "a page of 3 bytes": got("/sync/changes?budget_bytes=3", who="tablet"),
    "receipts from -1": got("/sync/receipts?from=-1", who="tablet"),
    "after in capitals": got("/cases?after=019AAAAA-0000-7000-8000-000000000001"),
    "a path in capitals": got("/cases/019AAAAA-0000-7000-8000-000000000001", 404, "not_found"),
    "a path without hyphens": got("/cases/019aaaaa000070008000000000000001", 404, "not_found"),
    "a path that is no id": got("/cases/x", 404, "not_found"),
    "a day that is none": got("/days/2026-13-41", 404, "not_found"),
    "the parent folder": got("/attachments/..%2f..%2fetc%2fpasswd", 404, "not_found"),
    "a template of the parent folder": got("/templates/..%2f..%2fsecret@1", 404, "not_found"),
    "a NUL in a path": got("/track/a%00b", 404, "not_found", who="nobody"),
    "a path of 4,000 letters": got("/track/" + "x" * 4_000, 404, "not_found", who="nobody"),
    "nothing by that name": got("/nothing", 404, "not_found"),
    "a method that is not offered": (
        "dispatcher", "PUT", "/cases", b"{}", JSON, 405, "method_not_allowed",
    ),
    # who
    "nobody": got("/cases", 401, "not_signed_in", who="nobody"),
    "a token that is none": got("/cases", 401, "not_signed_in", who="x" * 43),
    "a token of 10,000 letters": got("/cases", 401, "not_signed_in", who="x" * 10_000),
    "an empty token": got("/cases", 401, "not_signed_in", who=""),
}  # fmt: skip
