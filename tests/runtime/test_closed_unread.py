"""A server that is replaced closes connections that it has not read: a tablet asks again by itself."""

import json
import socket
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from uuid import uuid4

import pytest

from runtime.outbox import Memory
from runtime.tablet import Tablet

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
TOKENS = {
    "access": "b" * 43, "refresh": "s" * 43, "expires_at": "2026-11-24T05:00:00Z",
    "role": "technician", "name": "t", "unit": "u",
}  # fmt: skip


class Answers(BaseHTTPRequestHandler):
    """What a server says to one install whose access token is over."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/refresh"):
            return self._say(201, TOKENS)
        if self.headers["Authorization"] != f"Bearer {TOKENS['access']}":
            return self._say(401, {"code": "not_signed_in"})
        outcomes = [{"id": each["id"], "outcome": "applied"} for each in body["operations"]]
        said = {"cursor": "c", "server_time": "2026-11-24T04:00:00Z", "outcomes": outcomes}
        return self._say(200, said)

    def do_GET(self):
        self._say(404, {"code": "not_found"})

    def _say(self, status, body):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def leaving():
    """Closes every second connection without reading a byte of it: its address, and how many."""
    listener = socket.create_server(("127.0.0.1", 0))
    closed = []

    def serve():
        number = 0
        while True:
            try:
                link, address = listener.accept()
            except OSError:
                return
            number += 1
            if number % 2:
                closed.append(number)
                link.close()
                continue
            with link:
                Answers(link, address, None)

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", closed
    listener.close()


def test_exchanges_and_a_renewal_are_asked_again_where_a_connection_was_closed(tmp_path, leaving):
    server, closed = leaving
    memory = Memory(
        server=server, tablet=uuid4(), technician=uuid4(), access="a" * 43, refresh="r" * 43,
        boot=uuid4(), booted_at=NOW - timedelta(hours=1),
    )  # fmt: skip
    tablet = Tablet(tmp_path / "t.json", memory)
    tablet.save()
    tablet.create("note", {"text": "x"}, now=NOW)
    tablet.sync(now=NOW)
    assert tablet.unsent() == 0 and list(tablet.memory.outcomes.values()) == ["applied"]
    assert tablet.memory.access == TOKENS["access"]
    assert len(closed) >= 3
