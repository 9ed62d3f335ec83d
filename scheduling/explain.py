"""Why each job that was left out was left out, and the cheapest way to take it in after all."""

from scheduling.insertion import WORDS, Place, best, places, state_of
from scheduling.problem import prepare
from schemas.plan import Plan, Problem, Reason, Unassigned


def explain(problem: Problem, plan: Plan) -> tuple[Unassigned, ...]:
    """Every unassigned job has reasons: for each technician the first rule that blocks it,
    counted."""
    prepared = prepare(problem)
    numbers = {each.id: row for row, each in enumerate(problem.jobs)}
    if not problem.technicians:
        nobody = (_reason("no_technician", ()),)
        return tuple(Unassigned(job=each, reasons=nobody) for each in plan.unassigned)
    state = state_of(prepared, plan)
    return tuple(
        _unassigned(
            job, places(prepared, state, job=numbers[job], overtime=_worth(problem, numbers[job]))
        )
        for job in plan.unassigned
    )


def _worth(problem: Problem, job: int) -> bool:
    # overtime is weighed for work that was promised, not for what may wait until tomorrow
    return problem.jobs[job].tier in ("emergency", "breaks_today", "booked")


def _unassigned(job: str, found: tuple[Place, ...]) -> Unassigned:
    by_code: dict[str, list[str]] = {}
    for each in found:
        by_code.setdefault(each.code, []).append(each.technician)
    reasons = sorted(
        (_reason(code, tuple(names)) for code, names in by_code.items()),
        key=lambda each: -each.count,
    )
    relaxation, overtime = _relaxation(found)
    return Unassigned(
        job=job, reasons=tuple(reasons), relaxation=relaxation, overtime_seconds=overtime
    )


def _reason(code: str, names: tuple[str, ...]) -> Reason:
    zh, en = WORDS[code]
    return Reason(code=code, zh=zh, en=en, count=len(names), technicians=names)


def _relaxation(found: tuple[Place, ...]) -> tuple[str | None, int | None]:
    able = best(found)
    if able is not None and able.added_seconds is not None:
        return f"{able.technician}: +{able.added_seconds // 60} min", None
    late = [each for each in found if each.overtime_seconds is not None]
    if not late:
        return None, None
    nearest = min(late, key=lambda each: each.overtime_seconds or 0)
    seconds = nearest.overtime_seconds or 0
    return f"{nearest.technician}: {-(-seconds // 60)} min overtime", seconds
