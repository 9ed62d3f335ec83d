"""What tests of the board need besides a browser: a worker, and a tablet that sends plain words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from playwright.sync_api import Page

from runtime import processes
from runtime.ambient import live
from tests.e2e.conftest import DAY, MORNING, Server

FOCUSED = """() => { const at = document.activeElement;
  return (at.getAttribute('aria-label') ?? at.labels?.[0]?.textContent ?? at.textContent).trim(); }"""


@contextmanager
def working(server: Server) -> Iterator[None]:
    """A worker beside the server, for as long as the block runs."""
    with processes.process("work", server.environment()):
        yield


def pressed(page: Page, name: str, *, most: int = 120) -> None:
    """Goes by Tab to what has this name."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED) == name:
            return
    raise AssertionError(f"{name} cannot be reached by keyboard")


class PlainTablet:
    """A tablet without a face: enrolled for somebody with an inspection, it says what it is told."""

    def __init__(self, server: Server, *, nth: int = 0) -> None:
        with server.signed_in() as office:
            people = office.get(f"/days/{DAY}").json()["technicians"]
            able = [
                (who, stop)
                for who in people
                for stop in who["stops"][:1]
                if stop["kind"] == "inspection"
            ] or [
                (who, stop)
                for who in people
                for stop in who["stops"]
                if stop["kind"] == "inspection"
            ]
            self.person, self.stop = able[nth % len(able)]
            code = office.post("/enrolment-codes", json={"technician": self.person["id"]}).json()
        wish = {"code": code["code"], "label": "plain"}
        made = httpx.post(f"{server.base}/api/v1/devices/enrol", json=wish, timeout=60).json()
        self.client = httpx.Client(
            base_url=f"{server.base}/api/v1",
            headers={"Authorization": f"Bearer {made['access']}"},
            timeout=60,
        )
        self.count = 0
        self.client.post("/sync", json={"operations": [], "cursor": ""}).raise_for_status()

    def says(self, **given: Any) -> dict[str, Any]:
        """One operation about its visit; returns what became of it."""
        self.count += 1
        said = {
            "id": str(live().new_id()),
            "n": self.count,
            "record": self.stop["visit"],
            "kind": "patch",
            "observed_at": MORNING.isoformat(),
            "template": "RES-INSP@2026.1",
            **given,
        }
        reply = self.client.post("/sync", json={"operations": [said], "cursor": ""})
        reply.raise_for_status()
        outcome: dict[str, Any] = reply.json()["outcomes"][0]
        return outcome
