"""The catalogue of bad input: each line is refused with exactly its status and code, and none by a
failure."""

import base64
import hashlib
import re

import pytest

from schemas.problems import PROBLEMS
from tests.api.bad_domain import DOMAIN
from tests.api.bad_wire import WIRE
from tests.api.conftest import enrolled, signed_in

LEAKS = re.compile(
    r"SELECT|asyncpg|sqlalchemy|Traceback|/work/|\.py\b|site-packages|postgres", re.I
)


class Table:
    """Everybody signed in, and what the words of a line stand for."""

    def __init__(self, client):
        self.client, self.headers, self.words = client, {"nobody": {}}, {}

    async def prepare(self):
        for name in ("dispatcher", "agent", "supervisor", "auditor"):
            self.headers[name] = await signed_in(self.client, name)
        office = self.headers["dispatcher"]
        day = (await self.client.get("/api/v1/days/2026-11-24", headers=office)).json()
        person = next(each for each in day["technicians"] if each["stops"])
        tablet = await enrolled(self.client, person["id"])
        self.headers["tablet"] = {"Authorization": tablet["Authorization"]}
        homes = (await self.client.get("/api/v1/premises?limit=1", headers=office)).json()["items"]
        visit = person["stops"][0]["visit"]
        self.words = {
            "ACCOUNT": homes[0]["account"], "TECHNICIAN": person["id"], "VISIT": visit,
            "TABLET": tablet["tablet"], "PREMISES": homes[0]["id"],
        }  # fmt: skip

    def filled(self, value):
        if isinstance(value, str):
            return re.sub("|".join(self.words), lambda found: self.words[found[0]], value)
        if isinstance(value, bytes) and len(value) < 100_000:
            return re.sub(
                "|".join(self.words).encode(), lambda f: self.words[f[0].decode()].encode(), value
            )
        if isinstance(value, dict):
            return {key: self.filled(each) for key, each in value.items()}
        return [self.filled(each) for each in value] if isinstance(value, list) else value

    async def wrong(self, name, line):
        """What is not as the line says, or None."""
        who, method, path, body, headers, status, code = line
        token = {"Authorization": f"Bearer {who}"}
        given = {**headers, **self.headers.get(who, token)}
        how = {"json": self.filled(body)} if isinstance(body, dict | list) else {
            "content": self.filled(body)
        }  # fmt: skip
        reply = await self.client.request(
            method, "/api/v1" + self.filled(path), headers=given, **how
        )
        said = reply.json() if reply.content else {}
        found = (reply.status_code, said.get("code") if isinstance(said, dict) else None)
        if found != (status, code):
            return f"{name}: {found} for {(status, code)}  {reply.text[:160]}"
        whole = said["type"].endswith(code) and said["detail_zh"] == PROBLEMS[code].zh
        if not whole or LEAKS.search(reply.text):
            return f"{name}: {reply.text[:200]}"
        return None


@pytest.mark.parametrize("catalogue", [WIRE, DOMAIN], ids=["of any interface", "of our domain"])
async def test_bad_input_is_refused_with_exactly_its_status_and_code(client, catalogue):
    table = Table(client)
    await table.prepare()
    wrong = [said for name, line in catalogue.items() if (said := await table.wrong(name, line))]
    assert not wrong, "\n".join(["", *wrong])


def test_the_catalogue_is_as_long_as_it_has_to_be():
    assert len(WIRE) >= 73 and len(DOMAIN) >= 60
    for _, _, _, _, _, status, code in [*WIRE.values(), *DOMAIN.values()]:
        assert PROBLEMS[code].status == status < 500


PIXEL_BOMB = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
    + (60_000).to_bytes(4, "big") * 2
    + b"\x08\x02\x00\x00\x00"
)
FILES = [
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png", 415, "photo_type"),
    (b"<html><script>alert(1)</script></html>", "image/jpeg", 415, "photo_type"),
    (b"%PDF-1.7", "image/jpeg", 415, "photo_type"),
    (b"PK\x03\x04", "image/webp", 415, "photo_type"),
    (b"GIF89a" + b"\0" * 40, "image/png", 415, "photo_type"),
    (PIXEL_BOMB + b"\0" * 60, "image/png", 422, "photo_dimensions"),
    (b"\xff\xd8\xff", "image/jpeg", 415, "photo_type"),
]


@pytest.mark.parametrize("at", range(len(FILES)))
async def test_an_upload_is_judged_by_its_bytes(client, at):
    content, kind, status, code = FILES[at]
    table = Table(client)
    await table.prepare()
    digest = hashlib.sha256(content).hexdigest()
    meta = ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}"
        for name, value in (("sha256", digest), ("filetype", kind))
    )
    begun = await client.post(
        "/api/v1/attachments",
        headers={
            **table.headers["tablet"], "Upload-Length": str(len(content)), "Upload-Metadata": meta,
        },
    )  # fmt: skip
    assert begun.status_code == 201, begun.text
    reply = await client.patch(
        begun.headers["location"],
        content=content,
        headers={
            **table.headers["tablet"], "Upload-Offset": "0",
            "Content-Type": "application/offset+octet-stream",
        },
    )  # fmt: skip
    assert (reply.status_code, reply.json()["code"]) == (status, code)
