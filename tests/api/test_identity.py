"""Who comes in and who does not: the identity provider, codes with five tries, limits over all
processes, accounts that see some grids only."""

from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from api.turnstile import Rates, Turnstile
from runtime.server import hash_password
from runtime.settings import Settings
from schemas.ids import named
from schemas.problems import Refusal
from storage import access, scope
from storage.engine import make_engine
from storage.rates import Rate
from storage.tables import grid, premises
from tests.api.conftest import PASSWORD, UNIT, enrolled, signed_in
from tests.api.issuer import EC_KEY, STRANGE_KEY, Issuer

PERSON = {"sub": "p-1", "email": "li@gas.example", "email_verified": True}


@pytest.fixture
def issuer():
    started = Issuer()
    yield started
    started.close()


@pytest.fixture
def settings(tmp_path, issuer):
    return Settings(state=str(tmp_path / "state"), oidc_issuer=issuer.base, oidc_client="doorstep")


async def add(engine, login, **columns):
    row = {
        "id": named(UNIT, "account", login), "unit_id": UNIT, "login": login, "name": login,
        "password_hash": "", "role": "dispatcher",
    }  # fmt: skip
    async with engine.begin() as tx:
        await access.add_account(tx, {**row, **columns})


async def returned(client, issuer, **person):
    begun = (await client.post("/api/v1/session/elsewhere")).json()
    code = issuer.signs_in(begun["address"], **{**PERSON, **person})
    return await client.post(
        "/api/v1/session/returned", json={"code": code, "state": begun["state"]}
    )


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_somebody_known_signs_in_at_the_companys_provider(client, region, issuer, algorithm):
    if algorithm == "ES256":
        issuer.algorithm, issuer.key, issuer.kid = "ES256", EC_KEY, "ec"
    await add(region, "li@gas.example")
    reply = await returned(client, issuer)
    assert reply.status_code == 201, reply.text
    headers = {"Authorization": f"Bearer {reply.json()['access']}"}
    assert (await client.get("/api/v1/cases", headers=headers)).status_code == 200
    # tied at the first time: from now on the person counts, not the address
    again = await returned(client, issuer, email="married@gas.example")
    assert again.json()["name"] == "li@gas.example"


@pytest.mark.parametrize(
    "wrong",
    [
        {"email_verified": False}, {"email": "nobody@gas.example"}, {"aud": "another"},
        {"iss": "https://elsewhere.example"}, {"exp": 1}, {"nonce": "another"},
    ],
)  # fmt: skip
async def test_whoever_the_provider_does_not_vouch_for_stays_out(client, region, issuer, wrong):
    await add(region, "li@gas.example")
    issuer.changed = wrong
    reply = await returned(client, issuer)
    assert (reply.status_code, reply.json()["code"]) == (401, "sign_in_failed")


async def test_a_signature_of_somebody_else_is_none(client, region, issuer):
    await add(region, "li@gas.example")
    issuer.key = STRANGE_KEY
    assert (await returned(client, issuer)).json()["code"] == "sign_in_failed"
    issuer.key, issuer.algorithm = "a-secret-that-both-sides-know-0123456789", "HS256"
    assert (await returned(client, issuer)).json()["code"] == "sign_in_failed"
    issuer.key, issuer.algorithm = None, "none"
    assert (await returned(client, issuer)).json()["code"] == "sign_in_failed"


async def test_a_state_is_good_once_and_only_where_it_was_given(client, region, issuer, clock):
    await add(region, "li@gas.example")
    begun = (await client.post("/api/v1/session/elsewhere")).json()
    code = issuer.signs_in(begun["address"], **PERSON)
    forged = {"code": code, "state": "x" * 44}
    assert (await client.post("/api/v1/session/returned", json=forged)).status_code == 401
    came = {"code": code, "state": begun["state"]}
    assert (await client.post("/api/v1/session/returned", json=came)).status_code == 201
    assert (await client.post("/api/v1/session/returned", json=came)).status_code == 401
    late = (await client.post("/api/v1/session/elsewhere")).json()
    code = issuer.signs_in(late["address"], **PERSON)
    clock.at += timedelta(minutes=11)
    came = {"code": code, "state": late["state"]}
    assert (await client.post("/api/v1/session/returned", json=came)).status_code == 401


async def test_an_account_with_a_password_is_not_tied_to_whoever_has_its_address(
    client, region, issuer
):
    await add(region, "li@gas.example", password_hash=hash_password(PASSWORD))
    assert (await returned(client, issuer)).status_code == 401
    assert "Authorization" in await signed_in(client, "li@gas.example")


async def test_an_account_that_ended_is_out_at_its_next_request(client, region):
    headers = await signed_in(client, "agent")
    assert (await client.get("/api/v1/cases", headers=headers)).status_code == 200
    async with region.begin() as tx:
        assert await access.end_account(tx, UNIT, login="agent", now=sa.func.now())
    assert (await client.get("/api/v1/cases", headers=headers)).status_code == 401


async def test_a_code_dies_of_five_wrong_tries(client):
    office = await signed_in(client, "dispatcher")
    day = (await client.get("/api/v1/days/2026-11-24", headers=office)).json()
    wish = {"technician": day["technicians"][0]["id"]}
    code = (await client.post("/api/v1/enrolment-codes", json=wish, headers=office)).json()["code"]
    for n in range(5):
        body = {"code": f"{code[:4]}AAAAAAA{n}", "label": "t"}
        assert (await client.post("/api/v1/devices/enrol", json=body)).status_code == 403
    reply = await client.post("/api/v1/devices/enrol", json={"code": code, "label": "t"})
    assert reply.json()["code"] == "enrolment_failed"


async def test_a_limit_holds_over_two_processes_and_comes_back(region, database_url, clock):
    engine = make_engine(database_url, role=scope.APP_ROLE)
    few = Rates(tablet=Rate(burst=25, per_second=2))
    both = [Turnstile(engine, few) for _ in range(2)]
    passed = 0
    for n in range(60):
        try:
            await both[n % 2].tablet("t", now=clock.at)
            passed += 1
        except Refusal as refusal:
            assert refusal.details["retry_after_seconds"] == 1
    assert passed == 25
    await both[0].tablet("another", now=clock.at)
    clock.at += timedelta(seconds=3)
    for _ in range(6):
        await both[1].tablet("t", now=clock.at)
    with pytest.raises(Refusal):
        await both[0].tablet("t", now=clock.at)
    await engine.dispose()


async def test_strangers_are_counted_by_address_and_answered_when_to_come_back(client):
    replies = [
        await client.post("/api/v1/session/refresh", json={"refresh": "x" * 40}) for _ in range(245)
    ]
    assert {each.status_code for each in replies[:240]} == {401}
    assert {each.json()["code"] for each in replies[241:]} == {"too_many_requests"}
    assert int(replies[-1].headers["retry-after"]) >= 1


async def test_somebody_limited_to_a_grid_sees_and_writes_nothing_outside_it(client, region):
    async with region.begin() as tx:
        rows = await tx.execute(
            sa.select(grid.c.code, sa.func.count())
            .join(premises, premises.c.grid_id == grid.c.id)
            .group_by(grid.c.code)
            .order_by(grid.c.code)
        )
        counts = {row[0]: row[1] for row in rows}
        code = next(iter(counts))
        inside = set(
            await tx.scalars(
                sa.select(premises.c.id).join(grid, grid.c.id == premises.c.grid_id)
                .where(grid.c.code == code)
            )
        )  # fmt: skip
    assert len(counts) > 1
    await add(region, "east", password_hash=hash_password(PASSWORD), grids=[code])
    some, everything = await signed_in(client, "east"), await signed_in(client, "dispatcher")
    mine = (await client.get("/api/v1/premises?limit=500", headers=some)).json()["items"]
    assert {UUID(each["id"]) for each in mine} == inside
    for path in ("cases", "work-orders", "commitments"):
        seen = await client.get(f"/api/v1/{path}?limit=500", headers=some)
        whole = await client.get(f"/api/v1/{path}?limit=500", headers=everything)
        ids = {each["id"] for each in seen.json()["items"]}
        more = {each["id"] for each in whole.json()["items"]}
        assert ids < more, path
        foreign = sorted(more - ids)[0]
        reply = await client.get(f"/api/v1/{path}/{foreign}", headers=some)
        assert reply.status_code == 404, path
    plan = {"day": "2026-11-25"}
    assert (await client.post("/api/v1/plans", json=plan, headers=some)).status_code == 403
    day = (await client.get("/api/v1/days/2026-11-24", headers=everything)).json()
    stops = [stop for each in day["technicians"] for stop in each["stops"]]
    own = (await client.get("/api/v1/days/2026-11-24", headers=some)).json()
    kept = {stop["visit"] for each in own["technicians"] for stop in each["stops"]}
    outside = next(each for each in stops if each["visit"] not in kept)
    reply = await client.post(
        f"/api/v1/visits/{outside['visit']}/cancel", json={"reason": "x"}, headers=some
    )
    assert reply.status_code == 404


async def test_a_grid_that_is_not_there_shows_nothing(client, region):
    await add(region, "nowhere", password_hash=hash_password(PASSWORD), grids=["no such grid"])
    headers = await signed_in(client, "nowhere")
    assert (await client.get("/api/v1/premises", headers=headers)).json()["items"] == []


async def test_a_stolen_tablet_is_out_at_once_and_brings_nothing_more(client):
    office = await signed_in(client, "dispatcher")
    day = (await client.get("/api/v1/days/2026-11-24", headers=office)).json()
    tablet = await enrolled(client, day["technicians"][0]["id"])
    path = f"/api/v1/devices/{tablet.pop('tablet')}/revoke"
    wish = {"reason": "stolen"}
    assert (await client.post(path, json=wish, headers=office)).status_code == 204
    assert (await client.post("/api/v1/sync", json={}, headers=tablet)).status_code == 401
