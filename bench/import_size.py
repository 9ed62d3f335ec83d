"""How long an import takes and how much memory it holds, by the number of premises.

Protocol: a made-up region of each size (seed 1) is written, then read and saved into an empty
database of our own with fsync on, in a process of its own so that the peak is that of one import.
Run on an idle machine. The last line is JSON.

    python -m bench.import_size [--premises 10000,100000]
"""

import argparse
import asyncio
import json
import multiprocessing
import resource
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

from runtime.ambient import live
from runtime.database import own_server
from runtime.imports import Region, read_region, save
from runtime.sample_region import Size, write_region
from storage.engine import make_engine
from storage.migrate import upgrade

AS_OF = date(2026, 11, 23)


def measure(folder: str, url: str) -> dict[str, Any]:
    """One import: seconds of each part, and the most memory that the process ever held."""
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    region = read_region(Path(folder), as_of=AS_OF, unit_id="bench")
    read_seconds = time.perf_counter() - started
    changed = asyncio.run(_save(url, region))
    return {
        "premises": len(region.premises),
        "changed": changed,
        "read_seconds": round(read_seconds, 2),
        "save_seconds": round(time.perf_counter() - started - read_seconds, 2),
        "start_mib": before_kib // 1024,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


async def _save(url: str, region: Region) -> int:
    engine = make_engine(url, connections=1)
    try:
        async with engine.begin() as tx:
            return (await save(tx, region, ambient=live())).premises_changed
    finally:
        await engine.dispose()


def main() -> None:
    """Measures each size and prints them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--premises", default="10000,100000")
    sizes = [int(each) for each in parser.parse_args().premises.split(",")]
    results = []
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, own_server(Path(folder) / "postgres") as cluster:
        for size in sizes:
            region = Path(folder) / f"region-{size}"
            write_region(region, size=Size(size, 20, 400), seed=1, as_of=AS_OF)
            cluster.ensure_database(f"bench_{size}")
            url = cluster.url(f"bench_{size}")
            asyncio.run(upgrade(url))
            with spawn.Pool(1) as pool:
                results.append(pool.apply(measure, (str(region), url)))
            print(results[-1], flush=True)
    print(json.dumps({"bench": "import_size", "results": results}))


if __name__ == "__main__":
    main()
