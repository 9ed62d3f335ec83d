"""The bad input of issue 3, case by case: its exact answer, and whatever else was sent goes on."""

import base64
import gzip
import hashlib
import json
import random
from datetime import datetime
from uuid import UUID, uuid4

import pytest
import zstandard
from sqlalchemy import text

from runtime.demo.work import picture
from sync import cursor
from tests.api.conftest import enrolled
from tests.api.test_tablets_over_http import inspection, operation, sync

BIG = 2 * 1024 * 1024
NEXT = -1
"""Stands for the tablet's next number."""


def bad(**given):
    """A patch of the visit with something wrong in it."""
    return lambda scene: {**operation(scene.visit, NEXT, fields={"R12": "fail"}), **given}


def answers(**fields):
    return bad(fields=fields)


OPERATIONS = {
    "an unknown checklist": (bad(template="RES-INSP@2031.7"), "quarantined", "template_unknown"),
    "a checklist that is no name": (bad(template="../x"), "quarantined", "operation_malformed"),
    "an unknown item": (answers(R99="pass"), "quarantined", "item_unknown"),
    "a record that is not here": (
        bad(record="019aaaaa-0000-7000-8000-000000000001"), "held", "waits_for_predecessor"),
    "a record that is no id": (bad(record="x"), "quarantined", "operation_malformed"),
    "an unknown field": (bad(colour="red"), "quarantined", "operation_malformed"),
    "a missing field": (
        lambda s: {k: v for k, v in operation(s.visit, NEXT).items() if k != "kind"},
        "quarantined", "operation_malformed"),
    "nothing answered": (bad(fields={}), "quarantined", "fields_missing"),
    "an unknown kind": (bad(kind="burn"), "quarantined", "operation_malformed"),
    "an unknown state": (
        bad(kind="command", command="teleported"), "quarantined", "state_unknown"),
    "a number where a word belongs": (answers(R12=7), "quarantined", "answer_type"),
    "a word where a number belongs": (answers(R07="many"), "quarantined", "answer_type"),
    "an answer outside its options": (answers(R12="perhaps"), "quarantined", "answer_option"),
    "one of several outside the options": (
        answers(R09=["ok", "shiny"]), "quarantined", "answer_option"),
    "a number beyond 2**53": (answers(R07=1e300), "quarantined", "number_too_large"),
    "a text that runs backwards": (answers(note="a\u202eb"), "quarantined", "text_unseemly"),
    "64 KiB and more": (
        answers(**{f"R{n:02}": "x" * 4_000 for n in range(20)}), "quarantined",
        "operation_too_large"),
    "somebody else's visit": (lambda s: operation(
        s.foreign, NEXT, fields={"R12": "fail"}), "quarantined", "not_yours"),
    "a home that is not there": (bad(
        record=str(uuid4()), kind="create", premises=str(uuid4())), "quarantined",
        "premises_unknown"),
    "the same id, other contents": (
        lambda s: {**s.first, "fields": {"note": "another"}}, "quarantined", "id_reused"),
    "the same id, the same contents": (lambda s: s.first, "duplicate", "applied"),
    "a gap in n": (lambda s: s.skipping(7), "applied", None),
    "the number 0": (bad(n=0), "quarantined", "operation_malformed"),
    "a time without a zone": (
        bad(observed_at="2026-11-24T12:00:00"), "quarantined", "operation_malformed"),
    "the year 1969": (
        bad(observed_at="1969-12-31T00:00:00Z"), "quarantined", "time_impossible"),
    "the year 9000": (bad(observed_at="9000-01-01T00:00:00Z"), "quarantined", "time_impossible"),
    "1970": (bad(observed_at="1970-01-01T00:00:00Z"), "applied", None),
    "next week": (bad(observed_at="2026-12-01T12:00:00+08:00"), "applied", None),
    "a word and no object": (lambda s: "fail", "quarantined", "operation_malformed"),
}  # fmt: skip
"""What is sent in the middle of good ones, and what becomes of it."""


class Scene:
    """A tablet with a visit, and one that is somebody else's."""

    def __init__(self, client, region):
        self.client, self.region, self.n = client, region, 0

    async def begin(self):
        office, day, person, self.tablet, stop, self.answer = await inspection(self.client)
        self.visit = stop["visit"]
        others = [each for each in day["technicians"] if each["id"] != person["id"]]
        other = next(each for each in others if each["stops"])
        self.foreign = other["stops"][0]["visit"]
        self.other = await enrolled(self.client, other["id"])
        self.first = self.good()
        await sync(self.client, self.tablet, [self.first])
        return self

    def good(self):
        self.n += 1
        return operation(self.visit, self.n, fields={"note": f"good {self.n}"})

    def skipping(self, count):
        self.n += count
        return self.good()

    def numbered(self, made):
        """The line's own number, or the next one."""
        if isinstance(made, dict) and made["n"] == NEXT:
            self.n += 1
            return {**made, "n": self.n}
        return made

    async def post(self, content, **headers):
        given = {"content-type": "application/json"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(
            "/api/v1/sync", content=content, headers={**self.tablet, **given}
        )

    async def held(self, key):
        async with self.region.connect() as tx:
            found = await tx.execute(text("SELECT * FROM operation WHERE id = :k"), {"k": key})
            return found.mappings().one_or_none()


@pytest.fixture
async def scene(client, region):
    return await Scene(client, region).begin()


def told(outcome):
    return outcome["outcome"], outcome.get("code")


async def test_each_bad_operation_gets_its_own_outcome_and_its_neighbours_are_applied(scene):
    wrong = []
    for name, (make, outcome, code) in OPERATIONS.items():
        before, made, after = scene.good(), scene.numbered(make(scene)), scene.good()
        reply = await sync(scene.client, scene.tablet, [before, made, after])
        found = [told(each) for each in reply.json()["outcomes"]]
        if (reply.status_code, found) != (
            200, [("applied", None), (outcome, code), ("applied", None)],
        ):  # fmt: skip
            wrong.append(f"{name}: {reply.status_code} {found} for {(outcome, code)}")
    assert not wrong, "\n".join(["", *wrong])


async def test_a_number_that_was_used_is_taken_and_from_then_on_nothing_is_taken_back(scene):
    said = [operation(scene.visit, 1, fields={"R12": word}) for word in ("fail", "pass")]
    reply = await sync(scene.client, scene.tablet, said)
    assert [told(each) for each in reply.json()["outcomes"]] == [
        ("applied", None),
        ("conflict", "severity_max"),
    ]


async def test_a_bad_clock_proves_nothing_and_moves_nothing_into_the_future(scene):
    for at in ("1970-01-01T00:00:00Z", "2026-12-01T12:00:00+08:00"):
        said = operation(scene.visit, scene.n + 1, fields={"note": at}, observed_at=at)
        scene.n += 1
        await sync(scene.client, scene.tablet, [said])
        row = await scene.held(said["id"])
        assert row["trust"] != "verified"
        assert row["corrected_at"] <= row["received_at"]
        assert row["observed_at"] == datetime.fromisoformat(at)


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


BODIES = {
    "half a body": (lambda raw: (raw[: len(raw) // 2], {}), 400, "malformed_body"),
    "a body with a byte in front": (lambda raw: (b"\0" + raw, {}), 400, "malformed_body"),
    "half a gzip": (
        lambda raw: (gzip.compress(raw)[:-9], {"content_encoding": "gzip"}), 400,
        "malformed_body"),
    "a gzip with a flipped byte": (
        lambda raw: (flipped(gzip.compress(raw)), {"content_encoding": "gzip"}), 400,
        "malformed_body"),
    "half a zstd": (
        lambda raw: (zstandard.compress(raw)[:-6], {"content_encoding": "zstd"}), 400,
        "malformed_body"),
    "more than 2 MiB": (lambda raw: (raw + b" " * BIG, {}), 413, "body_too_large"),
    "a gzip bomb": (
        lambda raw: (gzip.compress(raw + b" " * 50_000_000), {"content_encoding": "gzip"}), 413,
        "body_too_large"),
    "a zstd bomb": (
        lambda raw: (
            zstandard.compress(raw + b" " * 300_000_000), {"content_encoding": "zstd"}), 413,
        "body_too_large"),
    "half a MessagePack": (
        lambda raw: (b"\x8a", {"content_type": "application/msgpack"}), 400, "malformed_body"),
    "lists 100,000 deep": (lambda raw: (b"[" * 100_000, {}), 422, "invalid_field"),
}  # fmt: skip
"""What a link or an attacker makes of a good body."""


async def test_a_bad_body_is_refused_whole_and_leaves_nothing(scene):
    wrong, said = [], scene.good()
    raw = json.dumps({"operations": [said]}).encode()
    for name, (spoilt, status, code) in BODIES.items():
        content, headers = spoilt(raw)
        reply = await scene.post(content, **headers)
        if (reply.status_code, reply.json().get("code")) != (status, code):
            wrong.append(f"{name}: {reply.status_code} {reply.text[:120]}")
        if await scene.held(said["id"]) is not None:
            wrong.append(f"{name}: left something")
    assert not wrong, "\n".join(["", *wrong])
    reply = await scene.post(raw)
    assert [told(each) for each in reply.json()["outcomes"]] == [("applied", None)]


async def cursors(scene):
    """Cursors that are not this tablet's, by what is wrong with them."""
    async with scene.region.connect() as tx:
        epoch = await tx.scalar(text("SELECT epoch FROM server_epoch"))
    theirs = (await sync(scene.client, scene.other)).json()["cursor"]
    mine = cursor.of_epoch(scene.answer["cursor"], epoch)
    places = {UUID(bytes=key): at for key, at in mine.positions.items()}
    ahead = {key: cursor.Place(at=at + 10**6, end=at + 10**6) for key, at in places.items()}
    here = {key: cursor.Place(at=at, end=at) for key, at in places.items()}
    return {
        "forged": ("forged", 400, "cursor_forged"),
        "with a letter changed": ("A" + scene.answer["cursor"][1:], 400, "cursor_forged"),
        "of another mailbox": (theirs, 400, "cursor_forged"),
        "from the future": (cursor.write(epoch, ahead), 400, "cursor_forged"),
        "of another epoch": (cursor.write(uuid4(), here), 409, "cursor_of_another_epoch"),
    }


async def test_a_bad_cursor_is_refused_and_no_operation_beside_it_is_lost(scene):
    wrong = []
    for name, (given, status, code) in (await cursors(scene)).items():
        said = scene.good()
        reply = await sync(scene.client, scene.tablet, [said], given)
        if (reply.status_code, reply.json().get("code")) != (status, code):
            wrong.append(f"{name}: {reply.status_code} {reply.text[:120]}")
        page = await scene.client.get(
            "/api/v1/sync/changes", params={"cursor": given}, headers=scene.tablet
        )
        if (page.status_code, page.json().get("code")) != (status, code):
            wrong.append(f"{name}, a page: {page.status_code} {page.text[:120]}")
        again = (await sync(scene.client, scene.tablet, [said])).json()["outcomes"]
        if [told(each) for each in again] not in (
            [("duplicate", "applied")], [("applied", None)],
        ):  # fmt: skip
            wrong.append(f"{name}, sent again: {again}")
    assert not wrong, "\n".join(["", *wrong])


PHOTO = picture(random.Random(4))
SCRIPT = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
PHOTOS = {
    "of no bytes": (b"", None, 422, "invalid_field"),
    "60,000 by 60,000": (
        PNG + (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00" + b"\0" * 60, None, 422,
        "photo_dimensions"),
    "an SVG with a script": (SCRIPT, None, 415, "photo_type"),
    "a script that says it is a GIF": (b"GIF89a=1;alert(1)", None, 415, "photo_type"),
    "a page with a photo in it": (b"<html>" + PHOTO, None, 415, "photo_type"),
    "a JPEG in name only": (b"\xff\xd8\xff" + SCRIPT, None, 415, "photo_type"),
    "other bytes than declared": (PHOTO, "0" * 64, 422, "hash_mismatch"),
}  # fmt: skip


async def upload(scene, content, digest=None):
    """One photo in one piece; the answer that ended it."""
    said = (digest or hashlib.sha256(content).hexdigest()).encode()
    meta = f"sha256 {base64.b64encode(said).decode()}"
    headers = {**scene.tablet, "Upload-Length": str(len(content)), "Upload-Metadata": meta}
    begun = await scene.client.post("/api/v1/attachments", headers=headers)
    if begun.status_code != 201:
        return begun
    more = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    return await scene.client.patch(
        begun.headers["location"], content=content, headers={**scene.tablet, **more}
    )


async def test_a_bad_photo_is_refused_by_its_bytes_and_the_others_go_on(scene):
    wrong = []
    for name, (content, digest, status, code) in PHOTOS.items():
        reply = await upload(scene, content, digest)
        if (reply.status_code, reply.json().get("code")) != (status, code):
            wrong.append(f"{name}: {reply.status_code} {reply.text[:120]}")
    assert not wrong, "\n".join(["", *wrong])
    assert (await upload(scene, PHOTO)).status_code == 204


async def test_a_photo_with_a_page_behind_it_is_only_ever_shown_as_a_photo(scene):
    polyglot = PHOTO + b"<html><script>alert(1)</script></html>"
    assert (await upload(scene, polyglot)).status_code == 204
    digest = hashlib.sha256(polyglot).hexdigest()
    said = operation(scene.visit, scene.n + 1, fields={"R02.photos": [digest]})
    await sync(scene.client, scene.tablet, [said])
    shown = await scene.client.get(f"/api/v1/attachments/{digest}", headers=scene.tablet)
    assert shown.status_code == 200
    assert shown.headers["content-type"] == "image/png"
    assert shown.headers["x-content-type-options"] == "nosniff"
