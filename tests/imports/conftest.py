"""A made-up region, the real one where it is mounted, and a database."""

import asyncio
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from runtime.database import own_server
from runtime.sample_region import Size, write_region
from storage.migrate import upgrade

AS_OF = date(2026, 11, 23)
GUAN = Path(__file__).resolve().parents[3] / "shared" / "data" / "region-guan"


@pytest.fixture
def guan() -> Path:
    """The export of a real company's form; skips loudly where ../shared is not mounted."""
    if not GUAN.is_dir():
        pytest.skip("needs ../shared/data/region-guan, which is not here")
    return GUAN


@pytest.fixture
def sample(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A small region with every kind of mess, and its truth."""
    folder = tmp_path / "region"
    truth = write_region(
        folder, size=Size(premises=1_200, technicians=6, requests=80), seed=3, as_of=AS_OF
    )
    return folder, truth


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated database of our own for these tests."""
    with own_server(tmp_path_factory.mktemp("imports-postgres"), durable=False) as cluster:
        cluster.ensure_database("imports")
        url = cluster.url("imports")
        asyncio.run(upgrade(url))
        yield url
