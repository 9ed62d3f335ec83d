"""`doorstep rules`: check, publish, list, end and drop rule versions of this installation's unit."""

import argparse
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import yaml
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import rulebooks
from commitments.rules import drafted
from runtime.ambient import live
from runtime.database import asked
from schemas.base import date
from schemas.problems import Refusal
from schemas.rulebook import RulebookDraft

ACTOR = "command line"


def register(words: Any) -> None:
    """Adds the word."""
    group = words.add_parser("rules", help="rules of the unit: check, publish, list, end, drop")
    inner = group.add_subparsers(dest="deed", required=True)
    for word, told, job in (
        ("check", "what publishing a rulebook would change", _check),
        ("publish", "publish a rulebook (YAML, shaped like rules.yaml)", _publish),
    ):
        deed = inner.add_parser(word, help=told)
        deed.add_argument("file", type=Path)
        deed.add_argument("--actor", default=ACTOR, help="who publishes, for the audit")
        deed.set_defaults(run=job)
    listed = inner.add_parser("list", help="every version and how many promises keep it")
    listed.add_argument("--json", action="store_true")
    listed.set_defaults(run=_list)
    for word, told, job in (
        ("end", "the last day on which a version begins clocks", _end),
        ("drop", "take back a version that no promise ever kept", _drop),
    ):
        deed = inner.add_parser(word, help=told)
        deed.add_argument("code")
        deed.add_argument("version")
        if word == "end":
            deed.add_argument("--on", type=date.fromisoformat, required=True, metavar="DATE")
        deed.add_argument("--actor", default=ACTOR)
        deed.set_defaults(run=job)


def rulebook_in(file: Path) -> RulebookDraft:
    """A rulebook as a file holds it; refuses `file_missing`, `file_unreadable`, `rulebook_unsound`."""
    try:
        return drafted(yaml.safe_load(file.read_text("utf-8")))
    except FileNotFoundError as error:
        raise Refusal("file_missing", file=file.name) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Refusal("file_unreadable", file=file.name) from error


def _answered(question: Callable[[AsyncEngine, str], Awaitable[object]]) -> int:
    print(msgspec.json.encode(asked(question)).decode())
    return 0


def _check(given: argparse.Namespace) -> int:
    wish = rulebook_in(given.file)
    return _answered(lambda engine, unit: rulebooks.check(engine, unit, wish=wish, ambient=live()))


def _publish(given: argparse.Namespace) -> int:
    wish = rulebook_in(given.file)
    return _answered(
        lambda engine, unit: rulebooks.publish(
            engine, unit, wish=wish, actor=given.actor, ambient=live()
        )
    )


def _list(given: argparse.Namespace) -> int:
    rules = asked(rulebooks.shown)
    if not given.json:
        for each in rules:
            since = each.effective_from or "—"
            count = f"{each.limit:g} {each.unit}" if each.unit else each.kind
            print(f"{each.code:>4} {each.version:<16} {since!s:<11} {count:<18} {each.zh}")
    print(json.dumps({"rules": msgspec.to_builtins(rules)}, ensure_ascii=False))
    return 0


def _end(given: argparse.Namespace) -> int:
    which = (given.code, given.version)
    return _answered(
        lambda engine, unit: rulebooks.end(
            engine, unit, which=which, on=given.on, by=(given.actor, live())
        )
    )


def _drop(given: argparse.Namespace) -> int:
    which = (given.code, given.version)
    return _answered(
        lambda engine, unit: rulebooks.drop(engine, unit, which=which, by=(given.actor, live()))
    )
