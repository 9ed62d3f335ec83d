"""A budget that is spent before the search begins."""

from scheduling import solver
from scheduling.check import check
from tests.scheduling.days import generated


def test_a_budget_that_preparing_has_spent_still_ends_with_a_lawful_plan():
    problem = generated(3, 20, seed=3)
    plan = solver.solve(problem, budget=solver.Budget(seconds=1e-9))
    assert check(problem, plan) == ()
