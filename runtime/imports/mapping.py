"""Which header is which field: one YAML file per company."""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

from schemas.base import Place, Value
from schemas.problems import Refusal

MAPPINGS = Path(__file__).resolve().parents[2] / "storage" / "catalogue" / "mappings"


class FileMapping(Value, frozen=True):
    """How one kind of file is known by its name, and which headers carry which field."""

    starts: str
    required: tuple[str, ...]
    fields: dict[str, tuple[str, ...]]

    def columns(self, header: list[str], *, file: str) -> dict[str, int]:
        """Field to column number; refuses `column_missing` with the headers it looked for."""
        at = {name.strip(): index for index, name in reversed(list(enumerate(header)))}
        found: dict[str, int] = {}
        for field, names in self.fields.items():
            for name in names:
                if name in at:
                    found[field] = at[name]
                    break
        missing = [self.fields[each][0] for each in self.required if each not in found]
        if missing:
            raise Refusal("column_missing", file=file, columns=missing)
        return found


class Coordinates(Value, frozen=True):
    """Where coordinates can lie at all, and how far a region reaches from its middle; degrees."""

    longitude: tuple[float, float]
    latitude: tuple[float, float]
    reach_degrees: float

    def possible(self, place: Place) -> bool:
        """Whether a place lies in the country."""
        west, east = self.longitude
        south, north = self.latitude
        return west <= place.longitude <= east and south <= place.latitude <= north

    def near(self, place: Place, middle: Place | None) -> bool:
        """Whether a place lies in the region around its middle; anywhere where none is known."""
        if middle is None:
            return True
        reach = self.reach_degrees
        return (
            abs(place.longitude - middle.longitude) <= reach
            and abs(place.latitude - middle.latitude) <= reach
        )


class Mapping(Value, frozen=True):
    """One company's way of exporting."""

    name: str
    timezone: str
    coordinates: Coordinates
    files: dict[str, FileMapping]
    codes: dict[str, dict[str, str]]

    def code(self, kind: str, given: str) -> str | None:
        """Our word for theirs; None where it is not on the list, because nothing is guessed."""
        return self.codes[kind].get(given)


@cache
def mapping(name: str) -> Mapping:
    """Reads the mapping of a company."""
    path = MAPPINGS / f"{name}.yaml"
    if not name.isidentifier() or not path.is_file():
        raise Refusal("file_missing", file=f"{name}.yaml")
    given: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return msgspec.convert(given, Mapping)
