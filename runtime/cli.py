"""The `doorstep` command: one word a job, and one JSON object as the last line where figures come
out."""

import argparse
import json
import sys
from collections.abc import Sequence

from runtime import (
    audit_commands,
    backup_commands,
    commitment_commands,
    cycle_commands,
    demo_commands,
    doctor_commands,
    geocoding,
    import_commands,
    key_commands,
    people_commands,
    plan_commands,
    rule_commands,
    server_commands,
    staff_commands,
    tablet_commands,
    workflow_commands,
)
from schemas.problems import PROBLEMS, Refusal

GROUPS = (
    server_commands,
    staff_commands,
    geocoding,
    import_commands,
    key_commands,
    people_commands,
    plan_commands,
    commitment_commands,
    cycle_commands,
    rule_commands,
    tablet_commands,
    audit_commands,
    demo_commands,
    workflow_commands,
    backup_commands,
    doctor_commands,
)


def parser() -> argparse.ArgumentParser:
    """Every word that `doorstep` knows."""
    root = argparse.ArgumentParser(prog="doorstep", description="Field service for a gas company.")
    words = root.add_subparsers(dest="word", required=True, metavar="WORD")
    for group in GROUPS:
        group.register(words)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one word. A refusal is printed as its code and sentence, and exits 2."""
    given = parser().parse_args(arguments)
    try:
        return int(given.run(given) or 0)
    except Refusal as refusal:
        problem = PROBLEMS[refusal.code]
        print(f"{problem.zh} {problem.en}", file=sys.stderr)
        answer = {"code": refusal.code, "detail": problem.en, "details": refusal.details}
        print(json.dumps(answer, ensure_ascii=False, default=str))
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
