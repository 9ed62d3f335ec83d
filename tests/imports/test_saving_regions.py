"""Saving is all or nothing, and the second time changes nothing."""

import asyncio
import tracemalloc
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa

from commitments.cycles import due_on
from runtime.ambient import fixed
from runtime.imports import Reached, Region, read_region, save
from runtime.sample_region import Size, write_region
from schemas.problems import Refusal
from schemas.registry import Saved
from storage import catalogue, registry
from storage.engine import Transaction, make_engine
from storage.tables import customer, grid, import_run, meter, premises, technician

AS_OF = date(2026, 11, 23)
AMBIENT = fixed(datetime(2026, 11, 23, 1, 0, tzinfo=UTC))
T = TypeVar("T")


def within(url: str, deed: Callable[[Transaction], Awaitable[T]]) -> T:
    """Runs one deed in one transaction."""

    async def run() -> T:
        engine = make_engine(url, connections=1)
        try:
            async with engine.begin() as tx:
                return await deed(tx)
        finally:
            await engine.dispose()

    return asyncio.run(run())


def saved(url: str, region: Region) -> Saved:
    return within(url, lambda tx: save(tx, region, ambient=AMBIENT))


def rows(url: str, unit_id: str, table: sa.Table) -> list[dict[str, Any]]:
    async def read(tx: Transaction) -> list[dict[str, Any]]:
        found = await tx.execute(
            sa.select(table).where(table.c.unit_id == unit_id).order_by(table.c.id)
        )
        return [dict(each) for each in found.mappings()]

    return within(url, read)


def test_importing_twice_changes_nothing(
    server_url: str, sample: tuple[Path, dict[str, Any]]
) -> None:
    folder, truth = sample
    region = read_region(folder, as_of=AS_OF, unit_id="twice")
    assert saved(server_url, region) == Saved(
        premises_changed=truth["counts"]["premises_distinct"],
        technicians_changed=truth["counts"]["technicians"],
    )
    tables = (grid, customer, premises, meter, technician)
    before = [rows(server_url, "twice", each) for each in tables]
    again = read_region(folder, as_of=AS_OF, unit_id="twice")
    assert saved(server_url, again) == Saved(premises_changed=0, technicians_changed=0)
    assert [rows(server_url, "twice", each) for each in tables] == before
    assert len(rows(server_url, "twice", import_run)) == 2


def test_what_is_saved_is_what_was_read(
    server_url: str, sample: tuple[Path, dict[str, Any]]
) -> None:
    region = read_region(sample[0], as_of=AS_OF, unit_id="same")
    saved(server_url, region)
    held = {each["account"]: each for each in rows(server_url, "same", premises)}
    assert len(held) == len(region.premises)
    for each in region.premises:
        row = held[each.account]
        assert (row["latitude"], row["longitude"]) == (
            (each.place.latitude, each.place.longitude) if each.place else (None, None)
        )
        assert row["place_given"]["longitude"] == each.place_given.longitude
        assert row["marks"] == list(each.marks)
        assert row["inspection_due_on"] == due_on(
            catalogue.rules(),
            each.customer_class,
            inspected_on=each.last_inspection_on,
            first_gas_on=each.first_gas_on,
        )


def test_one_changed_household_is_one_changed_row(server_url: str, tmp_path: Path) -> None:
    write_region(tmp_path, size=Size(300, 2, 4), seed=3, as_of=AS_OF)
    saved(server_url, read_region(tmp_path, as_of=AS_OF, unit_id="changed"))
    path = tmp_path / "premises-1.csv"
    lines = path.read_text("gb18030").splitlines()
    cells = lines[5].split(",")
    lines[5] = ",".join([*cells[:3], cells[3] + "后院", *cells[4:]])
    path.write_text("\r\n".join(lines), "gb18030", newline="")
    changed = saved(server_url, read_region(tmp_path, as_of=AS_OF, unit_id="changed"))
    assert changed == Saved(premises_changed=1, technicians_changed=0)


def test_a_save_that_fails_halfway_leaves_nothing_behind(server_url: str, tmp_path: Path) -> None:
    write_region(tmp_path, size=Size(5_000, 2, 4), seed=3, as_of=AS_OF)
    region = read_region(tmp_path, as_of=AS_OF, unit_id="half")

    def fails_late(reached: Reached) -> None:
        if reached.done > 2_000:
            raise Refusal("unavailable", stage=reached.stage)

    with pytest.raises(Refusal):
        within(server_url, lambda tx: save(tx, region, ambient=AMBIENT, progress=fails_late))
    for table in (grid, customer, premises, meter, technician, import_run):
        assert rows(server_url, "half", table) == []


def test_an_expired_certificate_is_kept_with_its_day_and_a_missing_one_proves_nothing(
    server_url: str, sample: tuple[Path, dict[str, Any]]
) -> None:
    region = read_region(sample[0], as_of=AS_OF, unit_id="proof")
    without = region.technicians[0].number
    people = tuple(
        each
        if each.number != without
        else type(each)(**{**_fields(each), "certificate_until": None})
        for each in region.technicians
    )
    saved(server_url, region._replace(technicians=people))
    held = within(server_url, lambda tx: registry.certificates(tx, "proof"))
    numbers = {each["id"]: each["number"] for each in rows(server_url, "proof", technician)}
    by_number = {numbers[id_]: skills for id_, skills in held.items()}
    assert without not in by_number
    expired = set(sample[1]["planted"]["certificate_expired"]) - {without}
    for number in expired:
        assert all(until and until < AS_OF for until in by_number[number].values())


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}


def test_units_do_not_see_each_others_rows(
    server_url: str, sample: tuple[Path, dict[str, Any]]
) -> None:
    for unit_id in ("east", "west"):
        saved(server_url, read_region(sample[0], as_of=AS_OF, unit_id=unit_id))
    east = {each["id"] for each in rows(server_url, "east", premises)}
    west = {each["id"] for each in rows(server_url, "west", premises)}
    assert len(east) == len(west)
    assert east.isdisjoint(west)


def test_memory_grows_by_a_few_numbers_an_account(tmp_path: Path) -> None:
    """Measured over rows, not in total: what is held of an account besides its key is small."""

    def peak_bytes(count: int) -> int:
        folder = tmp_path / str(count)
        write_region(folder, size=Size(count, 1, 1), seed=3, as_of=AS_OF)
        tracemalloc.start()
        region = read_region(folder, as_of=AS_OF + timedelta(days=1), unit_id="u")
        assert sum(1 for _ in region.premises) == count
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert (peak_bytes(12_000) - peak_bytes(4_000)) / 8_000 < 600
