"""Clause 9 asks the rules themselves whom they are for, and says why; a unit's bounds are its own."""

from datetime import date

import msgspec
import pytest

from commitments.rules import made, refuse_longer, rule_for
from schemas.problems import Refusal
from schemas.rulebook import RuleDraft
from storage import catalogue
from tests.commitments.test_due_dates import SMALL, nine

DAY = date(2026, 11, 23)


def handbook(code):
    return rule_for(catalogue.rules(), code, on_day=DAY)


def local(code, **change):
    given = {
        "id": code, "zh": "本地", "start": "construction_conditions_met", "stop": "install_accepted",
        "clock": {"unit": "working_day", "at_most": 15}, "parameter_source": "company",
    } | change  # fmt: skip
    drafts = [msgspec.convert(given, RuleDraft)]
    return made(drafts, "local-1", chain=[], since=DAY, until=None)[0]


def applies(**bounds):
    return {**handbook("9d").applies, **bounds}


def test_a_household_that_needs_an_external_pipe_is_promised_nothing_that_the_handbook_did_not_say():
    with pytest.raises(Refusal, match="clause_not_applicable") as refused:
        nine({"customer": "resident", "external_pipe": True})
    assert "not 9a: external_pipe is yes" in refused.value.details["why"]


def test_a_household_is_asked_whether_it_needs_an_external_pipe():
    with pytest.raises(Refusal, match="fact_missing") as refused:
        nine({"customer": "resident_scattered"})
    assert refused.value.details == {"fact": "external_pipe"}


@pytest.mark.parametrize(
    ("facts", "rule", "why"),
    [
        ({"meter_g": "G16"}, "9d", "9d: meter_g 16 is within 16 (included)"),
        ({"meter_g": "G25"}, "9c", "not 9d: meter_g 25 is not within 16 (included)"),
        ({"pipe_dn": "DN80"}, "9c", "not 9d: pipe_dn 80 is not within 80 (not included)"),
        ({"buried": True}, "9c", "not 9d: buried is yes"),
    ],
)
def test_it_says_which_bound_decided_and_whether_the_number_itself_is_in(facts, rule, why):
    code, said = nine({**SMALL, **facts})
    assert code == rule
    assert why in said


def test_a_unit_that_takes_larger_meters_in_needs_no_source_and_is_asked_by_its_own_bound():
    wider = local("9d", applies=applies(meter_g_max={"value": 25, "inclusive": True}),
                  precedence="over 9c")  # fmt: skip
    refuse_longer(handbook("9d"), wider)
    ended = msgspec.structs.replace(handbook("9d"), effective_to=date(2026, 11, 22))
    others = [each for each in catalogue.rules() if each.code != "9d"]
    assert nine({**SMALL, "meter_g": "G25"}, [*others, ended, wider])[0] == "9d"
    assert nine({**SMALL, "meter_g": "G40"}, [*others, ended, wider])[0] == "9c"


def test_a_local_version_that_says_nothing_of_whom_it_is_for_is_for_the_same_customers():
    shorter = local("9d", clock={"unit": "working_day", "at_most": 10})
    assert nine(SMALL, [*catalogue.rules(), shorter])[0] == "9d"
    assert nine({**SMALL, "pipe_dn": 80}, [*catalogue.rules(), shorter])[0] == "9c"


@pytest.mark.parametrize(
    "bounds",
    [
        {"meter_g_max": {"value": 10, "inclusive": True}},
        {"meter_g_max": {"value": 16, "inclusive": False}},
        {"external_pipe": True},
        {"street": "main"},
    ],
)
def test_a_promise_for_fewer_customers_is_a_weaker_one(bounds):
    narrower = local("9d", applies=applies(**bounds))
    with pytest.raises(Refusal, match="rule_longer_without_source"):
        refuse_longer(handbook("9d"), narrower)


@pytest.mark.parametrize("source", ["", "company", "handbook", "x", "领导同意", "local", "2024"])
def test_a_longer_limit_is_not_carried_by_words_that_nobody_can_look_up(source):
    longer = local("14", stop="money_sent", parameter_source=source)
    with pytest.raises(Refusal, match="rule_longer_without_source"):
        refuse_longer(handbook("14"), longer)


@pytest.mark.parametrize(
    "source", ["《XX市燃气管理办法》第12条", "X建〔2024〕15号", "X建[2024] 15号"]
)
def test_a_longer_limit_is_carried_by_a_title_or_a_number_of_issue(source):
    refuse_longer(handbook("14"), local("14", stop="money_sent", parameter_source=source))
    by_basis = local("14", stop="money_sent", parameter_source="company", basis=source)
    refuse_longer(handbook("14"), by_basis)


@pytest.mark.parametrize(
    "bounds", [{"meter_g_max": {"value": "big"}}, {"meter_g": {"value": 16}}, {"x_max": {}}]
)
def test_a_bound_that_is_none_is_refused_with_its_rule(bounds):
    with pytest.raises(Refusal, match="rulebook_unsound"):
        local("9d", applies=bounds)
