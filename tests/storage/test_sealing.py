"""Sensitive columns at rest: what lies in the database tells nothing, and keys can be changed."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from runtime import keys
from runtime.key_commands import rotated
from runtime.settings import Settings
from schemas.ids import named
from schemas.problems import Refusal
from storage import registry, sealing
from storage.engine import make_engine
from storage.tables import customer

OLD, NEW = keys.fresh("k1"), keys.fresh("k2")
PHONE = "13800138000"
ID = named("u", "customer", "1")


@given(st.text(), st.text(min_size=1))
def test_what_is_sealed_opens_at_its_own_place_and_seals_alike_again(text, place):
    ring = keys.parsed(OLD)
    stored = ring.seal(text, place=place)
    assert ring.open(stored, place=place) == text
    assert ring.seal(text, place=place) == stored
    with pytest.raises(Refusal):
        ring.open(stored, place=place + "x")


def test_another_ring_opens_nothing_and_a_longer_one_opens_everything():
    stored = keys.parsed(OLD).seal(PHONE, place="x")
    assert PHONE not in stored
    with pytest.raises(Refusal, match="sealed_shut"):
        keys.parsed(NEW).open(stored, place="x")
    assert keys.parsed(f"{NEW},{OLD}").open(stored, place="x") == PHONE


@pytest.mark.parametrize("at", range(5))
def test_a_ring_that_is_none_is_refused(at):
    text = ["k1", "k1:x", "k 1:" + OLD[3:], f"{OLD},{OLD}", "k1:AAAA"][at]
    with pytest.raises(Refusal, match="unsafe_settings"):
        keys.parsed(text)


def test_an_installation_makes_one_key_and_nobody_else_may_read_it(tmp_path: Path):
    settings = Settings(state=str(tmp_path))
    first = keys.ring(settings)
    assert keys.ring(settings) == first
    assert (tmp_path / keys.FILE).stat().st_mode & 0o077 == 0
    keys.add(settings)
    assert [each.name for each in keys.ring(settings).keys] == ["k2", "k1"]


async def stored(url: str) -> str:
    engine = make_engine(url)
    async with engine.connect() as tx:
        found = await tx.scalar(sa.select(customer.c.phone))
    await engine.dispose()
    return str(found)


async def test_rotation_seals_everything_anew_and_an_import_changes_nothing(database, database_url):
    row = {"id": ID, "unit_id": "u", "name": "张三", "phone": PHONE}
    engine = make_engine(database_url, ring=keys.parsed(OLD))
    async with engine.begin() as tx:
        await registry.ensure_unit(tx, "u", name_zh="u")
        await registry.save_premises(tx, [], customers=[row], meters=[])
    first = await stored(database_url)
    assert first.startswith("sealed:k1:") and PHONE not in first
    async with engine.begin() as tx:
        await registry.save_premises(tx, [], customers=[row], meters=[])
    assert await stored(database_url) == first
    await engine.dispose()

    both = keys.parsed(f"{NEW},{OLD}")
    assert (await rotated(database_url, both, unit_id="u"))["customer.phone"] == 1
    assert (await rotated(database_url, both, unit_id="u"))["customer.phone"] == 0
    second = await stored(database_url)
    assert second.startswith("sealed:k2:")
    alone = keys.parsed(NEW)
    assert alone.open(second, place=f"customer.phone:{ID}") == PHONE
    assert sealing.PREFIX not in alone.open(second, place=f"customer.phone:{ID}")
