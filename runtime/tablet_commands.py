"""`doorstep tablet …`: drives the reference tablet, offline and online; `doorstep conflicts`."""

import argparse
import json
import mimetypes
from datetime import date
from pathlib import Path
from typing import Any, get_args
from uuid import UUID, uuid5

import msgspec

from runtime.ambient import boot, now
from runtime.outbox import LANES
from runtime.tablet import Tablet
from schemas.sync import Bundle, RecordKind


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
    inner.add_parser("heal", help="compare with the mailbox and mend what differs").set_defaults(
        run=_heal
    )
    pack = inner.add_parser("pack", help="take a village along until a day")
    pack.add_argument("grid")
    pack.add_argument("until", type=date.fromisoformat)
    pack.set_defaults(run=_pack)
    bundle = inner.add_parser("bundle", help="what is unsent, as a signed file")
    bundle.add_argument("out", type=Path)
    bundle.set_defaults(run=_bundle)
    carry = inner.add_parser("carry", help="bring another tablet's file in")
    carry.add_argument("bundle", type=Path)
    carry.set_defaults(run=_carry)
    say = inner.add_parser("say", help="a visit comes into a state")
    say.add_argument("visit")
    say.add_argument("state")
    say.set_defaults(run=_say)
    answer = inner.add_parser("answer", help='answers as JSON, e.g. {"R12": "pass"}')
    answer.add_argument("visit")
    answer.add_argument("fields", type=json.loads)
    answer.set_defaults(run=_answer)
    make = inner.add_parser("make", help="a visit, hazard, appliance or note on the spot")
    make.add_argument("kind", choices=get_args(RecordKind))
    make.add_argument("fields", type=json.loads)
    make.add_argument("--premises", type=UUID)
    make.add_argument("--visit", type=UUID)
    make.add_argument("--template")
    make.set_defaults(run=_make)
    photo = inner.add_parser("photo", help="keep a photo; prints the name that answers give it")
    photo.add_argument("picture", type=Path)
    photo.add_argument("--lane", choices=LANES, default="original")
    photo.set_defaults(run=_photo)


def _opened(given: argparse.Namespace) -> Tablet:
    """The tablet, in the boot that this machine is in: how long ago something was does not depend
    on what anybody sets its clock to."""
    tablet, machine = Tablet.open(given.file), boot()
    if machine is not None:
        key, uptime = machine
        # a boot is this tablet's: another one on the same machine has another
        tablet.awake(uuid5(tablet.memory.tablet, key.hex), uptime, now=now())
    return tablet


def _enrol(given: argparse.Namespace) -> int:
    Tablet.enrol(given.file, server=given.server, code=given.code, now=now())
    tablet = _opened(given)
    tablet.sync(now=now())
    return _told(tablet)


def _show(given: argparse.Namespace) -> int:
    tablet = _opened(given)
    for key, fields in tablet.memory.visits():
        print(
            f"{key}  {fields.get('starts_at')}  {fields.get('state'):<12} {fields.get('address')}"
        )
    return _told(tablet)


def _sync(given: argparse.Namespace) -> int:
    tablet = _opened(given)
    tablet.sync(now=now())
    return _told(tablet)


def _heal(given: argparse.Namespace) -> int:
    tablet = _opened(given)
    print(json.dumps({"groups_that_differed": tablet.heal()}))
    return 0


def _pack(given: argparse.Namespace) -> int:
    tablet = _opened(given)
    taken = tablet.pack(given.grid, given.until)
    tablet.sync(now=now())
    print(json.dumps({"grid": given.grid, "premises": taken, "held": len(tablet.memory.records)}))
    return 0


def _bundle(given: argparse.Namespace) -> int:
    tablet = _opened(given)
    given.out.write_bytes(msgspec.json.encode(tablet.bundle(now=now())))
    carried = len(tablet.memory.carried())
    left = len(tablet.memory.outbox) - carried
    print(json.dumps({"operations": carried, "left": left, "file": str(given.out)}))
    return 0


def _carry(given: argparse.Namespace) -> int:
    bundle = msgspec.json.decode(given.bundle.read_bytes(), type=Bundle)
    print(json.dumps({"outcomes": _opened(given).carry(bundle)}))
    return 0


def _say(given: argparse.Namespace) -> int:
    tablet = _opened(given)
    tablet.command(given.visit, given.state, now=now())
    return _told(tablet)


def _answer(given: argparse.Namespace) -> int:
    tablet = _opened(given)
    tablet.answer(given.visit, given.fields, now=now())
    return _told(tablet)


def _make(given: argparse.Namespace) -> int:
    named = {"premises": given.premises, "visit": given.visit, "template": given.template}
    about = {name: value for name, value in named.items() if value is not None}
    print(_opened(given).create(given.kind, given.fields, now=now(), **about))
    return 0


def _photo(given: argparse.Namespace) -> int:
    media_type = mimetypes.guess_type(given.picture.name)[0] or "image/jpeg"
    content = given.picture.read_bytes()
    print(_opened(given).photo(content, media_type=media_type, lane=given.lane))
    return 0


def _told(tablet: Tablet) -> int:
    figures = {
        "visits": len(tablet.memory.visits()),
        "unsent": tablet.unsent(),
        "refused": tablet.memory.refused,
    }
    print(json.dumps(figures, ensure_ascii=False))
    return 0
