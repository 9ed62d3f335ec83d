"""The faces and the interface agree."""

import json
from pathlib import Path

from api.app import create_app, document
from runtime.server import services
from runtime.settings import Settings

WEB = Path(__file__).resolve().parent.parent.parent / "web"


def test_the_kept_document_is_what_the_routes_say(tmp_path):
    settings = Settings(state=str(tmp_path))
    app = create_app(services(settings, "postgresql://nowhere/nothing"))
    kept = json.loads((WEB / "openapi.json").read_text("utf-8"))
    assert json.loads(json.dumps(document(app))) == kept, (
        "web/openapi.json is behind the routes: run `make types` and commit what it writes"
    )
