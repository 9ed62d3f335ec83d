"""A dispatcher's day: dragging, clicking, typing; what cannot be; what changed meanwhile."""

import re

import pytest
from playwright.sync_api import Page, WebSocket, expect

from tests.e2e.conftest import DAY, PATIENCE_MS, axe, figure


@pytest.fixture(scope="module", autouse=True)
def room(server) -> None:
    """Every second technician has an easy day, so that there is somebody who can take more."""
    with server.signed_in() as office:
        for who in office.get(f"/days/{DAY}").json()["technicians"][::2]:
            for stop in who["stops"][2:]:
                version = office.get(f"/days/{DAY}").json()["version"]
                wish = {"version": version, "visit_id": stop["visit"], "technician_id": None}
                office.post(f"/days/{DAY}/moves", json={**wish, "reason": "room"})


def opened(board, **given) -> Page:
    page = board(f"?day={DAY}", **given)
    expect(page.locator("[data-technician]").first).to_be_visible()
    expect(page.locator(".track [data-job]").first).to_be_visible()
    return page


def day_of(server) -> dict:
    with server.signed_in() as office:
        return office.get(f"/days/{DAY}").json()


def holder_of(server, visit: str) -> str | None:
    for who in day_of(server)["technicians"]:
        if any(stop["visit"] == visit for stop in who["stops"]):
            return who["id"]
    return None


def candidates(server, visit: str) -> list[dict]:
    with server.signed_in() as office:
        answer = office.post(f"/days/{DAY}/feasibility", json={"visit_id": visit})
        return answer.json()["technicians"]


def a_move(server, *, feasible: bool) -> tuple[str, str, str]:
    """A visit, its holder, and somebody else who can, or can by no rule, take it."""
    for who in day_of(server)["technicians"]:
        for stop in who["stops"]:
            if stop["state"] != "planned":
                continue
            for each in candidates(server, stop["visit"]):
                other = each["technician_id"] != who["id"]
                hard = not each["feasible"] and not each["soft"]
                if other and (
                    (feasible and each["feasible"] and not each["soft"]) or (not feasible and hard)
                ):
                    return stop["visit"], who["id"], each["technician_id"]
    raise AssertionError("the sample has no such move")


def grabbed(page: Page, visit: str) -> None:
    """A job in the hand, with every row answered."""
    page.locator(f"[data-job='{visit}']").hover()
    page.mouse.down()
    page.mouse.move(700, 700, steps=4)
    expect(page.locator(".row.able, .row.unable, .row.soft").first).to_be_visible()


def over(page: Page, technician: str) -> None:
    box = page.locator(f".row[data-technician='{technician}']").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 300, box["y"] + box["height"] / 2, steps=4)


@pytest.mark.smoke
def test_a_job_that_is_picked_up_colours_every_row_and_moves_where_it_fits(board, server):
    page = opened(board)
    visit, before, to = a_move(server, feasible=True)
    # what the promises at risk ask about their jobs has been answered
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on(
        "request",
        lambda sent: (
            asked.append(sent.url)
            if sent.url.endswith("/feasibility") and visit in (sent.post_data or "")
            else None
        ),
    )
    grabbed(page, visit)
    rows = page.locator(".row")
    coloured = page.locator(".row.able, .row.unable, .row.soft")
    expect(coloured).to_have_count(rows.count())
    expect(page.locator(f".row[data-technician='{to}'] .answer")).to_contain_text(
        re.compile(r"\+\d")
    )
    over(page, to)
    page.mouse.up()
    expect(page.locator(".note")).to_contain_text("已派给")
    assert len(asked) == 1
    assert holder_of(server, visit) == to
    page.get_by_role("button", name="撤销").click()
    expect(page.locator(".note")).to_contain_text("已撤销")
    assert holder_of(server, visit) == before


@pytest.mark.smoke
def test_a_drop_that_a_rule_forbids_names_the_rule_and_changes_nothing(board, server):
    page = opened(board)
    visit, before, to = a_move(server, feasible=False)
    rule = next(
        each["words_zh"] for each in candidates(server, visit) if each["technician_id"] == to
    )
    grabbed(page, visit)
    expect(page.locator(f".row[data-technician='{to}'] .answer")).to_have_text(rule)
    over(page, to)
    page.mouse.up()
    expect(page.locator(".note")).to_contain_text(rule)
    assert holder_of(server, visit) == before


@pytest.mark.smoke
def test_a_drop_on_a_day_that_changed_meanwhile_comes_back_with_the_reason(board, server):
    page = opened(board)
    visit, before, to = a_move(server, feasible=True)
    grabbed(page, visit)
    with server.signed_in() as office:
        version = office.get(f"/days/{DAY}").json()["version"]
        other = next(
            stop["visit"]
            for who in day_of(server)["technicians"]
            for stop in who["stops"]
            if stop["visit"] != visit and stop["state"] == "planned"
        )
        wish = {"version": version, "visit_id": other, "technician_id": None, "reason": "test"}
        moved = office.post(f"/days/{DAY}/moves", json=wish)
        assert moved.status_code < 300, moved.text
    over(page, to)
    page.mouse.up()
    expect(page.locator(".note")).to_contain_text("已有变化")
    assert holder_of(server, visit) == before
    with server.signed_in() as office:
        office.post(f"/days/{DAY}/moves/{moved.json()['move_id']}/undo")


def test_a_live_update_waits_while_a_job_is_in_the_hand(context, board, server):
    sockets: list[WebSocket] = []
    context.on("page", lambda made: made.on("websocket", lambda found: sockets.append(found)))
    page = opened(board)
    expect(page.locator(".live.live")).to_be_visible()
    visit, before, to = a_move(server, feasible=True)
    grabbed(page, visit)
    reads: list[str] = []
    page.on(
        "request",
        lambda sent: reads.append(sent.url) if sent.url.endswith(f"/days/{DAY}") else None,
    )
    with (
        sockets[-1].expect_event(
            "framereceived", lambda told: '"day"' in told, timeout=PATIENCE_MS
        ),
        server.signed_in() as office,
    ):
        version = office.get(f"/days/{DAY}").json()["version"]
        wish = {"version": version, "visit_id": visit, "technician_id": to, "reason": "test"}
        moved = office.post(f"/days/{DAY}/moves", json=wish)
        assert moved.status_code < 300, moved.text
    # the page has heard of it; a frame later it would have asked
    page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    row = page.locator(f".row[data-technician='{before}']")
    expect(row.locator(f"[data-job='{visit}']")).to_have_count(1)
    assert reads == []
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(page.locator(f".row[data-technician='{to}'] [data-job='{visit}']")).to_have_count(1)
    with server.signed_in() as office:
        office.post(f"/days/{DAY}/moves/{moved.json()['move_id']}/undo")


@pytest.mark.smoke
def test_a_job_is_reassigned_by_clicks_alone(board, server):
    page = opened(board)
    visit, before, to = a_move(server, feasible=True)
    page.locator(f"[data-job='{visit}']").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="改派…").click()
    places = dialog.locator("ol").first.locator("button")
    expect(places.first).to_be_visible()
    assert places.count() == 5
    assert all(each.strip() for each in places.locator(".why").all_inner_texts())
    assert axe(page) == []
    places.first.click()
    expect(page.locator(".note")).to_contain_text("已派给")
    after = holder_of(server, visit)
    assert after not in (before, None)
    page.get_by_role("button", name="撤销").click()
    expect(page.locator(".note")).to_contain_text("已撤销")


@pytest.mark.smoke
def test_a_job_is_reassigned_by_keyboard_alone(board, server):
    page = opened(board, language="en")
    visit, before, _ = a_move(server, feasible=True)
    page.locator(f".row[data-technician='{before}'] [data-job]").first.focus()
    for _ in range(12):
        if page.evaluate("document.activeElement.dataset.job") == visit:
            break
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    pressed_until(page, "Reassign…")
    page.keyboard.press("Enter")
    expect(dialog.locator("ol button").first).to_be_visible()
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("!!document.activeElement.closest('ol')"):
            break
    page.keyboard.press("Enter")
    expect(page.locator(".note")).to_contain_text("given to")
    assert holder_of(server, visit) not in (before, None)
    page.keyboard.press("Control+z")
    expect(page.locator(".note")).to_contain_text("Undone")
    assert holder_of(server, visit) == before


def pressed_until(page: Page, name: str) -> None:
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == name:
            return
    raise AssertionError(f"{name} cannot be reached by keyboard")


def test_twelve_boards_at_once_are_all_told(context, board, server):
    pages = [opened(board) for _ in range(12)]
    for page in pages:
        expect(page.locator(".live.live")).to_be_visible()
    visit, _, to = a_move(server, feasible=True)
    with server.signed_in() as office:
        version = office.get(f"/days/{DAY}").json()["version"]
        wish = {"version": version, "visit_id": visit, "technician_id": to, "reason": "test"}
        moved = office.post(f"/days/{DAY}/moves", json=wish)
    for page in pages:
        row = page.locator(f".row[data-technician='{to}'] [data-job='{visit}']")
        expect(row).to_have_count(1)
    figure(f"boards told of a move at once: {len(pages)} (goal ≥ 12)")
    with server.signed_in() as office:
        office.post(f"/days/{DAY}/moves/{moved.json()['move_id']}/undo")


@pytest.mark.smoke
def test_somebody_sick_gives_the_work_to_others_and_it_can_be_undone(board, server):
    page = opened(board)
    who = max(day_of(server)["technicians"], key=lambda each: len(each["stops"]))
    page.get_by_role("button", name="突发情况").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("人员").select_option(who["id"])
    dialog.get_by_label("原因").fill("发烧")
    assert axe(page) == []
    dialog.get_by_role("button", name="重新安排").click()
    expect(dialog).to_contain_text("已调整")
    dialog.get_by_role("button", name="关闭").last.click()
    page.get_by_role("button", name="撤销").click()
    expect(page.locator(".note")).to_contain_text("已撤销")


def test_the_board_says_so_when_the_server_is_away_and_goes_on_when_it_is_back(board, server):
    page = opened(board)
    expect(page.locator(".live.live")).to_be_visible()
    server.stop()
    expect(page.locator(".live.away")).to_be_visible()
    expect(page.locator(".track [data-job]").first).to_be_visible()
    server.start()
    expect(page.locator(".live.live")).to_be_visible()
