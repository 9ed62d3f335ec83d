"""The faces and the interface agree."""

import json
import re
from pathlib import Path

from api.app import create_app, document
from runtime.server import services
from runtime.settings import Settings
from storage import catalogue
from storage.services import services as services_catalogue

WEB = Path(__file__).resolve().parent.parent.parent / "web"


def test_the_kept_document_is_what_the_routes_say(tmp_path):
    settings = Settings(state=str(tmp_path))
    app = create_app(services(settings, "postgresql://nowhere/nothing"))
    kept = json.loads((WEB / "openapi.json").read_text("utf-8"))
    assert json.loads(json.dumps(document(app))) == kept, (
        "web/openapi.json is behind the routes: run `make types` and commit what it writes"
    )


def test_two_shapes_never_share_a_name(tmp_path):
    """A body's shape that is called like an answer's would silently stand in its place."""
    app = create_app(services(Settings(state=str(tmp_path)), "postgresql://nowhere/nothing"))
    answers = app.openapi_schema.to_schema()["components"]["schemas"]
    for name, shape in document(app)["components"]["schemas"].items():
        mine = set(answers.get(name, shape).get("properties", {}))
        assert mine == set(shape.get("properties", {})), f"{name}: two shapes, give one a name"


def test_every_rule_that_is_shipped_has_its_name_on_the_board_in_both_languages():
    words = WEB / "src" / "board" / "words"
    told = {
        language: dict(
            re.findall(r"^  rule_(\w+): '(.+)',$", (words / name).read_text("utf-8"), re.MULTILINE)
        )
        for language, name in (("zh", "rules.zh.ts"), ("en", "rules.en.ts"))
    }
    assert told["zh"] == {rule.code: rule.zh for rule in catalogue.rules()}
    assert set(told["en"]) == set(told["zh"]) and all(map(str.isascii, told["en"].values()))


def test_every_action_of_the_audit_and_every_step_of_a_case_has_its_words_on_the_board():
    words = "".join(
        each.read_text("utf-8") for each in (WEB / "src" / "board" / "words").glob("*.zh.ts")
    )
    # one word without its English does not compile
    known = set(re.findall(r"^  '?([a-z_.]+)'?: '", words, re.MULTILINE))
    code = "".join(
        each.read_text("utf-8")
        for room in ("api", "commitments", "runtime", "scheduling", "storage", "sync")
        for each in (WEB.parent / room).rglob("*.py")
    )
    whole = re.findall(r'(?:action=|said=\()f?"([a-z_.]+)["{]', code)
    given = {each.removesuffix(".") for each in whole} - {"store_true", "append"}
    wanted = {f"audit_{each}" for each in given}
    steps = {step for each in services_catalogue().kinds.values() for step in each.steps}
    assert len(wanted) > 20 and len(steps) > 10
    begun = {each.rpartition(".")[0] for each in known}
    assert wanted | {f"said_{each}" for each in steps} <= known | begun
