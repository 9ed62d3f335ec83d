"""The promises as an office speaks to them: who may, what is refused on the wire, and that nothing
changed then."""

import httpx
import pytest
import sqlalchemy as sa

from api.app import create_app
from runtime.server import services
from runtime.server_commands import add_staff
from runtime.settings import Settings
from storage.tables import metadata, premises
from tests.api.conftest import PASSWORD, Now, signed_in
from tests.commitments.unit import UNIT, seeded


@pytest.fixture
async def region(database):
    """A unit of four premises: no plan is needed to speak of promises."""
    await seeded(database)
    async with database.begin() as tx:
        await add_staff(tx, UNIT, password=PASSWORD)
    return database


@pytest.fixture
async def client(region, database_url, tmp_path):
    made = services(Settings(state=str(tmp_path / "state")), database_url)
    given = {name: getattr(made, name) for name in type(made).__struct_fields__}
    app = create_app(type(made)(**{**given, "ambient": Now(), "faces": {}}))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://doorstep") as speaking:
        yield speaking
    await made.engine.dispose()


async def rows(region):
    """Everything but sessions: what a refusal leaves as it was."""
    skipped = {"token", "rate_bucket", "account", "sign_in_failure"}
    async with region.connect() as tx:
        return {
            each.name: sorted(map(repr, (await tx.execute(sa.select(each))).all()))
            for each in metadata.sorted_tables
            if each.name not in skipped
        }


async def an_account(region, kind="resident"):
    async with region.connect() as tx:
        return await tx.scalar(
            sa.select(premises.c.account).where(
                premises.c.customer_class == kind, premises.c.first_gas_on.is_not(None)
            )
        )


async def test_an_office_tells_a_refund_an_outage_and_a_day_of_the_hall(client, region):
    office, boss = await signed_in(client, "dispatcher"), await signed_in(client, "supervisor")
    account = await an_account(region)
    wish = {"kind": "refund", "channel": "hotline", "account": account,
            "received_at": "2026-11-23T17:00:00+08:00"}  # fmt: skip
    case = (await client.post("/api/v1/cases", json=wish, headers=office)).json()["id"]
    story = (await client.get(f"/api/v1/cases/{case}/events", headers=office)).json()
    assert story["may_follow"] == ["not_eligible", "money_sent"]
    step = {"step": "money_sent", "at": "2026-11-23T18:00:00+08:00",
            "facts": {"amount_fen": 100, "voucher": "V"}}  # fmt: skip
    told = await client.post(f"/api/v1/cases/{case}/events", json=step, headers=office)
    assert [each["state"] for each in told.json()["clocks"]] == ["met"]
    settings = {"standing_since": "2026-11-23", "halls": ["城南营业厅"]}
    laid = await client.put("/api/v1/settings/promises", json=settings, headers=boss)
    assert laid.json()["halls"] == ["城南营业厅"]
    hall = {"kind": "hall_opening", "hall": "城南营业厅", "on": "2026-11-23",
            "opens": "2026-11-23T08:00:00+08:00", "closes": "2026-11-23T18:00:00+08:00"}  # fmt: skip
    kept = await client.post("/api/v1/register", json={"records": [hall]}, headers=office)
    assert kept.json() == {"added": 1, "known": 0, "clocks": 0}
    query = {"kind": "hall_opening", "since": "2026-11-23T00:00:00+08:00", "until": "2026-11-24T00:00:00+08:00"}  # fmt: skip
    seen = await client.get("/api/v1/register", params=query, headers=office)
    assert [each["body"]["hall"] for each in seen.json()["items"]] == ["城南营业厅"]
    outage = {"reason": "挖断", "accounts": [account], "stopped_at": "2026-11-24T07:00:00+08:00"}
    told = (await client.post("/api/v1/outages", json=outage, headers=office)).json()
    assert (told["outage"]["premises"], told["outage"]["planned"]) == (1, False)
    back = {"step": "restored", "at": "2026-11-24T07:40:00+08:00"}
    path = f"/api/v1/outages/{told['outage']['id']}"
    assert (await client.post(f"{path}/steps", json=back, headers=office)).status_code == 200
    listed = (await client.get("/api/v1/outages?status=restored", headers=office)).json()
    assert [each["state"] for each in listed["items"]] == ["restored"]


async def test_rules_are_published_by_supervisors_and_asked_by_everybody(client, region):
    office, boss = await signed_in(client, "dispatcher"), await signed_in(client, "supervisor")
    rule = {"id": "14", "zh": "退款3日", "start": "refund_request_received", "stop": "money_sent",
            "clock": {"unit": "working_day", "at_most": 3}, "parameter_source": "company"}  # fmt: skip
    book = {"version": "local-1", "effective_from": "2026-12-01", "rules": [rule]}
    assert (await client.post("/api/v1/rules", json=book, headers=office)).status_code == 403
    checked = await client.post("/api/v1/rules/check", json=book, headers=boss)
    assert checked.json()["rules"][0]["limit_before"] == 5
    assert (await client.post("/api/v1/rules", json=book, headers=boss)).status_code == 201
    for start, due in (("2026-11-30", "2026-12-07"), ("2026-12-01", "2026-12-04")):
        asked = {"clause": "14", "start": start}
        answer = (await client.post("/api/v1/due", json=asked, headers=office)).json()
        assert answer["due_date"] == due
    path = "/api/v1/rules/14/local-1"
    assert (
        await client.post(f"{path}/end", json={"on": "2026-12-31"}, headers=boss)
    ).status_code == 204
    assert (await client.delete(path, headers=boss)).status_code == 204
    year = (await client.get("/api/v1/calendar/2026", headers=office)).json()
    assert (year["official"], year["working_days"]) == (True, 248)
    assert (await client.get("/api/v1/calendar/2027", headers=office)).json()["official"] is False


BAD = [
    ("POST", "/rules", {"version": "x", "effective_from": "2026-12-01", "rules": []}, 422, "invalid_field"),
    ("POST", "/rules", {"version": "x", "effective_from": "2026-12-01", "rules": [{"id": "14", "zh": "z", "stop": "money_sent", "clock": {"unit": "working_day", "at_most": 9}}]}, 409, "rule_longer_without_source"),
    ("POST", "/rules", {"version": "x", "effective_from": "2020-12-01", "rules": [{"id": "14", "zh": "z", "stop": "money_sent", "clock": {"unit": "working_day", "at_most": 3}}]}, 409, "rule_backdated"),
    ("DELETE", "/rules/14/handbook-000", None, 409, "rule_shipped"),
    ("POST", "/rules/14/none/end", {"on": "2026-12-31"}, 404, "rule_unknown"),
    ("POST", "/classify", {"facts": {"customer": "non_resident", "external_pipe": False}}, 422, "fact_missing"),
    ("POST", "/due", {"clause": "12", "start": "2026-11-24T08:00:00"}, 422, "fact_without_zone"),
    ("POST", "/calendar/notices", {"year": 2027, "source": "s", "layer": "official", "days": [{"on": f"2027-02-{n:02d}", "works": False} for n in range(1, 29)]}, 422, "calendar_without_working_day"),
    ("POST", "/outages", {"reason": "r", "grids": ["none"], "stopped_at": "2026-11-24T07:00:00+08:00"}, 422, "outage_nobody"),
    ("POST", "/outages", {"reason": "r", "grids": ["g"], "stopped_at": "2026-11-24T07:00:00"}, 422, "invalid_field"),
    ("POST", "/outages", {"reason": "r", "grids": ["g"], "planned": {"opens": "2026-11-26T07:00:00+08:00", "closes": "2026-11-26T17:00:00+08:00"}, "notice": {"text": "t", "at": "2026-11-24T08:00:00+08:00", "channels": ["web"], "document": "d"}}, 422, "outage_notice_short"),
    ("POST", "/register", {"records": [{"kind": "pressure", "station": "s", "at": "2026-12-24T07:00:00+08:00", "kpa": 2}]}, 422, "event_instant"),
    ("POST", "/register", {"records": [{"kind": "pressure", "station": "s", "at": "2026-11-24T07:00:00", "kpa": 2}]}, 422, "invalid_field"),
    ("POST", "/register/calls", {"csv": "number,rang_at,answered_at\nC1,2026-11-24T07:00:00,\n"}, 422, "fact_without_zone"),
    ("POST", "/heating-seasons", {"region": "r", "season": "2026-2028", "planned_start": "2026-11-15", "source": "s"}, 422, "season_dates"),
    ("PUT", "/settings/promises", {"peak_bands": [{"opens": "20:00:00", "closes": "17:00:00"}]}, 422, "register_entry"),
    ("GET", "/register?kind=call&since=2026-11-24T07:00:00&until=2026-11-24T07:00:00", None, 422, "fact_without_zone"),
    ("GET", "/calendar/1", None, 422, "invalid_field"),
]  # fmt: skip


async def test_bad_input_is_refused_with_its_code_and_nothing_changed(client, region):
    boss = await signed_in(client, "supervisor")
    before = await rows(region)
    for method, path, body, status, code in BAD:
        reply = await client.request(method, f"/api/v1{path}", json=body, headers=boss)
        assert (reply.status_code, reply.json()["code"]) == (status, code), (path, reply.text)
        assert reply.json()["detail_zh"]
    assert await rows(region) == before


@pytest.mark.parametrize("role", ["auditor", "agent"])
async def test_who_only_reads_lays_nothing_down(client, role):
    headers = await signed_in(client, role)
    for method, path in (
        ("POST", "/rules"),
        ("PUT", "/settings/promises"),
        ("POST", "/heating-seasons"),
    ):
        reply = await client.request(method, f"/api/v1{path}", json={}, headers=headers)
        assert reply.json()["code"] == "not_allowed"
