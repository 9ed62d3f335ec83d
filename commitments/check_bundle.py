"""Checks a bundle of proof with nothing but Python 3.11: python check_bundle.py FOLDER

It believes no sentence of the bundle: files, links and operations are hashed again, working days are
counted again from the calendar, the verdict is drawn again from stop and due. Exit 0: it holds.
"""

import hashlib
import json
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

DAY, MIDNIGHT, instant = timedelta(days=1), "T00:00:00+08:00", datetime.fromisoformat


def sha256(content: bytes) -> str:
    """Hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def files(folder: Path) -> list[str]:
    """Every file is the one that was named, none was added or taken away, a photo is its name."""
    named = json.loads((folder / "MANIFEST.json").read_text("utf-8"))
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "MANIFEST.json"]
    there = {str(path.relative_to(folder)): sha256(path.read_bytes()) for path in paths}
    both = sorted(there.keys() & named.keys())
    wrong = [f"missing or added: {name}" for name in sorted(there.keys() ^ named.keys())]
    wrong += [f"changed: {name}" for name in both if there[name] != named[name]]
    return wrong + [f"not its own: {n}" for n in both if n[:6] == "files/" and n[6:] != there[n]]


def facts(proof: dict[str, Any]) -> list[str]:
    """Each link hashes the one before; operations are as sent, or say that a person was erased."""
    held, head = {each["id"]: each for each in proof["operations"]}, ""
    told = {key: each for key, each in held.items() if not each.get("blanked_at")}
    bad = [key for key, each in told.items() if sha256(each["hashed"].encode()) != each["hash"]]
    wrong = [f"operation {key} was changed" for key in bad]
    for n, each in enumerate(proof["events"], start=1):
        previous, number, event = json.loads(each["hashed"])
        if (previous, number) != (head, n) or sha256(each["hashed"].encode()) != each["hash"]:
            return [*wrong, f"the chain breaks at event {n}"]
        same = all(each[name] == event[name] for name in ("kind", "source", "body"))
        if not same or instant(each["observed_at"]) != instant(event["observed_at"]):
            return [*wrong, f"event {n} is shown otherwise than it was hashed"]
        if each["source"].startswith("operation:") and each["source"].split(":")[1] not in held:
            wrong.append(f"no operation behind event {n}")
        head = each["hash"]
    return wrong


def counted(proof: dict[str, Any]) -> list[str]:
    """Not the day of the event; named days before weekdays; none in a pause that began in time."""
    said, stood, days = proof["verdict"], list[tuple[str, str]](), list[str]()
    last = said["stopped_at"] or proof["made_at"]
    for pause in [None, *said["pauses"]]:
        if pause is not None:
            if instant(pause["since"]) > min(instant(days[-1] + MIDNIGHT) + DAY, instant(last)):
                break
            stood.append((local(pause["since"]), local(pause["until"] or last)))
        days, day = [], date.fromisoformat(local(said["started_at"]))
        while len(days) < proof["rule"]["limit"]:
            day += DAY
            works = proof["calendar"].get(str(day), day.weekday() < 5)
            if works and not any(first <= str(day) <= end for first, end in stood):
                days.append(str(day))
    return days


def verdict(proof: dict[str, Any]) -> list[str]:
    """Kept or broken follows from the stop and the due instant, and that from the days counted."""
    said, rule, wrong = proof["verdict"], proof["rule"], []
    amended = any(each["kind"] == "amended" for each in proof["events"])
    if rule["unit"] == "working_day" and said["days"] and not amended:
        wrong += [] if counted(proof) == said["days"] else ["other days are counted"]
        if instant(said["days"][-1] + MIDNIGHT) + DAY != instant(said["due_at"]):
            wrong.append("the due instant is not the end of the last day counted")
    if said.get("stopped_at") and said["state"] in ("met", "breached"):
        stop, due = instant(said["stopped_at"]), instant(said["due_at"] or said["stopped_at"])
        told = [each for each in proof["events"] if each["kind"] in rule["stops"]]
        heard = [each["body"].get("kept") for each in told if instant(each["observed_at"]) == stop]
        kept = (stop >= due if rule["at_least"] else stop <= due) and False not in heard
        if not heard or kept != (said["state"] == "met"):
            wrong.append("the verdict does not follow from the stop and the due instant")
    return wrong


def local(text: str) -> str:
    """The day in China in which an instant lies."""
    return (instant(text).astimezone(UTC) + DAY / 3).date().isoformat()


if __name__ == "__main__":
    place = Path(sys.argv[1])
    found = files(place)
    for path in sorted(place.glob("proof*.json")) if not found else ():
        told = json.loads(path.read_text("utf-8"))
        found += [f"{path.name}: {each}" for each in facts(told) + verdict(told)]
    print("\n".join(found) or "the bundle holds")
    sys.exit(1 if found else 0)
