"""What a company's files say after cleaning, and what was found on the way."""

from datetime import time
from typing import Annotated, Literal

from msgspec import Meta

from schemas.base import Place, Value, Wire, date
from schemas.work import CaseRequest

FINDING_KINDS = (
    "account_two_addresses",
    "address_fullwidth",
    "certificate_expired",
    "class_unknown",
    "coordinates_missing",
    "coordinates_swapped",
    "coordinates_zero",
    "date_excel_serial",
    "inspected_in_future",
    "never_inspected",
    "request_unknown_account",
    "row_repeated",
)
"""What a person should act on or know; every other oddity is an observation."""

OBSERVATION_KINDS = (
    "channel_unknown",
    "coordinates_far",
    "coordinates_unreadable",
    "cell_formula",
    "date_unreadable",
    "datum_unknown",
    "gas_on_in_future",
    "home_repaired",
    "home_unknown",
    "key_missing",
    "kind_unknown",
    "meter_in_future",
    "number_repeated",
    "row_ragged",
    "skill_unknown",
    "time_unreadable",
    "value_unreadable",
)

Done = Literal["repaired", "put_aside", "noted"]


class PlaceGiven(Value, frozen=True):
    """Coordinates as the file had them, kept for proof and for a second look."""

    longitude: str
    latitude: str
    datum: str


class Premises(Value, frozen=True):
    """One account's premises; `place` is WGS-84, None where a geocoder or a person has to look."""

    account: str
    name: str
    phone: str
    address: str
    address_given: str
    customer_class: str
    grid: str
    place: Place | None
    place_given: PlaceGiven
    meter_serial: str
    meter_class: str
    meter_in_service_on: date | None
    first_gas_on: date | None
    last_inspection_on: date | None
    last_inspection_result: str | None
    marks: tuple[str, ...] = ()


class Technician(Value, frozen=True):
    """A person who visits; hours are local hours of the unit, the certificate covers all skills."""

    number: str
    name: str
    phone: str
    station: str
    skills: tuple[str, ...]
    certificate_until: date | None
    home: Place | None
    shift_opens: time
    shift_closes: time
    lunch_opens: time | None
    lunch_closes: time | None
    grids: tuple[str, ...]
    vehicle: str


class Request(Value, frozen=True):
    """A request as intake takes it; `account_known` says whether these files hold its premises."""

    request: CaseRequest
    account_known: bool


class Finding(Value, frozen=True):
    """One thing that was not as it should be, where it stands, and what was done about it.

    `key` is the account, technician or request number; `row` counts from 1 and includes the header.
    """

    kind: str
    file: str
    row: int
    key: str
    field: str
    given: str
    done: Done
    zh: str
    en: str


class FileRead(Value, frozen=True):
    """One file of the folder: what it was taken for and how much it held."""

    name: str
    role: str
    encoding: str
    rows: int
    sha256: str


class RegionReport(Value, frozen=True):
    """The whole account of one import: nothing that was repaired or put aside is missing here."""

    unit: str
    as_of: date
    files: tuple[FileRead, ...]
    premises_rows: int
    premises: int
    technicians: int
    requests: int
    grids: int
    findings: tuple[Finding, ...]
    observations: tuple[Finding, ...]

    def counts(self) -> dict[str, int]:
        """Distinct accounts, technicians or requests by kind of finding; kinds that occur only."""
        return distinct(self.findings)


class Saved(Value, frozen=True):
    """What an import changed in the registry; all zero where the files were known already."""

    premises_changed: int
    technicians_changed: int


FILE_BYTES_MAX = 24 * 1024 * 1024


class GivenFile(Wire, frozen=True):
    """A file of an export: what it is called says what it holds (premises, technicians,
    requests)."""

    name: Annotated[str, Meta(pattern=r"^[\w() -]{1,80}\.(csv|xlsx)$")]
    content: Annotated[bytes, Meta(max_length=FILE_BYTES_MAX)]


class ImportWish(Wire, frozen=True):
    """A company's export, judged as of a day; with `check` it is judged and nothing is saved."""

    files: Annotated[list[GivenFile], Meta(min_length=1, max_length=20)]
    as_of: date | None = None
    check: bool = False


class ImportDone(Value, frozen=True):
    """What an import found and changed. `findings` and `observations` count distinct keys by kind;
    `listed` are the first of `listed_total` rows, `workbook` (XLSX) holds them all."""

    as_of: date
    files: tuple[FileRead, ...]
    premises_rows: int
    premises: int
    technicians: int
    requests: int
    grids: int
    findings: dict[str, int]
    observations: dict[str, int]
    listed: tuple[Finding, ...]
    listed_total: int
    workbook: bytes
    saved: Saved | None = None
    cases_opened: int = 0
    cases_rejected: int = 0
    cases_known: int = 0
    due_work: int = 0


def distinct(findings: tuple[Finding, ...]) -> dict[str, int]:
    """How many different keys each kind has: an account that is listed twice counts once."""
    keys: dict[str, set[str]] = {}
    for each in findings:
        keys.setdefault(each.kind, set()).add(each.key)
    return {kind: len(keys[kind]) for kind in sorted(keys)}


__all__ = [
    "FILE_BYTES_MAX",
    "FINDING_KINDS",
    "OBSERVATION_KINDS",
    "Done",
    "FileRead",
    "Finding",
    "GivenFile",
    "ImportDone",
    "ImportWish",
    "PlaceGiven",
    "Premises",
    "RegionReport",
    "Request",
    "Saved",
    "Technician",
    "distinct",
]
