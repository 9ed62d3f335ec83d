"""The ground under the board's map, from `none`, `pmtiles:FILE` or `xyz:URL`."""

from pathlib import Path
from urllib.parse import urlsplit

from api.map_routes import MAP_PATH
from runtime.settings import Settings
from schemas.office import MapSetting
from schemas.problems import Refusal


def setting(settings: Settings) -> MapSetting:
    """What the board is told. Refuses `unsafe_settings` for a file that is not there, an address
    that is no picture address, and in production one that is not https."""
    kind, _, rest = settings.base_map.partition(":")
    shifted, note = settings.base_map_shifted, settings.base_map_note
    if kind == "none" and not rest:
        return MapSetting(shifted=shifted, note=note)
    if kind == "pmtiles" and Path(rest).is_file():
        return MapSetting(base="pmtiles", url=MAP_PATH, shifted=shifted, note=note)
    if kind == "xyz" and all(f"{{{each}}}" in rest for each in "xyz"):
        if settings.production and not rest.startswith("https://"):
            raise Refusal("unsafe_settings", reason="DOORSTEP_BASE_MAP has to be https")
        return MapSetting(base="xyz", url=rest, shifted=shifted, note=note)
    raise Refusal("unsafe_settings", reason="DOORSTEP_BASE_MAP: none, pmtiles:FILE or xyz:URL")


def file(given: str) -> Path | None:
    """The archive of tiles, where the ground is one."""
    kind, _, rest = given.partition(":")
    return Path(rest) if kind == "pmtiles" else None


def origins(given: str) -> tuple[str, ...]:
    """Where the pages may load pictures from besides us."""
    kind, _, rest = given.partition(":")
    if kind != "xyz":
        return ()
    address = urlsplit(rest)
    return (f"{address.scheme}://{address.netloc}",)
