"""Proves an exported audit without any of our code: python check_audit.py FILE.

Each line is one entry as JSON. A link is the SHA-256 of the text
`[previous hash, n, {"at", "actor", "action", "subject", "detail"}]`: no spaces, keys of `detail` in
order. Exits 0 and prints the last hash, which is to be compared with one that was kept elsewhere.
"""

import hashlib
import json
import sys
from typing import Any

NAMES = ("at", "actor", "action", "subject", "detail")


def ordered(value: Any) -> Any:
    """The same value with the keys of every object in order."""
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value)}
    return [ordered(each) for each in value] if isinstance(value, list) else value


def checked(lines: list[str]) -> tuple[int, str]:
    """How many entries hold, and the last hash; raises ValueError at the first that does not."""
    head = ""
    for count, line in enumerate(lines, 1):
        row = json.loads(line)
        said = {name: ordered(row[name]) for name in NAMES}
        text = json.dumps([head, count, said], ensure_ascii=False, separators=(",", ":"))
        link = hashlib.sha256(text.encode()).hexdigest()
        if row["n"] != count or row["previous_hash"] != head or row["hash"] != link:
            raise ValueError(f"entry {count} does not hold")
        head = link
    return len(lines), head


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        try:
            entries, last = checked(file.read().splitlines())
        except ValueError as error:
            sys.exit(str(error))
    print(json.dumps({"entries": entries, "head": last}))
