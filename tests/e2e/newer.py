"""A server one version ahead: everything passes through, but the worker of the face is another."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx

WORKER = "/field/sw.js"
KEPT = ("content-type", "content-security-policy", "location", "upload-offset", "cache-control")


class Ahead:
    """Where the face is served from, and whether it has a newer worker yet."""

    def __init__(self, base: str) -> None:
        self.newer = False
        self.client = httpx.Client(timeout=60)
        ahead = self

        class Passing(BaseHTTPRequestHandler):
            """Hands a request on."""

            protocol_version = "HTTP/1.1"

            def _passed(self) -> None:
                size = int(self.headers.get("content-length") or 0)
                headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
                reply = ahead.client.request(
                    self.command,
                    base + self.path,
                    content=self.rfile.read(size),
                    headers=headers,
                )
                body = reply.content
                if ahead.newer and self.path == WORKER:
                    body += b"\n// a newer version\n"
                self.send_response(reply.status_code)
                for name in KEPT:
                    if name in reply.headers:
                        self.send_header(name, reply.headers[name])
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                # a page that is left does not wait for its answer
                with suppress(ConnectionError):
                    self.wfile.write(body)

            do_GET = do_POST = do_PATCH = do_DELETE = _passed  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Passing)
        self.base = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def ahead_of(base: str) -> Iterator[Ahead]:
    """In front of a server for as long as the block runs."""
    made = Ahead(base)
    Thread(target=made.server.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
