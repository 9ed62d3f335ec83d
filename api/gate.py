"""Big batches wait for one another, so that single answers never wait for them.

Fifty tablets that come back after days kept a technician's next answer waiting for a second: one
process has one thread for them all. Two batches at a time are as fast for everybody else.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from schemas.problems import Refusal

BIG = 20
"""Operations from which on a push waits its turn."""
AT_ONCE = 2
WAITING_MAX = 200


class Gate:
    """One a process. `working`, `waiting` and `turned_away` are the door's counts of requests
    (`api/door.py`)."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self.working = 0
        self.waiting = 0
        self.turned_away = 0

    @asynccontextmanager
    async def turn(self, operations: int) -> AsyncIterator[None]:
        """Lets a small push pass and a big one in its turn. Refuses `unavailable` where too many
        wait: the tablet keeps its work and comes again."""
        if operations < BIG:
            yield
            return
        if self._waiting >= WAITING_MAX:
            raise Refusal("unavailable", part="push")
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._slots.release()
