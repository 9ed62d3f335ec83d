"""The technician's face judges an answer exactly as the server will."""

import json
import random
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from storage import checklists
from sync.template import refused, severity, statutory

HERE = Path(__file__).parent
NODE = shutil.which("node")
TYPESCRIPT = HERE.parent.parent / "web" / "node_modules" / "typescript"
SHA = "ab" * 32
ODD = (
    None, True, False, "", "pass", "fail", "not_applicable", "ok", "none", "text", SHA, 0, 1, 3, 4,
    6, -1, 12.5, 99999, "2026-02-29", "2024-02-29", "2026-11-24", [], ["ok"], ["x"], [SHA], [1],
    {}, {"x": 1},
)  # fmt: skip


def part(sub, dice):
    """A value for a part: mostly one that may be."""
    likely = [*sub.options] if sub.options else [0, 1, 2.5, 3000, True, "2026-01-31", "text", SHA]
    return dice.choice(likely if dice.random() < 0.8 else ODD[:22])


def value(item, dice):
    """An answer: sound, dangerous or nonsense."""
    if item.kind == "composite" and dice.random() < 0.9:
        return {name: part(sub, dice) for name, sub in item.fields.items() if dice.random() < 0.8}
    if item.kind in ("multi_enum", "checklist") and dice.random() < 0.8:
        return dice.sample(item.options, dice.randint(0, len(item.options)))
    if item.options and dice.random() < 0.7:
        return dice.choice(item.options)
    return dice.choice(ODD)


@pytest.mark.skipif(
    NODE is None or not TYPESCRIPT.is_dir(), reason="NEEDS node and the packages of the faces"
)
def test_face_and_server_judge_ten_thousand_answers_alike(tmp_path):
    dice = random.Random(20261125)
    items = {
        f"{ref}/{item.code}": (template, item)
        for ref, template in checklists.templates().items()
        for item in template.items
    }
    cases = [(key, value(items[key][1], dice)) for key in dice.choices(sorted(items), k=10_000)]
    wish = {
        "items": {key: json.loads(msgspec.json.encode(item)) for key, (_, item) in items.items()},
        "cases": cases,
    }
    path = tmp_path / "cases.json"
    path.write_text(json.dumps(wish), encoding="utf-8")
    run = subprocess.run([NODE, HERE / "oracle.mjs", path], capture_output=True, check=True)
    judged = json.loads(run.stdout)
    wrong = []
    for (key, said), found in zip(cases, judged, strict=True):
        item = items[key][1]
        by_code = {item.code: item}
        code = refused(by_code, item.code, value=said)
        # how bad nonsense is has no meaning: it is refused before anybody asks
        wanted = (
            [code, found[1], found[2]]
            if code is not None
            else [
                None,
                severity(by_code, item.code, value=said),
                statutory(by_code, item.code, value=said),
            ]
        )
        if found != wanted:
            wrong.append((key, said, found, wanted))
    assert not wrong, f"{len(wrong)} of {len(cases)}: {wrong[:5]}"
