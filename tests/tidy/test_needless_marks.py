"""A mark that tells the security checker to look away is there only where it would have spoken."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ROOMS = ("api", "commitments", "runtime", "scheduling", "schemas", "storage", "sync")
MARK = re.compile(r"# nosec (B\d{3})$")


def test_no_mark_is_needless_and_none_covers_everything():
    command = [sys.executable, "-m", "bandit", "-q", "--ignore-nosec", "-f", "json"]
    done = subprocess.run(
        [*command, "-c", "pyproject.toml", "-r", *ROOMS],
        cwd=ROOT, capture_output=True, text=True, timeout=500,
    )  # fmt: skip
    spoken = {
        (str(Path(each["filename"])), line, each["test_id"])
        for each in json.loads(done.stdout)["results"]
        for line in each["line_range"]
    }
    assert spoken, done.stderr
    needless = []
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            for n, line in enumerate(path.read_text("utf-8").splitlines(), 1):
                found = MARK.search(line)
                if "nosec" in line and (
                    found is None or (str(path.relative_to(ROOT)), n, found[1]) not in spoken
                ):
                    needless.append(f"{path.relative_to(ROOT)}:{n}")
    assert not needless, f"{needless}: name the check at the end of the line, or take the mark away"
