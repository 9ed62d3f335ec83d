"""`doorstep staff add`, `end` and `list`: who may sign in, and what each may see."""

import argparse
import getpass
import json
import secrets
import sys
from typing import Any, get_args

from sqlalchemy.ext.asyncio import AsyncEngine

from runtime.ambient import live, new_id
from runtime.database import asked
from runtime.server import hash_password
from schemas.access import Role
from schemas.problems import Refusal
from storage import access, audit

ROLES = tuple(role for role in get_args(Role) if role not in ("technician", "revoked"))
PASSWORD_MIN = 12


def register(words: Any) -> None:
    """Adds the words."""
    group = words.add_parser("staff", help="who may sign in")
    inner = group.add_subparsers(dest="deed", required=True)
    add = inner.add_parser("add", help="an account; the password is asked for, or made and printed")
    add.add_argument("login")
    add.add_argument("--name", required=True)
    add.add_argument("--role", required=True, choices=ROLES)
    add.add_argument("--grid", action="append", default=[], help="only this grid; may be repeated")
    add.add_argument("--elsewhere", action="store_true", help="signs in at the identity provider")
    add.set_defaults(run=_add)
    end = inner.add_parser("end", help="nothing of this account works any more")
    end.add_argument("login")
    end.set_defaults(run=_end)
    inner.add_parser("list", help="every account").set_defaults(run=_list)


def _add(given: argparse.Namespace) -> int:
    if given.role == "crew_lead" and not given.grid:
        raise Refusal("crew_without_grid")
    password = "" if given.elsewhere else _password()
    stored = hash_password(password) if password else ""
    row = {
        "id": new_id(),
        "login": given.login,
        "name": given.name,
        "role": given.role,
        "grids": given.grid,
        "password_hash": stored,
    }

    async def added(engine: AsyncEngine, unit_id: str) -> None:
        async with engine.begin() as tx:
            if await access.account_by_login(tx, given.login) is not None:
                raise Refusal("account_known", login=given.login)
            await access.add_account(tx, {**row, "unit_id": unit_id})
            await _audited(tx, unit_id, action="account.added", subject=given.login)

    asked(added)
    print(json.dumps({"login": given.login, "role": given.role, "grids": given.grid}))
    return 0


def _end(given: argparse.Namespace) -> int:
    async def ended(engine: AsyncEngine, unit_id: str) -> None:
        async with engine.begin() as tx:
            if not await access.end_account(tx, unit_id, login=given.login, now=live().now):
                raise Refusal("not_found")
            await _audited(tx, unit_id, action="account.ended", subject=given.login)

    asked(ended)
    print(json.dumps({"ended": given.login}))
    return 0


def _list(_: argparse.Namespace) -> int:
    async def listed(engine: AsyncEngine, unit_id: str) -> list[Any]:
        async with engine.connect() as tx:
            return list(await access.accounts(tx, unit_id))

    for row in asked(listed):
        state = "" if row.active else "  ended"
        print(f"{row.login:<24} {row.role:<16} {row.name}  {','.join(row.grids)}{state}")
    return 0


def _password() -> str:
    if not sys.stdin.isatty():
        made = secrets.token_urlsafe(12)
        print(f"password: {made}", file=sys.stderr)
        return made
    given = getpass.getpass("password: ")
    if len(given) < PASSWORD_MIN:
        raise Refusal("password_short", characters=PASSWORD_MIN)
    return given


async def _audited(tx: Any, unit_id: str, *, action: str, subject: str) -> None:
    entry = audit.Entry(at=live().now, actor="doorstep", action=action, subject=subject)
    await audit.append(tx, unit_id, entry=entry)
