"""Days without a network: healing, villages taken along, outboxes carried, a last word."""

import base64
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from runtime import chores
from runtime.ambient import fixed
from runtime.outbox import Memory
from runtime.tablet import Tablet
from schemas.sync import DigestAnswer, SyncAnswer
from sync.digest import digests, group_of
from tests.api.conftest import enrolled, signed_in
from tests.api.test_tablets_over_http import inspection, operation, sync, with_route


async def everything(client, tablet):
    """The tablet's records as the server shows them: id to version."""
    answer = msgspec.json.decode((await sync(client, tablet)).content, type=SyncAnswer)
    return {str(each.record): each.version for each in answer.changes}


async def digest(client, tablet, **wish):
    reply = await client.post("/api/v1/sync/digest", json=wish, headers=tablet)
    assert reply.status_code == 200, reply.text
    return msgspec.json.decode(reply.content, type=DigestAnswer)


async def test_a_tablet_that_holds_what_the_server_holds_differs_in_no_group(client):
    *_, tablet = await with_route(client)
    held = await everything(client, tablet)
    for depth in (0, 2, 4):
        groups = digests(held, depth=depth)
        assert (await digest(client, tablet, depth=depth, groups=groups)).different == []


async def test_a_lost_an_old_and_a_foreign_record_are_found_and_mended(client):
    *_, tablet = await with_route(client)
    held = await everything(client, tablet)
    lost, old = sorted(held)[:2]
    foreign = str(uuid4())
    mine = {key: version for key, version in held.items() if key != lost}
    mine |= {old: 0, foreign: 3}
    found = await digest(client, tablet, depth=2, groups=digests(mine, depth=2))
    assert set(found.different) == {group_of(each, depth=2) for each in (lost, old, foreign)}
    of_groups = {
        key: version for key, version in mine.items() if group_of(key, depth=2) in found.different
    }
    groups = dict.fromkeys(found.different, "")
    answer = await digest(client, tablet, depth=2, groups=groups, records=of_groups)
    assert {str(each.record) for each in answer.changes} == {lost, old}
    assert all(each.whole for each in answer.changes)
    assert answer.forget == [UUID(foreign)]


async def test_healing_shows_nobody_the_records_of_another(client):
    office, day, person, tablet = await with_route(client)
    other = next(each for each in day["technicians"] if each["id"] != person["id"])
    others = await enrolled(client, other["id"])
    held = await everything(client, tablet)
    every = {format(n, "x"): "" for n in range(16)}
    answer = await digest(client, others, depth=1, groups=every, records=held)
    assert {str(each) for each in answer.forget} == set(held)
    assert not {str(each.record) for each in answer.changes} & set(held)
    assert office


async def grid_of(region, technician):
    async with region.connect() as tx:
        row = await tx.execute(
            text(
                "SELECT g.code, count(*) FROM technician k JOIN grid g ON g.code = ANY(k.grids)"
                " JOIN premises p ON p.grid_id = g.id WHERE k.id = :k"
                " GROUP BY 1 ORDER BY 2 DESC LIMIT 1"
            ),
            {"k": technician},
        )
        return row.one()


async def test_a_village_comes_along_and_a_visit_is_made_on_the_spot(client, region):
    office, _, person, tablet = await with_route(client)
    grid, premises = await grid_of(region, person["id"])
    first = (await sync(client, tablet)).json()
    wish = {"grid": grid, "until": "2026-12-01"}
    reply = await client.post("/api/v1/sync/packs", json=wish, headers=tablet)
    assert reply.json().pop("templates") == ["RES-INSP@2026.1"]
    assert reply.json() | {"templates": []} == {
        "grid": grid, "until": "2026-12-01", "records": premises, "templates": [],
    }  # fmt: skip
    taken = (await sync(client, tablet, cursor=first["cursor"])).json()["changes"]
    homes = [each for each in taken if each["kind"] == "premises"]
    assert len(homes) == premises
    assert homes[0]["fields"]["address"]
    spot = str(uuid4())
    said = operation(
        spot,
        1,
        kind="create",
        record_kind="visit",
        premises=homes[0]["premises"],
        fields={"R12": "fail"},
    )
    later = operation(spot, 2, fields={"R04": 0.7}, template=None)
    done = operation(spot, 3, kind="command", command="field_done", template=None)
    answer = (await sync(client, tablet, [said, later, done])).json()
    assert [each["outcome"] for each in answer["outcomes"]] == ["applied"] * 3
    async with region.connect() as tx:
        made = await tx.scalar(text("SELECT count(*) FROM visit WHERE id = :v"), {"v": spot})
        hazards = await tx.scalar(
            text("SELECT count(*) FROM hazard WHERE visit_id = :v"), {"v": spot}
        )
    assert (made, hazards) == (1, 1)
    assert office


async def test_what_hangs_on_a_visit_made_on_the_spot_may_come_in_the_same_push(client, region):
    office, _, person, tablet = await with_route(client)
    stop = next(each for each in person["stops"] if each["kind"] == "inspection")
    await sync(client, tablet)
    spot, found = str(uuid4()), str(uuid4())
    # beside a visit of one's own: the premises are that visit's
    made = operation(spot, 1, kind="create", record_kind="visit", visit=stop["visit"])
    made |= {"fields": {"kind": "inspection"}}
    danger = operation(found, 2, kind="create", record_kind="hazard", visit=spot, template=None)
    danger |= {"after": [made["id"]], "fields": {"grade": "major", "item": "other", "note": "x"}}
    answer = (await sync(client, tablet, [made, danger])).json()
    assert [each["outcome"] for each in answer["outcomes"]] == ["applied"] * 2
    async with region.connect() as tx:
        row = await tx.execute(
            text(
                "SELECT r.premises_id = v.premises_id, h.premises_id = v.premises_id"
                " FROM record r, visit v, hazard h"
                " WHERE r.id = :r AND v.id = :v AND h.visit_id = :v"
            ),
            {"r": found, "v": spot},
        )
        homes = row.all()
    assert homes == [(True, True)], homes
    # what hangs on a visit that could not be made is kept for a person, as before
    lost, after = str(uuid4()), str(uuid4())
    wrong = operation(lost, 3, kind="create", record_kind="visit", premises=str(uuid4()))
    wrong |= {"fields": {"kind": "inspection"}}
    hung = operation(after, 4, kind="create", record_kind="hazard", visit=lost, template=None)
    hung |= {"after": [wrong["id"]], "fields": {"grade": "major", "item": "other"}}
    answer = (await sync(client, tablet, [wrong, hung])).json()
    assert {each["outcome"] for each in answer["outcomes"]} == {"quarantined"}
    assert office


async def test_a_tablet_is_told_which_villages_are_its_own(client, region):
    *_, person, tablet = await with_route(client)
    grid, premises = await grid_of(region, person["id"])
    offers = (await client.get("/api/v1/sync/packs", headers=tablet)).json()["grids"]
    assert {"grid": grid, "premises": premises} in offers
    async with region.connect() as tx:
        own = await tx.scalar(
            text("SELECT grids FROM technician WHERE id = :k"), {"k": person["id"]}
        )
    assert {each["grid"] for each in offers} == set(own)


async def test_a_village_leaves_the_tablet_once_its_day_is_over(client, region, clock):
    *_, person, tablet = await with_route(client)
    grid, premises = await grid_of(region, person["id"])
    wish = {"grid": grid, "until": "2026-11-25"}
    await client.post("/api/v1/sync/packs", json=wish, headers=tablet)
    cursor = (await sync(client, tablet)).json()["cursor"]
    assert await chores.packs_over(region, ambient=fixed(clock.at)) == 0
    later = clock.at + timedelta(days=3)
    assert await chores.packs_over(region, ambient=fixed(later)) == premises
    assert len((await sync(client, tablet, cursor=cursor)).json()["forget"]) == premises
    assert await chores.packs_over(region, ambient=fixed(later)) == 0


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"grid": "NOWHERE", "until": "2026-12-01"}, "pack_unknown_grid"),
        ({"grid": "NOWHERE", "until": "2026-11-01"}, "pack_until"),
        ({"grid": "NOWHERE", "until": "2027-11-01"}, "pack_until"),
        ({"grid": "", "until": "2026-12-01"}, "invalid_field"),
    ],
)
async def test_a_village_that_cannot_be_taken_along_is_refused(client, wish, code):
    *_, tablet = await with_route(client)
    reply = await client.post("/api/v1/sync/packs", json=wish, headers=tablet)
    assert reply.json()["code"] == code


async def with_key(client, technician):
    """A tablet that named a key when it was enrolled."""
    office = await signed_in(client, "dispatcher")
    key = Ed25519PrivateKey.generate()
    wish = {"technician": technician}
    code = (await client.post("/api/v1/enrolment-codes", json=wish, headers=office)).json()["code"]
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    body = {"code": code, "label": "t", "public_key": public}
    given = (await client.post("/api/v1/devices/enrol", json=body)).json()
    headers = {"Authorization": f"Bearer {given['access']}"}
    return key, given["tablet"], headers


def bundled(key, tablet, operations, **more):
    payload = msgspec.json.encode(
        {"tablet": tablet, "made_at": "2026-11-24T08:00:00Z", "operations": operations, **more}
    )
    return {
        "tablet": tablet,
        "payload": base64.b64encode(payload).decode(),
        "signature": base64.b64encode(key.sign(payload)).decode(),
    }


async def test_one_tablet_carries_the_work_of_another_and_it_counts_as_that_ones(client, region):
    _, day, person, carrier = await with_route(client)
    other = next(
        each for each in day["technicians"] if each["id"] != person["id"] and each["stops"]
    )
    key, tablet, headers = await with_key(client, other["id"])
    stop = next(each for each in other["stops"])
    said = operation(stop["visit"], 1, fields={"note": "carried"}, template=None)
    given = bundled(key, tablet, [said])
    reply = await client.post("/api/v1/sync/bundles", json=given, headers=carrier)
    assert [each["outcome"] for each in reply.json()["outcomes"]] == ["applied"]
    async with region.connect() as tx:
        row = await tx.execute(
            text("SELECT tablet_id, trust FROM operation WHERE id = :o"), {"o": said["id"]}
        )
        assert tuple(row.one()) == (UUID(tablet), "unknown")
    drained = await client.get(
        f"/api/v1/devices/{tablet}/drained", headers=await signed_in(client, "dispatcher")
    )
    assert drained.json()["drained"] is False, "a carrier cannot say what its owner still holds"
    # the owner comes home and sends the same: it is there already
    again = (await sync(client, headers, [said])).json()
    assert again["outcomes"][0]["outcome"] == "duplicate"


async def test_a_bundle_that_was_changed_or_signed_by_another_is_refused(client, region):
    _, day, person, carrier = await with_route(client)
    other = next(
        each for each in day["technicians"] if each["id"] != person["id"] and each["stops"]
    )
    key, tablet, _ = await with_key(client, other["id"])
    said = operation(other["stops"][0]["visit"], 1, fields={"note": "x"}, template=None)
    stranger = Ed25519PrivateKey.generate()
    whole = bundled(key, tablet, [said])
    payload = base64.b64decode(whole["payload"]).replace(b'"x"', b'"y"')
    for given in (
        bundled(stranger, tablet, [said]),
        whole | {"payload": base64.b64encode(payload).decode()},
        whole | {"tablet": str(uuid4())},
        bundled(key, str(uuid4()), [said]) | {"tablet": tablet},
        bundled(key, carrier["tablet"], [said]),
    ):
        reply = await client.post("/api/v1/sync/bundles", json=given, headers=carrier)
        assert reply.json()["code"] == "bundle_signature"
    async with region.connect() as tx:
        assert await tx.scalar(text("SELECT count(*) FROM operation")) == 0


async def test_a_revoked_tablet_hands_in_what_it_holds_and_is_given_nothing(client, region):
    office, _, _, tablet, stop, _ = await inspection(client)
    wish = {"reason": "lost"}
    path = f"/api/v1/devices/{tablet['tablet']}/revoke"
    assert (await client.post(path, json=wish, headers=office)).is_success
    headers = {"Authorization": tablet["Authorization"]}
    assert (await client.get("/api/v1/sync/changes", headers=headers)).json()["code"] == (
        "tablet_revoked"
    )
    said = operation(stop["visit"], 1, fields={"R12": "fail"})
    answer = (await sync(client, headers, [said], unsent=1)).json()
    assert answer["outcomes"][0]["outcome"] == "quarantined"
    assert "changes" not in answer
    last = operation(stop["visit"], 2, fields={"R12": "pass"})
    assert (await sync(client, headers, [last])).json()["outcomes"][0]["code"] == "tablet_revoked"
    # it said that this was all: nothing more is taken
    assert (await sync(client, headers, [last])).status_code == 401
    async with region.connect() as tx:
        kept = await tx.scalar(text("SELECT count(*) FROM quarantine WHERE status = 'open'"))
        applied = await tx.scalar(text("SELECT count(*) FROM operation"))
    assert (kept, applied) == (2, 0)


async def test_a_stolen_tablet_hands_in_nothing(client):
    office, _, _, tablet, stop, _ = await inspection(client)
    path = f"/api/v1/devices/{tablet['tablet']}/revoke"
    await client.post(path, json={"reason": "stolen"}, headers=office)
    headers = {"Authorization": tablet["Authorization"]}
    said = operation(stop["visit"], 1, fields={"R12": "fail"})
    assert (await sync(client, headers, [said])).status_code == 401


async def test_over_the_worst_of_links_only_outcomes_come_back(client):
    _, _, _, tablet, stop, first = await inspection(client)
    said = operation(stop["visit"], 1, fields={"R12": "fail"})
    answer = (await sync(client, tablet, [said], first["cursor"], lanes=["safety"])).json()
    assert answer["outcomes"][0]["outcome"] == "applied"
    assert "changes" not in answer
    assert answer["cursor"] == first["cursor"]
    rest = (await sync(client, tablet, cursor=answer["cursor"])).json()
    assert [each["fields"] for each in rest["changes"]] == [{"R12": "fail"}]


async def test_hello_names_the_checklists_that_are_missing_and_they_can_be_fetched(client):
    *_, tablet = await with_route(client)
    clock = {"sent_at": "2026-11-24T08:00:00+08:00"}
    wish = {"clock": clock, "templates": []}
    said = (await client.post("/api/v1/sync/hello", json=wish, headers=tablet)).json()
    assert "RES-INSP@2026.1" in said["templates"]
    wish["templates"] = said["templates"]
    again = (await client.post("/api/v1/sync/hello", json=wish, headers=tablet)).json()
    assert "templates" not in again
    for ref in said["templates"]:
        found = (await client.get(f"/api/v1/templates/{ref}", headers=tablet)).json()
        assert f"{found['code']}@{found['version']}" == ref
        assert found["items"]
    missing = await client.get("/api/v1/templates/NONE@1", headers=tablet)
    assert missing.json()["code"] == "not_found"


async def drained(client, office, tablet):
    path = f"/api/v1/devices/{tablet['tablet']}/drained"
    return (await client.get(path, headers=office)).json()


async def test_a_tablet_is_drained_once_it_said_so_and_nothing_of_it_is_missing(client):
    office, _, _, tablet, stop, _ = await inspection(client)
    assert (await drained(client, office, tablet))["drained"] is False
    said = operation(stop["visit"], 1, fields={"R12": "fail", "R12.photos": ["a" * 64]})
    await sync(client, tablet, [said], unsent=1)
    found = await drained(client, office, tablet)
    assert (found["drained"], found["unsent"], found["attachments_missing"]) == (False, 1, 1)
    last = operation(stop["visit"], 2, fields={"note": "x"})
    await sync(client, tablet, [last])
    found = await drained(client, office, tablet)
    assert (found["drained"], found["unsent"], found["attachments_missing"]) == (False, 0, 1)


async def test_a_tablet_that_only_says_hello_can_be_drained_and_one_with_a_gap_cannot(client):
    office, _, _, tablet, stop, _ = await inspection(client)
    wish = {"clock": {"sent_at": "2026-11-24T08:00:00+08:00"}, "unsent": 0}
    await client.post("/api/v1/sync/hello", json=wish, headers=tablet)
    assert (await drained(client, office, tablet))["drained"] is True
    await sync(client, tablet, [operation(stop["visit"], 3, fields={"note": "x"})])
    assert (await drained(client, office, tablet))["drained"] is False


async def test_enrolling_again_on_the_same_file_keeps_what_the_tablet_holds(tmp_path):
    memory = Memory(
        server="http://old", tablet=uuid4(), technician=uuid4(), access="a", refresh="r",
        boot=uuid4(), booted_at=datetime(2026, 11, 24, tzinfo=UTC), cursor="somewhere",
    )  # fmt: skip
    first = memory.create("note", {"text": "unsent"}, now=datetime(2026, 11, 24, 1, tzinfo=UTC))
    path = tmp_path / "tablet"
    Tablet(path, memory).save()
    known = Tablet.open(path)
    fresh = uuid4()
    known.memory.become(fresh, technician=uuid4(), access="b", refresh="s")
    known.save()
    again = Tablet.open(path).memory
    assert (again.tablet, again.cursor, again.unsent()) == (fresh, "", 1)
    assert again.first_n() == 1
    assert str(again.outbox[0].record) == first
