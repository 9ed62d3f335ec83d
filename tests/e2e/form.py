"""Fills a checklist in the browser as a technician would who finds everything in order."""

from typing import Any

from playwright.sync_api import Locator, expect

from tests.e2e.tablet import Tablet, picture

FAR = "2031-06-01"
RECENT = "2025-06-01"
ENDS_LATER = frozenset({"R19", "expires", "expiry", "calibration_due"})
"""Days that should lie ahead; the others lie behind."""


class Form:
    """The checklist of the visit that is open on a tablet."""

    def __init__(self, tablet: Tablet, visit: str) -> None:
        self.tablet, self.page, self.visit = tablet, tablet.page, visit
        self.shots = 0

    def items(self) -> list[dict[str, Any]]:
        """Questions that are on the page now, by their template."""
        said = self.tablet.shown(self.visit)
        whole = next(
            each
            for each in self.tablet.store("templates")
            if f"{each['code']}@{each['version']}" == said["template"]
        )
        asked = set(
            self.page.eval_on_selector_all(
                ".question", "all => all.map(({ id }) => id.replace('q-', ''))"
            )
        )
        return [each for each in whole["items"] if each["code"] in asked]

    def fill(self, given: dict[str, str] | None = None) -> None:
        """Answers everything that is asked, what comes up through answers too; `given` are words of
        choices that are not the first."""
        said: set[str] = set()
        while fresh := [each for each in self.items() if each["code"] not in said]:
            for item in fresh:
                said.add(item["code"])
                if item["required"] or item["code"] in (given or {}):
                    self.answer(item, (given or {}).get(item["code"]))

    def answer(self, item: dict[str, Any], word: str | None = None) -> None:
        """One question with its photos and its instrument."""
        question = self.page.locator(f"#q-{item['code']}")
        if item["kind"] == "composite":
            for name, sub in item["fields"].items():
                within = question.locator(f".part[data-part='{name}']")
                self._said(within, sub["kind"], name=name, item=sub | {"code": name}, word=word)
            if item["policy"] == "write_once":
                question.get_by_role("button", name="确认并保存").click()
        else:
            name = item["code"]
            self._said(question, item["kind"], name=name, item=item, word=word)
        self._kept(question)
        if item["instrument"]:
            self._instrument(question)
        self._photos(question, item["code"])

    def _kept(self, question: Locator) -> None:
        expect(question.locator(".mark .good")).to_be_visible()

    def _said(
        self, within: Locator, kind: str, *, name: str, item: dict[str, Any], word: str | None
    ) -> None:
        choices = within.locator(".choices .choice")
        if kind == "signature":
            self._signed(within)
        elif kind == "photo":
            self._photo(within)
        elif kind == "checklist":
            for place in range(choices.count()):
                choices.nth(place).click()
        elif kind == "parts":
            within.locator("input").first.fill(word or "垫片")
            within.get_by_role("button", name="添加材料").click()
        elif choices.count():
            named = choices.filter(has_text=word) if word else choices
            (named if named.count() else choices).first.click()
        else:
            box = within.locator("input, textarea").first
            box.fill(word or self._text(kind, name, item=item))
            box.blur()

    def _text(self, kind: str, name: str, *, item: dict[str, Any]) -> str:
        if kind == "date":
            return FAR if name in ENDS_LATER else RECENT
        if kind in ("number", "integer", "money"):
            least, most = item.get("least"), item.get("most")
            if least is not None:
                return str(least)
            return str(most) if most is not None else "12"
        return "无异常"

    def _signed(self, within: Locator) -> None:
        self.tablet.draw(within.locator("canvas"))
        own = within.get_by_role("button", name="确认并保存")
        if own.count():
            own.click()
        else:
            expect(within.locator(".good").first).to_contain_text("已签字")

    def _photo(self, within: Locator) -> None:
        self.shots += 1
        within.locator("input[type=file]").first.set_input_files(
            {"name": "p.png", "mimeType": "image/png", "buffer": picture(7000 + self.shots)}
        )
        expect(within.locator(".good").first).to_be_visible()

    def _photos(self, question: Locator, code: str) -> None:
        told = question.locator(".photos > span")
        while told.count() and "/" in told.inner_text():
            have, want = map(int, told.inner_text().replace("照片", "").split("/"))
            if have >= want:
                return
            self.shots += 1
            self.tablet.photograph(code, seed=9000 + self.shots)

    def _instrument(self, question: Locator) -> None:
        if question.locator(".fieldset").count() == 0:
            return
        question.locator(".fieldset input").first.fill("检漏仪-07")
        question.locator(".fieldset input[type=date]").fill(FAR)
        question.get_by_role("button", name="使用此仪器").click()
        expect(question).to_contain_text("检漏仪-07 · ")
