"""`make fuzz`: EXAMPLES=2000 requests an operation; the last line is JSON."""

import argparse
import json
import sys

from tests.fuzz.lane import fuzzed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--examples", type=int, default=2_000)
    parser.add_argument("--part", default="1/1", help="the second of eight parts: 2/8")
    given = parser.parse_args()
    number, of = map(int, given.part.split("/"))
    lane = fuzzed(given.examples, part=(number, of))
    for (label, said), shown in sorted(lane.wrong.items()):
        print(f"\n{label}: {said}\n{shown}")
    figures = {
        "operations": len(lane.operations), "roles": len(lane.tokens), **lane.calls,
        "findings": len(lane.wrong),
    }  # fmt: skip
    print(json.dumps(figures))
    return 1 if lane.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
