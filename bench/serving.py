"""A real server over an embedded PostgreSQL with fsync on, for as long as a bench runs."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from runtime import processes
from storage import embedded, migrate


class Served(NamedTuple):
    """Where it answers, what it runs on, and what seeding its database gave."""

    url: str
    port: int
    pid: int
    postmaster: int
    cluster: embedded.Cluster
    seeded: Any


@contextmanager
def database(
    folder: Path, seed: Callable[[str], Coroutine[Any, Any, Any]]
) -> Iterator[tuple[embedded.Cluster, str, Any]]:
    """A migrated and seeded database of its own: the cluster, its address, what seeding gave."""
    cluster = embedded.start(folder / "postgres", durable=True)
    try:
        cluster.ensure_database("bench")
        url = cluster.url("bench")
        asyncio.run(migrate.upgrade(url))
        yield cluster, url, asyncio.run(seed(url))
    finally:
        cluster.stop()
        embedded.remove(folder / "postgres")


@contextmanager
def api(folder: Path, url: str, **more: str) -> Iterator[tuple[int, int]]:
    """One server process over it: port and process id; `more` is its environment."""
    port = processes.free_port()
    own = {"DATABASE_URL": url, "DOORSTEP_PORT": str(port), "DOORSTEP_STATE": str(folder)}
    with processes.process("serve", own | more) as child:
        processes.wait_until_ready(port, child)
        yield port, child.pid


@contextmanager
def serving(
    folder: Path, seed: Callable[[str], Coroutine[Any, Any, Any]], **more: str
) -> Iterator[Served]:
    """Both."""
    with database(folder, seed) as (cluster, url, seeded), api(folder, url, **more) as (port, pid):
        postmaster = int((cluster.data / "postmaster.pid").read_text().split()[0])
        yield Served(url, port, pid, postmaster, cluster, seeded)
