"""The live channel: who may listen, what is told, and who is dropped."""

import asyncio
import json

import httpx
import pytest
from sqlalchemy import text

from api import live, live_routes
from api.live import Notifier, Watcher, changed
from api.turnstile import Rates
from storage import scope
from storage.rates import Rate
from tests.api.conftest import DAY, PASSWORD, enrolled, signed_in
from tests.api.test_tablets_over_http import inspection, operation, sync


class Talk:
    """A WebSocket to the application without a network."""

    def __init__(self, app) -> None:
        self.app = app
        self.to_app: asyncio.Queue = asyncio.Queue()
        self.from_app: asyncio.Queue = asyncio.Queue()
        self.stuck = False
        scope_of_it = {
            "type": "websocket", "path": "/api/v1/live", "raw_path": b"/api/v1/live",
            "query_string": b"", "root_path": "", "headers": [(b"host", b"doorstep")],
            "scheme": "ws", "subprotocols": [], "client": ("127.0.0.1", 1),
            "server": ("doorstep", 80), "extensions": {}, "http_version": "1.1",
        }  # fmt: skip
        self.task = asyncio.create_task(app(scope_of_it, self.to_app.get, self._send))
        self.to_app.put_nowait({"type": "websocket.connect"})

    async def _send(self, message) -> None:
        if self.stuck and message["type"] == "websocket.send":
            await asyncio.sleep(3600)
        self.from_app.put_nowait(message)

    def say(self, words: str) -> None:
        self.to_app.put_nowait({"type": "websocket.receive", "text": words, "bytes": None})

    async def hear(self, seconds: float = 10):
        message = await asyncio.wait_for(self.from_app.get(), timeout=seconds)
        if message["type"] == "websocket.accept":
            return await self.hear(seconds)
        if message["type"] == "websocket.close":
            return message["code"]
        return json.loads(message.get("text") or message["bytes"])

    async def end(self) -> None:
        self.to_app.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await asyncio.wait_for(self.task, timeout=10)


async def token_of(client: httpx.AsyncClient, login: str) -> str:
    reply = await client.post("/api/v1/session", json={"login": login, "password": PASSWORD})
    return reply.json()["access"]


async def listening(client: httpx.AsyncClient) -> Talk:
    talk = Talk(client._transport.app)
    talk.say(json.dumps({"token": await token_of(client, "dispatcher")}))
    assert await talk.hear() == {"topics": []}
    return talk


async def test_a_push_of_a_tablet_is_told_to_an_open_board(client):
    _, _, _, tablet, stop, first = await inspection(client)
    talk = await listening(client)
    await asyncio.sleep(1.2)  # the notifier has looked once
    await sync(
        client, tablet, [operation(stop["visit"], 1, fields={"R12": "pass"})], first["cursor"]
    )
    told = set()
    while "day" not in told:
        told |= set((await talk.hear())["topics"])
    await talk.end()
    assert client._transport.app.state.notifier._watchers == set()


@pytest.mark.parametrize(
    "words", ["", "{", '{"token": "x"}', '{"token": "' + "a" * 43 + '"}', "[1]"]
)
async def test_without_a_token_of_staff_the_channel_closes(client, words):
    talk = Talk(client._transport.app)
    talk.say(words)
    assert await talk.hear() == live_routes.NOT_SIGNED_IN


async def test_a_tablet_may_not_listen_to_the_office(client):
    office = await signed_in(client, "dispatcher")
    day = (await client.get(f"/api/v1/days/{DAY}", headers=office)).json()
    tablet = await enrolled(client, day["technicians"][0]["id"])
    talk = Talk(client._transport.app)
    talk.say(json.dumps({"token": tablet["Authorization"].split()[1]}))
    assert await talk.hear() == live_routes.NOT_ALLOWED


async def test_a_client_that_says_nothing_is_not_waited_for(client, monkeypatch):
    monkeypatch.setattr(live_routes, "HELLO_SECONDS_MAX", 0.1)
    assert await Talk(client._transport.app).hear() == live_routes.NOT_SIGNED_IN


async def test_strangers_on_the_channel_are_counted_by_address_like_any_other(client, clock):
    use = client._transport.app.state.services
    use.turnstile._rates = Rates(address=Rate(burst=3, per_second=0.01))
    for _ in range(3):
        talk = Talk(client._transport.app)
        talk.say("{")
        assert await talk.hear() == live_routes.NOT_SIGNED_IN
    refused = Talk(client._transport.app)
    message = await asyncio.wait_for(refused.from_app.get(), timeout=20)
    assert message["type"] == "websocket.close", "it was let in before it was counted"


async def test_who_has_not_said_who_they_are_is_bounded(client, monkeypatch):
    monkeypatch.setattr(live_routes, "GREETING_MAX", 2)
    silent = [Talk(client._transport.app) for _ in range(2)]
    notifier: Notifier = client._transport.app.state.notifier
    while notifier.greeting < 2:
        await asyncio.sleep(0.01)
    assert await Talk(client._transport.app).hear() == live_routes.TOO_MANY
    for each in silent:
        each.say("{")
        assert await each.hear() == live_routes.NOT_SIGNED_IN
    assert notifier.greeting == 0


async def test_one_account_does_not_take_every_place(client, monkeypatch):
    monkeypatch.setattr(live, "OF_ONE_MAX", 1)
    first = await listening(client)
    second = Talk(client._transport.app)
    second.say(json.dumps({"token": await token_of(client, "dispatcher")}))
    assert await second.hear() == live_routes.TOO_MANY
    other = Talk(client._transport.app)
    other.say(json.dumps({"token": await token_of(client, "agent")}))
    assert await other.hear() == {"topics": []}
    await first.end()
    await other.end()


async def test_who_signs_out_hears_nothing_more(client, monkeypatch):
    monkeypatch.setattr(live_routes, "CHECK_SECONDS", 0.1)
    talk = Talk(client._transport.app)
    token = await token_of(client, "dispatcher")
    talk.say(json.dumps({"token": token}))
    assert await talk.hear() == {"topics": []}
    await client.delete("/api/v1/session", headers={"Authorization": f"Bearer {token}"})
    assert await talk.hear() == live_routes.NOT_SIGNED_IN


async def test_a_slow_client_is_dropped_and_the_others_hear_on(client, monkeypatch):
    monkeypatch.setattr(live_routes, "SEND_SECONDS_MAX", 0.1)
    slow, quick = await listening(client), await listening(client)
    notifier: Notifier = client._transport.app.state.notifier
    slow.stuck = True
    for watcher in list(notifier._watchers):
        watcher.tell({"day"})
    assert await quick.hear() == {"topics": ["day"]}
    assert await slow.hear() == live_routes.TOO_SLOW
    await quick.end()


async def test_what_comes_faster_than_it_is_taken_is_told_together():
    watcher = Watcher("guan")
    for topic in ("day", "plans", "day"):
        watcher.tell({topic})
    assert await watcher.news() == ["day", "plans"]


def test_the_first_look_tells_nothing_and_the_next_tells_what_differs():
    seen: dict[str, str] = {}
    assert changed(seen, {"day": "1", "plans": "a"}) == set()
    assert changed(seen, {"day": "2"}) == {"day"}
    assert changed(seen, {"day": "2", "plans": "b"}) == {"plans"}


async def test_one_unit_is_not_told_of_another(client, region):
    notifier: Notifier = client._transport.app.state.notifier
    async with region.begin() as tx:
        await tx.execute(text("INSERT INTO unit (id, name_zh) VALUES ('other', '别处')"))
    stranger = notifier.join("other")
    with scope.everywhere():
        await notifier.look("other", slow=True)
        await notifier.look("guan", slow=True)
        notifier._seen["guan"]["day"] = "before"
        await notifier.look("guan", slow=True)
        await notifier.look("other", slow=True)
    assert stranger._topics == set()
    notifier.leave(stranger)
