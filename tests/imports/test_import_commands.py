"""`doorstep import` and `doorstep sample-region`, and the report in its three forms."""

import argparse
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from runtime import import_commands
from runtime.imports import Reached
from schemas.problems import Refusal


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    import_commands.register(parser.add_subparsers(required=True))
    given = parser.parse_args(words)
    return int(given.run(given))


@pytest.fixture(autouse=True)
def database_of_our_own(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", server_url)


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return figures


def test_a_sample_is_written_and_imported_and_the_last_line_is_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOORSTEP_UNIT", "words")
    folder = str(tmp_path / "r")
    size = ("--premises", "400", "--technicians", "3", "--requests", "20", "--seed", "4")
    assert run("sample-region", folder, *size, "--as-of", "2026-11-23") == 0
    assert last_line(capsys)["premises_distinct"] == 400
    assert run("import", "--region", folder, "--as-of", "2026-11-23") == 0
    first = last_line(capsys)
    truth = json.loads((tmp_path / "r" / "truth.json").read_text("utf-8"))
    assert first["findings"] == {kind: len(keys) for kind, keys in truth["planted"].items()}
    assert first["saved"] == {"premises_changed": 400, "technicians_changed": 3}
    assert run("import", "--region", folder, "--as-of", "2026-11-23", "--json") == 0
    assert last_line(capsys)["saved"] == {"premises_changed": 0, "technicians_changed": 0}


def test_the_same_seed_writes_the_same_region(tmp_path: Path) -> None:
    for name in ("a", "b"):
        run("sample-region", str(tmp_path / name), "--premises", "300", "--as-of", "2026-11-23")
    for name in ("premises-1.csv", "premises-2.csv", "requests.csv", "truth.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_every_finding_is_in_the_report_as_json(
    sample: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder, truth = sample
    out = tmp_path / "report.json"
    words = ("--as-of", "2026-11-23", "--check")
    run("import", "--region", str(folder), *words, "--report", str(out))
    report = json.loads(out.read_text("utf-8"))
    found: dict[str, set[str]] = {}
    for row in report["rows"]["findings"]:
        assert row["zh"] and row["en"] and row["file"] and row["row"] > 1
        found.setdefault(row["kind"], set()).add(row["key"])
    assert found == {kind: set(keys) for kind, keys in truth["planted"].items()}


def test_a_workbook_holds_every_finding_as_text_and_no_formula(
    sample: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder, _ = sample
    path = folder / "premises-2.csv"
    lines = path.read_text("utf-8-sig").splitlines()
    cells = lines[1].split(",")
    lines[1] = ",".join([*cells[:13], "+1-cmd|' /C calc'!A0", cells[14]])
    lines[2] = ",".join(["@SUM(1)", *lines[2].split(",")[1:13], "-2+3", cells[14]])
    path.write_text("\n".join(lines), "utf-8-sig")
    out = tmp_path / "report.xlsx"
    words = ("--as-of", "2026-11-23", "--check")
    run("import", "--region", str(folder), *words, "--report", str(out))
    book = openpyxl.load_workbook(out)
    assert book.sheetnames == ["汇总", "findings", "observations"]
    values = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in values if cell.value is not None} == {"s"}
    assert "@SUM(1)" in {cell.value for cell in values}


def test_a_person_at_a_screen_sees_each_kind_with_an_example(
    sample: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, truth = sample
    run("import", "--region", str(folder), "--as-of", "2026-11-23", "--check")
    shown = capsys.readouterr().out
    assert all(kind in shown for kind in truth["planted"])


@pytest.mark.parametrize("name", ["report.txt", "nowhere/report.json", "nowhere/report.xlsx"])
def test_a_report_that_cannot_be_written_saves_nothing(
    sample: tuple[Path, dict[str, Any]],
    tmp_path: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DOORSTEP_UNIT", name.replace("/", "-"))
    words = ("--region", str(sample[0]), "--as-of", "2026-11-23")
    with pytest.raises(Refusal, match="report_form"):
        run("import", *words, "--report", str(tmp_path / name))
    run("import", *words)
    assert last_line(capsys)["saved"]["premises_changed"] == 1_200


@pytest.mark.parametrize("day", ["2026-13-01", "tomorrow", "2026-11-23T00:00"])
def test_a_day_that_is_none_stops_the_command(day: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        run("import", "--region", str(tmp_path), "--as-of", day)
    assert list(tmp_path.iterdir()) == []


def test_progress_is_shown_only_for_what_takes_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 1.0, 2.6, 2.7, 3.3])
    monkeypatch.setattr("runtime.import_commands.time.monotonic", lambda: next(clock))
    meter = import_commands.Meter()
    for done in (10, 20, 30, 40):
        meter(Reached("save", done, 40))
    assert capsys.readouterr().err.splitlines() == ["保存  50% 20", "保存 100% 40"]
