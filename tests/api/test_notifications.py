"""What leaves the house: gathered once, signed, retried, and never sent where it should not go."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from runtime import notify, server
from runtime.ambient import fixed
from runtime.server_commands import add_staff
from runtime.settings import Settings
from schemas.problems import Refusal
from storage import health, personal, sealing
from storage.engine import make_engine
from storage.tables import account, customer, outbox
from tests.api.conftest import EVENING, PASSWORD, UNIT, signed_in


class Receiver:
    """Another system: keeps what it heard, and answers what it is told to answer."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.status = 200
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.heard.append((headers, body))
        writer.write(
            f"HTTP/1.1 {self.status} X\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    serving = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    made.port = serving.sockets[0].getsockname()[1]
    yield made
    serving.close()


@pytest.fixture
def sender(receiver: Receiver, tmp_path: Path) -> notify.Sender:
    hosts = f"http://127.0.0.1:{receiver.port}"
    return server.sender(Settings(state=str(tmp_path / "state"), webhook_hosts=hosts))


@pytest.fixture
async def told(client, region, receiver, tmp_path, monkeypatch) -> dict:
    """A webhook for everything, named by an administrator."""
    async with region.begin() as tx:
        await add_staff(tx, UNIT, password=PASSWORD)
        boss = sa.update(account).where(account.c.login == "supervisor")
        await tx.execute(boss.values(role="administrator"))
        await tx.execute(sa.update(customer).values(phone="13900000000"))
    app = client._transport.app
    hosts = f"http://127.0.0.1:{receiver.port}"
    made = server.webhooks(Settings(state=str(tmp_path / "state"), webhook_hosts=hosts))
    given = app.state.services
    app.state.services = type(given)(
        **{**{n: getattr(given, n) for n in given.__struct_fields__}, "webhooks": made}
    )
    office = await signed_in(client, "supervisor")
    wish = {"url": f"{hosts}/hook", "kinds": ["visit.booked", "commitment.at_risk"]}
    reply = await client.post("/api/v1/webhooks", json=wish, headers=office)
    assert reply.status_code == 201, reply.text
    return {**reply.json(), "office": office}


async def test_a_booked_visit_is_told_once_by_sms_and_signed_by_webhook(
    region, told, receiver, sender, tmp_path
):
    while await notify.notify(region, sender, ambient=fixed(EVENING)):
        pass
    async with region.connect() as tx:
        rows = (await tx.execute(sa.select(outbox))).all()
    assert rows and all(row.sent_at for row in rows)
    texts = [json.loads(line) for line in (tmp_path / "state/notifications/sms.jsonl").open("rb")]
    booked = [row for row in rows if row.kind == "visit.booked" and row.receiver == "sms"]
    assert len(texts) == len({each["id"] for each in texts}) == len(booked) > 0
    assert all("已安排在" in each["text"] and "地址" not in each["text"] for each in texts)
    assert len(receiver.heard) == len(rows) - len(booked)
    headers, body = receiver.heard[0]
    key = base64.b64decode(told["secret"].removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"].lower() == f"v1,{expected}".lower()
    assert json.loads(body)["data"]["visit"]
    before = len(receiver.heard)
    assert await notify.notify(region, sender, ambient=fixed(EVENING)) == 0
    assert len(receiver.heard) == before


async def test_who_has_no_number_is_not_said_to_have_been_told(region, client, told, sender):
    async with region.begin() as tx:
        await tx.execute(sa.update(customer).values(phone=None))
    while await notify.notify(region, sender, ambient=fixed(EVENING)):
        pass
    async with region.connect() as tx:
        texts = (await tx.execute(sa.select(outbox).where(outbox.c.receiver == "sms"))).all()
        figures = await health.figures(tx, now=EVENING)
    assert texts and all(row.sent_at is None and row.gave_up_at for row in texts)
    assert {row.last_error for row in texts} == {"no_number"}
    assert figures["notifications_without_number_a_day"] == len(texts)
    assert figures["notifications_given_up_a_day"] == 0
    listed = await client.get("/api/v1/notifications?limit=500", headers=told["office"])
    assert "no_number" in {each["last_error"] for each in listed.json()["items"]}
    # asked again it is not tried again, and in a month it is forgotten
    assert await notify.notify(region, sender, ambient=fixed(EVENING + timedelta(days=1))) == 0
    async with region.begin() as tx:
        await personal.purge(tx, EVENING + timedelta(days=31))
        left = await tx.scalar(sa.select(sa.func.count()).where(outbox.c.receiver == "sms"))
    assert left == 0


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_a_receiver_that_does_not_take_it_is_asked_again_later_and_given_up_at_last(
    region, client, told, receiver, sender, status
):
    receiver.status = status
    at, attempts = EVENING, 0
    for wait in (*notify.WAITS, timedelta(0)):
        while await notify.notify(region, sender, ambient=fixed(at)):
            pass
        attempts += 1
        at += wait + timedelta(seconds=1)
    async with region.connect() as tx:
        found = outbox.c.receiver == told["id"]
        rows = (await tx.execute(sa.select(outbox).where(found))).all()
    booked = [row for row in rows if row.created_at == EVENING]
    assert booked
    for row in booked:
        assert row.sent_at is None and row.gave_up_at is not None
        assert (row.attempts, row.last_error) == (attempts, f"answered {status}")
    page = await client.get("/api/v1/notifications?limit=500", headers=told["office"])
    shown = {each["id"]: each for each in page.json()["items"]}
    assert shown[str(booked[0].id)]["last_error"] == f"answered {status}"


async def test_a_sealed_number_is_opened_for_the_gateway_alone(
    region, database_url, told, sender, tmp_path
):
    ring = sealing.Ring(keys=(sealing.Key(name="k1", secret=b"k" * 32),))
    engine = make_engine(database_url, ring=ring)
    async with engine.begin() as tx:
        while await sealing.reseal(tx, "customer", column="phone"):
            pass
        assert (await tx.scalar(sa.select(customer.c.phone).limit(1))).startswith("sealed:")
    await notify.notify(engine, sender, ambient=fixed(EVENING))
    await engine.dispose()
    lines = (tmp_path / "state/notifications/sms.jsonl").read_text().splitlines()
    assert lines and {json.loads(line)["to"] for line in lines} == {"13900000000"}


async def test_two_workers_send_each_notification_once(region, told, receiver, sender):
    async def all_of_it() -> None:
        while await notify.notify(region, sender, ambient=fixed(EVENING)):
            pass

    await asyncio.gather(*(all_of_it() for _ in range(4)))
    ids = [headers["webhook-id"] for headers, _ in receiver.heard]
    assert len(ids) == len(set(ids)) > 0


async def test_an_ended_receiver_hears_no_more(region, client, told, receiver, sender):
    await notify.notify(region, sender, ambient=fixed(EVENING))
    heard = len(receiver.heard)
    path = f"/api/v1/webhooks/{told['id']}"
    assert (await client.delete(path, headers=told["office"])).status_code == 204
    while await notify.notify(region, sender, ambient=fixed(EVENING)):
        pass
    assert len(receiver.heard) == heard
    listed = (await client.get("/api/v1/webhooks", headers=told["office"])).json()
    assert listed[0]["ended_at"] is not None


@pytest.mark.parametrize("login", ["dispatcher", "agent", "auditor"])
async def test_only_administration_names_receivers(client, told, login):
    other = await signed_in(client, login)
    for method, path in (("GET", "/webhooks"), ("POST", "/webhooks"), ("GET", "/notifications")):
        reply = await client.request(method, f"/api/v1{path}", headers=other, json={})
        assert (reply.status_code, reply.json()["code"]) == (403, "not_allowed")


async def test_a_target_off_the_list_is_refused_and_nothing_is_kept(client, told):
    wish = {"url": "https://evil.example/x", "kinds": ["visit.booked"]}
    reply = await client.post("/api/v1/webhooks", json=wish, headers=told["office"])
    assert (reply.status_code, reply.json()["code"]) == (422, "webhook_target")
    assert len((await client.get("/api/v1/webhooks", headers=told["office"])).json()) == 1


def test_only_hosts_of_the_installations_list_are_receivers():
    with pytest.raises(Refusal, match="webhook_target"):
        server.webhooks(Settings(webhook_hosts="a.example")).judge("https://b.example/")


def test_every_receiver_has_a_secret_of_its_own():
    first, second = (notify.secret_of(b"root", UUID(int=n)) for n in (1, 2))
    assert first != second and len(first) == 32


async def test_a_number_that_does_not_open_and_a_gateway_that_breaks_keep_no_other_news_back(
    region, told, receiver, sender
):
    class Broken:
        async def send(self, phone: str, text: str, *, key: UUID) -> None:
            raise RuntimeError(phone)

    async with region.begin() as tx:
        some = sa.select(customer.c.id).limit(150)
        lost = sa.update(customer).where(customer.c.id.in_(some))
        await tx.execute(lost.values(phone="sealed:lost:AAAA"))
    broken = notify.Sender(
        gateway=Broken(), client=sender.client, secret=sender.secret, hosts=sender.hosts
    )
    while await notify.notify(region, broken, ambient=fixed(EVENING)):
        pass
    async with region.connect() as tx:
        rows = (await tx.execute(sa.select(outbox))).all()
    assert {row.last_error for row in rows if row.receiver == "sms"} == {
        "RuntimeError", "sealed_shut: ",
    }  # fmt: skip
    assert all(row.sent_at for row in rows if row.receiver == told["id"])
