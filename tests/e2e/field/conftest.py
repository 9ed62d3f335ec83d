"""An enrolled tablet for every test of the technician's face."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.e2e.conftest import Server
from tests.e2e.tablet import Tablet, tablet_of, who_has


@pytest.fixture
def tablet(browser: Browser, server: Server) -> Iterator[Tablet]:
    """An enrolled tablet of a technician who inspects today; page errors fail the test."""
    troubles: list[str] = []
    with tablet_of(browser, server, person=who_has(server, "inspection")) as made:
        made.context.on("weberror", lambda error: troubles.append(str(error.error)))
        made.enrol()
        yield made
    assert not troubles, troubles
