"""A crew lead's board: the own crew's day, and no door that does not open."""

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import DAY
from tests.e2e.test_board_pages import looked_at


@pytest.mark.parametrize(
    ("language", "title"), [("zh-CN", "我的班组"), ("en", "My crew")], ids=["zh", "en"]
)
def test_a_crew_lead_finds_the_crews_day_and_asks_for_nothing_that_is_refused(
    board, context, server, language, title
):
    answers = []
    context.on("response", lambda reply: answers.append((reply.status, reply.url)))
    page = board(language=language, login="crew_lead")
    expect(page.locator("h1")).to_have_text(title)
    members = page.locator("table").first.locator("tbody tr")
    expect(members).not_to_have_count(0)
    with server.signed_in("crew_lead") as lead:
        crew = lead.get(f"/crew/{DAY}").json()
    assert members.count() == len(crew["members"])
    numbers = [visit["number"] for each in crew["members"] for visit in each["visits"]]
    if numbers:
        expect(page.locator("table").nth(1)).to_contain_text(numbers[0])
    assert not [each for each in answers if each[0] >= 400], answers
    looked_at(page, f"crew-{language[:2]}")
