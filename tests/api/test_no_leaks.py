"""Every route × every principal over two units: nothing of the other unit is ever answered."""

import re

import pytest
import sqlalchemy as sa

from runtime import sample_region
from runtime.ambient import fixed
from runtime.opening import open_region
from runtime.server import hash_password
from schemas.ids import named
from storage import access
from storage.tables import metadata
from tests.api.conftest import AS_OF, EVENING, PASSWORD, UNIT, enrolled, signed_in
from tests.api.test_guards_and_bodies import filled, operations

OTHER, TAINT = "elsewhere", "泄TAINTxq7"
ROLES = (
    "crew_lead", "dispatcher", "agent", "safety_reviewer", "supervisor", "auditor", "administrator",
)  # fmt: skip
TAINTED = {
    "premises": ("address", "address_given"), "customer": ("name",), "case": ("description",),
    "technician": ("name", "station"), "commitment": ("clause",), "audit": ("actor",),
}  # fmt: skip
POOLS = {
    "case_id": "case", "order_id": "work_order", "commitment_id": "commitment",
    "premises_id": "premises", "technician_id": "technician", "visit_id": "visit",
    "plan_id": "plan", "device_id": "tablet",
}  # fmt: skip
SKIPPED = ("/schema", "/metrics", "/health", "/board", "/field", "/track/", "/assets", "/static")


@pytest.fixture
async def ids(region, tmp_path):
    """Another unit full of taint, and the ids of its rows."""
    size = sample_region.Size(premises=60, technicians=2, requests=12)
    sample_region.write_region(tmp_path / "other", size=size, seed=9, as_of=AS_OF)
    await open_region(region, tmp_path / "other", unit=(OTHER, AS_OF), ambient=fixed(EVENING))
    found: dict[str, list[str]] = {}
    async with region.begin() as tx:
        for table, columns in TAINTED.items():
            sets = ", ".join(f'"{name}" = :taint || "{name}"' for name in columns)
            await tx.execute(
                sa.text(f'UPDATE "{table}" SET {sets} WHERE unit_id = :unit'),
                {"taint": TAINT, "unit": OTHER},
            )
        for table in set(POOLS.values()):
            held = metadata.tables[table]
            rows = await tx.scalars(sa.select(held.c.id).where(held.c.unit_id == OTHER).limit(200))
            found[table] = [str(each) for each in rows]
    assert found["premises"] and found["case"] and found["work_order"] and found["commitment"]
    return found


async def everybody(client, region):
    stored = hash_password(PASSWORD)
    async with region.begin() as tx:
        for role in ROLES:
            row = {
                "id": named(UNIT, "account", role), "unit_id": UNIT, "login": role, "name": role,
                "password_hash": stored, "role": role,
            } | ({"grids": ["云泽-东"]} if role == "crew_lead" else {})  # fmt: skip
            await access.add_account(tx, row)
    people = {role: await signed_in(client, role) for role in ROLES}
    day = (await client.get("/api/v1/days/2026-11-24", headers=people["dispatcher"])).json()
    tablet, lost = [await enrolled(client, each["id"]) for each in day["technicians"][:2]]
    tablet.pop("tablet")
    wish = {"reason": "lost"}
    address = f"/api/v1/devices/{lost.pop('tablet')}/revoke"
    assert (await client.post(address, json=wish, headers=people["dispatcher"])).is_success
    # nobody: who holds a customer's link is not signed in
    return people | {"tablet": tablet, "revoked tablet": lost, "nobody": {}}


def aimed(path, ids):
    """The path with ids of the other unit wherever a parameter names one."""
    for name, table in POOLS.items():
        if ids[table]:
            path = path.replace("{" + name + "}", ids[table][0])
    return filled(path)


async def test_no_route_tells_anybody_anything_of_another_unit(client, region, ids):
    foreign = {each for pool in ids.values() for each in pool}
    asked, leaks = 0, []
    for who, headers in (await everybody(client, region)).items():
        for method, path, _ in operations(client):
            if path.startswith(SKIPPED) or path == "/api/v1/session" or "/changes" in path:
                continue
            target = aimed(path, ids)
            reply = await client.request(method, target, headers=headers)
            asked += 1
            # what was asked for may be named again; nothing else of theirs may
            said = reply.text.replace(target, "")
            named_ids = set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", said)) & foreign
            theirs = target != filled(path) and method != "HEAD" and reply.status_code < 300
            if TAINT in said or named_ids or theirs or reply.status_code >= 500:
                leaks.append((who, method, path, reply.status_code, said[:120]))
    assert asked > 400
    assert not leaks, "\n".join(map(str, ["", *leaks[:20]]))


async def test_the_taint_is_seen_by_whoever_it_belongs_to(client, region, ids):
    row = {
        "id": named(OTHER, "account", "theirs"), "unit_id": OTHER, "login": "theirs",
        "name": "theirs", "role": "dispatcher", "password_hash": hash_password(PASSWORD),
    }  # fmt: skip
    async with region.begin() as tx:
        await access.add_account(tx, row)
    headers = await signed_in(client, "theirs")
    seen = await client.get("/api/v1/premises", headers=headers)
    one = await client.get(f"/api/v1/cases/{ids['case'][0]}", headers=headers)
    assert TAINT in seen.text and TAINT in one.text and one.status_code == 200
