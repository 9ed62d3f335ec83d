"""Sensitive columns at rest: AES-256-GCM under a ring of keys that travels with the engine.

Stored is `sealed:KEY:BASE64`. The same value of the same row seals to the same text under the same
key (the nonce is made of both, as in SIV), so that an import that is repeated changes nothing; the
text of one row opens in no other. The first key of the ring seals, all of them open.
"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.dialects.postgresql import distinct_on

from schemas.base import Value
from schemas.problems import Refusal
from storage.engine import Transaction
from storage.tables import metadata

PREFIX = "sealed:"
KEY_BYTES, NONCE_BYTES = 32, 12
SEALED = (("customer", "phone"), ("technician", "phone"), ("position", "place"))
"""Columns that are stored sealed; each of its table's rows has an `id`."""
ROWS_MAX = 2_000


class Key(Value, frozen=True):
    """A key and the short name by which stored texts call it."""

    name: str
    secret: bytes


class Ring(Value, frozen=True):
    """The keys of an installation, the current one first. An empty ring stores what it is given."""

    keys: tuple[Key, ...] = ()

    def seal(self, text: str, *, place: str) -> str:
        """What is stored for a text at a place (table, column and row)."""
        if not self.keys:
            return text
        key, given = self.keys[0], text.encode()
        mark = hmac.digest(key.secret, place.encode() + b"\0" + given, hashlib.sha256)
        nonce = mark[:NONCE_BYTES]
        shut = AESGCM(key.secret).encrypt(nonce, given, place.encode())
        return f"{PREFIX}{key.name}:{b64encode(nonce + shut).decode()}"

    def open(self, stored: str, *, place: str) -> str:
        """The text behind what is stored; one that was never sealed is itself. Refuses
        `sealed_shut`."""
        if not stored.startswith(PREFIX):
            return stored
        name, _, body = stored.removeprefix(PREFIX).partition(":")
        secret = next((key.secret for key in self.keys if key.name == name), None)
        if secret is None:
            raise Refusal("sealed_shut", key=name)
        raw = b64decode(body)
        try:
            nonce, shut = raw[:NONCE_BYTES], raw[NONCE_BYTES:]
            return AESGCM(secret).decrypt(nonce, shut, place.encode()).decode()
        except InvalidTag as error:
            raise Refusal("sealed_shut", key=name) from error

    def mark(self, owner: object, n: int, *, head: str) -> str | None:
        """A mark over the end of a chain (whose, how long, its last hash) that only who holds the
        current key can make; None without keys."""
        return _marked(self.keys[0], owner, ends=(n, head)) if self.keys else None

    def holds(self, mark: str | None, owner: object, *, hashes: Sequence[str]) -> bool | None:
        """Whether a mark is ours over this chain; None where nobody can say: there is none, its key
        is gone, or the version before this one has gone on without marking."""
        name, _, rest = (mark or "").partition(":")
        key = next((each for each in self.keys if each.name == name), None)
        if mark is None or key is None:
            return None
        told = rest.partition(":")[0]
        n = int(told) if told.isdecimal() else 0
        if not 0 < n <= len(hashes):
            return False
        ours = hmac.compare_digest(mark, _marked(key, owner, ends=(n, hashes[n - 1])))
        return None if ours and n < len(hashes) else ours


def _marked(key: Key, owner: object, *, ends: tuple[int, str]) -> str:
    told = f"mark:{owner}:{ends[0]}:{ends[1]}".encode()
    return f"{key.name}:{ends[0]}:{hmac.digest(key.secret, told, hashlib.sha256).hex()}"


def ring_of(tx: Transaction) -> Ring:
    """The ring that the engine of this transaction was made with."""
    given = tx.sync_connection.get_execution_options() if tx.sync_connection else {}
    found: Ring = given.get("ring", Ring())
    return found


def sealed(tx: Transaction, text: str | None, *, column: str, row: object) -> str | None:
    """What to store in `table.column` of a row; nothing stays nothing."""
    return None if text is None else ring_of(tx).seal(text, place=f"{column}:{row}")


def opened(tx: Transaction, stored: str | None, *, column: str, row: object) -> str | None:
    """What is behind `table.column` of a row."""
    return None if stored is None else ring_of(tx).open(stored, place=f"{column}:{row}")


async def samples(tx: Transaction) -> list[tuple[str, str]]:
    """One stored text under each key of each sealed column, with its place."""
    found = []
    for table, column in SEALED:
        held = metadata.tables[table]
        key = sa.func.split_part(held.c[column], ":", 2)
        mine = held.c[column].startswith(PREFIX, autoescape=True)
        rows = sa.select(held.c.id, held.c[column]).where(mine).ext(distinct_on(key)).order_by(key)
        found += [(row[1], f"{table}.{column}:{row[0]}") for row in await tx.execute(rows)]
    return found


async def reseal(tx: Transaction, table: str, *, column: str) -> int:
    """Seals up to `ROWS_MAX` values under the current key that are not; returns how many it was."""
    ring, held = ring_of(tx), metadata.tables[table]
    current = f"{PREFIX}{ring.keys[0].name}:"
    stored = held.c[column]
    rows = (
        await tx.execute(
            sa.select(held.c.id, stored)
            .where(stored.is_not(None), ~stored.startswith(current, autoescape=True))
            .limit(ROWS_MAX)
            .with_for_update()
        )
    ).all()
    for row in rows:
        place = f"{table}.{column}:{row[0]}"
        fresh = ring.seal(ring.open(row[1], place=place), place=place)
        await tx.execute(sa.update(held).where(held.c.id == row[0]).values({column: fresh}))
    return len(rows)
