"""A server that dies, before its commit or at any word with its database; and one that is busy."""

from contextlib import asynccontextmanager
from typing import Any

from storage.memory import MemorySync
from storage.sync_store import PostgresSync


class Crashed(Exception):
    """The server died before its transaction was committed."""


class Busy(Exception):
    """The server said that it cannot now, and when to come again: nothing of it was answered."""


class Dying:
    """A transaction in which the server dies at one of its next words with the database."""

    def __init__(self, tx: Any, store: Any) -> None:
        self.tx, self._store = tx if not isinstance(tx, Dying) else tx.tx, store
        self._inner = tx

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)

        async def word(*given: Any, **named: Any) -> Any:
            self._store.dies_in -= 1
            if self._store.dies_in == 0:
                raise Crashed
            return await found(*given, **named)

        return word


class DyingMemory(MemorySync):
    """The double, whose server may die at any word with it."""

    dies_in = 0

    @asynccontextmanager
    async def begin(self):
        """As the double, until the server dies."""
        async with super().begin() as tx:
            yield Dying(tx, self) if self.dies_in > 0 else tx


class DyingStore(PostgresSync):
    """A store whose next commit never happens, or whose server dies at one of its next words."""

    dies = False
    dies_in = 0

    @asynccontextmanager
    async def begin(self):
        """As PostgreSQL, until the server dies."""
        async with super().begin() as tx:
            yield Dying(tx, self) if self.dies_in > 0 else tx
            if self.dies:
                self.dies = False
                raise Crashed
