"""What a request may use, made once a process by runtime."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from api.faces import Asset
from api.gate import Gate
from api.turnstile import Turnstile
from scheduling.board import Days
from schemas.ambient import Ambient
from schemas.base import Value
from schemas.office import MapSetting
from schemas.registry import ImportDone, ImportWish
from storage.blobs import Blobs
from storage.sync_store import SyncStore
from sync.devices import Keys
from sync.push import Library
from sync.staff import Provider


class Webhooks(Value, frozen=True):
    """What may be a webhook's address (refuses `webhook_target`), and what signs for it."""

    judge: Callable[[str], object]
    secret: Callable[[UUID], str]


class Metrics(Value, frozen=True):
    """This process's own figures as Prometheus reads them, and who may read them."""

    own: Callable[[], str]
    token: str = ""


class Importer(Protocol):
    """Reads a company's export; runtime knows how."""

    async def __call__(self, unit_id: str, wish: ImportWish, *, ambient: Ambient) -> ImportDone:
        """What was found, and what was saved."""


class Services(Value, frozen=True):
    """Engine, stores and the ambient factory; routes find it in the application's state."""

    engine: AsyncEngine
    store: SyncStore
    blobs: Blobs
    library: Library
    keys: Keys
    ambient: Callable[[], Ambient]
    gate: Gate
    faces: Mapping[str, Asset]
    link_key: bytes
    webhooks: Webhooks
    metrics: Metrics
    turnstile: Turnstile
    importer: Importer
    provider: Provider | None = None
    """Where staff may sign in elsewhere, if the installation has such a place."""
    behind_proxy: bool = False
    days: Days = msgspec.field(default_factory=Days)
    production: bool = False
    map: MapSetting = MapSetting()
    map_file: Path | None = None
