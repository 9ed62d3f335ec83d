"""The gas of premises and the readings of their meters, over the real API."""

from datetime import date, timedelta
from uuid import uuid4

from sqlalchemy import text

from runtime import chores
from storage import supply as supply_rows
from tests.api.conftest import enrolled
from tests.api.test_tablets_over_http import NOON, inspection, operation, sync


async def supply(region):
    async with region.connect() as tx:
        found = await tx.execute(
            text("SELECT p.supply_state FROM premises p JOIN supply_word w ON w.premises_id = p.id")
        )
        return {row[0] for row in found}


async def test_gas_restored_without_a_recheck_stays_off_until_a_named_person_decides(
    client, region
):
    office, _, _, tablet, stop, _ = await inspection(client)
    visit = stop["visit"]
    said = [
        operation(visit, 1, fields={"R12": "fail", "supply": "isolated_premises"}),
        operation(visit, 2, fields={"supply": "on"}, base={"supply": 2}),
    ]
    answer = (await sync(client, tablet, said)).json()
    assert [each.get("code") for each in answer["outcomes"]] == [None, "restored_without_recheck"]
    assert await supply(region) == {"isolated_premises"}
    again = (await sync(client, tablet, said)).json()
    assert [each["outcome"] for each in again["outcomes"]] == ["duplicate", "duplicate"]
    shown = (await client.get("/api/v1/conflicts", headers=office)).json()["items"]
    (waiting,) = [each for each in shown if each["policy"] == "supply"]
    assert [each["value"] for each in waiting["values"]] == ["isolated_premises", "on"]
    path = f"/api/v1/conflicts/{waiting['id']}/resolve"
    wrong = await client.post(path, json={"value": "half", "reason": "?"}, headers=office)
    assert wrong.json()["code"] == "invalid_field"
    wish = {"choice": 1, "reason": "seen the photo"}
    refused = await client.post(path, json=wish, headers=office)
    assert (refused.status_code, refused.json()["code"]) == (409, "recheck_missing")
    assert await supply(region) == {"isolated_premises"}
    async with region.begin() as tx:
        # as a recheck leaves it
        await tx.execute(text("UPDATE hazard SET state = 'closed' WHERE item = 'R12'"))
    done = await client.post(path, json=wish, headers=office)
    assert done.status_code == 204, done.text
    assert await supply(region) == {"on"}
    later = operation(visit, 3, fields={"supply": "suspended"})
    await sync(client, tablet, [later])
    assert await supply(region) == {"suspended"}


async def test_a_supply_that_nobody_knows_is_put_aside(client):
    _, _, _, tablet, stop, _ = await inspection(client)
    said = operation(stop["visit"], 1, fields={"supply": "half"})
    answer = (await sync(client, tablet, [said])).json()
    assert answer["outcomes"][0]["code"] == "answer_option"


async def test_a_meter_that_runs_backwards_over_two_visits_is_decided_by_a_person(client, clock):
    clock.at = NOON + timedelta(hours=2)
    office, _, _, tablet, stop, first = await inspection(client)
    home = next(each["premises"] for each in first["changes"] if each["record"] == stop["visit"])
    before = operation(stop["visit"], 1, fields={"R07": 1200.5})
    spot = str(uuid4())
    later = (NOON + timedelta(hours=1)).isoformat()
    made = operation(
        spot, 2, kind="create", record_kind="visit", premises=home, observed_at=later,
        fields={"R07": 120.5},
    )  # fmt: skip
    outcomes = (await sync(client, tablet, [before, made])).json()["outcomes"]
    assert [(each["outcome"], each.get("code")) for each in outcomes] == [
        ("applied", None),
        ("conflict", "reading_below_last"),
    ]
    shown = (await client.get("/api/v1/conflicts", headers=office)).json()["items"]
    (waiting,) = [each for each in shown if each["policy"] == "counter_monotonic"]
    assert (waiting["record"], waiting["field"]) == (spot, "R07")
    assert [each["value"] for each in waiting["values"]] == [1200.5, 120.5]
    path = f"/api/v1/conflicts/{waiting['id']}/resolve"
    # another word meanwhile: the earlier visit's reading stays in sight
    more = operation(spot, 4, fields={"R07": 110.5})
    await sync(client, tablet, [more])
    stale = await client.post(path, json={"value": 1205.5, "reason": "photo"}, headers=office)
    assert stale.json()["code"] == "conflict_stale"
    shown = (await client.get("/api/v1/conflicts", headers=office)).json()["items"]
    (waiting,) = [each for each in shown if each["id"] == waiting["id"]]
    assert [each["value"] for each in waiting["values"]] == [1200.5, 120.5, 110.5]
    done = await client.post(path, json={"value": 1205.5, "reason": "photo"}, headers=office)
    assert done.status_code == 204, done.text
    again = operation(stop["visit"], 3, fields={"R07": 1200.5, "note": "x"})
    (outcome,) = (await sync(client, tablet, [again])).json()["outcomes"]
    assert outcome["outcome"] in ("applied", "merged")
    assert (await client.get("/api/v1/conflicts", headers=office)).json()["items"] == []


async def test_a_meter_that_a_visit_put_in_is_what_the_next_visit_is_told_of(client, region):
    office, _, _, tablet, stop, first = await inspection(client)
    home = next(each["premises"] for each in first["changes"] if each["record"] == stop["visit"])
    spot = str(uuid4())
    exchanged = {"old_serial": "A1", "old_index": 4300, "new_serial": "B7", "new_index": 0}
    made = operation(
        spot, 1, kind="create", record_kind="visit", premises=home, template="REP@2026.1",
        fields={"P09": exchanged},
    )  # fmt: skip
    right = operation(
        spot, 2, template="REP@2026.1", fields={"P09": exchanged | {"new_serial": "B71"}}
    )
    for each in (made, right, made):
        assert (await sync(client, tablet, [each])).status_code == 200
    async with region.connect() as tx:
        rows = await tx.execute(
            text(
                "SELECT serial, class, in_service_on FROM meter WHERE premises_id = :p"
                " ORDER BY in_service_on DESC NULLS LAST"
            ),
            {"p": home},
        )
        meters = rows.all()
    assert meters[0].serial == "B71"
    assert meters[0][1] == meters[1][1]
    assert "B7" not in {each.serial for each in meters}
    assert office


async def with_colleague(client, region):
    """A visit and its tablet, and a colleague's tablet that took the village along and heard it."""
    office, day, person, tablet, stop, first = await inspection(client)
    home = next(each["premises"] for each in first["changes"] if each["record"] == stop["visit"])
    other = next(each for each in day["technicians"] if each["id"] != person["id"])
    async with region.begin() as tx:
        grid = await tx.scalar(
            text("SELECT g.code FROM premises p JOIN grid g ON g.id = p.grid_id WHERE p.id = :p"),
            {"p": home},
        )
        # told at the opening already
        await tx.execute(text("DELETE FROM premises_news"))
        await tx.execute(
            text("UPDATE technician SET grids = ARRAY[:g] WHERE id = :k"),
            {"g": grid, "k": other["id"]},
        )
    colleague = await enrolled(client, other["id"])
    wish = {"grid": grid, "until": "2026-12-01"}
    assert (await client.post("/api/v1/sync/packs", json=wish, headers=colleague)).is_success
    return office, tablet, stop, colleague, await _to_the_end(client, colleague)


async def test_every_tablet_that_holds_the_premises_hears_that_the_gas_is_off(
    client, region, clock
):
    _, tablet, stop, colleague, cursor = await with_colleague(client, region)
    said = operation(stop["visit"], 1, fields={"supply": "isolated_premises"})
    await sync(client, tablet, [said])
    assert await chores.premises(region, ambient=clock()) >= 1
    assert await chores.premises(region, ambient=clock()) == 0
    answer = (await sync(client, colleague, cursor=cursor)).json()
    assert [each["fields"] for each in answer["changes"]] == [{"supply_state": "isolated_premises"}]
    mine = (await sync(client, tablet)).json()["changes"]
    shown = next(each for each in mine if each["record"] == stop["visit"])["fields"]
    assert (shown["supply_state"], shown["supply"]) == ("isolated_premises", "isolated_premises")


async def test_a_danger_that_one_finds_is_on_every_tablet_that_took_the_village_along(
    client, region, clock
):
    office, tablet, stop, colleague, cursor = await with_colleague(client, region)
    await sync(client, tablet, [operation(stop["visit"], 1, fields={"R15": ["near_wiring"]})])
    assert await chores.premises(region, ambient=clock()) >= 1
    answer = (await sync(client, colleague, cursor=cursor)).json()
    (told,) = (each["fields"] for each in answer["changes"])
    assert list(told) == ["hazards"]
    assert [each for each in told["hazards"] if each.startswith("R15:")]
    # what the visit itself found is no news to it
    mine = (await sync(client, tablet)).json()["changes"]
    shown = next(each for each in mine if each["record"] == stop["visit"])["fields"]
    assert not any(each.startswith("R15:") for each in shown.get("open_hazards") or ())
    async with region.connect() as tx:
        key = await tx.scalar(
            text("SELECT id FROM hazard WHERE visit_id = :v AND item = 'R15'"),
            {"v": stop["visit"]},
        )
    raised = {"step": "regrade", "grade": "critical", "reason": "seen again"}
    reply = await client.post(f"/api/v1/hazards/{key}/steps", json=raised, headers=office)
    assert reply.is_success, reply.text
    assert await chores.premises(region, ambient=clock()) >= 1
    (worse,) = (await sync(client, colleague, cursor=answer["cursor"])).json()["changes"]
    assert "R15:critical" in worse["fields"]["hazards"]


async def test_a_meter_that_a_visit_puts_in_is_on_every_tablet_that_took_the_village_along(
    client, region, clock
):
    _, _, stop, colleague, cursor = await with_colleague(client, region)
    async with region.begin() as tx:
        row = (await tx.execute(
            text("SELECT unit_id, premises_id FROM visit WHERE id = :v"), {"v": stop["visit"]}
        )).one()  # fmt: skip
        new = {"id": uuid4(), "unit_id": row.unit_id, "premises_id": row.premises_id,
               "serial": "NEW-7", "in_service_on": date(2026, 11, 24)}  # fmt: skip
        await supply_rows.put_in_meters(tx, [new])
    assert await chores.premises(region, ambient=clock()) >= 1
    (told,) = (await sync(client, colleague, cursor=cursor)).json()["changes"]
    assert list(told["fields"]) == ["meters"]
    assert told["fields"]["meters"][0] == "NEW-7"


async def _to_the_end(client, tablet):
    cursor, more = "", True
    while more:
        answer = (await sync(client, tablet, cursor=cursor)).json()
        cursor, more = answer["cursor"], answer.get("more", False)
    return cursor


async def first_relight(client, region, *, inspected_on):
    """An inspection of the day turned into the relight of a case, where gas was never on."""
    office, _, _, tablet, stop, first = await inspection(client)
    home = next(each["premises"] for each in first["changes"] if each["record"] == stop["visit"])
    async with region.begin() as tx:
        account = await tx.scalar(text("SELECT account FROM premises WHERE id = :p"), {"p": home})
    wish = {"kind": "relight", "channel": "hall", "account": account,
            "received_at": "2026-11-23T01:00:00Z"}  # fmt: skip
    case = (await client.post("/api/v1/cases", json=wish, headers=office)).json()
    async with region.begin() as tx:
        await tx.execute(
            text("UPDATE premises SET first_gas_on = NULL, last_inspection_on = :d WHERE id = :p"),
            {"d": inspected_on, "p": home},
        )
        await tx.execute(
            text(
                "UPDATE work_order SET kind = 'relight', case_id = :c"
                " WHERE id = (SELECT work_order_id FROM visit WHERE id = :v)"
            ),
            {"c": case["id"], "v": stop["visit"]},
        )
    done = operation(stop["visit"], 1, kind="command", command="field_done")
    (outcome,) = (await sync(client, tablet, [done])).json()["outcomes"]
    async with region.connect() as tx:
        found = await tx.execute(
            text("SELECT kind FROM commitment_event e JOIN commitment c ON c.id = e.commitment_id"
                 " WHERE c.case_id = :c AND c.rule_code = '10' ORDER BY e.n"),
            {"c": case["id"]},
        )  # fmt: skip
        heard = found.scalars().all()
    shown = (await client.get("/api/v1/conflicts", headers=office)).json()["items"]
    return outcome, heard, [each["field"] for each in shown if each["record"] == stop["visit"]]


async def test_a_tablets_first_relight_before_any_inspection_is_kept_for_a_person(client, region):
    outcome, heard, shown = await first_relight(client, region, inspected_on=None)
    assert (outcome["outcome"], outcome["code"]) == ("conflict", "first_gas_on_gate")
    assert (heard, shown) == (["started"], ["state"])


async def test_a_tablets_first_relight_after_an_inspection_stops_the_clock(client, region):
    outcome, heard, shown = await first_relight(client, region, inspected_on=NOON.date())
    assert (outcome["outcome"], shown) == ("applied", [])
    assert heard == ["started", "gas_on_signed"]
