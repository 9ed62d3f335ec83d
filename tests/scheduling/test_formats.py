"""The documented formats: schema and page follow the structs, and files go through the commands."""

import json
from pathlib import Path

import msgspec
import pytest

from runtime.cli import main
from runtime.plan_commands import schema_text
from schemas.plan import Cost, Job, Plan, Problem, Technician
from tests.scheduling.rich_days import rich

DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "protocol"
SOLOMON = """TINY

VEHICLE
NUMBER     CAPACITY
  3         10

CUSTOMER
CUST NO.  XCOORD.   YCOORD.    DEMAND   READY TIME   DUE DATE   SERVICE TIME

    0      0         0          0        0          200         0
    1      3         4          6        0          100         10
    2      0         7          6        0          100         10
    3      1         1          1        50         60          10
"""


def test_the_schema_in_the_tree_is_the_structs():
    kept = (DOCS / "plan.schema.json").read_text("utf-8")
    assert kept == schema_text(), "doorstep plan-schema > docs/protocol/plan.schema.json"


@pytest.mark.parametrize("kind", [Problem, Technician, Job, Plan, Cost])
def test_the_page_names_every_field(kind):
    page = (DOCS / "plan.md").read_text("utf-8")
    missing = [name for name in kind.__struct_fields__ if f"`{name}`" not in page]
    assert not missing


def test_a_problem_is_solved_checked_and_explained_from_files(tmp_path, capsys):
    problem, plan = tmp_path / "problem.json", tmp_path / "plan.json"
    problem.write_bytes(msgspec.json.encode(rich(4, 25, seed=2)))
    words = ["--iterations", "60", "--seed", "3", "--threads", "2", "--out", str(plan)]
    assert main(["solve", str(problem), *words]) == 0
    assert main(["check", str(problem), str(plan)]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["violations"] == 0 and told["agrees"]
    first = msgspec.json.decode(plan.read_bytes(), type=Plan)
    assert main(["solve", str(problem), *words]) == 0
    again = msgspec.json.decode(plan.read_bytes(), type=Plan)
    assert again.routes == first.routes


def test_a_solomon_file_ends_with_one_line_of_json(tmp_path, capsys):
    file = tmp_path / "tiny.txt"
    file.write_text(SOLOMON, "utf-8")
    assert main(["solve-vrptw", str(file), "--seconds", "0.2"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    # 1 and 2 weigh 12 together: two vans; 3 lies on the way of either
    # tours 0-3-1-0 (1.4 + 3.6 + 5.0) and 0-2-0 (7.0 + 7.0), or 3 alone or with 2
    assert told == {"distance": 24.0, "routes": 2, "feasible": True}


@pytest.mark.parametrize("text", ["", "NUMBER\n", "NUMBER CAPACITY\n 3 x\n"])
def test_a_file_that_is_no_solomon_file_is_refused(tmp_path, capsys, text):
    file = tmp_path / "bad.txt"
    file.write_text(text, "utf-8")
    assert main(["solve-vrptw", str(file), "--seconds", "0.2"]) != 0
