"""What is found in the files is what was planted there; each row is cleaned or put aside."""

import csv
import json
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runtime.imports import mapping, read_region
from runtime.sample_region import Size, write_region
from schemas.registry import FINDING_KINDS, OBSERVATION_KINDS, Finding, Premises

AS_OF = date(2026, 11, 23)
Edit = Callable[[list[list[str]]], object]


def planted(truth: dict[str, Any]) -> dict[str, set[str]]:
    return {kind: set(keys) for kind, keys in truth["planted"].items()}


def by_kind(findings: tuple[Finding, ...]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for each in findings:
        found[each.kind].add(each.key)
    return dict(found)


@pytest.mark.parametrize(
    ("size", "seed", "as_of"),
    [
        (Size(1_200, 6, 80), 3, AS_OF),
        (Size(150, 1, 4), 8, date(2025, 2, 28)),
        (Size(5_000, 30, 500), 21, date(2028, 2, 29)),
    ],
)
def test_the_findings_are_exactly_what_was_planted(
    tmp_path: Path, size: Size, seed: int, as_of: date
) -> None:
    truth = write_region(tmp_path, size=size, seed=seed, as_of=as_of)
    report = read_region(tmp_path, as_of=as_of, unit_id="u").report
    assert by_kind(report.findings) == planted(truth)
    assert report.counts() == {kind: len(keys) for kind, keys in planted(truth).items()}
    assert (report.premises_rows, report.premises) == (
        truth["counts"]["premises_rows"],
        truth["counts"]["premises_distinct"],
    )
    assert (report.technicians, report.requests) == (size.technicians, size.requests)
    assert report.grids == truth["counts"]["grids"]


def test_the_findings_in_guan_are_what_was_planted_as_far_as_the_rows_show_it(guan: Path) -> None:
    """Where the truth names two addresses but the two rows are the same byte for byte, nothing in
    the files tells them from a repeated row, and a repeated row is what is reported."""
    truth = json.loads((guan / "truth.json").read_text("utf-8"))
    expected = planted(truth)
    rows: dict[str, set[str]] = defaultdict(set)
    for name, encoding in (("premises-1.csv", "gb18030"), ("premises-2.csv", "utf-8-sig")):
        for line in (guan / name).read_text(encoding).splitlines():
            rows[line.split(",")[0]].add(line)
    same = {each for each in expected["account_two_addresses"] if len(rows[each]) == 1}
    expected["account_two_addresses"] -= same
    expected["row_repeated"] |= same
    report = read_region(guan, as_of=AS_OF, unit_id="guan").report
    assert by_kind(report.findings) == expected
    assert {each.encoding for each in report.files} == {"gb18030", "utf-8-sig", "xlsx"}
    assert (report.premises, report.technicians, report.requests, report.grids) == (
        12_000,
        24,
        420,
        26,
    )


def edited(folder: Path, name: str, edit: Edit, *, encoding: str = "gb18030") -> None:
    path = folder / name
    with path.open(encoding=encoding, newline="") as file:
        rows = list(csv.reader(file))
    edit(rows)
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    """A region whose first household, YZ30000000, is free of trouble."""
    for seed in range(3, 300, 10):
        truth = write_region(tmp_path, size=Size(200, 2, 6), seed=seed, as_of=AS_OF)
        if all("YZ30000000" not in keys for keys in truth["planted"].values()):
            return tmp_path
    raise AssertionError("every seed spoils the first household")


def first(folder: Path, change: dict[int, str]) -> tuple[Premises, list[Finding]]:
    """Changes cells of the first household and reads it: what it became, what was said about it."""
    edited(
        folder,
        "premises-1.csv",
        lambda rows: [rows[1].__setitem__(column, text) for column, text in change.items()],
    )
    region = read_region(folder, as_of=AS_OF, unit_id="u")
    said = [
        each
        for each in (*region.report.findings, *region.report.observations)
        if each.key == "YZ30000000"
    ]
    return next(iter(region.premises)), said


@pytest.mark.parametrize(
    "text", ["2026-03-05", "2026/3/5", "2026.3.5", "2026年3月5日", "20260305", "２０２６-０３-０５"]
)
def test_a_day_is_read_however_it_is_written(clean: Path, text: str) -> None:
    premises, said = first(clean, {13: text})
    assert premises.last_inspection_on == date(2026, 3, 5)
    assert said == []


def test_a_spreadsheets_day_number_is_converted_and_noted(clean: Path) -> None:
    premises, said = first(clean, {13: "46086"})
    assert premises.last_inspection_on == date(2026, 3, 5)
    assert [(each.kind, each.done) for each in said] == [("date_excel_serial", "repaired")]


@pytest.mark.parametrize("text", ["2026-02-30", "0000-00-00", "昨天", "1e9999", "99999999"])
def test_a_day_that_is_none_is_noted_and_left_empty(clean: Path, text: str) -> None:
    premises, said = first(clean, {13: text})
    assert premises.last_inspection_on is None
    assert [each.kind for each in said] == ["date_unreadable"]


def test_an_inspection_today_counts_and_one_tomorrow_does_not(clean: Path) -> None:
    today, said = first(clean, {13: AS_OF.isoformat()})
    assert (today.last_inspection_on, said) == (AS_OF, [])
    tomorrow, said = first(clean, {13: (AS_OF + timedelta(days=1)).isoformat()})
    assert tomorrow.last_inspection_on is None
    assert tomorrow.marks == ("inspected_in_future",)


@pytest.mark.parametrize(
    ("longitude", "latitude", "kind"),
    [
        ("", "31.4", "coordinates_missing"),
        ("0", "0", "coordinates_zero"),
        ("0.0", "31.4", "coordinates_zero"),
        ("东经", "31.4", "coordinates_unreadable"),
        ("nan", "inf", "coordinates_unreadable"),
        ("116.4", "39.9", "coordinates_far"),
        ("39.9", "116.4", "coordinates_far"),
        ("1e300", "31.4", "coordinates_far"),
    ],
)
def test_coordinates_that_are_not_certain_wait_for_a_person(
    clean: Path, longitude: str, latitude: str, kind: str
) -> None:
    premises, said = first(clean, {6: longitude, 7: latitude})
    assert premises.place is None
    assert (premises.place_given.longitude, premises.place_given.latitude) == (longitude, latitude)
    assert [(each.kind, each.done) for each in said] == [(kind, "put_aside")]


def test_a_swapped_pair_that_lies_in_the_region_once_turned_is_turned(clean: Path) -> None:
    premises, said = first(clean, {6: "31.400000", 7: "113.700000", 8: "WGS84"})
    assert premises.place is not None
    assert (premises.place.latitude, premises.place.longitude) == (31.4, 113.7)
    assert [(each.kind, each.done) for each in said] == [("coordinates_swapped", "repaired")]


def test_an_unknown_datum_is_not_taken_for_a_known_one(clean: Path) -> None:
    premises, said = first(clean, {8: "BD09"})
    assert premises.place is None
    assert [each.kind for each in said] == ["datum_unknown"]


def test_a_class_that_is_nearly_right_is_not_guessed(clean: Path) -> None:
    premises, said = first(clean, {4: "居 民"})
    assert premises.customer_class == "unknown"
    assert [each.kind for each in said] == ["class_unknown"]


def test_full_width_digits_become_plain_and_chinese_brackets_stay(clean: Path) -> None:
    premises, said = first(clean, {3: "云泽镇沙坝村１２号（Ａ座）"})
    assert premises.address == "云泽镇沙坝村12号（A座）"
    assert premises.address_given == "云泽镇沙坝村１２号（Ａ座）"
    assert [each.kind for each in said] == ["address_fullwidth"]


def test_a_formula_is_never_run_and_never_kept(clean: Path) -> None:
    premises, said = first(clean, {1: '=HYPERLINK("http://x","y")'})
    assert premises.name == ""
    assert [(each.kind, each.done) for each in said] == [("cell_formula", "put_aside")]


def test_control_and_direction_marks_do_not_get_into_a_name(clean: Path) -> None:
    premises, _ = first(clean, {1: "张\u202e女士\u200b"})
    assert premises.name == "张女士"


def test_a_request_of_an_unknown_account_is_kept_and_marked(
    sample: tuple[Path, dict[str, Any]],
) -> None:
    folder, truth = sample
    region = read_region(folder, as_of=AS_OF, unit_id="u")
    strangers = {each.request.number for each in region.requests if not each.account_known}
    assert strangers == set(truth["planted"]["request_unknown_account"])


def test_a_companys_clock_is_the_units_clock_and_a_zone_that_is_written_is_respected(
    clean: Path,
) -> None:
    def edit(rows: list[list[str]]) -> None:
        rows[1][1], rows[1][6] = "2026-11-20 08:30", "2026-11-21 18:00-20:00"
        rows[2][1], rows[3][1] = "2026-11-20T08:30:00+00:00", "2026-11-20 25:00"
        rows[4][6] = "2026-11-21 20:00-18:00"

    edited(clean, "requests.csv", edit)
    region = read_region(clean, as_of=AS_OF, unit_id="u")
    requests = {each.request.number: each.request for each in region.requests}
    assert requests["Q00001"].received_at == datetime(2026, 11, 20, 0, 30, tzinfo=UTC)
    window = requests["Q00001"].window
    assert window is not None
    assert window.opens == datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
    assert requests["Q00002"].received_at == datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
    assert "Q00003" not in requests
    assert requests["Q00004"].window is None
    unread = by_kind(region.report.observations)["time_unreadable"]
    assert {"Q00003", "Q00004"} <= unread


def test_rows_that_cannot_be_taken_are_listed_and_the_others_go_in(clean: Path) -> None:
    before = len(read_region(clean, as_of=AS_OF, unit_id="u").premises)

    def edit(rows: list[list[str]]) -> None:
        rows.insert(1, ["", *rows[1][1:]])
        rows.insert(1, ["YZ39999999", "torn"])
        rows.insert(1, ["=1+1", *rows[3][1:]])
        rows.insert(1, [*rows[4], "one", "too many"])

    edited(clean, "premises-1.csv", edit)
    region = read_region(clean, as_of=AS_OF, unit_id="u")
    assert len(region.premises) == before
    kinds = [each.kind for each in region.report.observations]
    assert kinds == ["row_ragged", "key_missing", "row_ragged", "key_missing"]
    assert all(each.done == "put_aside" for each in region.report.observations)


def test_a_company_with_other_headers_needs_a_mapping_file_and_no_code(
    clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mappings"
    folder.mkdir()
    known = (mapping.MAPPINGS / "standard.yaml").read_text("utf-8")
    other = known.replace("[户号, 客户编号, 用户编号]", "[CUST_NO]").replace("居民:", "民用:", 1)
    (folder / "other.yaml").write_text(other, "utf-8")

    def edit(rows: list[list[str]]) -> None:
        rows[0] = ["CUST_NO", *rows[0][1:]]
        for row in rows[1:]:
            row[4] = row[4].replace("居民", "民用", 1) if row[4] == "居民" else row[4]

    before = list(read_region(clean, as_of=AS_OF, unit_id="u").premises)
    edited(clean, "premises-1.csv", edit)
    edited(clean, "premises-2.csv", edit, encoding="utf-8-sig")
    edited(clean, "requests.csv", lambda rows: rows[0].__setitem__(4, "CUST_NO"))
    monkeypatch.setattr(mapping, "MAPPINGS", folder)
    after = read_region(clean, as_of=AS_OF, unit_id="u", company="other")
    assert list(after.premises) == before


def test_what_is_reported_is_on_the_closed_lists(guan: Path) -> None:
    report = read_region(guan, as_of=AS_OF, unit_id="guan").report
    assert {each.kind for each in report.findings} <= set(FINDING_KINDS)
    assert {each.kind for each in report.observations} <= set(OBSERVATION_KINDS)
