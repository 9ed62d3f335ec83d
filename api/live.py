"""One notifier a process: looks once a second for every unit that somebody watches, and wakes
whoever watches it. What comes faster is told together; who cannot follow is dropped."""

import asyncio
import logging
from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncEngine

from storage import pulse, scope

log = logging.getLogger("doorstep.live")

LOOK_SECONDS = 1.0
SLOW_EVERY = 10
"""Promises and cases are counted at every tenth look."""
WATCHERS_MAX = 1_000
OF_ONE_MAX = 20
"""Open boards of one account in one process."""
GREETING_MAX = 200
"""Sockets of a process that have not said yet who they are."""


class Watcher:
    """One open board: the topics that it has not been told yet."""

    def __init__(self, unit_id: str, *, account: object = None) -> None:
        self.unit_id, self.account = unit_id, account
        self._topics: set[str] = set()
        self._news = asyncio.Event()

    def tell(self, topics: set[str]) -> None:
        """Adds to what waits; a topic waits once, however often it changed."""
        self._topics |= topics
        self._news.set()

    async def news(self) -> list[str]:
        """Waits for something and takes it."""
        await self._news.wait()
        self._news.clear()
        told, self._topics = sorted(self._topics), set()
        return told


class Notifier:
    """Watchers by unit, and the one task that looks while there is anybody to tell."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._watchers: set[Watcher] = set()
        self._seen: dict[str, dict[str, str]] = {}
        self._task: asyncio.Task[None] | None = None
        self.greeting = 0

    def full(self, account: object) -> bool:
        """Whether one more would be too many for this process, or of this account."""
        of_one = sum(1 for each in self._watchers if each.account == account)
        return len(self._watchers) >= WATCHERS_MAX or of_one >= OF_ONE_MAX

    def join(self, unit_id: str, *, account: object = None) -> Watcher:
        """From now on this one is told."""
        watcher = Watcher(unit_id, account=account)
        self._watchers.add(watcher)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look_on())
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """Tells this one nothing more; the last one to leave stops the looking."""
        self._watchers.discard(watcher)
        if not self._watchers and self._task is not None:
            self._task.cancel()
            self._task = None
            self._seen = {}

    async def _look_on(self) -> None:
        looks = 0
        while True:
            for unit_id in {each.unit_id for each in self._watchers}:
                try:
                    await self.look(unit_id, slow=looks % SLOW_EVERY == 0)
                except Exception as error:  # the database may be away for a while
                    log.warning("look_failed", extra={"error": type(error).__name__})
            looks += 1
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self, unit_id: str, *, slow: bool) -> None:
        """Compares a unit with what was seen of it last, and tells its watchers."""
        with scope.within(unit_id):
            async with self._engine.connect() as tx:
                found = await pulse.prints(tx, unit_id, slow=slow)
        topics = changed(self._seen.setdefault(unit_id, {}), found)
        if topics:
            for each in self._watchers:
                if each.unit_id == unit_id:
                    each.tell(topics)


def changed(seen: dict[str, str], found: Mapping[str, str]) -> set[str]:
    """Topics that differ from what was seen, which `found` replaces; the first look tells nothing."""
    topics = {topic for topic, value in found.items() if seen.get(topic, value) != value}
    seen.update(found)
    return topics
