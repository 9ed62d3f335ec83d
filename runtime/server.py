"""The composition root of the API process: settings in, application out."""

import gc
from importlib import import_module
from pathlib import Path

import httpx
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from api.app import create_app
from api.faces import table
from api.gate import Gate
from api.services import Metrics, Services, Webhooks
from api.turnstile import Rates, Turnstile
from runtime import base_map, keys, logs, notify, observed, secret, targets
from runtime.ambient import live, random_bytes
from runtime.imports.upload import Importer
from runtime.oidc import OpenIdProvider
from runtime.settings import Settings, database_url_given, read_settings
from storage import checklists
from storage.blobs import Blobs, open_blobs
from storage.engine import make_engine
from storage.scope import APP_ROLE
from storage.sync_store import PostgresSync
from sync.devices import Keys
from sync.push import Library

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
DECOY = _hasher.hash("nobody's")


GC_THRESHOLDS = (100_000, 50, 100)
"""A push of 500 operations makes tens of thousands of values and no cycles. With Python's own
thresholds the collector looked at all of them again and again: half of the process's CPU."""


FACES = Path(__file__).resolve().parent / "faces"


def app() -> observed.Application:
    """What the server loads in every process it starts."""
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    settings = read_settings()
    logs.configure(level=settings.log_level)
    url = database_url_given()
    if url is None:
        raise RuntimeError("DATABASE_URL is set by whoever starts this process")
    serving = observed.Observed(create_app(services(settings, url)))
    if not settings.traces:
        return serving
    # the libraries behind it are an extra; a setting that needs what is not there stops the start
    traced: observed.Application = import_module("runtime.traces").traced(
        serving, collector=settings.traces
    )
    return traced


def services(settings: Settings, url: str) -> Services:
    """Everything a request may need, made once a process."""
    engine = make_engine(url, role=APP_ROLE, ring=keys.ring(settings))
    return Services(
        engine=engine,
        store=PostgresSync(engine),
        blobs=photos(settings),
        library=library(),
        keys=Keys(dice=random_bytes, verify=verify_password, decoy=DECOY),
        ambient=live,
        gate=Gate(),
        faces=table(built(), connect=base_map.origins(settings.base_map)),
        map=base_map.setting(settings),
        map_file=base_map.file(settings.base_map),
        link_key=secret.derived(settings, "links"),
        webhooks=webhooks(settings),
        importer=Importer(engine),
        turnstile=Turnstile(engine, Rates().times(settings.rate_factor)),
        provider=OpenIdProvider(settings) if settings.oidc_issuer else None,
        behind_proxy=settings.behind_proxy,
        metrics=Metrics(own=observed.own_figures, token=settings.metrics_token),
        production=settings.production,
    )


def webhooks(settings: Settings) -> Webhooks:
    """Addresses of this installation's allow-list, and secrets made from its own."""
    own = secret.derived(settings, "webhooks")
    return Webhooks(
        judge=lambda url: targets.read(url, hosts=settings.hosts),
        secret=lambda webhook_id: notify.shown(notify.secret_of(own, webhook_id)),
    )


def sender(settings: Settings) -> notify.Sender:
    """Through what notifications leave; without a gateway of the company's own, into a file."""
    return notify.Sender(
        gateway=notify.spool(settings),
        client=httpx.AsyncClient(timeout=notify.SEND_SECONDS_MAX, trust_env=False),
        secret=secret.derived(settings, "webhooks"),
        hosts=settings.hosts,
    )


def built() -> dict[str, bytes]:
    """The faces' files as `make web` built them into this package; none where Node was missing."""
    return {
        path.relative_to(FACES).as_posix(): path.read_bytes()
        for path in sorted(FACES.rglob("*"))
        if path.is_file()
    }


def photos(settings: Settings) -> Blobs:
    """Where photos and signatures lie: a bucket, or a folder of this installation."""
    return open_blobs(settings.attachments or str(settings.state_folder / "attachments"))


def library() -> Library:
    """The shipped checklists and the lifecycle."""
    return Library(templates=checklists.templates(), transitions=checklists.transitions())


def hash_password(password: str) -> str:
    """How a password is stored (argon2id)."""
    return _hasher.hash(password)


def verify_password(stored: str, given: str) -> bool:
    """Whether a password is the one that was stored."""
    try:
        return _hasher.verify(stored, given)
    except (VerificationError, InvalidHashError):
        return False
