"""What a technician did survives whatever happens to the tablet, and reaches the office once."""

import pytest
from playwright.sync_api import expect

from tests.e2e.tablet import Tablet


@pytest.mark.smoke
def test_the_face_works_offline_after_its_first_load(tablet: Tablet) -> None:
    tablet.with_worker()
    cards = tablet.page.locator(".visit-card").count()
    tablet.context.set_offline(True)
    tablet.page.reload()
    expect(tablet.page.locator(".visit-card")).to_have_count(cards)
    tablet.begin()
    tablet.choose("R01", "是")
    expect(tablet.page.locator(".pill.offline")).to_contain_text("4 条待发")
    tablet.context.set_offline(False)
    tablet.page.evaluate("dispatchEvent(new Event('online'))")
    tablet.settled()
