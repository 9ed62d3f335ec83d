"""Whether a tablet is drained: which of its numbers are held, and whose they are."""

from tests.api.test_rural_teams import drained
from tests.api.test_tablets_over_http import NOON, inspection, operation, sync


async def test_a_tablet_enrolled_anew_is_drained_though_its_first_numbers_are_another_tablets(
    client,
):
    office, _, person, tablet, stop, _ = await inspection(client)
    await sync(client, tablet, [operation(stop["visit"], n, fields={"note": "x"}) for n in (1, 2)])
    code = await client.post(
        "/api/v1/enrolment-codes", json={"technician": person["id"]}, headers=office
    )
    wish = {"code": code.json()["code"], "label": "again", "first_n": 3}
    given = (await client.post("/api/v1/devices/enrol", json=wish)).json()
    anew = {"Authorization": f"Bearer {given['access']}", "tablet": given["tablet"]}
    await sync(client, anew, [operation(stop["visit"], 4, fields={"note": "y"})])
    hello = {"clock": {"sent_at": NOON.isoformat()}, "next_n": 5}
    assert (await client.post("/api/v1/sync/hello", json=hello, headers=anew)).json()[
        "contiguous_n"
    ] == 2
    receipts = (await client.get("/api/v1/sync/receipts", headers=anew)).json()
    assert receipts["gaps"] == [[3, 3]]
    assert (await drained(client, office, anew))["drained"] is False
    await sync(client, anew, [operation(stop["visit"], 3, fields={"note": "z"})])
    found = await drained(client, office, anew)
    assert (found["drained"], found["contiguous_n"]) == (True, 4)


async def test_what_could_not_be_read_lies_in_quarantine_and_is_no_gap(client):
    office, _, _, tablet, stop, _ = await inspection(client)
    good = [operation(stop["visit"], n, fields={"note": "x"}) for n in (1, 3)]
    bad = operation(stop["visit"], 2, kind="nonsense")
    await sync(client, tablet, [good[0], bad, good[1]])
    await client.post(
        "/api/v1/sync/hello", json={"clock": {"sent_at": NOON.isoformat()}}, headers=tablet
    )
    receipts = (await client.get("/api/v1/sync/receipts?from=1", headers=tablet)).json()
    assert (receipts["contiguous_n"], "gaps" in receipts) == (3, False)
    assert [each["n"] for each in receipts["receipts"]] == [3]
    found = await drained(client, office, tablet)
    assert (found["drained"], found["contiguous_n"]) == (True, 3)
