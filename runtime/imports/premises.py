"""Premises: read row by row as often as needed and never held whole, however many there are.

Three readings: a survey (which accounts repeat, where the region lies), one for the findings, and
one whenever the rows are saved. Each takes about a second for 100,000 rows; memory holds a few
numbers an account.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from datetime import date

from runtime.imports.cells import Cells, plain, read_number, read_place
from runtime.imports.files import Line, Source
from runtime.imports.mapping import FileMapping, Mapping
from runtime.imports.notes import Notes
from schemas.base import Place, Value
from schemas.problems import Refusal
from schemas.registry import PlaceGiven, Premises

UNKNOWN_CLASS = "unknown"
ACCOUNT_CHARACTERS_MAX = 40
ROWS_MAX = 5_000_000
STEP_ROWS = 2_000

Step = Callable[[int], None]


class Table(Value, frozen=True):
    """One premises file with its columns."""

    source: Source
    columns: dict[str, int]
    width: int

    def rows(self) -> Iterator[Line]:
        """Rows below the header."""
        lines = self.source.lines()
        next(lines, None)
        return lines


def table(source: Source, mapping: FileMapping) -> Table:
    """Opens a file by its header; refuses `file_empty` and `column_missing`."""
    name = source.path.name
    lines = source.lines()
    _, header = next(lines, (0, []))
    if not header:
        raise Refusal("file_empty", file=name)
    columns = mapping.columns(header, file=name)
    if next(lines, None) is None:
        raise Refusal("file_empty", file=name)
    return Table(source=source, columns=columns, width=len(header))


def squared(cells: list[str], width: int) -> list[str] | None:
    """A row with as many cells as the header: empty ones at the end may lack or be too many."""
    if len(cells) > width:
        return cells[:width] if not any(cells[width:]) else None
    # a spreadsheet leaves off empty cells at the end; a row that lacks more was torn
    return None if len(cells) < width - 2 else cells + [""] * (width - len(cells))


class Survey:
    """What has to be known of all rows before any can be judged."""

    def __init__(self, tables: Sequence[Table], mapping: Mapping, *, notes: Notes) -> None:
        self.tables = tables
        self.mapping = mapping
        self.rows = 0
        self.rows_of: list[int] = [0] * len(tables)
        self.first: dict[str, tuple[int, int, int]] = {}
        self.two_addresses: set[str] = set()
        self._notes = notes
        self._longitudes, self._latitudes = array("d"), array("d")
        self.middle: Place | None = None

    def run(self, step: Step) -> None:
        """Reads every file once."""
        for index, table_ in enumerate(self.tables):
            cells = Cells(table_.columns, self._notes)
            for row, given in table_.rows():
                self.rows += 1
                self.rows_of[index] += 1
                if self.rows > ROWS_MAX:
                    raise Refusal("file_unreadable", file=table_.source.path.name, rows=ROWS_MAX)
                if self.rows % STEP_ROWS == 0:
                    step(self.rows)
                self._take(cells, given, at=(index, row))
        self.middle = self._middle()

    def _take(self, cells: Cells, given: list[str], *, at: tuple[int, int]) -> None:
        index, row = at
        table_ = self.tables[index]
        squared_ = squared(given, table_.width)
        if squared_ is None:
            key = account_of(cells, given) if len(given) > cells_needed(table_) else ""
            self._note(at, key, kind="row_ragged", given=",".join(given))
            return
        cells.load(squared_)
        account = account_of(cells, squared_)
        if not account or len(account) > ACCOUNT_CHARACTERS_MAX:
            self._note(at, "", kind="key_missing", given=account)
            return
        # numbers instead of texts: three an account are all that a million rows leave behind
        place = (index << 40) | row
        content = hash(tuple(squared_))
        address = hash(plain(cells.raw("address")))
        known = self.first.setdefault(account, (place, content, address))
        if known[0] != place:
            self._again(at, account, known=known, seen=(content, address, cells.raw("address")))
            return
        self._locate(cells)

    def _again(
        self,
        at: tuple[int, int],
        account: str,
        *,
        known: tuple[int, int, int],
        seen: tuple[int, int, str],
    ) -> None:
        content, address, text = seen
        # byte for byte the same says nothing new; another address is for a person to decide
        if content == known[1]:
            self._note(at, account, kind="row_repeated", given=account)
        elif address != known[2]:
            self.two_addresses.add(account)
            self._note(at, account, kind="account_two_addresses", given=text)
        else:
            self._note(at, account, kind="number_repeated", given=account)

    def _note(self, at: tuple[int, int], key: str, *, kind: str, given: str) -> None:
        index, row = at
        field = "address" if kind == "account_two_addresses" else "account"
        self._notes.at(self.tables[index].source.path.name, row, key=key)
        self._notes.add(kind, field=field, given=given, done="put_aside")

    def _locate(self, cells: Cells) -> None:
        longitude = read_number(cells.raw("longitude"))
        latitude = read_number(cells.raw("latitude"))
        if longitude is None or latitude is None:
            return
        if self.mapping.coordinates.possible(Place(latitude=latitude, longitude=longitude)):
            # a shifted point counts as it stands: 500 m do not move the middle of a region
            self._longitudes.append(longitude)
            self._latitudes.append(latitude)

    def _middle(self) -> Place | None:
        """The median place: some wrong coordinates do not move it."""
        if not self._longitudes:
            return None
        at = len(self._longitudes) // 2
        return Place(latitude=sorted(self._latitudes)[at], longitude=sorted(self._longitudes)[at])


def cells_needed(table_: Table) -> int:
    """How far a torn row must reach to name its account."""
    return table_.columns["account"]


def account_of(cells: Cells, given: list[str]) -> str:
    """The account as a key: plain digits and letters, or nothing where a formula stands."""
    cells.load(given)
    account = cells.raw("account")
    return plain(account) if account.isprintable() else ""


class PremisesRows:
    """The cleaned premises of a region; may be gone through as often as wanted."""

    def __init__(self, survey: Survey, *, as_of: date) -> None:
        self._survey = survey
        self._as_of = as_of

    def __len__(self) -> int:
        return len(self._survey.first)

    def __iter__(self) -> Iterator[Premises]:
        return self.read(Notes())

    def knows(self, account: str) -> bool:
        """Whether these files hold the account."""
        return account in self._survey.first

    def read(self, notes: Notes, step: Step = lambda done: None) -> Iterator[Premises]:
        """Each account once, from its first row, with notes about what was not right."""
        done = 0
        survey = self._survey
        for index, table_ in enumerate(survey.tables):
            name = table_.source.path.name
            cells = Cells(table_.columns, notes)
            for row, given in table_.rows():
                done += 1
                if done % STEP_ROWS == 0:
                    step(done)
                squared_ = squared(given, table_.width)
                account = account_of(cells, squared_) if squared_ else ""
                known = survey.first.get(account)
                # put aside by the survey, which has said so already
                if known is None or known[0] != (index << 40) | row:
                    continue
                notes.at(name, row, key=account)
                yield self._clean(cells, account)

    def _clean(self, cells: Cells, account: str) -> Premises:
        notes = cells.notes
        given = PlaceGiven(
            longitude=cells.text("longitude"),
            latitude=cells.text("latitude"),
            datum=cells.text("datum"),
        )
        address_given, address = _address(cells)
        customer_class = _customer_class(cells, self._survey.mapping)
        place = self._place(given, notes)
        last_inspection_on = _last_inspection(cells, self._as_of)
        first_gas_on = self._not_later(cells, "first_gas_on", kind="gas_on_in_future")
        meter_on = self._not_later(cells, "meter_in_service_on", kind="meter_in_future")
        # only once the cells are read is it known which marks the row has earned
        if account in self._survey.two_addresses:
            notes.kinds.append("account_two_addresses")
        return Premises(
            account=account,
            name=cells.text("name"),
            phone=plain(cells.text("phone")),
            address=address,
            address_given=address_given,
            customer_class=customer_class,
            grid=cells.text("grid"),
            place=place,
            place_given=given,
            meter_serial=cells.text("meter_serial"),
            meter_class=cells.text("meter_class"),
            meter_in_service_on=meter_on,
            first_gas_on=first_gas_on,
            last_inspection_on=last_inspection_on,
            last_inspection_result=_result(cells, self._survey.mapping),
            marks=tuple(sorted(set(notes.kinds))),
        )

    def _place(self, given: PlaceGiven, notes: Notes) -> Place | None:
        texts = (given.longitude, given.latitude, given.datum)
        place, trouble = read_place(texts, self._survey.mapping, middle=self._survey.middle)
        if trouble is not None:
            notes.add(
                trouble,
                field="longitude",
                given=" ".join(texts),
                done="repaired" if place else "put_aside",
            )
        return place

    def _not_later(self, cells: Cells, field: str, *, kind: str) -> date | None:
        found = cells.day(field)
        if found is not None and found > self._as_of:
            cells.notes.add(kind, field=field, given=str(found), done="noted")
        return found


def _address(cells: Cells) -> tuple[str, str]:
    given = cells.text("address")
    address = plain(given)
    if address != given:
        cells.notes.add("address_fullwidth", field="address", given=given, done="repaired")
    return given, address


def _customer_class(cells: Cells, mapping: Mapping) -> str:
    """Nearly right is not right: a class decides the inspection cycle, so it is never guessed."""
    given = cells.text("customer_class")
    found = mapping.code("customer_class", given)
    if found is None:
        cells.notes.add("class_unknown", field="customer_class", given=given, done="put_aside")
    return found or UNKNOWN_CLASS


def _last_inspection(cells: Cells, as_of: date) -> date | None:
    """A day in the future proves nothing, so the cycle runs from what is known without it."""
    field = "last_inspection_on"
    found = cells.day(field)
    if found is None and not cells.raw(field):
        cells.notes.add("never_inspected", field=field, given="", done="noted")
    if found is not None and found > as_of:
        cells.notes.add("inspected_in_future", field=field, given=str(found), done="put_aside")
        return None
    return found


def _result(cells: Cells, mapping: Mapping) -> str | None:
    given = cells.text("last_inspection_result")
    found = mapping.code("result", given)
    if given and found is None:
        cells.notes.add(
            "value_unreadable", field="last_inspection_result", given=given, done="put_aside"
        )
    return found
