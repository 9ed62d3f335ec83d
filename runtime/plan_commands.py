"""`doorstep solve`, `check` and `explain-plan`: the planner on files."""

import argparse
import json
from pathlib import Path
from typing import Any

import msgspec

from scheduling import check as checker
from scheduling import solver
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
    solve.add_argument("--out", type=Path)
    solve.set_defaults(run=_solve)
    check = words.add_parser("check", help="check a plan against its problem")
    check.add_argument("problem", type=Path)
    check.add_argument("plan", type=Path)
    check.set_defaults(run=_check)
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
    budget = solver.Budget(seconds=seconds, iterations=given.iterations)
    plan = solver.solve(problem, seed=given.seed, budget=budget)
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


def _check(given: argparse.Namespace) -> int:
    problem, plan = _problem(given.problem), _plan(given.plan)
    found = checker.check(problem, plan)
    for each in found:
        print(f"{each.code}  {each.technician}  {each.job}  {each.detail}")
    figures = {"violations": len(found), "cost": msgspec.to_builtins(checker.cost(problem, plan))}
    print(json.dumps(figures))
    return 1 if found else 0


def _explain(given: argparse.Namespace) -> int:
    told = explain(_problem(given.problem), _plan(given.plan))
    for each in told:
        first = each.reasons[0]
        print(f"{each.job}  {first.count} x {first.zh} {first.en}  {each.relaxation or ''}")
    print(msgspec.json.encode(told).decode())
    return 0
