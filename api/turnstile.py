"""How often somebody may ask: per tablet, per account, and per address for who is not signed in.

The buckets are rows, so the limit holds over all processes; each process borrows a few requests at a
time, so that the database is asked once for many.
"""

import math
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.base import Value
from schemas.problems import Refusal
from storage import rates, scope
from storage.rates import Rate

BORROWED = 10
HELD_MAX = 20_000


class Rates(Value, frozen=True):
    """The limits of an installation. A depot's tablets share an address: only strangers are counted
    by it."""

    tablet: Rate = Rate(burst=600, per_second=10)
    account: Rate = Rate(burst=600, per_second=10)
    address: Rate = Rate(burst=240, per_second=4)

    def times(self, factor: float) -> "Rates":
        """The same limits for a larger or smaller installation."""
        return Rates(
            tablet=self.tablet.times(factor),
            account=self.account.times(factor),
            address=self.address.times(factor),
        )


class Turnstile:
    """One a process."""

    def __init__(self, engine: AsyncEngine, rates: Rates) -> None:
        self._engine = engine
        self._rates = rates
        self._held: dict[str, int] = {}

    async def tablet(self, tablet: object, *, now: datetime) -> None:
        """A tablet asks for something. Refuses `too_many_requests`."""
        await self._pass(f"tablet:{tablet}", self._rates.tablet, now=now)

    async def account(self, account: object, *, now: datetime) -> None:
        """A member of staff asks for something. Refuses `too_many_requests`."""
        await self._pass(f"account:{account}", self._rates.account, now=now)

    async def stranger(self, address: str, *, now: datetime) -> None:
        """Somebody who is not signed in asks. Refuses `too_many_requests`."""
        await self._pass(f"address:{address}", self._rates.address, now=now)

    async def _pass(self, subject: str, rate: Rate, *, now: datetime) -> None:
        left = self._held.get(subject, 0)
        if left < 1:
            with scope.everywhere():  # a bucket belongs to no unit
                async with self._engine.begin() as tx:
                    left = await rates.borrow(tx, subject, rate=rate, many=BORROWED, now=now)
        if left < 1:
            raise Refusal("too_many_requests", retry_after_seconds=math.ceil(1 / rate.per_second))
        if len(self._held) > HELD_MAX:
            self._held.clear()
        self._held[subject] = left - 1
