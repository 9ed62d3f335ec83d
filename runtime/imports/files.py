"""Reads rows of text from CSV and XLSX with a limit on everything; nothing is ever evaluated."""

import codecs
import csv
import hashlib
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import BinaryIO, TextIO

from python_calamine import CalamineError, CalamineWorkbook

from schemas.base import Value
from schemas.problems import Refusal

LINE_CHARACTERS_MAX = 64 * 1024
CSV_BYTES_MAX = 2 * 1024**3
XLSX_BYTES_MAX = 64 * 1024**2
XLSX_UNPACKED_BYTES_MAX = 512 * 1024**2
CHUNK_BYTES = 1024 * 1024
FORMULA_CELL = re.compile(rb'<c r="([A-Z]{1,3})([0-9]{1,7})"[^>]*>\s*<f[ />]')
FORMULA = "\0formula"
"""Stands in a cell that holds a formula: what it would come to is not data."""

Line = tuple[int, list[str]]
"""Row number as a spreadsheet shows it, and its cells."""


class Source(Value, frozen=True):
    """A file that was looked at once: its encoding, and what it must still be when read again."""

    path: Path
    encoding: str
    sha256: str
    size_bytes: int
    changed_at_ns: int

    def lines(self) -> Iterator[Line]:
        """Rows from the top, header included. Refuses a file that changed since it was opened."""
        found = self.path.stat()
        if (found.st_size, found.st_mtime_ns) != (self.size_bytes, self.changed_at_ns):
            raise Refusal("file_unreadable", file=self.path.name, reason="changed while being read")
        return _xlsx(self.path) if self.encoding == "xlsx" else _csv(self.path, self.encoding)


def open_source(path: Path) -> Source:
    """Looks through a file once for its encoding and its hash.

    Refuses `file_unreadable` (too large, damaged), `file_empty` and `file_encoding`.
    """
    found = path.stat()
    is_xlsx = path.suffix.lower() == ".xlsx"
    if found.st_size == 0:
        raise Refusal("file_empty", file=path.name)
    if found.st_size > (XLSX_BYTES_MAX if is_xlsx else CSV_BYTES_MAX):
        raise Refusal("file_unreadable", file=path.name, reason="too large")
    encoding = "xlsx" if is_xlsx else _encoding(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Source(
        path=path,
        encoding=encoding,
        sha256=digest,
        size_bytes=found.st_size,
        changed_at_ns=found.st_mtime_ns,
    )


def _encoding(path: Path) -> str:
    """UTF-8 is tried first, because GB18030 can read almost any bytes and UTF-8 hardly any."""
    with path.open("rb") as file:
        if file.read(3) == codecs.BOM_UTF8:
            return _decodes(file, "utf-8", name="utf-8-sig") or _refuse_encoding(path)
        file.seek(0)
        if (found := _decodes(file, "utf-8", name="utf-8")) is not None:
            return found
        file.seek(0)
        return _decodes(file, "gb18030", name="gb18030") or _refuse_encoding(path)


def _decodes(file: BinaryIO, encoding: str, *, name: str) -> str | None:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        while chunk := file.read(CHUNK_BYTES):
            # text of this kind holds no NUL; UTF-16 does, and GB18030 would swallow it as letters
            if "\0" in decoder.decode(chunk):
                return None
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    return name


def _refuse_encoding(path: Path) -> str:
    raise Refusal("file_encoding", file=path.name)


def _csv(path: Path, encoding: str) -> Iterator[Line]:
    # newline="" leaves line ends inside quotes to the csv module
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(_bounded(file, path.name), strict=True)
        try:
            for cells in reader:
                if any(cells):
                    yield reader.line_num, [_shield(cell) for cell in cells]
        except csv.Error as error:
            raise Refusal(
                "file_unreadable", file=path.name, row=reader.line_num, reason=str(error)
            ) from error


def _bounded(file: TextIO, name: str) -> Iterator[str]:
    number = 0
    while line := file.readline(LINE_CHARACTERS_MAX + 1):
        number += 1
        if len(line) > LINE_CHARACTERS_MAX:
            raise Refusal("line_too_long", file=name, row=number, characters=LINE_CHARACTERS_MAX)
        yield line


def _shield(cell: str) -> str:
    return FORMULA if cell.startswith("=") else cell


def _xlsx(path: Path) -> Iterator[Line]:
    formulas = _formulas(path)
    try:
        sheet = CalamineWorkbook.from_path(path).get_sheet_by_index(0)
        rows = list(sheet.iter_rows())
    except (CalamineError, IndexError, OSError) as error:
        raise Refusal("file_unreadable", file=path.name, reason="not a workbook") from error
    for number, cells in enumerate(rows, 1):
        texts = [_text(cell) for cell in cells]
        for column in formulas.get(number, ()):
            if column < len(texts):
                texts[column] = FORMULA
        if any(texts):
            yield number, texts


def _formulas(path: Path) -> dict[int, list[int]]:
    """Cells of the first sheet that hold a formula: row number to column numbers from 0."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(each.file_size for each in archive.infolist()) > XLSX_UNPACKED_BYTES_MAX:
                raise Refusal("file_unreadable", file=path.name, reason="too large unpacked")
            sheets = sorted(n for n in archive.namelist() if n.startswith("xl/worksheets/sheet"))
            xml = archive.read(sheets[0])
    except (zipfile.BadZipFile, IndexError, OSError) as error:
        raise Refusal("file_unreadable", file=path.name, reason="not a workbook") from error
    found: dict[int, list[int]] = {}
    for letters, row in FORMULA_CELL.findall(xml):
        found.setdefault(int(row), []).append(_column(letters))
    return found


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number - 1


def _text(cell: object) -> str:
    if isinstance(cell, str):
        return _shield(cell)
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ", "minutes")
    if isinstance(cell, date):
        return cell.isoformat()
    return cell.isoformat("minutes") if isinstance(cell, time) else str(cell)
