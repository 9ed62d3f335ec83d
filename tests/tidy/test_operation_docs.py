"""What an operator reads says what the program does: settings, figures, commands, pages."""

import json
import re
from pathlib import Path

import msgspec

from api import gate, health_routes
from runtime.cli import parser
from runtime.settings import Settings
from storage import health

DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "operation"


def test_every_setting_is_described_and_no_other():
    text = (DOCS / "configuration.md").read_text("utf-8")
    said = set()
    for line in text.splitlines():
        if line.startswith("| `"):
            names = re.findall(r"`([A-Z_]+)`", line.split("|")[1])
            first = names[0]
            # a row may go on with the ends of further names
            said |= {n if not n.startswith("_") else first.rsplit("_", 1)[0] + n for n in names}
    known = {field.encode_name for field in msgspec.structs.fields(Settings)} | {"DATABASE_URL"}
    assert said == known, f"{sorted(said ^ known)}: docs/operation/configuration.md"


def test_the_dashboard_and_the_runbook_name_figures_that_there_are():
    held = re.findall(r"AS (\w+)", health._FIGURES) + [
        f"waiting_{name}" for name in re.findall(r"AS (\w+)", health._WAITING)
    ]
    known = {f"doorstep_{name}" for name in [*held, *health_routes._door(gate.Gate())]}
    known |= {f"doorstep_request_seconds{end}" for end in ("", "_count", "_bucket")}
    board = json.loads((DOCS / "grafana.json").read_text("utf-8"))
    asked = " ".join(each["expr"] for panel in board["panels"] for each in panel["targets"])
    asked += (DOCS / "runbook.md").read_text("utf-8")
    named = set(re.findall(r"\bdoorstep_[a-z_]+", asked))
    assert named and named <= known, sorted(named - known)


def test_the_runbook_names_commands_that_there_are():
    text = " ".join(path.read_text("utf-8") for path in DOCS.glob("*.md"))
    words = set(re.findall(r"`doorstep ([a-z-]+)", text))
    actions = parser()._subparsers._group_actions[0].choices  # type: ignore[union-attr]
    assert words and words <= set(actions), sorted(words - set(actions))


def test_pages_that_are_linked_are_there():
    for path in [*DOCS.glob("*.md"), DOCS.parent.parent / "SECURITY.md"]:
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text("utf-8")):
            if "://" not in target:
                assert (path.parent / target).exists(), f"{path.name} → {target}"
