"""Checks a bundle of proof with nothing but Python: python check_bundle.py FOLDER

It believes no sentence of the bundle: every file, every link of the chain of events and every
operation is hashed again, and the verdict is drawn again from its stop and days. Exit 0: it holds.
"""

import hashlib
import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any


def sha256(content: bytes) -> str:
    """Hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def files(folder: Path) -> list[str]:
    """Every file is the one that was named, and none was added or taken away."""
    named = json.loads((folder / "MANIFEST.json").read_text("utf-8"))
    there = {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.name != "MANIFEST.json"
    }
    wrong = [f"missing or added: {name}" for name in sorted(there ^ set(named))]
    for name in sorted(there & set(named)):
        if sha256((folder / name).read_bytes()) != named[name]:
            wrong.append(f"changed: {name}")
    # a photo carries its own hash as its name, which an answer of a tablet had declared
    for path in folder.glob("files/*"):
        if sha256(path.read_bytes()) != path.name:
            wrong.append(f"not what its name says: {path.name}")
    return wrong


def chain(events: list[dict[str, Any]]) -> list[str]:
    """Each link is the hash of the one before, its number and its event."""
    head = ""
    for n, each in enumerate(events, start=1):
        previous, number, event = json.loads(each["hashed"])
        shown = {name: each[name] for name in ("kind", "source", "body")}
        told = {name: event[name] for name in ("kind", "source", "body")}
        if (previous, number) != (head, n) or sha256(each["hashed"].encode()) != each["hash"]:
            return [f"the chain breaks at event {n}"]
        if shown != told or instant(each["observed_at"]) != instant(event["observed_at"]):
            return [f"event {n} is shown otherwise than it was hashed"]
        head = each["hash"]
    return []


def operations(proof: dict[str, Any]) -> list[str]:
    """What a tablet captured is here as it was hashed then, or says that a person was erased."""
    held = {each["id"]: each for each in proof["operations"]}
    wrong = [
        f"operation {key} was changed"
        for key, each in held.items()
        if sha256(each["hashed"].encode()) != each["hash"] and not each.get("blanked_at")
    ]
    for each in proof["events"]:
        if each["source"].startswith("operation:") and each["source"].split(":")[1] not in held:
            wrong.append(f"no operation behind event {each['n']}")
    return wrong


def verdict(proof: dict[str, Any]) -> list[str]:
    """Kept or broken follows from the stop and the due instant, and that from the days counted."""
    said, rule = proof["verdict"], proof["rule"]
    wrong = []
    if rule["unit"] == "working_day" and said["days"] and not said.get("pauses"):
        amended = any(each["kind"] in ("amended", "waived") for each in proof["events"])
        end = instant(said["days"][-1] + "T00:00:00+08:00") + timedelta(days=1)
        if not amended and (len(said["days"]) != rule["limit"] or end != instant(said["due_at"])):
            wrong.append("the due instant is not the end of the last day counted")
    if said.get("stopped_at") and said["state"] in ("met", "breached"):
        stop, due = instant(said["stopped_at"]), instant(said["due_at"] or said["stopped_at"])
        told = [each for each in proof["events"] if each["kind"] in rule["stops"]]
        heard = [each["body"].get("kept") for each in told if instant(each["observed_at"]) == stop]
        kept = (stop >= due if rule["at_least"] else stop <= due) and False not in heard
        if not heard or kept != (said["state"] == "met"):
            wrong.append("the verdict does not follow from the stop and the due instant")
    return wrong


def instant(text: str) -> datetime:
    """An instant with its zone."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


if __name__ == "__main__":
    place = Path(sys.argv[1])
    found = files(place)
    for path in sorted(place.glob("proof*.json")) if not found else ():
        told = json.loads(path.read_text("utf-8"))
        wrong = [*chain(told["events"]), *operations(told), *verdict(told)]
        found += [f"{path.name}: {each}" for each in wrong]
    print("\n".join(found) or "the bundle holds")
    sys.exit(1 if found else 0)
