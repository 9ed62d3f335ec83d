"""`doorstep due`, `clauses`, `commitments explain` and `commitments verify`."""

import argparse
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import casework, ledger, notices, recalendar, rulebooks, whatif, writing
from commitments.answers import DueAnswer, DueQuestion, due_answer
from commitments.calendar import Calendar
from runtime import proof, sample_year
from runtime.ambient import live
from runtime.database import asked
from runtime.demo_commands import asked_of_demo
from runtime.rule_commands import rulebook_in
from runtime.server import photos
from runtime.settings import read_settings
from schemas.calendar import Recalendared
from schemas.commitment import Rule
from schemas.problems import Refusal
from schemas.rulebook import RuleShown
from schemas.whatif import WhatIf, WhatWouldBe
from storage import catalogue

T = TypeVar("T")


_DEMO = "of the demo, in a database that is thrown away"


def register(words: Any) -> None:
    """Adds the words."""
    due = words.add_parser("due", help="when a promise falls due, with the days counted")
    due.add_argument("--clause")
    due.add_argument("--start")
    due.add_argument("--facts", default="{}", help="JSON object of facts that choose the rule")
    due.add_argument("--batch", type=Path, help="JSON list of {clause, start, facts?}")
    due.add_argument("--json", action="store_true")
    due.add_argument(
        "--installed", action="store_true", help="by the rules and days of this installation's unit"
    )
    due.set_defaults(run=_due)
    clauses = words.add_parser("clauses", help="the sixteen clauses, their rules and their states")
    clauses.add_argument("--json", action="store_true")
    clauses.add_argument("--demo", action="store_true", help=_DEMO)
    clauses.set_defaults(run=_clauses)
    notice = words.add_parser("calendar", help="take in a notice on working days")
    notice.add_argument("file", type=Path, help="a notice as .json, or .csv with on,works,name")
    notice.add_argument("--source", default="", help="of a .csv: who announced it, and where")
    notice.add_argument(
        "--layer", choices=["official", "provisional", "operator"], default="official"
    )
    notice.set_defaults(run=_calendar)
    group = words.add_parser("commitments", help="explain or verify commitments")
    inner = group.add_subparsers(dest="deed", required=True)
    explain = inner.add_parser("explain", help="why a commitment stands as it does")
    explain.add_argument("id", type=UUID)
    explain.set_defaults(run=_explain)
    bundle = inner.add_parser("bundle", help="proof for an outsider: JSON, files and a checker")
    bundle.add_argument("id", type=UUID, help="of a commitment, or of premises")
    bundle.add_argument("--premises", action="store_true", help="the id is that of premises")
    bundle.add_argument("folder", type=Path)
    bundle.set_defaults(run=_bundle)
    what_if = inner.add_parser("what-if", help="last year's facts under other rules")
    what_if.add_argument("--rule", help="one rule, with --limit")
    what_if.add_argument("--limit", type=float)
    what_if.add_argument("--rules", type=Path, help="a rulebook: every rule in it is asked about")
    what_if.add_argument("--since", type=date.fromisoformat, required=True)
    what_if.add_argument("--until", type=date.fromisoformat, required=True)
    what_if.set_defaults(run=_what_if)
    year = words.add_parser("sample-year", help="a generated year of facts in this database")
    year.add_argument("--premises", type=int, default=100_000)
    year.add_argument("--year", type=int, default=2025)
    year.set_defaults(run=_sample_year)
    verify = inner.add_parser("verify", help="recompute every verdict from its events")
    verify.add_argument("--json", action="store_true")
    verify.add_argument("--demo", action="store_true", help=_DEMO)
    verify.set_defaults(run=_verify)


def _due(given: argparse.Namespace) -> int:
    known = asked(_installed) if given.installed else (catalogue.rules(), catalogue.calendar())
    if given.batch is not None:
        questions = _json(_text(given.batch), list, what=given.batch.name)
        print(msgspec.json.encode([_or_refused(each, known) for each in questions]).decode())
        return 0
    if given.clause is None or given.start is None:
        raise Refusal("fact_missing", fact="clause" if given.clause is None else "start")
    facts = _json(given.facts, dict, what="facts")
    answer = _answer({"clause": given.clause, "start": given.start, "facts": facts}, known)
    if not given.json:
        for number, day in enumerate(answer.days, start=1):
            print(f"{number:>3}  {day}  {day:%a}")
        for reason in answer.why:
            print(f"     {reason}")
    print(msgspec.json.encode(answer).decode())
    return 0


async def _installed(engine: AsyncEngine, unit_id: str) -> tuple[Sequence[Rule], Calendar]:
    async with engine.begin() as tx:
        rules = await writing.rulebook(tx, unit_id)
        return rules, await recalendar.calendar_of(tx, unit_id)


def _answer(given: Any, known: tuple[Sequence[Rule], Calendar]) -> DueAnswer:
    if not isinstance(given, dict):
        raise Refusal("invalid_field", reason="a question is {clause, start, facts?}")
    for name in ("clause", "start"):
        if given.get(name) in (None, ""):
            raise Refusal("fact_missing", fact=name)
    try:
        asked_for = {name: str(given[name]) for name in ("clause", "start")}
        question = msgspec.convert({**asked_for, "facts": given.get("facts")}, DueQuestion)
    except msgspec.ValidationError as error:
        raise Refusal("invalid_field", reason=str(error)) from error
    rules, calendar = known
    return due_answer(
        rules, calendar, clause=question.clause, start=question.start, facts=question.facts or {}
    )


def _or_refused(given: Any, known: tuple[Sequence[Rule], Calendar]) -> Any:
    # one question that cannot be answered leaves the others theirs
    try:
        return _answer(given, known)
    except Refusal as refusal:
        told = given if isinstance(given, dict) else {"question": given}
        return {**told, "code": refusal.code, "details": refusal.details}


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise Refusal("file_missing", file=path.name) from error
    except (UnicodeDecodeError, OSError) as error:
        raise Refusal("file_unreadable", file=path.name) from error


def _json(text: str, shape: type[T], *, what: str) -> T:
    try:
        return msgspec.json.decode(text, type=shape)
    except msgspec.DecodeError as error:
        raise Refusal("invalid_field", field=what, reason=str(error)) from error


async def _counted(
    engine: AsyncEngine, unit_id: str
) -> tuple[list[RuleShown], dict[tuple[str, str, str, str], int]]:
    return await rulebooks.shown(engine, unit_id), await ledger.rule_states(engine, unit_id)


def _prove(shown: list[dict[str, Any]], rules: Sequence[RuleShown]) -> None:
    """What others prove is shown by what they came to."""
    for row, rule in zip(shown, rules, strict=True):
        behind = [each for each in shown if each["rule"] in rule.proven_by]
        row["proven_by"] = list(rule.proven_by)
        for each in behind:
            row["commitments"] += each["commitments"]
            for state, count in each["states"].items():
                row["states"] = {**row["states"], state: row["states"].get(state, 0) + count}


def _clauses(given: argparse.Namespace) -> int:
    shown_rules, counts = (asked_of_demo if given.demo else asked)(_counted)
    if not (given.demo or given.json or any(counts.values())):
        print("nothing was promised here yet: the made-up region of the demo is told instead")
        shown_rules, counts = asked_of_demo(_counted)
    states: dict[tuple[str, str], dict[str, int]] = {}
    clauses: dict[str, dict[str, int]] = {}
    for (clause, code, version, state), count in counts.items():
        states.setdefault((code, version), {})[state] = count
        told = clauses.setdefault(clause, {})
        told[state] = told.get(state, 0) + count
    shown: list[dict[str, Any]] = [
        {
            "clause": each.clause,
            "rule": each.code,
            "version": each.version,
            "zh": each.zh,
            "kind": each.kind,
            "law": each.law,
            "commitments": each.commitments,
            "states": states.get((each.code, each.version), {}),
        }
        for each in shown_rules
    ]
    _prove(shown, shown_rules)
    summed = [
        {"clause": n, "zh": zh, "commitments": sum(found.values()), "states": found}
        for n, zh in catalogue.clauses().items()
        for found in [clauses.get(n, {})]
    ]
    if not given.json:
        for row in summed:
            _line(f"§{row['clause']}", row)
            for each in shown:
                if each["clause"] == row["clause"]:
                    _line(f"{each['rule']} {each['version']}", each)
        for each in shown:
            if each["law"]:
                _line(f"{each['rule']} {each['version']}", each)
    print(json.dumps({"clauses": shown, "summary": summed}, ensure_ascii=False))
    return 0


def _line(name: str, row: dict[str, Any]) -> None:
    said = " ".join(f"{state}={count}" for state, count in sorted(row["states"].items()))
    print(f"{name:<16} {row['commitments']:>7} {row['zh']}  {said}")


def _calendar(given: argparse.Namespace) -> int:
    text = _text(given.file)
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
        write = proof.write_premises if given.premises else proof.write
        return await write(engine, unit_id, blobs=blobs, wish=wish, now=live().now)

    print(json.dumps(asked(written)))
    return 0


def _sample_year(given: argparse.Namespace) -> int:
    async def filled(engine: AsyncEngine, unit_id: str) -> sample_year.Told:
        return await sample_year.generate(
            engine, unit_id, size=given.premises, year=given.year, say=print
        )

    print(msgspec.json.encode(asked(filled)).decode())
    return 0


def _what_if(given: argparse.Namespace) -> int:
    period = {"since": given.since, "until": given.until}
    if (given.rules is None) == (given.rule is None):
        raise Refusal("invalid_field", reason="one of --rule and --rules")
    wishes = [{"rule": given.rule, "limit": given.limit}]
    if given.rules is not None:
        wishes = [{"rule": each.id, "other": each} for each in rulebook_in(given.rules).rules]
    try:
        questions = [msgspec.convert({**each, **period}, WhatIf) for each in wishes]
    except msgspec.ValidationError as error:
        raise Refusal("invalid_field", reason=str(error)) from error

    async def told(engine: AsyncEngine, unit_id: str) -> list[WhatWouldBe]:
        now = live().now
        return [await whatif.asked(engine, unit_id, wish=each, now=now) for each in questions]

    for answer in asked(told):
        print(msgspec.json.encode(answer).decode())
    return 0


def _verify(given: argparse.Namespace) -> int:
    async def verified(engine: AsyncEngine, unit_id: str) -> dict[str, int]:
        return {
            **await ledger.verify(engine, unit_id),
            **await casework.verify(engine, unit_id),
        }

    result = (asked_of_demo if given.demo else asked)(verified)
    if not given.json:
        print(" ".join(f"{name}={count}" for name, count in result.items()))
    print(json.dumps(result))
    broken = result["differences"] + result["broken_chains"] + result["broken_case_chains"]
    return 1 if broken else 0
