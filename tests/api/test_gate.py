"""Big batches wait for one another; single answers wait for nobody."""

import asyncio

import pytest

from api import gate
from schemas.problems import Refusal


async def test_a_single_answer_passes_while_big_batches_wait():
    door, order = gate.Gate(), []

    async def big(n):
        async with door.turn(gate.BIG):
            order.append(f"big {n} in")
            await asyncio.sleep(0.02)

    async def small():
        async with door.turn(1):
            order.append("small")

    bigs = [asyncio.create_task(big(n)) for n in range(6)]
    await asyncio.sleep(0.005)
    await small()
    assert order == ["big 0 in", "big 1 in", "small"]
    await asyncio.gather(*bigs)
    assert len(order) == 7


async def test_a_batch_that_fails_gives_its_turn_on():
    door = gate.Gate()
    for _ in range(gate.AT_ONCE + 1):
        with pytest.raises(ZeroDivisionError):
            async with door.turn(gate.BIG):
                raise ZeroDivisionError
    async with asyncio.timeout(1), door.turn(gate.BIG):
        pass


async def test_beyond_so_many_that_wait_a_tablet_is_told_to_come_again():
    door = gate.Gate()
    stay = asyncio.Event()

    async def big():
        async with door.turn(gate.BIG):
            await stay.wait()

    held = [asyncio.create_task(big()) for _ in range(gate.AT_ONCE + gate.WAITING_MAX)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(Refusal, match="unavailable"):
        async with door.turn(gate.BIG):
            pass
    stay.set()
    await asyncio.gather(*held)
