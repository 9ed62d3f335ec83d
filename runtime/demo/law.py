"""Dangers that the law names, found by a tablet: one told in writing at once, one not in three days."""

from datetime import datetime, timedelta
from secrets import token_bytes
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine
from uuid_utils.compat import uuid7

from commitments import noticing
from runtime.ambient import fixed
from runtime.server import library
from schemas.access import Enrol, Principal, Sender
from schemas.sync import FieldValue
from storage import registry
from storage.sync_store import PostgresSync
from sync import devices
from sync.push import push
from sync.reading import Batch

CHECKLIST = "RES-INSP@2026.1"
FOUND: dict[str, FieldValue] = {"R03": "bedroom_use"}
TOLD: dict[str, FieldValue] = {"R28": {"notice_no": "TZ-001"}}


async def tell(
    engine: AsyncEngine, unit_id: str, *, accounts: tuple[str, str], now: datetime
) -> None:
    """A technician looks in on the spot at two homes whose stove stands in a bedroom."""
    async with engine.connect() as tx:
        technician = (await registry.technicians(tx, unit_id))[0].id
        homes = await registry.premises_by_account(tx, unit_id, wanted=accounts)
    came = now - timedelta(hours=80)
    office = Principal(unit_id=unit_id, role="dispatcher", name="示例")
    keys = devices.Keys(dice=token_bytes, verify=lambda *_: False, decoy="")
    at = fixed(came)
    code = await devices.make_code(engine, office, technician=technician, keys=keys, ambient=at)
    wish = Enrol(code=code.code, label="示例平板")
    tablet = await devices.enrol(engine, wish, keys=keys, ambient=at)
    sender = Sender(unit_id=unit_id, tablet_id=tablet.tablet, technician_id=technician)
    told = [_visit(homes[accounts[0]].id, 1, at=came, found=FOUND | TOLD)]
    told += [_visit(homes[accounts[1]].id, 3, at=came, found=FOUND)]
    said = [msgspec.json.encode(each) for visit in told for each in visit]
    batch = Batch(operations=said)
    store = PostgresSync(engine)
    await push(store, sender, batch=batch, library=library(), ambient=at)
    # put away since: nobody waits for a word of it
    gone = tablet.tablet
    await devices.revoke(engine, office, tablet_id=gone, reason="replaced", ambient=fixed(now))
    await noticing.look(engine, unit_id, ambient=fixed(now))


def _visit(
    home: UUID, n: int, *, at: datetime, found: dict[str, FieldValue]
) -> list[dict[str, object]]:
    common = {"record": uuid7(), "observed_at": at, "template": CHECKLIST}
    made = {"id": uuid7(), "n": n, "kind": "create", "record_kind": "visit", "premises": home}
    done = {"id": uuid7(), "n": n + 1, "kind": "command", "command": "field_done"}
    return [{**common, **made, "fields": found}, {**common, **done}]
