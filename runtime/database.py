"""Which database this process talks to: the server that is named, or one of our own in a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.settings import Settings, database_url_given
from storage import embedded


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The address of a running PostgreSQL; one that was started here is stopped at the end."""
    given = database_url_given()
    if given is not None:
        yield given
        return
    with own_server(settings.state_folder / "postgres") as cluster:
        cluster.ensure_database("doorstep")
        yield cluster.url("doorstep")


@contextmanager
def own_server(folder: Path, *, durable: bool = True) -> Iterator[embedded.Cluster]:
    """An embedded PostgreSQL for as long as the block runs."""
    cluster = embedded.start(folder, durable=durable)
    try:
        yield cluster
    finally:
        cluster.stop()
