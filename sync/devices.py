"""Shell: sign-in, tokens and enrolment; hello, receipts and the drained certificate of a tablet."""

import asyncio
import hashlib
from base64 import b32encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.access import (
    Enrol,
    Enrolled,
    EnrolmentCode,
    Principal,
    Sender,
    SignIn,
    Tokens,
)
from schemas.ambient import Ambient
from schemas.base import Value
from schemas.problems import Refusal
from schemas.sync import Drained, HelloAnswer, HelloRequest, Limits, Receipt, Receipts
from storage import access, attachments, audit, feed, records
from storage.engine import Transaction
from sync import numbers, packs, time
from sync.reading import sound_clock

STAFF_LIFE, TABLET_LIFE = timedelta(minutes=30), timedelta(hours=24)
REFRESH_LIFE = timedelta(days=60)
CODE_LIFE = timedelta(minutes=10)
FAILURES_FREE, WAIT_SECONDS_MAX = 5, 900
FINDS = 4
"""Letters of an enrolment code that find it; the others are kept as a hash only."""
RECEIPTS_MAX = 2_000

Dice = Callable[[int], bytes]
Verify = Callable[[str, str], bool]


class Keys(Value, frozen=True):
    """What secrets are made and checked with; handed down by runtime."""

    dice: Dice
    verify: Verify
    decoy: str
    """What a password is checked against where there is no account, so that it takes as long."""


def hashed(secret: str) -> str:
    """How a token or code is stored: its SHA-256. 256 random bits need no slower hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def principal(engine: AsyncEngine, token: str, *, now: datetime) -> Principal | None:
    """Whose token this is, or None."""
    async with engine.connect() as tx:
        row = await access.principal_of(tx, hashed(token), now=now)
    if row is None:
        return None
    if row["tablet_id"] is not None:
        return Principal(
            unit_id=row["unit_id"],
            role="technician" if row["tablet_state"] == "active" else "revoked",
            name=row["technician_name"],
            tablet_id=row["tablet_id"],
            technician_id=row["technician_id"],
        )
    if row["role"] is None:
        return None
    return Principal(
        unit_id=row["unit_id"],
        role=row["role"],
        name=row["account_name"],
        account_id=row["account_id"],
        grids=None if not row["grids"] else tuple(row["grid_ids"] or ()),
    )


async def sign_in(engine: AsyncEngine, wish: SignIn, *, keys: Keys, ambient: Ambient) -> Tokens:
    """A login and its password; after five failures every further try has to wait longer.

    Refuses `sign_in_failed` alike for an unknown login and a wrong password, `too_many_requests`.
    """
    async with engine.begin() as tx:
        await _refuse_guessing(tx, wish.login, now=ambient.now)
        row = await access.account_by_login(tx, wish.login)
    # the slow hash runs in a thread, so that nobody else waits for it
    stored = keys.decoy if row is None else row.password_hash
    right = await asyncio.to_thread(keys.verify, stored, wish.password)
    if row is None or not right:
        async with engine.begin() as tx:
            await access.count_failure(tx, wish.login, now=ambient.now)
        raise Refusal("sign_in_failed")
    async with engine.begin() as tx:
        await access.forget_failures(tx, wish.login)
        return await welcomed(tx, row, keys=keys, ambient=ambient)


async def welcomed(tx: Transaction, row: Any, *, keys: Keys, ambient: Ambient) -> Tokens:
    """Tokens for an account that has proven who it is, and a line in the audit."""
    pair = await _fresh(tx, row.unit_id, owner={"account_id": row.id}, keys=keys, ambient=ambient)
    await _audited(tx, row.unit_id, who=row.login, action="signed_in", ambient=ambient)
    return Tokens(**pair, role=row.role, name=row.name, unit=row.unit_id)


async def rotate(engine: AsyncEngine, token: str, *, keys: Keys, ambient: Ambient) -> Tokens:
    """A refresh token becomes a new pair.

    Used again, it was either stolen or the answer was lost on the way. As long as what it became
    was never renewed itself, whoever holds it gets another pair and the first one dies, so that a
    tablet on a bad link is never locked out with its work; after that, everything that grew from it
    is revoked.
    """
    async with engine.begin() as tx:
        row = await access.refresh_token(tx, hashed(token))
        if row is None or row.revoked_at is not None or row.expires_at <= ambient.now:
            raise Refusal("not_signed_in")
        stolen = row.used_at is not None and await access.renewed_since(
            tx, row.family, since=row.used_at
        )
        if stolen or row.used_at is not None:
            spared = None if stolen else row.hash
            await access.revoke_family(tx, row.family, now=ambient.now, spared=spared)
        if not stolen:
            await access.use_token(tx, row.hash, now=ambient.now)
            owner = {
                "account_id": row.account_id,
                "tablet_id": row.tablet_id,
                "family": row.family,
            }
            pair = await _fresh(tx, row.unit_id, owner=owner, keys=keys, ambient=ambient)
    if stolen:
        raise Refusal("not_signed_in")
    known = await principal(engine, pair["access"], now=ambient.now)
    if known is None:
        raise Refusal("not_signed_in")
    return Tokens(**pair, role=known.role, name=known.name, unit=known.unit_id)


async def make_code(
    engine: AsyncEngine, who: Principal, *, technician: UUID, keys: Keys, ambient: Ambient
) -> EnrolmentCode:
    """A single-use code for a technician's new tablet, good for ten minutes and five tries: four
    letters that find it, eight that open it."""
    code = b32encode(keys.dice(8)).decode()[:12]
    async with engine.begin() as tx:
        if await access.technician_name(tx, who.unit_id, technician_id=technician) is None:
            raise Refusal("not_found")
        row = {
            "code_hash": _code_key(code),
            "unit_id": who.unit_id,
            "technician_id": technician,
            "expires_at": ambient.now + CODE_LIFE,
        }
        await access.add_code(tx, row)
        entry = audit.Entry(
            at=ambient.now, actor=who.name, action="enrolment_code", subject=str(technician)
        )
        await audit.append(tx, who.unit_id, entry=entry)
    return EnrolmentCode(code=code, expires_at=ambient.now + CODE_LIFE)


async def enrol(engine: AsyncEngine, wish: Enrol, *, keys: Keys, ambient: Ambient) -> Enrolled:
    """An install with a code becomes a tablet of a technician. Refuses `enrolment_failed`."""
    enrolled = None
    async with engine.begin() as tx:
        code = await access.spend_code(tx, _code_key(wish.code), now=ambient.now)
        if code is None:
            # a wrong try counts: the transaction ends well, the enrolment does not
            await access.count_try(tx, wish.code[:FINDS], now=ambient.now)
        else:
            enrolled = await _enrolled(tx, wish, code=code, keys=keys, ambient=ambient)
    if enrolled is None:
        raise Refusal("enrolment_failed")
    return enrolled


async def _enrolled(
    tx: Transaction, wish: Enrol, *, code: Any, keys: Keys, ambient: Ambient
) -> Enrolled:
    row = {
        "id": ambient.new_id(),
        "unit_id": code.unit_id,
        "technician_id": code.technician_id,
        "label": wish.label,
        "public_key": wish.public_key,
        "enrolled_at": ambient.now,
        "clock": {"first_n": wish.first_n},
    }
    await access.add_tablet(tx, row)
    owner = {"tablet_id": row["id"]}
    pair = await _fresh(tx, code.unit_id, owner=owner, keys=keys, ambient=ambient)
    await _audited(tx, code.unit_id, who=wish.label, action="enrolled", ambient=ambient)
    name = await access.technician_name(tx, code.unit_id, technician_id=code.technician_id)
    return Enrolled(
        tablet=row["id"],
        technician=code.technician_id,
        technician_name=name or "",
        epoch=await records.epoch(tx),
        **pair,
    )


async def revoke(
    engine: AsyncEngine, who: Principal, *, tablet_id: UUID, reason: str, ambient: Ambient
) -> None:
    """A lost, stolen or replaced tablet gets nothing more."""
    async with engine.begin() as tx:
        if not await access.revoke_tablet(
            tx, who.unit_id, tablet_id=tablet_id, reason=reason, now=ambient.now
        ):
            raise Refusal("not_found")
        entry = audit.Entry(
            at=ambient.now, actor=who.name, action=f"revoked.{reason}", subject=str(tablet_id)
        )
        await audit.append(tx, who.unit_id, entry=entry)


async def hello(
    engine: AsyncEngine, sender: Sender, *, wish: HelloRequest, ambient: Ambient
) -> HelloAnswer:
    """Where the two stand; `reoffer` where this database is younger than what the tablet was
    told."""
    async with engine.begin() as tx:
        await records.heard_from(tx, sender.tablet_id, seen_at=ambient.now, unsent=wish.unsent)
        row = await records.lock_tablet(tx, sender.unit_id, tablet_id=sender.tablet_id)
        epoch = await records.epoch(tx)
        held = await numbers.held(tx, sender.tablet_id, first=_first(row))
        boxes = await feed.mailboxes_of(tx, sender.unit_id, technician_id=sender.technician_id)
        keys = [each["id"] for each in boxes]
        wanted = await feed.templates_of(tx, keys)
        wanted |= set(packs.spot_templates(await feed.classes_of(tx, keys)))
    away = time.offset(sound_clock(wish.clock), ambient.now).milliseconds
    within = away is not None and abs(away) <= time.SKEW_SECONDS_MAX * 1000
    return HelloAnswer(
        server_time=ambient.now,
        epoch=epoch,
        limits=Limits(),
        contiguous_n=held.contiguous,
        highest_n=held.highest,
        offset_ms=away,
        trust="verified" if within else "skewed",
        reoffer=wish.epoch is not None and wish.epoch != epoch,
        templates=sorted(wanted - set(wish.templates)),
    )


async def receipts(engine: AsyncEngine, sender: Sender, *, after: int) -> Receipts:
    """What the server holds of this tablet, so that it can prove that it is drained."""
    async with engine.connect() as tx:
        row = await access.tablet_of(tx, sender.unit_id, tablet_id=sender.tablet_id)
        epoch = await records.epoch(tx)
        first = time.clocks_of(row.clock).first_n if row is not None else 1
        held = await numbers.held(tx, sender.tablet_id, first=first)
        rows = await feed.operations_held(tx, sender.tablet_id, after=after, limit=RECEIPTS_MAX)
    return Receipts(
        epoch=epoch,
        contiguous_n=held.contiguous,
        receipts=[
            Receipt(n=row["n"], id=row["id"], outcome=row["outcome"], code=row["code"])
            for row in rows
        ],
        gaps=held.gaps,
        next=rows[-1]["n"] if len(rows) == RECEIPTS_MAX else None,
    )


async def drained(
    engine: AsyncEngine, unit_id: str, *, tablet_id: UUID, ambient: Ambient
) -> Drained:
    """Safe to wipe or hand over: nothing of the tablet is only on it."""
    async with engine.begin() as tx:
        row = await records.lock_tablet(tx, unit_id, tablet_id=tablet_id)
        if row is None:
            raise Refusal("not_found")
        held = await numbers.held(tx, tablet_id, first=_first(row))
        waiting = await feed.waiting(tx, tablet_id)
        missing = await attachments.missing_of(tx, unit_id, tablet_id=tablet_id)
    # a tablet that never said how much it holds has not said that it holds nothing
    said, unsent = row["unsent"] is not None, int(row["unsent"] or 0)
    return Drained(
        tablet=tablet_id,
        drained=said and not unsent and not waiting and not missing and not held.gaps,
        contiguous_n=held.contiguous,
        unsent=unsent,
        held=waiting,
        attachments_missing=missing,
        at=ambient.now,
    )


def _first(row: Any) -> int:
    return time.clocks_of(row["clock"]).first_n


def _code_key(code: str) -> str:
    return f"{code[:FINDS]}:{hashed(code)}"


async def _refuse_guessing(tx: Transaction, login: str, *, now: datetime) -> None:
    known = await access.failures(tx, login)
    if known is None or known.failures < FAILURES_FREE:
        return
    wait = min(WAIT_SECONDS_MAX, 2 ** min(known.failures - FAILURES_FREE, 10))
    if now < known.last_at + timedelta(seconds=wait):
        raise Refusal("too_many_requests", retry_after_seconds=wait)


async def _fresh(
    tx: Transaction,
    unit_id: str,
    *,
    owner: Mapping[str, UUID | None],
    keys: Keys,
    ambient: Ambient,
) -> dict[str, Any]:
    access_token, refresh_token = (
        urlsafe_b64encode(keys.dice(32)).decode().rstrip("=") for _ in range(2)
    )
    life = TABLET_LIFE if owner.get("tablet_id") else STAFF_LIFE
    common = {
        "unit_id": unit_id,
        "family": owner.get("family") or ambient.new_id(),
        "account_id": owner.get("account_id"),
        "tablet_id": owner.get("tablet_id"),
    }
    await access.add_tokens(
        tx,
        [
            common
            | {"hash": hashed(access_token), "kind": "access", "expires_at": ambient.now + life},
            common
            | {
                "hash": hashed(refresh_token),
                "kind": "refresh",
                "expires_at": ambient.now + REFRESH_LIFE,
            },
        ],
    )
    return {
        "access": access_token,
        "refresh": refresh_token,
        "expires_at": ambient.now + life,
    }


async def _audited(
    tx: Transaction, unit_id: str, *, who: str, action: str, ambient: Ambient
) -> None:
    await audit.append(
        tx,
        unit_id,
        entry=audit.Entry(at=ambient.now, actor=who, action=action, subject=who),
    )


async def sign_out(engine: AsyncEngine, token: str, *, now: datetime) -> None:
    """Every token that grew from this sign-in stops working."""
    async with engine.begin() as tx:
        family = await access.family_of(tx, hashed(token))
        if family is not None:
            await access.revoke_family(tx, family, now=now)
