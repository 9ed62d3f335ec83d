"""A folder of a company's exports becomes cleaned rows and the account of what was found."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple, TypeVar

from runtime.imports.cells import Cells
from runtime.imports.files import Source, open_source
from runtime.imports.mapping import Mapping, mapping
from runtime.imports.notes import Notes
from runtime.imports.people import request, technician
from runtime.imports.premises import PremisesRows, Survey, Table, squared, table
from schemas.problems import Refusal
from schemas.registry import FileRead, RegionReport, Request, Technician

SUFFIXES = (".csv", ".xlsx")
T = TypeVar("T")


class Reached(NamedTuple):
    """How far an import is: the stage, rows done, rows in all (0 while that is not known)."""

    stage: str
    done: int
    total: int = 0


Progress = Callable[[Reached], None]


class Region(NamedTuple):
    """What was read. `premises` is read from the files again each time it is gone through."""

    unit_id: str
    premises: PremisesRows
    technicians: tuple[Technician, ...]
    requests: tuple[Request, ...]
    grids: tuple[str, ...]
    report: RegionReport


def read_region(
    folder: Path,
    *,
    as_of: date,
    unit_id: str,
    progress: Progress | None = None,
    company: str = "standard",
) -> Region:
    """Reads and judges every row of a folder before anything is saved.

    Refuses `file_missing`, `file_empty`, `file_encoding`, `file_unreadable`, `column_missing` and
    `line_too_long`; whatever is wrong with a single row is in the report instead.
    """
    return _Reader(mapping(company), as_of=as_of, tell=progress or _silent).read(
        folder, unit_id=unit_id
    )


class _Reader:
    def __init__(self, mapping_: Mapping, *, as_of: date, tell: Progress) -> None:
        self._mapping = mapping_
        self._as_of = as_of
        self._tell = tell
        self._notes = Notes()
        self._files: list[FileRead] = []

    def read(self, folder: Path, *, unit_id: str) -> Region:
        """Survey, judgement, people; the premises are left to be read again by whoever saves."""
        tables = {role: self._tables(folder, role) for role in self._mapping.files}
        for role in ("premises", "technicians"):
            if not tables[role]:
                raise Refusal("file_missing", file=f"{self._mapping.files[role].starts}*.csv|xlsx")
        # every header has been read by now, so a wrong file is refused before the long part
        survey = Survey(tables["premises"], self._mapping, notes=self._notes)
        survey.run(lambda done: self._tell(Reached("survey", done)))
        premises = PremisesRows(survey, as_of=self._as_of)
        grids = self._judge(premises, survey)
        technicians = self._technicians(tables["technicians"], survey)
        requests = self._requests(tables["requests"], premises)
        for table_, rows in zip(survey.tables, survey.rows_of, strict=True):
            self._file(table_.source, "premises", rows=rows)
        report = RegionReport(
            unit=unit_id,
            as_of=self._as_of,
            files=tuple(sorted(self._files, key=lambda each: each.name)),
            premises_rows=survey.rows,
            premises=len(premises),
            technicians=len(technicians),
            requests=len(requests),
            grids=len(grids),
            findings=tuple(sorted(self._notes.findings, key=lambda each: (each.file, each.row))),
            observations=tuple(
                sorted(self._notes.observations, key=lambda each: (each.file, each.row))
            ),
        )
        # a technician may answer for a grid that has no premises yet
        everywhere = grids | {grid for each in technicians for grid in each.grids}
        return Region(unit_id, premises, technicians, requests, tuple(sorted(everywhere)), report)

    def _tables(self, folder: Path, role: str) -> list[Table]:
        known = self._mapping.files[role]
        paths = sorted(folder.glob(f"{known.starts}*")) if folder.is_dir() else []
        return [
            table(open_source(path), known) for path in paths if path.suffix.lower() in SUFFIXES
        ]

    def _judge(self, premises: PremisesRows, survey: Survey) -> set[str]:
        read = premises.read(
            self._notes, lambda done: self._tell(Reached("check", done, survey.rows))
        )
        return {each.grid for each in read if each.grid}

    def _technicians(self, tables: Sequence[Table], survey: Survey) -> tuple[Technician, ...]:
        found: dict[str, Technician] = {}
        for cells in self._rows(tables, "technicians"):
            each = technician(cells, self._mapping, as_of=self._as_of, middle=survey.middle)
            if each is not None:
                self._keep(found, each, number=each.number)
        return tuple(found.values())

    def _requests(self, tables: Sequence[Table], premises: PremisesRows) -> tuple[Request, ...]:
        found: dict[str, Request] = {}
        for cells in self._rows(tables, "requests"):
            each = request(cells, self._mapping, known=premises.knows)
            if each is not None and each.request.number is not None:
                self._keep(found, each, number=each.request.number)
        return tuple(found.values())

    def _rows(self, tables: Sequence[Table], role: str) -> Iterator[Cells]:
        for table_ in tables:
            name, rows = table_.source.path.name, 0
            cells = Cells(table_.columns, self._notes)
            for row, given in table_.rows():
                rows += 1
                squared_ = squared(given, table_.width)
                self._notes.at(name, row, key=given[0].strip() if given else "")
                if squared_ is None:
                    self._notes.add(
                        "row_ragged", field="number", given=",".join(given), done="put_aside"
                    )
                    continue
                cells.load(squared_)
                self._notes.at(name, row, key=cells.raw("number"))
                yield cells
            self._file(table_.source, role, rows=rows)

    def _keep(self, found: dict[str, T], each: T, *, number: str) -> None:
        if number in found:
            self._notes.add("number_repeated", field="number", given=number, done="put_aside")
        else:
            found[number] = each

    def _file(self, source: Source, role: str, *, rows: int) -> None:
        self._files.append(
            FileRead(
                name=source.path.name,
                role=role,
                encoding=source.encoding,
                rows=rows,
                sha256=source.sha256,
            )
        )


def _silent(reached: Reached) -> None:
    del reached
