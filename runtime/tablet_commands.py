"""`doorstep tablet …`: drives the reference tablet, offline and online; `doorstep conflicts`."""

import argparse
import json
from pathlib import Path
from typing import Any

from runtime.ambient import now
from runtime.tablet import Tablet


def register(words: Any) -> None:
    """Adds the words."""
    word = words.add_parser("tablet", help="the reference tablet: enrol, show, say, answer, sync")
    word.add_argument("file", type=Path, help="where the tablet keeps everything")
    inner = word.add_subparsers(dest="deed", required=True)
    enrol = inner.add_parser("enrol", help="turn a code into a tablet")
    enrol.add_argument("--server", default="http://127.0.0.1:8000")
    enrol.add_argument("--code", required=True)
    enrol.set_defaults(run=_enrol)
    inner.add_parser("show", help="the route and what is unsent").set_defaults(run=_show)
    inner.add_parser("sync", help="send and hear everything").set_defaults(run=_sync)
    say = inner.add_parser("say", help="a visit comes into a state")
    say.add_argument("visit")
    say.add_argument("state")
    say.set_defaults(run=_say)
    answer = inner.add_parser("answer", help='answers as JSON, e.g. {"R12": "pass"}')
    answer.add_argument("visit")
    answer.add_argument("fields", type=json.loads)
    answer.set_defaults(run=_answer)


def _enrol(given: argparse.Namespace) -> int:
    tablet = Tablet.enrol(given.file, server=given.server, code=given.code, now=now())
    tablet.sync(now=now())
    return _told(tablet)


def _show(given: argparse.Namespace) -> int:
    tablet = Tablet.open(given.file)
    for key, fields in tablet.memory.visits():
        print(
            f"{key}  {fields.get('starts_at')}  {fields.get('state'):<12} {fields.get('address')}"
        )
    return _told(tablet)


def _sync(given: argparse.Namespace) -> int:
    tablet = Tablet.open(given.file)
    tablet.sync(now=now())
    return _told(tablet)


def _say(given: argparse.Namespace) -> int:
    tablet = Tablet.open(given.file)
    tablet.command(given.visit, given.state, now=now())
    return _told(tablet)


def _answer(given: argparse.Namespace) -> int:
    tablet = Tablet.open(given.file)
    tablet.answer(given.visit, given.fields, now=now())
    return _told(tablet)


def _told(tablet: Tablet) -> int:
    figures = {
        "visits": len(tablet.memory.visits()),
        "unsent": tablet.unsent(),
        "refused": tablet.memory.refused,
    }
    print(json.dumps(figures, ensure_ascii=False))
    return 0
