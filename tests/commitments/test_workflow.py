"""A workflow is data: it is checked before it is walked, and drawn as it stands."""

import argparse
import json
from xml.etree import ElementTree

import pytest

from commitments.drawing import WIDE, draw
from commitments.workflow import (
    faults,
    follow,
    read_workflow,
    refuse_unsound,
    shown_to_customer,
)
from runtime import workflow_commands
from schemas.problems import Refusal
from storage import catalogue


def shipped():
    name = "collective_install_workflow"
    return read_workflow(name, catalogue.document(f"workflows/{name}.yaml"))


def made(*steps):
    return read_workflow("made", {"steps": list(steps)})


def step(code, **given):
    return {"step": code, "zh": f"步骤{code}", "dept_zh": ["工程管理部门"], **given}


def test_the_shipped_workflow_can_be_walked_and_marks_what_its_source_has_lost():
    refuse_unsound(shipped())
    undefined = {each.step for each in faults(shipped()) if each.fault == "not_defined"}
    assert undefined == {"08-17", "18", "19"}


def test_a_collective_application_is_walked_to_the_contract():
    workflow, seen, code = shipped(), [], "01"
    answers = {"03": "yes", "D1": "company", "D2": "company"}
    while True:
        following = follow(workflow, code, answer=answers.get(code, ""))
        if following is None or not following.defined:
            break
        seen.append(following.code)
        code = following.code
    assert seen == ["02", "03", "D1", "05", "06", "D2", "07"]
    assert following is not None and following.code == "08-17"


def test_a_customer_with_an_own_designer_jumps_to_a_step_that_is_not_described():
    jumped = follow(shipped(), "D1", answer="customer_own")
    assert jumped is not None and jumped.code == "18" and not jumped.defined


def test_a_site_that_does_not_fit_ends_with_an_explanation():
    explained = follow(shipped(), "03", answer="no")
    assert explained is not None and explained.code == "04"
    assert follow(shipped(), "04") is None


def test_a_decision_without_an_answer_names_the_answers_it_takes():
    with pytest.raises(Refusal, match="fact_missing") as refused:
        follow(shipped(), "D2")
    assert refused.value.details["answers"] == ["company", "customer_own"]


def test_a_customer_sees_steps_and_never_the_decisions_behind_them():
    assert [each.code for each in shown_to_customer(shipped())] == [
        "01", "02", "04", "05", "06", "07",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        ([step("1", next="2"), step("2", next="1")], "loop_without_exit"),
        ([step("1", next="end"), step("2", next="end")], "unreachable"),
        ([step("1", branches={"yes": "end"})], "decision_without_exits"),
        ([step("1", branches={})], "decision_without_exits"),
        ([step("1", next="9")], "leads_to_unknown:9"),
        ([step("1")], "no_way_on"),
        ([step("1", next="end"), step("1", next="end")], "defined_twice"),
        ([step("1", next="end", clock={"unit": "working_day"})], "clock_without_limit"),
    ],
)
def test_a_workflow_that_cannot_be_walked_is_refused_with_its_fault(steps, fault):
    workflow = made(*steps)
    assert fault in {each.fault for each in faults(workflow)}
    with pytest.raises(Refusal, match="workflow_unsound"):
        refuse_unsound(workflow)


def test_a_limit_in_words_without_a_clock_is_a_warning():
    workflow = made(step("1", next="end", limit_zh="7个工作日"))
    assert [each.fault for each in faults(workflow)] == ["limit_without_clock"]
    refuse_unsound(workflow)


def test_a_second_workflow_needs_no_code():
    workflow = made(
        step("A", next="B"),
        step("B", branches={"yes": "C", "no": "A"}),
        step("C", next="end"),
    )
    refuse_unsound(workflow)
    assert follow(workflow, "B", answer="no").code == "A"
    assert follow(workflow, "C") is None


def test_the_drawing_is_sound_xml_with_every_step_and_an_arrow_for_every_exit():
    workflow = shipped()
    drawn = ElementTree.fromstring(draw(workflow))
    words = " ".join(each.text or "" for each in drawn.iter("{http://www.w3.org/2000/svg}text"))
    assert all(each.zh in words for each in workflow.steps)
    assert words.count("未定义") == 3
    exits = sum(len(each.exits) for each in workflow.steps)
    paths = list(drawn.iter("{http://www.w3.org/2000/svg}path"))
    assert len(paths) == exits + 1, "every exit once, and the arrow tip itself"


def test_the_drawing_in_english_says_nothing_in_chinese():
    drawn = ElementTree.fromstring(draw(shipped(), english=True))
    words = [each.text or "" for each in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert all(each.replace("·", "").replace("…", "").isascii() for each in words), words
    assert sum("not described" in each for each in words) == 3
    assert {"1 working day", "7 working days", "at once", "yes", "customer"} <= set(words)


@pytest.mark.parametrize("english", [False, True])
def test_no_words_of_the_drawing_run_out_of_their_box(english):
    long = made(step("1", next="end") | {"zh": "字" * 60, "en": "word " * 20})
    for workflow in (shipped(), long):
        fit(ElementTree.fromstring(draw(workflow, english=english)), english=english)


def fit(drawn, *, english):
    texts = list(drawn.iter("{http://www.w3.org/2000/svg}text"))
    for each in texts:
        pixels = 11 if each.get("class") == "small" else 13
        units = sum(1 if letter.isascii() else 2 for letter in each.text or "")
        assert units * pixels / 2 <= WIDE, each.text
    assert english or not {"yes", "no"} & {each.text for each in texts}


def test_the_drawing_escapes_what_a_workflow_says():
    drawn = draw(made(step("1", next="end") | {"zh": "<script>&"}))
    assert "<script>" not in drawn
    assert ElementTree.fromstring(drawn) is not None


def run(*arguments):
    parser = argparse.ArgumentParser()
    workflow_commands.register(parser.add_subparsers())
    given = parser.parse_args(["workflow", *map(str, arguments)])
    return given.run(given)


def test_check_ends_with_figures_and_says_by_its_exit_whether_it_can_be_walked(capsys, tmp_path):
    assert run("check") == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told == {
        "workflow": "collective_install_workflow",
        "steps": 12,
        "errors": 0,
        "warnings": 4,
    }
    looped = tmp_path / "looped.yaml"
    looped.write_text("steps: [{step: a, zh: 甲, next: a}]", "utf-8")
    assert run("check", looped) == 1


def test_draw_writes_a_picture(tmp_path):
    assert run("draw", "--out", tmp_path / "w.svg") == 0
    assert (tmp_path / "w.svg").read_text("utf-8").startswith("<svg")


@pytest.mark.parametrize("text", ["steps: [", "[1, 2]", "steps: [{zh: 甲}]", "steps: 7"])
def test_a_file_that_is_no_workflow_is_refused(text, tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text(text, "utf-8")
    with pytest.raises(Refusal, match="file_unreadable"):
        run("check", broken)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("steps: [", "file_unreadable"),
        (
            "{code: a, version: '1', zh: 甲, steps: [{step: a, zh: 甲, colour: red}]}",
            "file_unreadable",
        ),
        ("{code: a, version: '1', zh: 甲, steps: []}", "file_unreadable"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_refused_before_any_database_is_asked(text, code, tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text(text, "utf-8")
    with pytest.raises(Refusal, match=code):
        run("load", broken)


def test_a_clock_whose_unit_nobody_knows_is_a_fault():
    workflow = made(step("1", next="end", clock={"unit": "moon", "at_most": 3}))
    assert [each.fault for each in faults(workflow)] == ["clock_unknown:moon"]
