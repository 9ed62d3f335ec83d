"""Every route declares who may; every bad body is a problem with a code, and nothing answers
500."""

import gzip
import re
from datetime import timedelta

import msgspec
import pytest
import sqlalchemy as sa
import zstandard

from schemas.problems import PROBLEMS
from storage import migrate
from tests.api.conftest import enrolled, signed_in

STAFF = ("dispatcher", "agent", "auditor", "crew_lead")
OPEN = {
    ("GET", "/"),
    ("GET", "/board"),
    ("GET", "/board/{path}"),
    ("GET", "/field"),
    ("GET", "/field/{path}"),
    ("GET", "/track"),
    ("GET", "/track/{path}"),
    ("GET", "/assets/{path}"),
    ("GET", "/static/{path}"),
    ("GET", "/map/base.pmtiles"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
    ("GET", "/schema/openapi.json"),
    ("POST", "/api/v1/session"),
    ("POST", "/api/v1/session/refresh"),
    ("POST", "/api/v1/session/elsewhere"),
    ("POST", "/api/v1/session/returned"),
    ("POST", "/api/v1/devices/enrol"),
    ("GET", "/api/v1/track/{code}"),
    ("GET", "/api/v1/appointments/{link}"),
    ("POST", "/api/v1/appointments/{link}/confirm"),
    ("POST", "/api/v1/appointments/{link}/move"),
    ("GET", "/api/v1/appointments/{link}/calendar.ics"),
}
ID = "019aaaaa-0000-7000-8000-000000000001"


def operations(client):
    app = client._transport.app
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            for method in handler.http_methods - {"OPTIONS"}:
                yield method, route.path_format, handler


def filled(path):
    path = re.sub(r"\{(\w+_id|entry)\}", ID, path)
    return (
        path.replace("{day}", "2026-11-24")
        .replace("{sha256}", "0" * 64)
        .replace("{code}", "x")
        .replace("{ref}", "x")
        .replace("{year}", "2026")
        .replace("{version}", "v")
    )


async def test_every_route_declares_a_guard(client):
    bare = [
        (method, path)
        for method, path, handler in operations(client)
        if not handler.resolve_guards() and not path.startswith("/schema-internal")
    ]
    assert not bare, f"{bare}: say who may"


async def test_without_a_token_only_the_open_routes_answer(client):
    answered = set()
    for method, path, _ in operations(client):
        if path.startswith("/schema-internal"):
            continue
        reply = await client.request(method, filled(path))
        if reply.status_code != 401:
            answered.add((method, path))
    assert {each for each in answered if each[0] != "HEAD"} <= OPEN


async def test_every_route_with_every_principal_answers_and_never_with_a_failure(client):
    office = await signed_in(client, "dispatcher")
    day = (await client.get("/api/v1/days/2026-11-24", headers=office)).json()
    people = {name: await signed_in(client, name) for name in STAFF}
    people["tablet"] = await enrolled(client, day["technicians"][0]["id"])
    for name, headers in people.items():
        for method, path, _ in operations(client):
            if path.startswith("/schema-internal") or path == "/api/v1/session":
                continue
            reply = await client.request(method, filled(path), headers=headers)
            assert reply.status_code < 500, (name, method, path, reply.text)


async def test_a_tablet_may_not_read_the_office_and_the_office_may_not_push(client):
    office = await signed_in(client, "dispatcher")
    day = (await client.get("/api/v1/days/2026-11-24", headers=office)).json()
    tablet = await enrolled(client, day["technicians"][0]["id"])
    assert (await client.get("/api/v1/premises", headers=tablet)).status_code == 403
    assert (await client.post("/api/v1/sync", json={}, headers=office)).status_code == 403


JSON = {"content-type": "application/json"}
BODIES = [
    (b"", JSON, 400, "malformed_body"),
    (b"{", JSON, 400, "malformed_body"),
    (b"[" * 100_000, JSON, 422, "invalid_field"),
    (b'{"login": 1, "password": "x"}', JSON, 422, "invalid_field"),
    (b'{"login": "a", "password": "x", "role": "administrator"}', JSON, 422, "invalid_field"),
    (b'{"login": "\xff", "password": "x"}', JSON, 400, "malformed_body"),
    (b'{"login": "a\\u0000", "password": "x"}', JSON, 422, "invalid_field"),
    ('{"login": "a\u202e", "password": "x"}'.encode(), JSON, 422, "invalid_field"),
    (
        b'{"login": "a", "password": "x"}',
        {"content-type": "text/plain"},
        415,
        "unsupported_media_type",
    ),
    (b'{"login": "a", "password": "x"}', {}, 415, "unsupported_media_type"),
    (b"null", JSON, 422, "invalid_field"),
    (b'{"login": "", "password": "x"}', JSON, 422, "invalid_field"),
    (b"x" * (2 * 1024 * 1024 + 1), JSON, 413, "body_too_large"),
    (gzip.compress(b" " * 50_000_000), {**JSON, "content-encoding": "gzip"}, 413, "body_too_large"),
    (b"not gzip", {**JSON, "content-encoding": "gzip"}, 400, "malformed_body"),
    (b"not zstd", {**JSON, "content-encoding": "zstd"}, 400, "malformed_body"),
    (b"{}", {**JSON, "content-encoding": "br"}, 415, "unsupported_media_type"),
    (b'{"login": "a", "password": "x"}', JSON, 401, "sign_in_failed"),
]


@pytest.mark.parametrize("number", range(len(BODIES)))
async def test_a_bad_body_is_a_problem_with_a_code(client, number):
    content, headers, status, code = BODIES[number]
    reply = await client.post("/api/v1/session", content=content, headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["detail_zh"] == PROBLEMS[code].zh


QUERIES = [
    "limit=-1", "limit=1000000000000", "limit=x", "after=not-a-uuid", "status=" + "x" * 100,
]  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
async def test_a_bad_query_is_a_problem_and_paging_is_capped(client, query):
    office = await signed_in(client, "dispatcher")
    reply = await client.get(f"/api/v1/cases?{query}", headers=office)
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_field")


async def test_guessing_a_password_is_slowed_down(client):
    for _ in range(6):
        reply = await client.post(
            "/api/v1/session", json={"login": "dispatcher", "password": "wrong"}
        )
    assert reply.json()["code"] == "too_many_requests"
    assert int(reply.headers["retry-after"]) >= 1


async def test_an_enrolment_code_is_good_once(client):
    office = await signed_in(client, "dispatcher")
    day = (await client.get("/api/v1/days/2026-11-24", headers=office)).json()
    wish = {"technician": day["technicians"][0]["id"]}
    code = (await client.post("/api/v1/enrolment-codes", json=wish, headers=office)).json()["code"]
    body = {"code": code, "label": "t"}
    assert (await client.post("/api/v1/devices/enrol", json=body)).status_code == 201
    again = await client.post("/api/v1/devices/enrol", json=body)
    assert again.json()["code"] == "enrolment_failed"


async def renewed(client, tokens):
    return await client.post("/api/v1/session/refresh", json={"refresh": tokens["refresh"]})


async def cases_seen_with(client, tokens):
    headers = {"Authorization": f"Bearer {tokens['access']}"}
    return (await client.get("/api/v1/cases", headers=headers)).status_code


async def test_a_refresh_token_used_after_its_successor_revokes_everything(client, clock):
    wish = {"login": "agent", "password": "only-in-tests-1234"}
    first = (await client.post("/api/v1/session", json=wish)).json()
    second = (await renewed(client, first)).json()
    clock.at += timedelta(minutes=1)
    third = (await renewed(client, second)).json()
    assert await cases_seen_with(client, third) == 200
    assert (await renewed(client, first)).status_code == 401
    assert await cases_seen_with(client, third) == 401
    assert (await renewed(client, third)).status_code == 401


async def test_a_renewal_whose_answer_was_lost_locks_nobody_out(client):
    wish = {"login": "agent", "password": "only-in-tests-1234"}
    first = (await client.post("/api/v1/session", json=wish)).json()
    lost = (await renewed(client, first)).json()
    again = (await renewed(client, first)).json()
    assert await cases_seen_with(client, again) == 200
    # whoever holds the pair that was lost, on the way or to a thief, holds nothing
    assert await cases_seen_with(client, lost) == 401
    assert (await renewed(client, lost)).status_code == 401


async def test_the_document_names_every_route_with_its_body_and_its_problems(client):
    document = (await client.get("/schema/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    for method, path, handler in operations(client):
        if not handler.resolve_include_in_schema() or path.startswith("/schema"):
            continue
        operation = document["paths"][path][method.lower()]
        assert "503" in operation["responses"]
        assert ("requestBody" in operation) == ("body" in handler.opt), path
    assert document["components"]["schemas"]["SignIn"]["additionalProperties"] is False


async def test_a_request_by_hotline_becomes_a_case_with_its_clock(client):
    agent = await signed_in(client, "agent")
    account = (await client.get("/api/v1/premises?limit=1", headers=agent)).json()["items"][0]
    wish = {
        "kind": "repair",
        "channel": "hotline",
        "account": account["account"],
        "received_at": "2026-11-23T23:00:00+08:00",
        "description": "灶具打不着火",
    }
    case = (await client.post("/api/v1/cases", json=wish, headers=agent)).json()
    assert case["kind"] == "repair"
    assert case["commitments"][0]["due_at"] == "2026-11-24T15:00:00Z"
    assert len(case["work_orders"]) == 1
    smell = {**wish, "description": "厨房闻到臭味，报警器一直响"}
    assert (await client.post("/api/v1/cases", json=smell, headers=agent)).json()[
        "kind"
    ] == "emergency"
    naive = {**wish, "received_at": "2026-11-23T23:00:00"}
    reply = await client.post("/api/v1/cases", json=naive, headers=agent)
    assert reply.json()["code"] == "invalid_field"
    unknown = {**wish, "account": "nobody"}
    reply = await client.post("/api/v1/cases", json=unknown, headers=agent)
    assert reply.json()["code"] == "account_unknown"
    tracked = await client.get(f"/api/v1/track/{case['tracking_code']}")
    assert tracked.json()["commitments"][0]["clause"] == "12"


@pytest.mark.parametrize("encoding", ["zstd", "gzip"])
async def test_answers_are_compressed_as_the_client_can_read_them(client, encoding):
    headers = {"Accept-Encoding": encoding}
    reply = await client.send(
        client.build_request("GET", "/schema/openapi.json", headers=headers), stream=True
    )
    assert reply.headers["content-encoding"] == encoding
    raw = b"".join([chunk async for chunk in reply.aiter_raw()])
    whole = (
        gzip.decompress(raw)
        if encoding == "gzip"
        else zstandard.ZstdDecompressor().decompressobj().decompress(raw)
    )
    assert msgspec.json.decode(whole)["openapi"].startswith("3.1")
    assert len(raw) < len(whole) / 4


async def test_a_small_answer_is_sent_as_it_is(client):
    reply = await client.get("/health/live", headers={"Accept-Encoding": "zstd, gzip"})
    assert "content-encoding" not in reply.headers


@pytest.mark.parametrize(("found", "status"), [(migrate.HEAD, 200), ("a9999", 200), ("a0001", 503)])
async def test_an_old_process_is_ready_over_a_newer_schema_and_a_new_one_waits_for_its_own(
    client, region, found, status
):
    async with region.begin() as tx:
        await tx.execute(sa.text("UPDATE alembic_version SET version_num = :v"), {"v": found})
    reply = await client.get("/health/ready")
    assert reply.status_code == status, reply.text
    told = reply.json()
    assert told.get("schema", told.get("details", {}).get("found")) == found
    assert ("Retry-After" in reply.headers) is (status == 503)
