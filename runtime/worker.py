"""The worker: plans and sweeps. Any number may run; each thing is done once.

What there is to do are rows of the domain, claimed with SKIP LOCKED; a plan carries a lease, so a
dead worker's run is taken over by another.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import sweep
from runtime import chores, notify
from runtime.ambient import live
from scheduling import run
from storage import plans
from storage.blobs import Blobs

log = structlog.get_logger("doorstep.worker")

POLL_SECONDS = 1.0
REST_SECONDS_MAX = 30.0
RESTS = {
    "due_work": 600.0, "nobody_home": 600.0, "duties": 600.0, "held": 60.0, "uploads": 600.0,
    "notify": 5.0, "retention": 3600.0, "evidence": 21_600.0,
    "speeds": 21_600.0, "premises": 5.0, "first_gas": 60.0, "guesses": 600.0,
}  # fmt: skip
"""How long a step rests where it found nothing, in seconds; the others ask every second."""
SWEEP_LIMIT = 2_000

Step = Callable[[], Awaitable[int]]


def name() -> str:
    """What this worker is called: machine and process."""
    return f"{socket.gethostname()}:{os.getpid()}"


async def work(
    engine: AsyncEngine,
    blobs: Blobs,
    *,
    sender: notify.Sender,
    roads: run.Roads,
    stop: asyncio.Event,
) -> None:
    """Works until told to stop. A failing step is logged, waits longer, and is tried again."""
    own_name = name()
    with run.own_process() as pool:

        async def plan() -> int:
            return await run.take_one(engine, pool, worker=own_name, make_ambient=live, roads=roads)

        async def fold() -> int:
            return await sweep.sweep(engine, ambient=live(), limit=SWEEP_LIMIT)

        async def heartbeat() -> int:
            async with engine.begin() as tx:
                await plans.worker_lives(tx, own_name, now=live().now, doing="waiting")
            return 0

        steps = {
            "plan": plan,
            "sweep": fold,
            "heartbeat": heartbeat,
            "due_work": lambda: chores.due_work(engine, ambient=live()),
            "duties": lambda: chores.duties(engine, ambient=live()),
            "nobody_home": lambda: chores.nobody_home(engine, ambient=live()),
            "held": lambda: chores.held(engine, ambient=live()),
            "premises": lambda: chores.premises(engine, ambient=live()),
            "guesses": lambda: chores.guesses(engine, ambient=live()),
            "first_gas": lambda: chores.first_gas(engine, ambient=live()),
            "packs": lambda: chores.packs_over(engine, ambient=live()),
            "notify": lambda: notify.notify(engine, sender, ambient=live()),
            "uploads": lambda: chores.uploads(engine, blobs, ambient=live()),
            "speeds": lambda: chores.speeds(engine, ambient=live()),
            "retention": lambda: chores.retention(engine, ambient=live()),
            "evidence": lambda: chores.evidence(engine, blobs, ambient=live()),
        }
        async with asyncio.TaskGroup() as group:
            for label, step in steps.items():
                group.create_task(_repeat(label, step, stop=stop))


async def _repeat(label: str, step: Step, *, stop: asyncio.Event) -> None:
    rest = POLL_SECONDS
    while not stop.is_set():
        try:
            done = await step()
            rest = 0.0 if done else RESTS.get(label, POLL_SECONDS)
        except Exception as error:  # a worker outlives its database
            rest = min(max(rest, POLL_SECONDS) * 2, REST_SECONDS_MAX)
            log.warning("step_failed", step=label, error=type(error).__name__, rest_seconds=rest)
        try:
            await asyncio.wait_for(stop.wait(), timeout=rest or 0.001)
        except TimeoutError:
            continue
