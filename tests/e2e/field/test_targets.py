"""How quick the technician's face is, printed beside its goals (web.md, Targets)."""

from statistics import median

from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Server
from tests.e2e.tablet import Tablet, tablet_of, who_has

RUNS = 5
READY = "() => performance.getEntriesByName('field-ready')[0]?.startTime"


def ready_ms(page: Page, address: str) -> float:
    """From the start of the navigation until what is held is on the screen."""
    page.goto(address)
    page.wait_for_function(READY)
    return float(page.evaluate(READY))


def test_a_first_load_takes_a_second_at_most(browser: Browser, server: Server) -> None:
    took = []
    for _ in range(RUNS):
        context = browser.new_context()
        took.append(ready_ms(context.new_page(), f"{server.base}/field/"))
        context.close()
    print(f"\nfirst load           {median(took):6.0f} ms (goal ≤ 1,000)")


def test_a_start_with_the_server_killed_takes_a_third_of_a_second(tablet: Tablet) -> None:
    tablet.with_worker()
    tablet.server.kill()
    try:
        for slower, goal in ((1, 300), (6, 1_500)):
            took = []
            for _ in range(RUNS):
                page = tablet.context.new_page()
                chrome = tablet.context.new_cdp_session(page)
                chrome.send("Emulation.setCPUThrottlingRate", {"rate": slower})
                took.append(ready_ms(page, f"{tablet.server.base}/field/"))
                expect(page.locator(".visit-card").first).to_be_visible()
                page.close()
            print(f"\noffline start CPU×{slower}  {median(took):6.0f} ms (goal ≤ {goal:,})")
    finally:
        tablet.server.start()


def test_an_answer_is_durable_at_once(browser: Browser, server: Server) -> None:
    with tablet_of(browser, server, person=who_has(server, "inspection")) as tablet:
        tablet.enrol()
        tablet.begin()
        tablet.context.set_offline(True)
        for index in range(40):
            word = "合格" if index % 2 else "不合格"
            tablet.page.locator("#q-R16 .choice").filter(has_text=word).first.click()
            expect(tablet.page.locator("#q-R16 .choice.chosen")).to_have_text(word)
        took = sorted(
            tablet.page.evaluate(
                "performance.getEntriesByName('durable').map((each) => each.duration)"
            )
        )
    assert len(took) >= 40
    print(f"\nanswer durable p95   {took[int(len(took) * 0.95)]:6.1f} ms (goal ≤ 10)")
