"""Migrations form one line: two branches that each took the next number would start nothing."""

import re
from pathlib import Path

from storage import migrate

VERSIONS = Path(__file__).resolve().parent.parent.parent / "storage" / "migrations" / "versions"


def test_every_migration_follows_one_other_and_the_last_is_the_head():
    known = {}
    for path in sorted(VERSIONS.glob("*.py")):
        said = dict(re.findall(r'^(revision|down_revision) = "?(\w+)"?$', path.read_text(), re.M))
        assert said["revision"] not in known, f"{path.name}: take the next free number"
        known[said["revision"]] = said["down_revision"]
    names = sorted(known)
    assert [known[each] for each in names] == ["None", *names[:-1]]
    assert names[-1] == migrate.HEAD
