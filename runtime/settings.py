"""Settings, read from the environment once, checked before anything starts."""

import os
from pathlib import Path

import msgspec

from schemas.problems import Refusal

ROOT = Path(__file__).resolve().parent.parent


class Settings(
    msgspec.Struct, frozen=True, kw_only=True, rename=lambda name: f"DOORSTEP_{name.upper()}"
):
    """What an installation may choose. Every name is `DOORSTEP_` + the field in capitals."""

    environment: str = "development"
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    state: str = ""
    secret: str = ""
    keys: str = ""
    unit: str = "guan"
    public_url: str = "http://localhost:8000"
    behind_proxy: bool = False
    plan_seconds: float = 10.0
    attachments: str = ""
    archive: bool = False
    webhook_hosts: str = ""
    metrics_token: str = ""
    log_level: str = "INFO"
    traces: str = ""
    rate_factor: float = 1.0
    oidc_issuer: str = ""
    oidc_client: str = ""
    oidc_secret: str = ""
    debug: bool = False
    clock_shift_seconds: int = 0
    base_map: str = "none"
    base_map_shifted: bool = False
    base_map_note: str = ""
    roads: str = "none"
    roads_key: str = ""
    roads_profile: str = ""
    geocoder: str = "none"

    @property
    def production(self) -> bool:
        """Whether this installation serves real customers."""
        return self.environment == "production"

    @property
    def hosts(self) -> tuple[str, ...]:
        """Where webhooks may go: `DOORSTEP_WEBHOOK_HOSTS`, parted by commas."""
        return tuple(each.strip() for each in self.webhook_hosts.split(",") if each.strip())

    @property
    def state_folder(self) -> Path:
        """Where the embedded database, photos and logs live."""
        return Path(self.state).resolve() if self.state else ROOT / ".state"


def read_settings() -> Settings:
    """Reads and checks the environment; production refuses what is unsafe."""
    given = {name: value for name, value in os.environ.items() if name.startswith("DOORSTEP_")}
    try:
        settings = msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise Refusal("unsafe_settings", reason=str(error)) from error
    if settings.production:
        _refuse_unsafe(settings)
    return settings


def database_url_given() -> str | None:
    """The server to use, or None where the embedded one is wanted."""
    return os.environ.get("DATABASE_URL") or None


def _refuse_unsafe(settings: Settings) -> None:
    secret, issuer = settings.secret, settings.oidc_issuer
    plain = not settings.public_url.startswith("https://") or not settings.behind_proxy
    bare_key = bool(settings.roads_key) and ":https://" not in settings.roads
    debugging = settings.debug or bool(os.environ.get("DOORSTEP_TRACE"))
    for unsafe, reason in (
        (len(secret) < 32, "DOORSTEP_SECRET needs 32 characters or more"),
        (len(set(secret)) < 10, "DOORSTEP_SECRET is no random one"),
        (not settings.keys, "production needs DOORSTEP_KEYS: `doorstep keys new`"),
        (plain, "production is served by HTTPS behind a proxy"),
        (issuer and not issuer.startswith("https://"), "an identity provider is asked by HTTPS"),
        (bare_key, "a key of a road service goes by HTTPS"),
        (debugging, "nothing is debugged in production"),
        (settings.clock_shift_seconds, "a story's clock has no place in production"),
        (database_url_given() is None, "production needs DATABASE_URL"),
    ):
        if unsafe:
            raise Refusal("unsafe_settings", reason=reason)
