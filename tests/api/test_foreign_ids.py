"""Valid bodies with ids of another unit: the same answer as for ids that nobody has, and no row of
anybody changes."""

from datetime import UTC, datetime

import sqlalchemy as sa

from runtime.server import hash_password
from schemas.ids import named
from storage import access, fingerprint
from storage.tables import metadata
from tests.api.conftest import PASSWORD, UNIT, signed_in
from tests.api.test_guards_and_bodies import ID
from tests.api.test_no_leaks import OTHER, ids  # noqa: F401

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
AT, LATER = "2026-11-24T07:30:00+08:00", "2026-11-24T11:00:00+08:00"
DAY = "/days/2026-11-24"
EVENT, PAPER = {"kind": "resumed", "at": AT, "document": "d"}, {"paper": "id_card"}
FEE = {"number": "1", "amount_fen": 1, "paid_at": AT}
# method, path, body: {table} stands for an id of a row of the other unit
ASKED = [
    ("POST", DAY + "/moves", {"version": 0, "visit_id": "{visit}"}),
    ("POST", DAY + "/moves", {"version": 0, "work_order_id": "{work_order}"}),
    ("POST", DAY + "/moves", {"version": 0, "work_order_id": "{own}", "technician_id": "{technician}"}),
    ("POST", DAY + "/moves/{day_change}/undo", None),
    ("POST", DAY + "/feasibility", {"visit_id": "{visit}"}),
    ("POST", DAY + "/feasibility", {"work_order_id": "{work_order}"}),
    ("POST", DAY + "/events", {"kind": "emergency", "work_order_id": "{work_order}"}),
    ("POST", DAY + "/events", {"kind": "emergency", "visit_id": "{visit}"}),
    ("POST", DAY + "/events", {"kind": "sick", "technician_id": "{technician}", "at": AT}),
    ("POST", DAY + "/events", {"kind": "overrun", "visit_id": "{visit}", "until": LATER}),
    ("POST", DAY + "/events", {"kind": "cancel", "visit_id": "{visit}", "reason": "r"}),
    ("POST", DAY + "/events", {"kind": "no_access", "visit_id": "{visit}"}),
    ("POST", DAY + "/events", {"kind": "tablet_silent", "technician_id": "{technician}", "move": True}),
    ("GET", "/offers?work_order_id={work_order}", None),
    ("GET", "/offers?case_id={case}", None),
    ("POST", "/offers/20261125-28800-36000/book", {"work_order_id": "{work_order}"}),
    ("POST", "/cases/{case}/workflow", {"workflow": "resident_new"}),
    ("POST", "/cases/{case}/steps", {"step": "accept"}),
    ("POST", "/cases/{case}/documents", PAPER),
    ("POST", "/cases/{case}/contract", {"number": "1", "signed_at": AT}),
    ("POST", "/cases/{case}/payments", FEE),
    ("POST", "/cases/{case}/manager", {"name": "n", "phone": "13800000000"}),
    ("POST", "/cases/{case}/events", {"step": "reply", "at": AT}),
    ("POST", "/commitments/{commitment}/events", {"event": EVENT}),
    ("POST", "/warnings/seen", {"commitment": "{commitment}", "stage": "warned"}),
    ("POST", "/hazards/{hazard}/steps", {"step": "notify", "reason": "r", "evidence": "0" * 64}),
    ("POST", "/quarantine/{quarantine}/decide", {"decision": "release", "reason": "r"}),
    ("POST", "/quarantine/{quarantine}/decide", {"decision": "reject", "reason": "r"}),
    ("POST", "/conflicts/{conflict}/resolve", {"reason": "r", "choice": 0}),
    ("POST", "/visits/{visit}/assign", {"technician": "{mine}", "starts_at": AT, "version": 1}),
    ("POST", "/visits/{visit}/cancel", {"reason": "r"}),
    ("POST", "/visits/{visit}/edit", {"fields": {"note": "x"}}),
    ("POST", "/plans/{plan}/stop", None),
    ("POST", "/plans/{plan}/publish", None),
    ("GET", "/plans/{plan}/diff", None),
    ("GET", "/plans/{plan}/explain?work_order_id={work_order}", None),
    ("POST", "/outages/{outage}/steps", {"step": "stopped", "at": AT}),
    ("POST", "/outages", {"reason": "r", "stopped_at": AT, "accounts": ["{account}"]}),
    ("POST", "/outages", {"reason": "r", "stopped_at": AT, "grids": ["{code}"]}),
    ("POST", "/premises/{premises}/gas", {"to": "off", "at": AT, "reason": "r", "person": "p"}),
    ("POST", "/cases", {"kind": "repair", "channel": "hotline", "account": "{account}", "received_at": AT}),
    ("POST", "/enrolment-codes", {"technician": "{technician}"}),
    ("POST", "/devices/{tablet}/revoke", {"reason": "lost"}),
    ("GET", "/devices/{tablet}/drained", None),
    ("DELETE", "/webhooks/{webhook}", None),
]  # fmt: skip


# what the planned unit has none of: one row each
ROWS = {
    "tablet": {"label": "t", "enrolled_at": NOW},
    "hazard": {"item": "i", "grade": "major", "state": "found", "found_at": NOW},
    "conflict": {"field": "f", "policy": "p", "status": "open", "opened_at": NOW},
    "quarantine": {
        "code": "c", "payload": b"{}", "payload_hash": "h", "received_at": NOW,
    },
    "outage": {"number": "1", "state": "announced", "reason": "r", "written_by": "w"},
    "day_change": {
        "on_day": NOW.date(), "version": 90, "kind": "move", "actor": "a", "at": NOW,
    },
    "webhook": {"url": "https://x.example", "kinds": [], "created_at": NOW, "created_by": "w"},
}  # fmt: skip
HANGS = {
    "premises_id": "premises", "visit_id": "visit", "technician_id": "technician",
    "record_id": "visit", "tablet_id": "tablet",
}  # fmt: skip


def put(value, words):
    """The value with every `{word}` replaced."""
    if isinstance(value, dict):
        return {name: put(each, words) for name, each in value.items()}
    if isinstance(value, list):
        return [put(each, words) for each in value]
    for name, word in words.items():
        value = value.replace("{" + name + "}", word) if isinstance(value, str) else value
    return value


async def planted(region):
    """Ids of the planned unit, with one row of each kind that it has not, and two of OTHER's own."""
    tables, found, own = metadata.tables, {}, {}
    async with region.begin() as tx:
        for name in ("case", "commitment", "technician", "plan"):
            held = tables[name]
            found[name] = await tx.scalar(sa.select(held.c.id).where(held.c.unit_id == UNIT))
        visit, home = tables["visit"], tables["premises"]
        theirs = sa.select(visit).where(visit.c.unit_id == UNIT).order_by(visit.c.id)
        row = (await tx.execute(theirs)).mappings().first()
        found |= {"visit": row["id"], "premises": row["premises_id"]}
        found |= {"work_order": row["work_order_id"]}
        for column in (home.c.account, tables["grid"].c.code):
            unit = column.table.c.unit_id
            known = sa.select(column).where(unit == OTHER)
            only = sa.select(column).where(unit == UNIT, ~column.in_(known))
            found[column.name] = await tx.scalar(only)
        for name, given in ROWS.items():
            here = {"id": named(UNIT, "planted", name), "unit_id": UNIT, **given}
            here |= {key: found[value] for key, value in HANGS.items() if key in tables[name].c}
            await tx.execute(sa.insert(tables[name]).values(here))
            found[name] = here["id"]
        for name, table in (("own", "work_order"), ("mine", "technician")):
            held = tables[table]
            own[name] = await tx.scalar(sa.select(held.c.id).where(held.c.unit_id == OTHER))
    return (*({name: str(each) for name, each in some.items()} for some in (found, own)),)


def unknown(reply):
    """Not found; or, of an outage, that it touches nobody who is known here."""
    return reply[0] == 404 or "outage_" in reply[1]


async def held(region):
    """What the database holds, but for what a request leaves by being made: tokens and buckets, and
    that an intake of the own unit was refused."""
    async with region.connect() as tx:
        found = await fingerprint.tables(tx)
    return {
        name: each for name, each in found.items() if name not in ("rate_bucket", "token", "audit")
    }


async def test_an_id_of_another_unit_is_answered_like_one_that_nobody_has(client, region, ids):  # noqa: F811
    theirs, own = await planted(region)
    nobodys = dict.fromkeys(theirs, ID) | {"account": "nobody-1", "code": "nobody-1"}
    row = {
        "id": named(OTHER, "account", "x"), "unit_id": OTHER, "login": "x", "name": "x",
        "role": "supervisor", "password_hash": hash_password(PASSWORD),
    }  # fmt: skip
    async with region.begin() as tx:
        await access.add_account(tx, row)
    headers = await signed_in(client, "x")
    before, told = await held(region), []
    for method, path, body in ASKED:
        replies = []
        for words in (theirs, nobodys):
            given = {"json": put(body, words | own)} if body else {}
            url = "/api/v1" + put(path, words | own)
            reply = await client.request(method, url, headers=headers, **given)
            said = reply.text
            for word in words.values():
                said = said.replace(word, "ID")
            replies.append((reply.status_code, said))
        if replies[0] != replies[1] or not unknown(replies[0]):
            told.append((method, path, body, replies))
    after = await held(region)
    changed = {name for name in before if before[name] != after[name]}
    assert not told, "\n".join(map(str, ["", *told]))
    assert not changed, changed
