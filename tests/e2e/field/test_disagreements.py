"""What the office says meanwhile, what it refuses, and how a tablet comes to its end."""

import json

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.e2e.conftest import Server
from tests.e2e.newer import ahead_of
from tests.e2e.tablet import DATABASE, Tablet, held, office_says, tablet_of, visit_of, who_has


def disagreeing(tablet: Tablet) -> str:
    """Office and technician answer the same question, neither having seen the other's word."""
    visit = tablet.begin()
    tablet.settled()
    tablet.context.set_offline(True)
    assert office_says(tablet.server, visit, {"R02": "mismatch"}).is_success
    tablet.choose("R02", "相符")
    tablet.context.set_offline(False)
    tablet.wake()
    tablet.settled()
    expect(tablet.page.locator("#q-R02 .mark a")).to_be_visible()
    tablet.page.locator("#q-R02 .mark a").click()
    expect(tablet.page.locator(".sides .said").first).to_have_text("相符")
    expect(tablet.page.locator(".sides .said").last).to_have_text("不符")
    return visit


@pytest.mark.parametrize(("button", "stays"), [("保留我的", "match"), ("采用当前的", "mismatch")])
def test_a_disagreement_is_kept_mine_or_the_offices_by_its_author(
    tablet: Tablet, button: str, stays: str
) -> None:
    visit = disagreeing(tablet)
    tablet.page.get_by_role("button", name=button).click()
    expect(tablet.page.locator(".sides")).to_have_count(0)
    tablet.settled()
    shown = [each for each in tablet.store("records") if each["key"] == visit]
    assert shown[0]["fields"]["R02"] == stays
    said = [row for row in held(tablet.server, tablet.id()) if row["outcome"] == "conflict"]
    assert len(said) == 1


@pytest.mark.smoke
def test_one_refused_entry_is_parked_with_its_reason_while_the_rest_flows(tablet: Tablet) -> None:
    tablet.begin()
    tablet.settled()

    def spoil(route: Route) -> None:
        # an answer that this tablet could not give: as from a broken or older program
        body = route.request.post_data_json
        for each in body["operations"]:
            if "R13" in each.get("fields", {}):
                each["fields"]["R13"] = "perhaps"
        route.continue_(post_data=json.dumps(body))

    tablet.context.route("**/api/v1/sync", spoil)
    tablet.context.set_offline(True)
    tablet.choose("R12", "合格")
    tablet.choose("R13", "合格")
    tablet.choose("R16", "合格")
    tablet.context.set_offline(False)
    tablet.wake()
    pill = tablet.page.locator(".pill.refused")
    expect(pill).to_contain_text("1 条被退回")
    expect(tablet.page.locator("#q-R13 .mark .bad")).to_contain_text("选项不存在")
    outcomes = [row["outcome"] for row in held(tablet.server, tablet.id())]
    assert outcomes.count("quarantined") == 1
    assert outcomes[-1] == "applied"
    pill.click()
    expect(tablet.page.locator(".bad-card")).to_contain_text("选项不存在")
    tablet.page.get_by_role("button", name="知道了").click()
    tablet.settled()


def test_a_full_store_is_said_aloud_and_what_was_typed_stays_on_the_page(tablet: Tablet) -> None:
    tablet.begin()
    tablet.settled()
    tablet.context.set_offline(True)
    chrome = tablet.context.new_cdp_session(tablet.page)
    chrome.send("Storage.overrideQuotaForOrigin", {"origin": tablet.server.base, "quotaSize": 1})
    question = tablet.page.locator("#q-R07")
    alarm = tablet.page.locator(".alarm")
    saved = 0
    # the browser asks for its quota anew only every half minute
    for saved in range(90):
        question.locator("input").first.fill(str(1000 + saved))
        question.locator("input").first.blur()
        tablet.page.wait_for_timeout(700)
        if alarm.count():
            break
    expect(alarm).to_contain_text("存储空间已满")
    said = [each["operation"]["fields"]["R07"] for each in tablet.outbox()]
    assert said == [1000 + each for each in range(saved)]
    # typed, not saved, still there, and the form knows that it is not done
    expect(question.locator("input").first).to_have_value(str(1000 + saved))
    expect(question.locator(".mark")).to_contain_text("尚未保存")
    chrome.send("Storage.overrideQuotaForOrigin", {"origin": tablet.server.base})
    alarm.locator("button").click()
    for _ in range(90):
        question.locator("input").first.focus()
        question.locator("input").first.blur()
        tablet.page.wait_for_timeout(700)
        if len(tablet.outbox()) > saved:
            break
    assert tablet.outbox()[-1]["operation"]["fields"]["R07"] == 1000 + saved
    tablet.context.set_offline(False)
    tablet.wake()
    tablet.settled()


def test_an_update_that_waits_never_reloads_a_form_with_unsaved_words(
    browser: Browser, server: Server
) -> None:
    person = who_has(server, "inspection")
    with ahead_of(server.base) as ahead, tablet_of(browser, server, person=person) as tablet:
        tablet.base = ahead.base
        tablet.enrol()
        tablet.with_worker()
        visit = tablet.begin()
        tablet.page.reload()
        typed = tablet.page.locator("#q-R07 input").first
        typed.fill("123")
        ahead.newer = True
        tablet.page.evaluate(
            "navigator.serviceWorker.getRegistration('/field/').then((each) => each.update())"
        )
        expect(tablet.page.locator(".update")).to_contain_text("保存当前填写后再更新")
        update = tablet.page.get_by_role("button", name="更新")
        expect(update).to_be_disabled()
        tablet.page.wait_for_timeout(500)
        expect(typed).to_have_value("123")
        typed.blur()
        with tablet.page.expect_event("load"):
            update.click()
        expect(typed).to_have_value("123")
        expect(tablet.page.locator(".update")).to_have_count(0)
        assert visit in tablet.page.url


def test_an_old_face_works_with_a_newer_server(tablet: Tablet) -> None:
    def newer(route: Route) -> None:
        reply = route.fetch()
        body = reply.json()
        body |= {"weather": {"wind": 3}}
        for each in body.get("changes", []):
            each |= {"mood": "new"}
            if each.get("kind", "visit") == "visit":
                each["fields"]["hologram"] = {"x": 1}
        body.get("changes", []).append(
            {"record": "00000000-0000-7000-8000-000000000001", "version": 1, "kind": "drone",
             "fields": {"height": 3}, "whole": True}
        )  # fmt: skip
        for each in body.get("outcomes", []):
            each["mood"] = "calm"
        route.fulfill(response=reply, json=body)

    def with_hologram(route: Route) -> None:
        reply = route.fetch()
        body = reply.json()
        body["items"].append({**body["items"][0], "code": "Z01", "kind": "hologram"})
        route.fulfill(response=reply, json=body | {"edition": 7})

    tablet.context.route("**/api/v1/sync", newer)
    tablet.context.route("**/api/v1/templates/*", with_hologram)
    tablet.begin()
    tablet.choose("R12", "不合格")
    tablet.settled()
    assert {row["outcome"] for row in held(tablet.server, tablet.id())} == {"applied"}


def test_a_question_of_a_kind_that_the_face_does_not_know_is_shown_and_not_demanded(
    browser: Browser, server: Server
) -> None:
    def with_hologram(route: Route) -> None:
        reply = route.fetch()
        body = reply.json()
        body["items"].append({**body["items"][0], "code": "Z01", "kind": "hologram"})
        route.fulfill(response=reply, json=body)

    with tablet_of(browser, server, person=who_has(server, "inspection")) as tablet:
        tablet.context.route("**/api/v1/templates/*", with_hologram)
        tablet.enrol()
        tablet.begin()
        expect(tablet.page.locator("#q-Z01")).to_contain_text("更新应用")


@pytest.mark.smoke
def test_signing_out_with_unsent_work_is_refused(tablet: Tablet) -> None:
    tablet.begin()
    tablet.settled()
    tablet.context.set_offline(True)
    tablet.choose("R12", "合格")
    tablet.page.locator(".menu a").last.click()
    leave = tablet.page.get_by_role("button", name="退出并清空本机")
    expect(leave).to_be_disabled()
    expect(tablet.page.locator("main")).to_contain_text("不能退出")
    tablet.context.set_offline(False)
    tablet.wake()
    tablet.settled()
    leave.click()
    tablet.page.get_by_role("button", name="确认").click()
    expect(tablet.page.locator(".code-input")).to_be_visible()
    assert tablet.store("records") == []
    assert tablet.meta("identity") is None


def test_a_photo_that_the_server_will_not_take_is_never_called_sent(tablet: Tablet) -> None:
    visit = tablet.begin()
    tablet.settled()

    def refuse(route: Route) -> None:
        if route.request.method == "POST":
            route.fulfill(status=415, json={"code": "photo_type"})
        else:
            route.continue_()

    tablet.context.route("**/api/v1/attachments", refuse)
    tablet.choose("R12", "不合格")
    tablet.photograph("R12")
    expect(tablet.page.locator(".pill.refused")).to_contain_text("2 条被退回")
    tablet.page.locator(".pill").click()
    card = tablet.page.locator(".bad-card")
    expect(card).to_contain_text("不是照片文件")
    expect(tablet.page.locator("main")).not_to_contain_text("全部已发送")
    expect(card.locator("a").first).to_have_attribute("href", f"/field/visit/{visit}")
    tablet.open("settings")
    expect(tablet.page.get_by_role("button", name="退出并清空本机")).to_be_disabled()
    tablet.context.unroute_all()
    tablet.open("outbox")
    for left in (1, 0):
        card.get_by_role("button", name="知道了").first.click()
        expect(card.locator("li")).to_have_count(left)
    tablet.settled()


def test_a_dangerous_word_that_left_alone_stays_on_the_screen(tablet: Tablet) -> None:
    visit = tablet.begin()
    tablet.settled()
    tablet.offline()
    tablet.choose("R12", "不合格")
    tablet.choose("R13", "合格")

    def thin(route: Route) -> None:
        # a link that lets only what is dangerous through
        if route.request.post_data_json.get("lanes") == ["safety"]:
            route.continue_()
        else:
            route.abort()

    tablet.context.route("**/api/v1/sync", thin)
    tablet.context.set_offline(False)
    tablet.page.evaluate("dispatchEvent(new Event('online'))")
    expect(tablet.page.locator(".pill.offline")).to_contain_text("条待发")
    for _ in range(60):
        if not any("R12" in each["operation"].get("fields", {}) for each in tablet.outbox()):
            break
        tablet.page.wait_for_timeout(1000)
    assert not any("R12" in each["operation"].get("fields", {}) for each in tablet.outbox())
    expect(tablet.page.locator("#q-R12 .choice.chosen")).to_contain_text("不合格")
    tablet.page.reload()
    expect(tablet.page.locator("#q-R12 .choice.chosen")).to_contain_text("不合格")
    tablet.context.unroute_all()
    tablet.online()
    assert visit_of(tablet.server, visit)["fields"]["R12"] == "fail"


def test_a_copy_that_went_wrong_is_healed_once_a_day(tablet: Tablet) -> None:
    expect(tablet.page.locator(".visit-card").nth(1)).to_be_visible()
    before = {each["key"]: each for each in tablet.store("records")}
    tablet.page.evaluate(
        "([name, a, b]) => new Promise((done) => { const asked = indexedDB.open(name);"
        " asked.onsuccess = () => { const db = asked.result;"
        "  const tx = db.transaction(['records', 'meta'], 'readwrite');"
        "  const records = tx.objectStore('records');"
        "  records.delete(a);"
        "  records.get(b).onsuccess = ({ target }) => records.put({ ...target.result, version: 0,"
        "   fields: { ...target.result.fields, address: 'elsewhere' } });"
        "  records.put({ key: '00000000-0000-7000-8000-000000000009', kind: 'visit', version: 1,"
        "   fields: { state: 'dispatched' }, versions: {} });"
        "  tx.objectStore('meta').put(0, 'healed');"
        "  tx.oncomplete = () => { db.close(); done(); }; }; })",
        [DATABASE, *list(before)[:2]],
    )
    with tablet.page.expect_response("**/api/v1/sync/digest"):
        tablet.page.reload()
    expect(tablet.page.locator(".visit-card").first).to_be_visible()
    for _ in range(60):
        now = {each["key"]: each for each in tablet.store("records")}
        if now.keys() == before.keys():
            break
        tablet.page.wait_for_timeout(500)
    assert {key: each["fields"] for key, each in now.items()} == {
        key: each["fields"] for key, each in before.items()
    }


def test_a_revoked_tablet_hands_in_what_it_holds_and_forgets_everything(tablet: Tablet) -> None:
    tablet.begin()
    tablet.settled()
    tablet.context.set_offline(True)
    tablet.choose("R12", "不合格")
    tablet.photograph("R12")
    unsent = [each["operation"]["id"] for each in tablet.outbox()]
    with tablet.server.signed_in() as office:
        done = office.post(f"/devices/{tablet.id()}/revoke", json={"reason": "lost"})
        assert done.status_code == 204
    tablet.context.set_offline(False)
    tablet.wake()
    expect(tablet.page.locator("main")).to_contain_text("已停用并清空")
    for shelf in ("records", "outbox", "photos", "blobs", "acknowledged"):
        assert tablet.store(shelf) == []
    with tablet.server.signed_in() as office:
        rows = office.get("/quarantine", params={"limit": 200}).json()["items"]
    assert {each["operation"] for each in rows} >= set(unsent)


def test_a_tablet_whose_tokens_are_over_keeps_its_work_for_the_next_enrolment(
    tablet: Tablet,
) -> None:
    tablet.begin()
    tablet.settled()
    tablet.context.set_offline(True)
    tablet.choose("R12", "合格")
    tablet.context.route(
        "**/api/v1/**",
        lambda route: (
            route.fulfill(status=401, json={"code": "not_signed_in"})
            if "enrol" not in route.request.url
            else route.continue_()
        ),
    )
    tablet.wake()
    expect(tablet.page.locator(".alarm")).to_contain_text("本机内容完好")
    expect(tablet.page.locator(".pill.offline")).to_contain_text("1 条待发")
    # the work goes on
    tablet.choose("R13", "合格")
    tablet.page.locator(".alarm a").click()
    expect(tablet.page.locator(".warning")).to_contain_text("2 条未发送")
    tablet.context.unroute_all()
    tablet.context.set_offline(False)
    with tablet.server.signed_in() as office:
        wish = {"technician": tablet.person["id"]}
        code = office.post("/enrolment-codes", json=wish).json()["code"]
    tablet.page.locator(".code-input").fill(code)
    tablet.page.locator("form .primary").click()
    tablet.settled()
    assert tablet.outbox() == []
