"""Printed pages as PDF: a layout of the catalogue, its data, and pictures; fonts come with us.

No font of the system is looked at, so a page is the same on every machine.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pylopdf_fonts_zh_cn
import typst

from storage.catalogue import CATALOGUE

PICTURES_MAX = 24
PICTURES_BYTES_MAX = 40 * 1024 * 1024
_FONTS = Path(pylopdf_fonts_zh_cn.__file__).parent
_ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


def file_name(sha256: str, media_type: str) -> str | None:
    """How a picture is called beside the page; None for what cannot be printed."""
    ending = _ENDINGS.get(media_type)
    return None if ending is None else f"{sha256[:16]}.{ending}"


def pdf(layout: str, data: Mapping[str, object], *, pictures: Mapping[str, bytes]) -> bytes:
    """The page of a layout. Text of `data` is set as text: nothing in it is ever run.

    A picture that cannot be drawn costs its place on the page and never the page.
    """
    try:
        return _compiled(layout, data, pictures=pictures)
    except RuntimeError:
        if not pictures:
            raise
        drawable = {name: one for name, one in pictures.items() if _draws(name, one)}
        return _compiled(layout, _without(data, set(pictures) - set(drawable)), pictures=drawable)


def _compiled(layout: str, data: Mapping[str, object], *, pictures: Mapping[str, bytes]) -> bytes:
    with TemporaryDirectory(prefix="doorstep-print-") as held:
        folder = Path(held)
        for name in ("base", layout):
            source = CATALOGUE / "prints" / f"{name}.typ"
            (folder / source.name).write_bytes(source.read_bytes())
        (folder / "data.json").write_bytes(msgspec.json.encode(data))
        for name, content in pictures.items():
            (folder / name).write_bytes(content)
        made = typst.compile(
            str(folder / f"{layout}.typ"),
            root=held,
            font_paths=[str(_FONTS)],
            ignore_system_fonts=True,
        )
    assert isinstance(made, bytes)  # one PDF, not a page each
    return made


def _draws(name: str, content: bytes) -> bool:
    with TemporaryDirectory(prefix="doorstep-print-") as held:
        (Path(held) / name).write_bytes(content)
        page = Path(held) / "page.typ"
        page.write_text(f'#image("{name}")', "utf-8")
        try:
            typst.compile(str(page), root=held, ignore_system_fonts=True)
        except RuntimeError:
            return False
    return True


def _without(data: Mapping[str, object], names: set[str]) -> dict[str, object]:
    plain = msgspec.to_builtins(data)
    for each in plain.get("photos", ()):
        if each["file"] in names:
            each |= {"file": None, "why": "照片文件已损坏"}
    if plain.get("signature") in names:
        plain["signature"] = None
    return dict(plain)
