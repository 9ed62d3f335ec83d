"""`doorstep due`, `clauses`, `commitments explain` and `commitments verify`."""

import argparse
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import ledger, notices, recalendar
from commitments.answers import due_answer
from runtime import proof
from runtime.ambient import live
from runtime.database import asked
from runtime.server import photos
from runtime.settings import read_settings
from schemas.calendar import Recalendared
from schemas.problems import Refusal
from storage import catalogue


def register(words: Any) -> None:
    """Adds the words."""
    due = words.add_parser("due", help="when a promise falls due, with the days counted")
    due.add_argument("--clause")
    due.add_argument("--start")
    due.add_argument("--facts", default="{}", help="JSON object of facts that choose the rule")
    due.add_argument("--batch", type=Path, help="JSON list of {clause, start, facts?}")
    due.add_argument("--json", action="store_true")
    due.set_defaults(run=_due)
    clauses = words.add_parser("clauses", help="the sixteen clauses, their rules and their states")
    clauses.add_argument("--json", action="store_true")
    clauses.set_defaults(run=_clauses)
    notice = words.add_parser("calendar", help="take in a notice on working days")
    notice.add_argument("file", type=Path, help="a notice as .json, or .csv with on,works,name")
    notice.add_argument("--source", default="", help="of a .csv: who announced it, and where")
    notice.add_argument("--layer", choices=["official", "operator"], default="official")
    notice.set_defaults(run=_calendar)
    group = words.add_parser("commitments", help="explain or verify commitments")
    inner = group.add_subparsers(dest="deed", required=True)
    explain = inner.add_parser("explain", help="why a commitment stands as it does")
    explain.add_argument("id", type=UUID)
    explain.set_defaults(run=_explain)
    bundle = inner.add_parser("bundle", help="proof for an outsider: JSON, files and a checker")
    bundle.add_argument("id", type=UUID)
    bundle.add_argument("folder", type=Path)
    bundle.set_defaults(run=_bundle)
    verify = inner.add_parser("verify", help="recompute every verdict from its events")
    verify.add_argument("--json", action="store_true")
    verify.set_defaults(run=_verify)


def _answer(given: dict[str, Any]) -> Any:
    try:
        clause, start = str(given["clause"]), str(given["start"])
    except KeyError as error:
        raise Refusal("fact_missing", fact=str(error.args[0])) from error
    return due_answer(
        catalogue.rules(),
        catalogue.calendar(),
        clause=clause,
        start=start,
        facts=given.get("facts") or {},
    )


def _due(given: argparse.Namespace) -> int:
    if given.batch is not None:
        asked = json.loads(given.batch.read_text("utf-8"))
        print(msgspec.json.encode([_answered_or_refused(each) for each in asked]).decode())
        return 0
    if given.clause is None or given.start is None:
        raise Refusal("fact_missing", fact="clause" if given.clause is None else "start")
    facts = json.loads(given.facts)
    answer = _answer({"clause": given.clause, "start": given.start, "facts": facts})
    if not given.json:
        for number, day in enumerate(answer.days, start=1):
            print(f"{number:>3}  {day}  {day:%a}")
        for reason in answer.why:
            print(f"     {reason}")
    print(msgspec.json.encode(answer).decode())
    return 0


def _answered_or_refused(given: dict[str, Any]) -> Any:
    # one question that cannot be answered leaves the others theirs
    try:
        return _answer(given)
    except Refusal as refusal:
        return {**given, "code": refusal.code, "details": refusal.details}


def _clauses(given: argparse.Namespace) -> int:
    states: dict[str, dict[str, int]] = {}
    for clause, state, count in asked(ledger.states):
        states.setdefault(clause, {})[state] = count
    shown = [
        {
            "clause": rule.clause,
            "rule": rule.code,
            "version": rule.version,
            "zh": rule.zh,
            "kind": rule.kind,
            "states": states.get(rule.clause, {}),
        }
        for rule in catalogue.rules()
    ]
    if not given.json:
        for row in shown:
            print(f"{row['rule']:>4} {row['version']} {row['zh']}  {row['states'] or ''}")
    print(json.dumps({"clauses": shown}, ensure_ascii=False))
    return 0


def _calendar(given: argparse.Namespace) -> int:
    text = given.file.read_text("utf-8-sig")
    if given.file.suffix == ".csv":
        if not given.source.strip():
            raise Refusal("fact_missing", fact="source")
        notice = notices.read_csv(text, source=given.source, layer=given.layer)
    else:
        notice = notices.read_json(text)

    async def taken(engine: AsyncEngine, unit_id: str) -> Recalendared:
        return await recalendar.take(
            engine, unit_id, notice=notice, actor="command line", ambient=live()
        )

    print(msgspec.json.encode(asked(taken)).decode())
    return 0


def _explain(given: argparse.Namespace) -> int:
    async def told(engine: AsyncEngine, unit_id: str) -> dict[str, Any]:
        return await ledger.explain(engine, unit_id, commitment_id=given.id, now=live().now)

    print(msgspec.json.format(msgspec.json.encode(asked(told))).decode())
    return 0


def _bundle(given: argparse.Namespace) -> int:
    async def written(engine: AsyncEngine, unit_id: str) -> dict[str, Any]:
        wish = (given.id, given.folder)
        blobs = photos(read_settings())
        return await proof.write(engine, unit_id, blobs=blobs, wish=wish, now=live().now)

    print(json.dumps(asked(written)))
    return 0


def _verify(given: argparse.Namespace) -> int:
    result = asked(ledger.verify)
    print(json.dumps(result))
    return 1 if result["differences"] or result["broken_chains"] else 0
