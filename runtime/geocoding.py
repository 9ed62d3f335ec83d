"""`doorstep geocode`: where premises are whose files said no coordinates, asked of a geocoder.

Off unless DOORSTEP_GEOCODER names a Nominatim server: addresses of customers leave this machine
for it. What it answers coarser than a street, or far from the unit, is nobody's place.
"""

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from geopy.distance import great_circle
from geopy.exc import GeopyError
from geopy.geocoders import Nominatim
from sqlalchemy.ext.asyncio import AsyncEngine

from runtime.ambient import now
from runtime.database import asked
from runtime.settings import Settings, read_settings
from schemas.base import Place, Value
from schemas.problems import Refusal
from storage import audit, registry

ASK_SECONDS_MAX = 10
PAUSE_SECONDS = 1.0
"""Between two questions: what public servers ask for, and no hurry for one's own."""
STREET_RANK = 26
"""Nominatim's `place_rank` from which on an answer is a street, a house or finer."""
FAR_KM = 60

Asking = Callable[[str], Any]


class Looked(Value, frozen=True):
    """What became of one address: its place, or `unknown`, `coarse`, `far`, `failed`."""

    outcome: str
    place: Place | None = None


def register(words: Any) -> None:
    """Adds the word."""
    word = words.add_parser("geocode", help="ask a geocoder where premises without coordinates are")
    word.add_argument("--limit", type=int, default=500)
    word.set_defaults(run=_geocode)


def asking(settings: Settings) -> Asking:
    """Asks the server that the settings name. Refuses `unsafe_settings` where they name none."""
    kind, _, address = settings.geocoder.partition(":")
    url = urlsplit(address)
    if kind != "nominatim" or url.scheme not in ("http", "https") or not url.netloc:
        raise Refusal("unsafe_settings", reason="DOORSTEP_GEOCODER is none, or nominatim:URL")
    server = Nominatim(
        domain=url.netloc + url.path.rstrip("/"),
        scheme=url.scheme,
        user_agent="doorstep",
        timeout=ASK_SECONDS_MAX,
    )
    return lambda address: server.geocode(address, language="zh", country_codes="cn")


def looked_up(address: str, *, ask: Asking, middle: Place | None) -> Looked:
    """One address, judged: a town is no house, and a namesake far away is another one."""
    try:
        found = ask(address)
    except GeopyError:
        return Looked(outcome="failed")
    if found is None:
        return Looked(outcome="unknown")
    if int(found.raw.get("place_rank", 0)) < STREET_RANK:
        return Looked(outcome="coarse")
    place = Place(latitude=found.latitude, longitude=found.longitude)
    here = (place.latitude, place.longitude)
    if middle and great_circle(here, (middle.latitude, middle.longitude)).km > FAR_KM:
        return Looked(outcome="far")
    return Looked(outcome="placed", place=place)


async def geocoded(
    engine: AsyncEngine,
    unit_id: str,
    *,
    ask: Asking,
    limit: int,
    at: datetime,
) -> Counter[str]:
    """Looks up premises of the unit that have no place; who got one meanwhile keeps it."""
    async with engine.connect() as tx:
        homes = await registry.without_place(tx, unit_id, limit=limit)
        known = await registry.places(tx, unit_id)
    addresses = [each["address"] for each in homes]
    looked = await asyncio.to_thread(_all, addresses, ask, middle=_middle(known))
    pairs = zip(homes, looked, strict=False)
    rows = [(home["id"], each.place) for home, each in pairs if each.place is not None]
    told = Counter(each.outcome for each in looked)
    async with engine.begin() as tx:
        told["placed"] = await registry.placed(tx, unit_id, rows=rows)
        entry = audit.Entry(
            at=at, actor="geocoder", action="premises.geocoded", subject=unit_id,
            detail=dict(told),
        )  # fmt: skip
        await audit.append(tx, unit_id, entry=entry)
    return told


def _all(addresses: Sequence[str], ask: Asking, *, middle: Place | None) -> list[Looked]:
    found: list[Looked] = []
    for address in addresses:
        found.append(looked_up(address, ask=ask, middle=middle))
        # a server that does not answer is not asked five hundred times
        if [each.outcome for each in found[-3:]] == ["failed"] * 3:
            break
        time.sleep(PAUSE_SECONDS)
    return found


def _middle(known: Sequence[Any]) -> Place | None:
    if not known:
        return None
    return Place(
        latitude=median(each["latitude"] for each in known),
        longitude=median(each["longitude"] for each in known),
    )


def _geocode(given: argparse.Namespace) -> int:
    ask = asking(read_settings())
    told = asked(lambda engine, unit: geocoded(engine, unit, ask=ask, limit=given.limit, at=now()))
    print(" ".join(f"{name}={many}" for name, many in sorted(told.items())) or "nothing to look up")
    return 1 if told["failed"] else 0
