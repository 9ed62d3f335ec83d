"""`doorstep solve`, `check` and `explain-plan`: the planner on files."""

import argparse
import json
from pathlib import Path
from typing import Any

import msgspec

from scheduling import check as checker
from scheduling import solver, vrptw
from scheduling.explain import explain
from schemas.plan import Plan, Problem
from schemas.problems import Refusal


def register(words: Any) -> None:
    """Adds the words."""
    solve = words.add_parser("solve", help="solve a planning problem")
    solve.add_argument("problem", type=Path)
    solve.add_argument("--seconds", type=float, default=10.0)
    solve.add_argument("--iterations", type=int)
    solve.add_argument("--seed", type=int, default=1)
    solve.add_argument("--threads", type=int, default=1)
    solve.add_argument("--start", type=Path, help="a plan to begin from")
    solve.add_argument("--out", type=Path)
    solve.set_defaults(run=_solve)
    vrptw = words.add_parser("solve-vrptw", help="solve a file in Solomon's format")
    vrptw.add_argument("file", type=Path)
    vrptw.add_argument("--seconds", type=float, default=30.0)
    vrptw.add_argument("--seed", type=int, default=1)
    vrptw.add_argument("--threads", type=int, default=1)
    vrptw.set_defaults(run=_solve_vrptw)
    check = words.add_parser("check", help="check a plan against its problem")
    check.add_argument("problem", type=Path)
    check.add_argument("plan", type=Path)
    check.set_defaults(run=_check)
    schema = words.add_parser("plan-schema", help="JSON Schema of problem and plan")
    schema.set_defaults(run=_schema)
    why = words.add_parser("explain-plan", help="why each job was left out")
    why.add_argument("problem", type=Path)
    why.add_argument("plan", type=Path)
    why.set_defaults(run=_explain)


def _problem(path: Path) -> Problem:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Problem)
    except (msgspec.DecodeError, OSError, UnicodeDecodeError) as error:
        raise Refusal("plan_problem", field=path.name, reason=str(error)) from error


def _plan(path: Path) -> Plan:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Plan)
    except (msgspec.DecodeError, OSError, UnicodeDecodeError) as error:
        raise Refusal("plan_problem", field=path.name, reason=str(error)) from error


def _solve(given: argparse.Namespace) -> int:
    problem = _problem(given.problem)
    seconds = None if given.iterations else given.seconds
    budget = solver.Budget(
        seconds=seconds, iterations=given.iterations, threads=max(1, given.threads)
    )
    start = _plan(given.start) if given.start else None
    plan = solver.solve(problem, seed=given.seed, budget=budget, start=start)
    if given.out is not None:
        given.out.write_bytes(msgspec.json.encode(plan))
    figures = {
        "cost": msgspec.to_builtins(plan.cost),
        "assigned": len(problem.jobs) - len(plan.unassigned),
        "unassigned": len(plan.unassigned),
        "travel_seconds": plan.travel_seconds,
        "iterations": plan.iterations,
        "solve_seconds": plan.solve_seconds,
    }
    print(json.dumps(figures))
    return 0


def schema_text() -> str:
    """JSON Schema of both formats, made from the structs that read and write them."""
    shapes, parts = msgspec.json.schema_components([Problem, Plan], ref_template="#/$defs/{name}")
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Doorstep planning: a problem or a plan",
        "oneOf": list(shapes),
        "$defs": parts,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _schema(given: argparse.Namespace) -> int:
    print(schema_text(), end="")
    return 0


def _solve_vrptw(given: argparse.Namespace) -> int:
    try:
        text = given.file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal("plan_problem", field=given.file.name, reason=str(error)) from error
    problem = vrptw.problem_of(text)
    budget = solver.Budget(seconds=given.seconds, threads=max(1, given.threads))
    plan = solver.solve(problem, seed=given.seed, budget=budget)
    found = checker.check(problem, plan)
    print(json.dumps(vrptw.answer_of(problem, plan, violations=len(found))))
    return 1 if found else 0


def _check(given: argparse.Namespace) -> int:
    problem, plan = _problem(given.problem), _plan(given.plan)
    found = checker.check(problem, plan)
    for each in found:
        print(f"{each.code}  {each.technician}  {each.job}  {each.detail}")
    known = {each.id for each in problem.technicians}
    counted = None
    # a plan that names nobody we know cannot be counted, only refused
    if all(route.technician in known for route in plan.routes) and not any(
        each.code == "unknown_job" for each in found
    ):
        counted = checker.cost(problem, plan)
    figures = {
        "violations": len(found),
        "cost": msgspec.to_builtins(counted),
        "agrees": counted == plan.cost,
    }
    print(json.dumps(figures))
    return 1 if found else 0


def _explain(given: argparse.Namespace) -> int:
    told = explain(_problem(given.problem), _plan(given.plan))
    for each in told:
        first = each.reasons[0]
        print(f"{each.job}  {first.count} x {first.zh} {first.en}  {each.relaxation or ''}")
    print(msgspec.json.encode(told).decode())
    return 0
