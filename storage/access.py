"""Accounts, tablets, tokens and enrolment codes. Only hashes of secrets are stored."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from storage.engine import Transaction, driver
from storage.tables import (
    account,
    enrolment_code,
    sign_in_attempt,
    sign_in_failure,
    tablet,
    technician,
    token,
)

TRIES_MAX = 5
_PRINCIPAL = """
SELECT t.unit_id, t.kind, t.account_id, t.tablet_id,
  a.role, a.name AS account_name, a.grids,
  (SELECT array_agg(g.id) FROM grid g WHERE g.unit_id = a.unit_id AND g.code = ANY(a.grids))
    AS grid_ids, b.technician_id, b.state AS tablet_state,
  k.name AS technician_name
FROM token t
LEFT JOIN account a ON a.id = t.account_id AND a.active
LEFT JOIN tablet b ON b.id = t.tablet_id
LEFT JOIN technician k ON k.id = b.technician_id
WHERE t.hash = $1 AND t.kind = 'access' AND t.revoked_at IS NULL AND t.expires_at > $2
"""


async def principal_of(tx: Transaction, token_hash: str, *, now: datetime) -> Any:
    """Whose access token this is, or None. One keyed read a request."""
    connection = await driver(tx)
    return await connection.fetchrow(_PRINCIPAL, token_hash, now)


async def add_account(tx: Transaction, row: dict[str, Any]) -> None:
    """Adds a member of staff; a known login stays as it is."""
    await tx.execute(insert(account).values(**row).on_conflict_do_nothing())


async def account_by_login(tx: Transaction, login: str) -> Any:
    """The active account of a login, or None."""
    found = await tx.execute(sa.select(account).where(account.c.login == login, account.c.active))
    return found.one_or_none()


async def accounts(tx: Transaction, unit_id: str) -> Sequence[Any]:
    """Every account of a unit, by login."""
    found = await tx.execute(
        sa.select(account).where(account.c.unit_id == unit_id).order_by(account.c.login)
    )
    return found.all()


async def end_account(tx: Transaction, unit_id: str, *, login: str, now: datetime) -> bool:
    """The account signs in no more and its tokens stop working; False where there is none."""
    ended = await tx.scalar(
        sa.update(account)
        .where(account.c.unit_id == unit_id, account.c.login == login, account.c.active)
        .values(active=False)
        .returning(account.c.id)
    )
    if ended is not None:
        await tx.execute(sa.update(token).where(token.c.account_id == ended).values(revoked_at=now))
    return ended is not None


async def failures(tx: Transaction, subject: str) -> Any:
    """How often a subject failed to sign in, and when last."""
    found = await tx.execute(sa.select(sign_in_failure).where(sign_in_failure.c.subject == subject))
    return found.one_or_none()


async def count_failure(tx: Transaction, subject: str, *, now: datetime) -> None:
    """One failure more."""
    statement = insert(sign_in_failure).values(subject=subject, failures=1, last_at=now)
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["subject"],
            set_={"failures": sign_in_failure.c.failures + 1, "last_at": now},
        )
    )


async def forget_failures(tx: Transaction, subject: str) -> None:
    """A success clears the count."""
    await tx.execute(sa.delete(sign_in_failure).where(sign_in_failure.c.subject == subject))


async def add_tokens(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Stores the hashes of fresh tokens; every row names the same columns."""
    await tx.execute(sa.insert(token), list(rows))


async def refresh_token(tx: Transaction, token_hash: str) -> Any:
    """A refresh token's row, locked, or None."""
    found = await tx.execute(
        sa.select(token)
        .where(token.c.hash == token_hash, token.c.kind == "refresh")
        .with_for_update()
    )
    return found.one_or_none()


async def use_token(tx: Transaction, token_hash: str, *, now: datetime) -> None:
    """A refresh token is good once."""
    await tx.execute(sa.update(token).where(token.c.hash == token_hash).values(used_at=now))


async def revoke_family(
    tx: Transaction, family: UUID, *, now: datetime, spared: str | None = None
) -> None:
    """Every token that grew from one sign-in stops working, but the one whose hash is spared."""
    await tx.execute(
        sa.update(token)
        .where(
            token.c.family == family, token.c.revoked_at.is_(None), token.c.hash != (spared or "")
        )
        .values(revoked_at=now)
    )


async def renewed_since(tx: Transaction, family: UUID, *, since: datetime) -> bool:
    """Whether a younger refresh token of the family has been used."""
    found = await tx.scalar(
        sa.select(sa.func.count())
        .select_from(token)
        .where(token.c.family == family, token.c.kind == "refresh", token.c.used_at > since)
    )
    return bool(found)


async def add_code(tx: Transaction, row: dict[str, Any]) -> None:
    """Stores an enrolment code's hash."""
    await tx.execute(sa.insert(enrolment_code).values(**row))


async def spend_code(tx: Transaction, code_hash: str, *, now: datetime) -> Any:
    """The unused, unexpired code, marked as used; or None."""
    found = await tx.execute(
        sa.update(enrolment_code)
        .where(
            enrolment_code.c.code_hash == code_hash,
            enrolment_code.c.used_at.is_(None),
            enrolment_code.c.expires_at > now,
            enrolment_code.c.tries < TRIES_MAX,
        )
        .values(used_at=now)
        .returning(enrolment_code)
    )
    return found.one_or_none()


async def count_try(tx: Transaction, finds: str, *, now: datetime) -> None:
    """A wrong try at the open codes that begin like this."""
    await tx.execute(
        sa.update(enrolment_code)
        .where(
            enrolment_code.c.code_hash.startswith(f"{finds}:", autoescape=True),
            enrolment_code.c.used_at.is_(None),
            enrolment_code.c.expires_at > now,
        )
        .values(tries=enrolment_code.c.tries + 1)
    )


async def add_attempt(tx: Transaction, row: dict[str, Any]) -> None:
    """A sign-in that goes to the identity provider."""
    await tx.execute(sa.insert(sign_in_attempt).values(**row))


async def take_attempt(tx: Transaction, state_hash: str, *, now: datetime) -> Any:
    """The attempt of a state that came back in time, once; or None."""
    found = await tx.execute(
        sa.delete(sign_in_attempt)
        .where(sign_in_attempt.c.state_hash == state_hash)
        .returning(sign_in_attempt)
    )
    row = found.one_or_none()
    return row if row is not None and row.expires_at > now else None


async def account_by_subject(tx: Transaction, subject: str) -> Any:
    """The active account of a person at the identity provider, or None."""
    found = await tx.execute(
        sa.select(account).where(account.c.subject == subject, account.c.active)
    )
    return found.one_or_none()


async def tie_subject(tx: Transaction, login: str, *, subject: str) -> Any:
    """The active account of that login that has no password and is tied to nobody, tied now."""
    found = await tx.execute(
        sa.update(account)
        .where(
            account.c.login == login,
            account.c.active,
            account.c.password_hash == "",  # empty: signs in elsewhere only  # nosec B105
            account.c.subject.is_(None),
        )
        .values(subject=subject)
        .returning(account)
    )
    return found.one_or_none()


async def add_tablet(tx: Transaction, row: dict[str, Any]) -> None:
    """A new install."""
    await tx.execute(sa.insert(tablet).values(**row))


async def tablets(tx: Transaction, unit_id: str) -> Sequence[Any]:
    """Tablets of a unit with their technician."""
    found = await tx.execute(
        sa.select(tablet, technician.c.number, technician.c.name)
        .join(technician, technician.c.id == tablet.c.technician_id)
        .where(tablet.c.unit_id == unit_id)
        .order_by(technician.c.number, tablet.c.enrolled_at)
    )
    return found.all()


async def tablet_of(tx: Transaction, unit_id: str, *, tablet_id: UUID) -> Any:
    """One tablet of the unit, or None."""
    found = await tx.execute(
        sa.select(tablet).where(tablet.c.unit_id == unit_id, tablet.c.id == tablet_id)
    )
    return found.one_or_none()


async def technician_name(tx: Transaction, unit_id: str, *, technician_id: UUID) -> str | None:
    """A technician of the unit by id, or None."""
    found: str | None = await tx.scalar(
        sa.select(technician.c.name).where(
            technician.c.unit_id == unit_id, technician.c.id == technician_id
        )
    )
    return found


async def revoke_tablet(
    tx: Transaction, unit_id: str, *, tablet_id: UUID, reason: str, now: datetime
) -> bool:
    """The tablet gets nothing more from its next request on; unless it was stolen, an access token
    lives on to bring its last word."""
    done = await tx.execute(
        sa.update(tablet)
        .where(tablet.c.id == tablet_id, tablet.c.unit_id == unit_id)
        .values(state="revoked", revoked_reason=reason)
    )
    ends = sa.update(token).where(token.c.tablet_id == tablet_id)
    last_word = (token.c.kind == "refresh",) if reason != "stolen" else ()
    await tx.execute(ends.where(*last_word).values(revoked_at=now))
    return done.rowcount == 1


async def end_tokens(tx: Transaction, tablet_id: UUID, *, now: datetime) -> None:
    """No token of this tablet works any more."""
    await tx.execute(sa.update(token).where(token.c.tablet_id == tablet_id).values(revoked_at=now))


async def family_of(tx: Transaction, token_hash: str) -> UUID | None:
    """The family of a token, or None."""
    found: UUID | None = await tx.scalar(
        sa.select(token.c.family).where(token.c.hash == token_hash)
    )
    return found
