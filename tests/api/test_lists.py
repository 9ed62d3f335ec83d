"""The office's lists: narrowed, paged, whole as a file, and safe to open in a spreadsheet."""

import csv
from io import BytesIO, StringIO

import openpyxl
import pytest
from sqlalchemy import text

from api.sheets import as_csv, as_xlsx, cell
from tests.api.conftest import DAY, enrolled, signed_in
from tests.api.test_tablets_over_http import inspection, operation, sync


async def test_work_orders_are_narrowed_by_state_kind_grid_and_words(client):
    office = await signed_in(client, "dispatcher")
    all_of_them = (await client.get("/api/v1/work-orders?limit=500", headers=office)).json()[
        "items"
    ]
    kinds = {each["kind"] for each in all_of_them}
    assert {"repair", "inspection"} <= kinds
    one = next(each for each in all_of_them if each["kind"] == "repair")
    for query, holds in (
        ("kind=repair", lambda row: row["kind"] == "repair"),
        (f"status={one['state']}", lambda row: row["state"] == one["state"]),
        (f"grid={one['grid']}", lambda row: row["grid"] == one["grid"]),
        (f"text={one['account']}", lambda row: row["account"] == one["account"]),
    ):
        found = (await client.get(f"/api/v1/work-orders?limit=500&{query}", headers=office)).json()
        assert found["items"] == [each for each in all_of_them if holds(each)]
    nothing = await client.get("/api/v1/work-orders?text=%25", headers=office)
    assert nothing.json()["items"] == []


@pytest.mark.parametrize("path", ["work-orders", "cases", "commitments"])
async def test_pages_of_a_list_make_the_whole_of_it(client, path):
    office = await signed_in(client, "auditor")
    whole = (await client.get(f"/api/v1/{path}?limit=500", headers=office)).json()["items"]
    pages, after = [], ""
    while after is not None:
        url = f"/api/v1/{path}?limit=30{after and f'&after={after}'}"
        page = (await client.get(url, headers=office)).json()
        pages += page["items"]
        after = page["next"]
        if len(pages) >= 500:
            break
    assert pages[:500] == whole


async def test_a_list_as_a_file_has_the_rows_of_the_screen(client):
    office = await signed_in(client, "dispatcher")
    shown = (await client.get("/api/v1/cases?kind=repair&limit=500", headers=office)).json()[
        "items"
    ]
    sheet = await client.get("/api/v1/exports/cases?kind=repair", headers=office)
    assert sheet.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(StringIO(sheet.content.decode("utf-8-sig"))))
    assert [each["number"] for each in rows] == [each["number"] for each in shown]
    book = await client.get("/api/v1/exports/cases?kind=repair&format=xlsx", headers=office)
    lines = list(openpyxl.load_workbook(BytesIO(book.content)).active.values)
    assert [line[0] for line in lines[1:]] == [each["number"] for each in shown]
    assert (await client.get("/api/v1/exports/audit", headers=office)).status_code == 404


@pytest.mark.parametrize("poison", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_cell_that_looks_like_a_formula_is_text(poison):
    assert cell(poison) == "'" + poison
    assert as_csv(["a"], [[poison]]).decode("utf-8-sig").count("'") == 1
    sheet = openpyxl.load_workbook(BytesIO(as_xlsx(["a"], [[poison]]))).active
    assert sheet["A2"].data_type == "s" and sheet["A2"].value.startswith("'")


async def test_one_work_order_tells_its_whole_story(client, region):
    office, _, _, tablet, stop, first = await inspection(client)
    said = [
        operation(stop["visit"], 1, fields={"R12": "pass"}),
        operation(stop["visit"], 2, fields={"R12": "fail"}),
    ]
    said[1]["base"] = {"R12": 0}
    answer = (await sync(client, tablet, said, first["cursor"])).json()
    assert {each["outcome"] for each in answer["outcomes"]} <= {"applied", "merged", "conflict"}
    story = (await client.get(f"/api/v1/work-orders/{stop['work_order']}", headers=office)).json()
    assert story["order"]["number"] == stop["number"]
    (visit,) = story["visits"]
    assert visit["fields"]["R12"] == "fail"
    by = visit["said"]["R12"]
    assert by["who"] == visit["technician"] and by["at_ms"] > 0
    (hazard,) = story["hazards"]
    assert (hazard["visit"], hazard["item"], hazard["note"]) == (stop["visit"], "R12", None)
    assert [each["what"] for each in story["happenings"] if each["outcome"] != ""][:1]
    assert any(each["who"] == visit["technician"] for each in story["happenings"])
    assert story["commitments"] and all(each["clause"] for each in story["commitments"])
    instants = [each["at"] for each in story["happenings"]]
    assert instants == sorted(instants)


async def test_another_units_order_is_not_there(client, region):
    office = await signed_in(client, "dispatcher")
    listed = (await client.get("/api/v1/work-orders?limit=1", headers=office)).json()["items"]
    async with region.begin() as tx:
        await tx.execute(text("INSERT INTO unit (id, name_zh) VALUES ('other', '别处')"))
        await tx.execute(text("UPDATE account SET unit_id = 'other' WHERE login = 'auditor'"))
    stranger = await signed_in(client, "auditor")
    path = f"/api/v1/work-orders/{listed[0]['id']}"
    assert (await client.get(path, headers=stranger)).status_code == 404
    for page in ("work-orders", "cases", "commitments", "conflicts", "quarantine"):
        shown = await client.get(f"/api/v1/{page}", headers=stranger)
        assert shown.json() == {"items": [], "next": None}
    glance = await client.get("/api/v1/commitments/standing?days=400", headers=stranger)
    assert glance.json()["by_clause"] == []
    assert (await client.get("/api/v1/coverage", headers=stranger)).json()["grids"] == []


async def test_promises_at_a_glance_add_up(client):
    office = await signed_in(client, "dispatcher")
    glance = (await client.get("/api/v1/commitments/standing?days=400", headers=office)).json()
    for name in ("kept", "at_risk", "broken"):
        for by in ("by_clause", "by_grid", "by_day"):
            assert sum(each[name] for each in glance[by]) == glance[name]
    assert glance["broken"] + glance["at_risk"] > 0


async def test_what_ends_soon_comes_first_and_says_where_its_work_stands(client):
    office = await signed_in(client, "dispatcher")
    soon = (await client.get("/api/v1/commitments/at-risk?hours=240", headers=office)).json()
    assert soon and all(each["rule_zh"] for each in soon)
    day = (await client.get(f"/api/v1/days/{DAY}", headers=office)).json()
    planned = {stop["visit"]: stop for each in day["technicians"] for stop in each["stops"]}
    on_board = [each for each in soon if each["visit_id"] in planned]
    assert on_board
    for each in on_board:
        assert each["number"] == planned[each["visit_id"]]["number"]


async def test_coverage_counts_every_premises_once(client):
    office = await signed_in(client, "dispatcher")
    shown = (await client.get("/api/v1/coverage", headers=office)).json()["grids"]
    for each in shown:
        parts = each["inspected"] + each["soon"] + each["overdue"] + each["never"]
        assert parts == each["premises"]
    assert sum(each["premises"] for each in shown) == 300


async def test_tablets_are_listed_with_what_they_hold(client):
    office = await signed_in(client, "dispatcher")
    day = (await client.get(f"/api/v1/days/{DAY}", headers=office)).json()
    tablet = await enrolled(client, day["technicians"][0]["id"])
    (row,) = (await client.get("/api/v1/devices", headers=office)).json()["items"]
    assert (row["id"], row["state"]) == (tablet["tablet"], "active")


async def test_the_audit_tells_its_detail_as_it_is_hashed(client):
    office = await signed_in(client, "dispatcher")
    day = (await client.get(f"/api/v1/days/{DAY}", headers=office)).json()
    await enrolled(client, day["technicians"][0]["id"])
    auditor = await signed_in(client, "auditor")
    rows = (await client.get("/api/v1/audit", headers=auditor)).json()
    assert [each["n"] for each in rows] == list(range(1, len(rows) + 1))
    assert all(each["detail"].startswith("{") for each in rows)
