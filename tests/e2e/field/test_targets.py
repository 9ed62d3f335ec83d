"""How quick the technician's face is, printed beside its goals (web.md, Targets)."""

from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, Page, Playwright, expect

from tests.e2e.conftest import PATIENCE_MS, Server, figure
from tests.e2e.tablet import DATABASE, Tablet, started_over, who_has

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
        context.set_default_timeout(PATIENCE_MS)
        took.append(ready_ms(context.new_page(), f"{server.base}/field/"))
        context.close()
    figure(f"first load of field: {median(took):.0f} ms (goal ≤ 1,000)")


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
            figure(f"offline start, CPU×{slower}: {median(took):.0f} ms (goal ≤ {goal:,})")
    finally:
        tablet.server.start()


RAW = """async (name) => {
  const db = await new Promise((done) => {
    const asked = indexedDB.open(name);
    asked.onsuccess = () => done(asked.result);
  });
  const took = [];
  for (let n = 0; n < 40; n += 1) {
    const start = performance.now();
    await new Promise((done) => {
      const tx = db.transaction(['meta', 'outbox', 'records'], 'readwrite', { durability: 'strict' });
      tx.oncomplete = done;
      tx.objectStore('meta').put('x'.repeat(400), 'probe');
    });
    took.push(performance.now() - start);
    await new Promise((done) => setTimeout(done, 30));
  }
  db.close();
  return took;
}"""


def p95(took: list[float]) -> float:
    return sorted(took)[int(len(took) * 0.95)]


def test_an_answer_is_durable_at_once(
    server: Server, playwright_of: Playwright, tmp_path: Path
) -> None:
    # a profile on the disk: one without a folder keeps its answers in memory only
    context = started_over(playwright_of, tmp_path)
    tablet = Tablet(server, context, who_has(server, "inspection"))
    tablet.enrol()
    tablet.begin()
    # the checklist comes after the route
    expect(tablet.page.locator("#q-R16")).to_be_visible()
    tablet.offline()
    disk = tablet.page.evaluate(RAW, DATABASE)
    for index in range(60):
        word = "合格" if index % 2 else "不合格"
        tablet.page.locator("#q-R16 .choice").filter(has_text=word).first.click()
        expect(tablet.page.locator("#q-R16 .choice.chosen")).to_have_text(word)
    took = tablet.page.evaluate(
        "performance.getEntriesByName('durable').map((each) => each.duration)"
    )
    context.close()
    assert len(took) >= 60
    figure(
        f"answer durable: p50 {median(took):.1f} ms, p95 {p95(took):.1f} ms (goal p95 ≤ 10);"
        f" an empty strict transaction beside it p95 {p95(disk):.1f} ms"
    )
