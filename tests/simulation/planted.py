"""Twelve known mistakes of sync servers and clients, planted one at a time: each must be noticed.

A simulation that finds nothing proves something only if it would have found these.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch
from uuid import UUID

import msgspec

from runtime.outbox import Memory
from schemas.sync import SyncAnswer
from storage import memory
from storage.memory import MemoryTransaction
from sync import cursor, leaving, merge, policies, pull, supply, time
from sync.decision import Result, Step
from tests.simulation.worlds import Crashed, MemoryWorld

Plant = Callable[[ExitStack], None]


def _put(stack: ExitStack, target: Any, name: str, *, new: Any) -> None:
    stack.enter_context(patch.object(target, name, new))


def _no_idempotency(stack: ExitStack) -> None:
    async def nothing_known(self: Any, unit_id: str, ids: Any) -> dict[UUID, Any]:
        return {}

    def overwrite(table: dict[UUID, Any], rows: Any) -> None:
        table.update({row["id"]: dict(row) for row in rows})

    _put(stack, MemoryTransaction, "known_operations", new=nothing_known)
    _put(stack, memory, "_add", new=overwrite)


def _acknowledged_before_commit(stack: ExitStack) -> None:
    exchange = MemoryWorld.exchange

    async def early(self: MemoryWorld, sender: Any, body: bytes, *, now: Any) -> bytes:
        before, lost = self.store.tables, self.dies
        self.dies = False
        reply = await exchange(self, sender, body, now=now)
        if lost:
            self.store.tables = before
        return reply

    _put(stack, MemoryWorld, "exchange", new=early)


def _severity_by_the_last_word(stack: ExitStack) -> None:
    _put(stack, policies, "GUARDED", new=frozenset())
    stack.enter_context(patch.dict(policies._PICKS, {"severity_max": policies._last}))


def _position_reused(stack: ExitStack) -> None:
    async def deliver(self: MemoryTransaction, deliveries: Any, *, echoed: Any = None) -> None:
        await right(self, deliveries, echoed=echoed)
        for each in deliveries:
            box = self._t.mailboxes[each.mailbox_id]
            if box["position"] % 5 == 0:
                self._t.mailboxes[each.mailbox_id] = box | {"position": box["position"] - 1}

    right = MemoryTransaction.deliver
    _put(stack, MemoryTransaction, "deliver", new=deliver)


def _cursor_past_the_unread(stack: ExitStack) -> None:
    page = pull._page

    async def hurried(tx: Any, places: Any, *, wish: Any, ends: Any) -> Any:
        found = await page(tx, places, wish=wish, ends=ends)
        places = {key: cursor.Place(at=end, end=end) for key, end in ends.items()}
        return msgspec.structs.replace(found, places=places, more=False)

    _put(stack, pull, "_page", new=hurried)


def _held_is_dropped(stack: ExitStack) -> None:
    rows = leaving._operation_rows
    _put(
        stack, leaving, "_operation_rows",
        new=lambda facts: [each for each in rows(facts) if each["outcome"] != "held"],
    )  # fmt: skip


def _second_completion_is_lawful(stack: ExitStack) -> None:
    judge = merge.judge

    def generous(*given: Any, **more: Any) -> str:
        verdict = judge(*given, **more)
        return "lawful" if verdict == "second_completion" else verdict

    _put(stack, merge, "judge", new=generous)


def _poison_blocks_the_batch(stack: ExitStack) -> None:
    exchange = MemoryWorld.exchange

    async def strict(self: MemoryWorld, sender: Any, body: bytes, *, now: Any) -> bytes:
        before = self.store.tables
        reply = await exchange(self, sender, body, now=now)
        if b'"quarantined"' in reply:
            self.store.tables = before
            raise Crashed
        return reply

    _put(stack, MemoryWorld, "exchange", new=strict)


def _outbox_emptied_on_sending(stack: ExitStack) -> None:
    request = Memory.request

    def hasty(self: Memory, *, now: Any) -> Any:
        sent, body = request(self, now=now)
        self.outbox = [each for each in self.outbox if each not in sent]
        return sent, body

    _put(stack, Memory, "request", new=hasty)


def _work_on_a_lost_visit_is_dropped(stack: ExitStack) -> None:
    answers = merge._answers

    def dropped(record: Any, captured: Any, *, context: Any) -> Step:
        step = answers(record, captured, context=context)
        if step.result.code != "reassigned":
            return step
        return Step(result=Result(id=captured.operation.id, outcome="merged", code="reassigned"))

    _put(stack, merge, "_answers", new=dropped)


def _tablet_clock_is_trusted(stack: ExitStack) -> None:
    def believed(operation: Any, clock: Any, *, boots: Any, received_at: Any) -> time.Corrected:
        return time.Corrected(at=min(operation.observed_at, received_at), trust="verified")

    _put(stack, time, "corrected", new=believed)


def _epoch_is_ignored(stack: ExitStack) -> None:
    def read(text: str, *, epoch: UUID, mailboxes: Any) -> dict[UUID, cursor.Place]:
        if not text:
            return {key: cursor.Place(at=0, end=0) for key in mailboxes}
        raw = cursor.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        written = cursor._decoder.decode(raw)
        said = {UUID(bytes=key): at for key, at in written.positions.items()}
        at = {key: min(said.get(key, 0), end) for key, end in mailboxes.items()}
        return {key: cursor.Place(at=each, end=each) for key, each in at.items()}

    _put(stack, cursor, "read", new=read)


def _gas_opens_by_any_word(stack: ExitStack) -> None:
    _put(stack, supply, "_certainly_later", new=lambda word, closed_by: True)
    _put(stack, supply, "_rechecked", new=lambda word, site: True)


def _danger_leaves_the_screen(stack: ExitStack) -> None:
    take = Memory.take

    def forgetful(self: Memory, sent: Any, answer: Any, *, now: Any) -> bool:
        more = take(self, sent, answer, now=now)
        self.unheard = []
        return more

    _put(stack, Memory, "take", new=forgetful)


def _safety_lane_names_no_epoch(stack: ExitStack) -> None:
    async def alone(store: Any, said: str, *, now: Any, outcomes: Any) -> SyncAnswer:
        return SyncAnswer(cursor=said, server_time=now, outcomes=list(outcomes))

    _put(stack, pull, "alone", new=alone)


PLANTED: dict[str, Plant] = {
    "no idempotency": _no_idempotency,
    "acknowledged before commit": _acknowledged_before_commit,
    "severity by the last word": _severity_by_the_last_word,
    "position reused": _position_reused,
    "cursor past the unread": _cursor_past_the_unread,
    "held is dropped": _held_is_dropped,
    "second completion is lawful": _second_completion_is_lawful,
    "poison blocks the batch": _poison_blocks_the_batch,
    "outbox emptied on sending": _outbox_emptied_on_sending,
    "work on a lost visit is dropped": _work_on_a_lost_visit_is_dropped,
    "tablet clock is trusted": _tablet_clock_is_trusted,
    "epoch is ignored": _epoch_is_ignored,
}
FURTHER: dict[str, Plant] = {
    "gas opens by any word": _gas_opens_by_any_word,
    "danger leaves the screen": _danger_leaves_the_screen,
    "safety lane names no epoch": _safety_lane_names_no_epoch,
}
"""Mistakes that were found after the twelve."""


@contextmanager
def planted(name: str) -> Iterator[None]:
    """While open, the code has this mistake."""
    with ExitStack() as stack:
        (PLANTED | FURTHER)[name](stack)
        yield
