"""`doorstep backup`, `restore` and `rehearse`: an installation's second life, tried before it is needed."""

import argparse
import json
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from runtime import backup
from runtime.database import own_server
from runtime.server import photos
from runtime.settings import database_url_given, read_settings
from schemas.problems import Refusal
from storage import embedded


def register(words: Any) -> None:
    """Adds the words."""
    made = words.add_parser("backup", help="copy this installation into a folder while it works")
    made.add_argument("folder", type=Path)
    made.set_defaults(run=_backup)
    again = words.add_parser("restore", help="make a new installation of a backup")
    again.add_argument("folder", type=Path)
    again.add_argument("--state", type=Path, required=True, help="the new state folder")
    again.add_argument("--until", help="an instant with its zone; needs an archive")
    again.add_argument("--archive", type=Path, help="where the write-ahead log was kept")
    again.set_defaults(run=_restore)
    tried = words.add_parser("rehearse", help="restore a backup into nothing that lasts, and judge")
    tried.add_argument("folder", type=Path)
    tried.set_defaults(run=_rehearse)


def _backup(given: argparse.Namespace) -> int:
    if database_url_given() is not None:
        raise Refusal("backup_external")
    settings = read_settings()
    with own_server(settings.state_folder / "postgres", archive=settings.archive) as cluster:
        made = backup.make(cluster, photos(settings), target=given.folder)
        cluster.switch_segment()
    if backup.keep_keys(settings.state_folder, beside=given.folder):
        print("keys/ 与数据请分开保管 · keep keys/ apart from the rest", flush=True)
    rows = sum(int(each[0]) for each in made.tables.values())
    print(json.dumps({"tables": len(made.tables), "rows": rows, "photos": made.photos}))
    return 0


def _restore(given: argparse.Namespace) -> int:
    state = given.state.resolve()
    archive = given.archive or read_settings().state_folder / "postgres" / embedded.ARCHIVE
    wish = backup.Wish(
        source=given.folder.resolve(),
        state=state,
        archive=archive if archive.is_dir() else None,
        until=_instant(given.until),
    )
    if wish.until is not None and wish.archive is None:
        raise Refusal("restore_point", reason="there is no archive; see DOORSTEP_ARCHIVE")
    judged = backup.restore(wish)
    print(f"DOORSTEP_STATE={state} doorstep run", flush=True)
    print(json.dumps(judged))
    return 0 if _sound(judged) else 1


def _rehearse(given: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="doorstep-rehearsal-") as folder:
        # the server's own user walks through it
        Path(folder).chmod(0o755)
        wish = backup.Wish(source=given.folder.resolve(), state=Path(folder) / "state")
        judged = backup.restore(wish)
        embedded.remove(wish.state / "postgres")
    print(json.dumps(judged))
    return 0 if _sound(judged) else 1


def _sound(judged: dict[str, Any]) -> bool:
    return not judged["photos_missing"] and not judged["audit_chains_broken"]


def _instant(given: str | None) -> datetime | None:
    if given is None:
        return None
    try:
        read = msgspec.convert(given, datetime)
    except msgspec.ValidationError as error:
        raise Refusal("fact_not_a_time", field="until") from error
    if read.tzinfo is None:
        raise Refusal("fact_without_zone", field="until")
    return read
