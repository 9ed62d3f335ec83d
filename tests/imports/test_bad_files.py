"""A file that cannot be read is refused as a whole, with a code, before anything is saved."""

import zipfile
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from runtime.imports import read_region
from runtime.imports.files import LINE_CHARACTERS_MAX
from runtime.sample_region import HEADERS, Size, write_region
from schemas.problems import Refusal

AS_OF = date(2026, 11, 23)
HEADER = HEADERS["premises"]
ROW = (
    "YZ1,张女士,19900000000,云泽镇沙坝村1号,居民,云泽-东,113.700000,31.400000,WGS84,"
    "B1,G4,2020-01-01,2019-01-01,2026-01-01,合格"
)


@pytest.fixture
def region(tmp_path: Path) -> Path:
    write_region(tmp_path, size=Size(100, 2, 4), seed=3, as_of=AS_OF)
    return tmp_path


def refusal(folder: Path, *, company: str = "standard") -> Refusal:
    with pytest.raises(Refusal) as caught:
        read_region(folder, as_of=AS_OF, unit_id="u", company=company)
    return caught.value


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("premises-1.csv", b"", "file_empty"),
        ("premises-1.csv", b"\n\n\n", "file_empty"),
        ("premises-1.csv", HEADER.encode("gb18030"), "file_empty"),
        ("premises-1.csv", f"{HEADER}\n{ROW}".encode("utf-16"), "file_encoding"),
        ("premises-1.csv", f"{HEADER}\n{ROW}".encode("big5", "replace"), "column_missing"),
        ("premises-1.csv", HEADER.encode() + b"\n\xff\xff\xff\xff", "file_encoding"),
        ("premises-1.csv", b"\xef\xbb\xbf" + HEADER.encode("gb18030"), "file_encoding"),
        ("premises-1.csv", HEADER.encode() + b"\n" + b"\0" * 100, "file_encoding"),
        ("premises-1.csv", HEADER.replace("户号", "号").encode() + b"\n1", "column_missing"),
        ("premises-1.csv", HEADER.encode() + b"\n" + b"x" * 10 * 1024**2, "line_too_long"),
        ("premises-1.csv", b"x" * 10 * 1024**2, "line_too_long"),
        ("premises-1.csv", HEADER.encode() + b'\n"open' + b"\n1" * 200_000, "file_unreadable"),
        ("requests.csv", "受理单号,户号\n1,2".encode(), "column_missing"),
        ("technicians.xlsx", b"PK\x03\x04 not a workbook", "file_unreadable"),
        ("technicians.xlsx", b"plain text", "file_unreadable"),
        ("technicians.xlsx", b"", "file_empty"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_name(
    region: Path, name: str, content: bytes, code: str
) -> None:
    (region / name).write_bytes(content)
    refused = refusal(region)
    assert refused.code == code
    assert refused.details["file"] == name


def test_a_missing_column_is_named_in_the_words_of_the_company(region: Path) -> None:
    (region / "premises-1.csv").write_text(
        HEADER.replace("上次安检日期", "备注").replace("坐标系", "坐标") + "\n" + ROW, "gb18030"
    )
    assert refusal(region).details["columns"] == ["坐标系", "上次安检日期"]


@pytest.mark.parametrize("pattern", ["premises-*", "technicians*"])
def test_a_region_without_premises_or_technicians_is_refused(region: Path, pattern: str) -> None:
    for path in region.glob(pattern):
        path.unlink()
    assert refusal(region).code == "file_missing"


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere").code == "file_missing"


@pytest.mark.parametrize("company", ["nobody", "../standard", "/etc/passwd", ""])
def test_a_company_without_a_mapping_is_refused(region: Path, company: str) -> None:
    assert refusal(region, company=company).code == "file_missing"


def test_a_long_line_is_refused_without_reading_on(region: Path) -> None:
    (region / "premises-1.csv").write_text(
        HEADER + "\n" + ROW + "\n" + "长" * (LINE_CHARACTERS_MAX + 1), "gb18030"
    )
    assert refusal(region).details["row"] == 3


def test_a_workbook_that_unpacks_to_too_much_is_refused(
    region: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.imports.files.XLSX_UNPACKED_BYTES_MAX", 1_000_000)
    with zipfile.ZipFile(region / "technicians.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 2_000_000)
    refused = refusal(region)
    assert (refused.code, refused.details["reason"]) == ("file_unreadable", "too large unpacked")


def test_what_a_formula_in_a_workbook_came_to_is_not_taken(region: Path) -> None:
    book = openpyxl.load_workbook(region / "technicians.xlsx")
    sheet = book.worksheets[0]
    sheet["B2"] = '=CONCATENATE("王","师傅")'
    sheet["A3"] = "=A2"
    book.save(region / "technicians.xlsx")
    read = read_region(region, as_of=AS_OF, unit_id="u")
    assert [(each.number, each.name) for each in read.technicians] == [("W001", "")]
    noted = [each for each in read.report.observations if each.kind == "cell_formula"]
    assert [(each.row, each.field, each.done) for each in noted] == [
        (2, "name", "put_aside"),
        (3, "number", "put_aside"),
    ]


def test_cells_of_a_workbook_that_hold_real_days_and_hours_are_read(region: Path) -> None:
    book = openpyxl.load_workbook(region / "technicians.xlsx")
    sheet = book.worksheets[0]
    sheet["F2"] = date(2028, 2, 29)
    sheet["G2"], sheet["H2"] = 113.7, 31.4
    book.save(region / "technicians.xlsx")
    read = read_region(region, as_of=AS_OF, unit_id="u").technicians[0]
    assert read.certificate_until == date(2028, 2, 29)
    assert read.home is not None
    assert (read.home.latitude, read.home.longitude) == (31.4, 113.7)


def test_premises_may_come_as_a_workbook(region: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(HEADER.split(","))
    sheet.append(ROW.split(","))
    book.save(region / "premises-3.xlsx")
    read = read_region(region, as_of=AS_OF, unit_id="u")
    assert read.premises.knows("YZ1")
    assert len(read.premises) == 101


def test_a_technician_who_cannot_be_planned_with_is_put_aside(region: Path) -> None:
    book = openpyxl.load_workbook(region / "technicians.xlsx")
    sheet = book.worksheets[0]
    sheet["J2"], sheet["K2"] = "18:00", "08:00"
    sheet["E3"] = "inspection;juggling"
    sheet["L3"] = "noon"
    book.save(region / "technicians.xlsx")
    read = read_region(region, as_of=AS_OF, unit_id="u")
    assert [each.number for each in read.technicians] == ["W002"]
    assert read.technicians[0].skills == ("inspection",)
    assert read.technicians[0].lunch_opens is None
    kinds = {(each.key, each.kind) for each in read.report.observations}
    assert {("W001", "time_unreadable"), ("W002", "skill_unknown")} <= kinds


def test_a_file_that_changes_between_two_readings_is_refused(region: Path) -> None:
    read = read_region(region, as_of=AS_OF, unit_id="u")
    with (region / "premises-1.csv").open("ab") as file:
        file.write(b"one more\n")
    with pytest.raises(Refusal, match="file_unreadable"):
        list(read.premises)
