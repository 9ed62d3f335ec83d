"""`doorstep cycles`: due lists, the levelled year, coverage, and another try where nobody was."""

import argparse
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import yearplan
from runtime.ambient import live
from runtime.database import asked
from schemas.cycles import DueList, Levelling
from schemas.problems import Refusal

PAGE = 500


def register(words: Any) -> None:
    """Adds the words."""
    group = words.add_parser("cycles", help="inspection cycles: due, level, plan, coverage")
    inner = group.add_subparsers(dest="deed", required=True)
    due = inner.add_parser("due", help="what falls due in a month, one JSON object a line")
    due.add_argument("month", help="such as 2026-12")
    due.add_argument("--grid")
    due.set_defaults(run=_due)
    level = inner.add_parser("level", help="level the coming months into working days")
    level.add_argument("--months", type=int, default=12)
    level.add_argument("--lead-months", type=int, default=11)
    level.add_argument("--gather-months", type=int, default=2)
    level.set_defaults(run=_level)
    inner.add_parser("plan", help="the levelled year").set_defaults(run=_plan)
    again = inner.add_parser("again", help="another time for inspections that found nobody")
    again.set_defaults(run=_again)
    cover = inner.add_parser("coverage", help="intervals and offers kept, by grid and month")
    cover.add_argument("--since", type=date.fromisoformat, required=True)
    cover.add_argument("--until", type=date.fromisoformat, required=True)
    cover.set_defaults(run=_coverage)


def _due(given: argparse.Namespace) -> int:
    async def listed(engine: AsyncEngine, unit_id: str) -> int:
        after, counted = "", 0
        while True:
            page: DueList = await yearplan.due_list(
                engine, unit_id, month=given.month, grid=given.grid, page=(after, PAGE)
            )
            for each in page.items:
                print(msgspec.json.encode(each).decode())
            counted += len(page.items)
            if page.next is None:
                return counted
            after = page.next

    print(msgspec.json.encode({"month": given.month, "due": asked(listed)}).decode())
    return 0


def _level(given: argparse.Namespace) -> int:
    wish = {
        "months": given.months,
        "lead_months": given.lead_months,
        "gather_months": given.gather_months,
    }
    try:
        how = msgspec.convert(wish, Levelling)
    except msgspec.ValidationError as error:
        raise Refusal("invalid_field", reason=str(error)) from error
    return _said(lambda engine, unit: yearplan.level(engine, unit, how=how, ambient=live()))


def _plan(_: argparse.Namespace) -> int:
    return _said(yearplan.year)


def _again(_: argparse.Namespace) -> int:
    return _said(lambda engine, unit: yearplan.try_again(engine, unit, ambient=live()))


def _coverage(given: argparse.Namespace) -> int:
    return _said(
        lambda engine, unit: yearplan.coverage(engine, unit, since=given.since, until=given.until)
    )


def _said(question: Callable[[AsyncEngine, str], Awaitable[object]]) -> int:
    print(msgspec.json.encode(asked(question)).decode())
    return 0
