"""Reports a manager prints, and the sheets and notices that a customer is handed."""

import base64
import hashlib
import io
import random
import re
import zlib

import openpyxl
import pytest
from sqlalchemy import text

from commitments import reporting, sheet
from runtime.demo.work import picture
from schemas.report import By
from storage import checklists, printing
from tests.api.conftest import enrolled, signed_in
from tests.api.test_tablets_over_http import NOON, inspection, operation, sync

PERIOD = {"from": "2026-01-01", "until": "2028-12-31"}


def inside(pdf: bytes) -> bytes:
    """Everything a PDF holds, its compressed streams opened."""
    opened = [pdf]
    for found in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            opened.append(zlib.decompress(found.group(1)))
        except zlib.error:
            continue
    return b"\n".join(opened)


async def uploaded(client, tablet, content):
    sha = hashlib.sha256(content).hexdigest()
    meta = ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}"
        for name, value in (("sha256", sha), ("filetype", "image/png"))
    )
    headers = tablet | {"Upload-Length": str(len(content)), "Upload-Metadata": meta,
                        "Tus-Resumable": "1.0.0"}  # fmt: skip
    place = (await client.post("/api/v1/attachments", headers=headers)).headers["location"]
    more = tablet | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    assert (await client.patch(place, content=content, headers=more)).status_code == 204
    return sha


@pytest.fixture
async def visited(client, region):
    """A visit with answers, a danger, a photo and a signature; `office, tablet, visit, hazard`."""
    office, _, _, tablet, stop, _ = await inspection(client)
    photo, signed = (picture(random.Random(n)) for n in (1, 2))
    names = [hashlib.sha256(each).hexdigest() for each in (photo, signed)]
    fields = {"R12": "fail", "R12.photos": [names[0]], "R03": "open_plan",
              "R28": {"signature": names[1], "notice_no": "N1"}}  # fmt: skip
    said = [operation(stop["visit"], 1, fields=fields)]
    for n, state in enumerate(("accepted", "en_route", "on_site", "in_progress"), start=2):
        said.append(operation(stop["visit"], n, kind="command", command=state, template=None))
    for each in said[1:]:
        del each["template"]
    reply = await sync(client, tablet, said)
    assert reply.status_code == 200, reply.text
    bearer = {"Authorization": tablet["Authorization"]}
    for each in (photo, signed):
        await uploaded(client, bearer, each)
    async with region.connect() as tx:
        hazard = await tx.scalar(text("SELECT id FROM hazard WHERE item = 'R12'"))
    return office, tablet, stop["visit"], str(hazard)


async def test_a_visit_is_printed_with_its_photos_in_a_font_that_ships_with_us(client, visited):
    office, tablet, visit, _ = visited
    for reader in (office, tablet):
        reply = await client.get(f"/api/v1/visits/{visit}/sheet.pdf", headers=reader)
        assert reply.status_code == 200, reply.text
        assert reply.headers["content-type"] == "application/pdf"
        whole = inside(reply.content)
        assert whole.startswith(b"%PDF")
        assert b"NotoSansSC" in whole
        assert whole.count(b"/Subtype /Image") + whole.count(b"/Subtype/Image") == 2


async def test_a_hazard_has_a_written_notice_with_its_photo(client, visited):
    office, _, _, hazard = visited
    reply = await client.get(f"/api/v1/hazards/{hazard}/notice.pdf", headers=office)
    assert reply.status_code == 200, reply.text
    assert b"NotoSansSC" in inside(reply.content)


async def test_nobody_prints_what_is_not_theirs(client, visited):
    _, _, visit, hazard = visited
    office = await signed_in(client, "dispatcher")
    day = (await client.get("/api/v1/days/2026-11-24", headers=office)).json()
    mine = {each["visit"] for person in day["technicians"][1:] for each in person["stops"]}
    other = next(
        each for each in day["technicians"]
        if visit not in {stop["visit"] for stop in each["stops"]}
    )  # fmt: skip
    assert mine
    tablet = await enrolled(client, other["id"])
    for path in (f"visits/{visit}/sheet.pdf", f"hazards/{hazard}/notice.pdf"):
        reply = await client.get(f"/api/v1/{path}", headers=tablet)
        assert (reply.status_code, reply.json()["code"]) == (404, "not_found")


def test_an_answer_reads_as_words_and_carries_its_grade():
    template = checklists.templates()["RES-INSP@2026.1"]
    fields = {"R12": "fail", "R28": {"advice": True, "signature": "f" * 64}}
    lines = {each["code"]: each for each in sheet.answer_lines(template, fields)}
    assert lines["R12"]["answer"] == "不合格"
    assert lines["R12"]["judged"] in ("较大隐患", "重大隐患")
    assert lines["R28"]["answer"] == "已做安全宣传：是；签字：附件 ffffffff"
    told = {"R03": "bedroom_use", "R18": {"kind": "rubber", "length_m": 1.5}}
    said = {each["code"]: each["answer"] for each in sheet.answer_lines(template, told)}
    assert said["R03"] == "卧室用气"
    assert said["R18"].startswith("类型：橡胶管；") and "length_m" not in said["R18"]
    assert sheet.signature_of(template, fields) == "f" * 64
    assert "R01" in sheet.left_open(template, fields)


def test_a_picture_that_cannot_be_drawn_costs_its_place_and_not_the_page():
    data = {
        "title": "t", "unit": "u", "printed_at": "", "customer": "c", "account": "a",
        "address": "d", "technician": "", "hazard": "h", "grade": "g", "statutory": None,
        "found": "", "due": "", "orders": ["o"], "basis": ["b"], "number": "n",
        "photos": [{"file": "bad.png", "why": "", "caption": "x", "hash": "y"}],
    }  # fmt: skip
    made = printing.pdf("notice", data, pictures={"bad.png": b"\x89PNG\r\n\x1a\n nonsense"})
    assert made.startswith(b"%PDF")


@pytest.mark.parametrize("by", By.__args__)
async def test_a_report_counts_every_promise_once_however_it_is_read(client, region, by):
    supervisor = await signed_in(client, "supervisor")
    asked = {**PERIOD, "by": by}
    found = (
        await client.get("/api/v1/reports/commitments", params=asked, headers=supervisor)
    ).json()
    async with region.connect() as tx:
        whole = await tx.scalar(
            text("SELECT count(*) FROM commitment WHERE coalesce(due_on,"
                 " (started_at AT TIME ZONE 'Asia/Shanghai')::date)"
                 " BETWEEN '2026-01-01' AND '2028-12-31'")
        )  # fmt: skip
    assert sum(each["total"] for each in found["lines"]) == found["total"]["total"] == whole > 0
    for each in (*found["lines"], found["total"]):
        parts = ("kept", "breached", "excused", "waived", "not_applicable", "pending")
        assert sum(each[part] for part in parts) == each["total"]


async def test_a_report_is_a_sheet_a_page_and_a_picture(client):
    supervisor = await signed_in(client, "supervisor")
    replies = {
        ending: await client.get(
            f"/api/v1/reports/commitments.{ending}", params=PERIOD, headers=supervisor
        )
        for ending in ("xlsx", "pdf", "svg")
    }
    assert all(each.status_code == 200 for each in replies.values())
    book = openpyxl.load_workbook(io.BytesIO(replies["xlsx"].content))
    assert book.sheetnames == ["承诺兑现", "上门成效", "时限余量分布", "安检存量预测"]
    for each in book:
        # a manager prints it: across one page, with its heads on every one
        assert (each.page_setup.orientation, each.sheet_properties.pageSetUpPr.fitToPage) == (
            "landscape",
            True,
        )
        assert each.print_title_rows == "$1:$1"
    rows = list(book["承诺兑现"].values)
    assert rows[0][0] == "项目" and rows[-1][0] == "合计"
    assert rows[-1][1] == sum(row[1] for row in rows[1:-1])
    # a clause is named by what it is about, not by the first of its rules; every row sums up
    assert "3 入户安检" in [row[0] for row in rows]
    assert all(row[1] == sum(row[2:8]) for row in rows[1:])
    assert not [row for row in book["时限余量分布"].values if "-" in row[0]]
    assert b"NotoSansSC" in inside(replies["pdf"].content)
    assert replies["svg"].text.startswith("<svg")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"from": "2026-02-01", "until": "2026-01-01"}, "report_period"),
        ({"from": "2001-01-01", "until": "2026-01-01"}, "report_period"),
        ({"from": "2026-01-01", "until": "2026-02-01", "by": "colour"}, "invalid_field"),
        ({"from": "yesterday", "until": "2026-02-01"}, "invalid_field"),
        ({}, "invalid_field"),
    ],
)
async def test_a_report_that_cannot_be_is_refused_with_a_code(client, asked, code):
    supervisor = await signed_in(client, "supervisor")
    reply = await client.get("/api/v1/reports/commitments", params=asked, headers=supervisor)
    assert reply.json()["code"] == code


def test_the_backlog_grows_by_what_falls_due_and_shrinks_by_what_is_done():
    due = {"2026-11": 50, "2026-12": 10, "2027-01": 100}
    found = reporting.forecast(due, since=NOON.date(), done_a_month=30)
    assert [each.backlog for each in found[:4]] == [20, 0, 70, 40]


def test_clause_two_comes_before_clause_ten():
    lines = [
        reporting.line({**reporting_row(), "key": key}) for key in ("10", "2", "9a@1", "9a@02")
    ]
    assert [each.key for each in reporting.in_order(lines)] == ["2", "9a@1", "9a@02", "10"]


def reporting_row():
    names = ("total", "kept", "breached", "excused", "waived", "not_applicable", "pending")
    return {"slack": None, **dict.fromkeys(names, 0)}
