"""`doorstep run`, `serve`, `work`, `migrate`: the roles of an installation."""

import argparse
import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from granian import Granian
from granian.constants import Interfaces
from sqlalchemy.ext.asyncio import AsyncEngine

from api.app import create_app, document
from commitments.calendar import local_day
from runtime import keys, logs, observed, processes, roads, sample_region, worker
from runtime.ambient import live, now
from runtime.database import database
from runtime.demo import clauses
from runtime.opening import open_region
from runtime.server import FACES, hash_password, photos, sender, services
from runtime.settings import Settings, database_url_given, read_settings
from scheduling import publish, run
from schemas.ids import named
from schemas.problems import Refusal
from storage import access, catalogue, migrate, plans, registry, scope, work
from storage.engine import Transaction, make_engine
from storage.scope import APP_ROLE

ZONE = ZoneInfo("Asia/Shanghai")
DEMO_STAFF = (
    ("dispatcher", "调度员"),
    ("agent", "受理员"),
    ("supervisor", "主管"),
    ("auditor", "审计员"),
    ("crew_lead", "班组长"),
)


def register(words: Any) -> None:
    """Adds the words."""
    for word, told, job in (
        ("run", "everything on this machine: database, sample region, plan, server, worker", _run),
        ("serve", "the API and the faces", _serve),
        ("work", "a worker: plans, sweeps", _work),
        ("migrate", "bring the database to this version's schema", _migrate),
        ("openapi", "the interface as OpenAPI 3.1, as web/openapi.json keeps it", _openapi),
    ):
        words.add_parser(word, help=told).set_defaults(run=job)


def _serve(_: argparse.Namespace) -> int:
    settings = read_settings()
    if database_url_given() is None:
        raise Refusal("unsafe_settings", reason="serve needs DATABASE_URL; `run` brings its own")
    processes.follow_parent()
    logs.configure(level=settings.log_level)
    if settings.workers > 1 and observed.MULTIPROCESS not in os.environ:
        _count_together(settings)
    Granian(
        "runtime.server:app",
        factory=True,
        address=settings.host,
        port=settings.port,
        workers=settings.workers,
        interface=Interfaces.ASGI,
        log_enabled=False,
    ).serve()
    return 0


def _count_together(settings: Settings) -> NoReturn:
    # whichever process is asked for its figures answers for all; those of the last run are over
    folder = settings.state_folder / "figures"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ[observed.MULTIPROCESS] = str(folder)
    # the library looks at its environment when it is imported, and it has been
    os.execv(sys.executable, [sys.executable, "-m", "runtime.cli", "serve"])  # nosec B606


def _work(_: argparse.Namespace) -> int:
    # before the loop has its own handler: whoever is asked to stop leaves the database in order
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    processes.follow_parent()
    settings = read_settings()
    logs.configure(level=settings.log_level)
    with database(settings) as url:
        asyncio.run(_worked(url, settings))
    return 0


async def _worked(url: str, settings: Settings) -> None:
    engine = make_engine(
        url, connections=4, statement_seconds=60, role=APP_ROLE, ring=keys.ring(settings)
    )
    scope.enter_everywhere()  # a worker serves every unit; each claim names its own
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    try:
        await worker.work(
            engine,
            photos(settings),
            sender=sender(settings),
            roads=roads.roads(settings),
            stop=stop,
        )
    finally:
        await engine.dispose()


def _migrate(_: argparse.Namespace) -> int:
    with database(read_settings()) as url:
        asyncio.run(migrate.upgrade(url))
        print(asyncio.run(migrate.current(url)))
    return 0


def _openapi(_: argparse.Namespace) -> int:
    # nothing is connected to: the document is made of the routes alone
    app = create_app(services(Settings(), "postgresql://nowhere/nothing"))
    text = json.dumps(document(app), ensure_ascii=False, indent=1, sort_keys=True)
    print(text, flush=True)
    return 0


def _run(_: argparse.Namespace) -> int:
    settings = read_settings()
    # Ctrl-C reaches every child through its own signal, and the database last
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with database(settings) as url:
        print("数据库已启动 · database is up", flush=True)
        asyncio.run(_prepared(url, settings))
        logs_folder = settings.state_folder / "logs"
        environment = {"DATABASE_URL": url, "DOORSTEP_PORT": str(settings.port)}
        with (
            processes.process("serve", environment, log=logs_folder / "serve.log") as server,
            # on an embedded database it is a second user: killed, we leave it to stop the database
            processes.process("work", {}, log=logs_folder / "work.log"),
        ):
            processes.wait_until_ready(settings.port, server)
            _say(settings)
            with contextlib.suppress(KeyboardInterrupt):
                server.wait()
    return 0


def _say(settings: Settings) -> None:
    base = f"http://{settings.host}:{settings.port}"
    faces = [
        f"  派工台     {base}/board/ · for dispatchers",
        f"  平板       {base}/field/ · for technicians; its code: the board, 人员与平板 · Team",
    ]
    lines = [
        "",
        *(faces if (FACES / "field").is_dir() else ["  (no faces: make web)"]),
        f"  API        {base}/schema/openapi.json",
        f"  Ready      {base}/health/ready",
        f"  Figures    {base}/metrics",
        f"  Logs       {settings.state_folder}/logs",
        "",
        f"  登录 · sign-ins (password kept in {settings.state_folder}/demo-password):",
        *(f"    {login:<12} {zh}" for login, zh in DEMO_STAFF),
        f"    password   {demo_password(settings)}",
        "",
        "  Ctrl-C 停止 · stops everything",
    ]
    print("\n".join(lines), flush=True)


def demo_password(settings: Settings) -> str:
    """A password of this installation's own, made once; there is no default that others know."""
    path = settings.state_folder / "demo-password"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(secrets.token_urlsafe(9), encoding="utf-8")
        path.chmod(0o600)
    return path.read_text("utf-8").strip()


async def _prepared(url: str, settings: Settings) -> None:
    await migrate.upgrade(url)
    engine = make_engine(url, connections=4, statement_seconds=60, ring=keys.ring(settings))
    try:
        async with engine.connect() as tx:
            known = await registry.technicians(tx, settings.unit)
        if not known:
            print("载入示例区域 · loading the sample region …", flush=True)
            await _load_sample(engine, settings)
        async with engine.begin() as tx:
            await add_staff(tx, settings.unit, password=demo_password(settings))
        await _plan_today(engine, settings)
    finally:
        await engine.dispose()


async def _load_sample(engine: AsyncEngine, settings: Settings) -> None:
    today = now().astimezone(ZONE).date()
    with tempfile.TemporaryDirectory() as folder:
        size = sample_region.Size(premises=3_000, technicians=12, requests=120)
        sample_region.write_region(Path(folder), size=size, seed=7, as_of=today)
        await open_region(engine, Path(folder), unit=(settings.unit, today), ambient=live())
    await clauses.tell(engine, settings.unit, now=now())


async def add_staff(tx: Transaction, unit_id: str, *, password: str) -> None:
    """A sign-in for each role that a demo needs."""
    stored = hash_password(password)
    people = await registry.technicians(tx, unit_id)
    for login, name in DEMO_STAFF:
        row = {
            "id": named(unit_id, "account", login),
            "unit_id": unit_id,
            "login": login,
            "name": name,
            "password_hash": stored,
            "role": login,
            # a crew is who works in its lead's grids
            "grids": list(people[0].grids) if people and login == "crew_lead" else [],
        }
        await access.add_account(tx, row)


async def _plan_today(engine: AsyncEngine, settings: Settings) -> None:
    day = next_working_day(local_day(catalogue.calendar(), now()))
    async with engine.connect() as tx:
        known = await plans.of_day(tx, settings.unit, on_day=day, limit=1)
    if known:
        return
    print(f"排程 {day} · planning …", flush=True)
    report = await planned(
        engine,
        settings.unit,
        on_day=day,
        seconds=settings.plan_seconds,
        ways=roads.roads(settings),
    )
    print(f"  {report['assigned']} / {report['candidates']}  {report['travel_km']} km", flush=True)


async def planned(
    engine: AsyncEngine, unit_id: str, *, on_day: date, seconds: float, ways: run.Roads
) -> dict[str, Any]:
    """Plans a day here and now and publishes it; returns the run's report."""
    order = run.Order(on_day=on_day, seconds=seconds, requested_by="doorstep")
    plan_id = await run.request(engine, unit_id, order=order, ambient=live())
    with run.own_process() as pool:
        await run.take_one(engine, pool, worker=worker.name(), make_ambient=live, roads=ways)
    async with engine.connect() as tx:
        row = await work.plan_of(tx, unit_id, plan_id=plan_id)
    if row.state == "solved":
        await publish.publish(engine, unit_id, plan_id=plan_id, actor="doorstep", ambient=live())
    return dict(row.report)


def next_working_day(day: date) -> date:
    """The first day after this one on which the company works."""
    calendar = catalogue.calendar()
    coming = day + timedelta(days=1)
    while not calendar.works(coming):
        coming += timedelta(days=1)
    return coming
