"""Checklists: immutable by code and version; answers are validated against the version they
name."""

from schemas.base import Value


class SubField(Value, frozen=True):
    """A part of a composite answer."""

    kind: str
    options: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None


class Item(Value, frozen=True):
    """One question: what may be answered, how answers merge, and how bad which answer is.

    `grades` maps an option (or `grade` for "outside the limits" and "fail") to minor, major,
    critical. With `instrument`, whoever measures names it and the day its calibration ends.
    """

    code: str
    kind: str
    zh: str
    en: str
    policy: str
    options: tuple[str, ...] = ()
    required: bool = False
    least: float | None = None
    most: float | None = None
    unit: str = ""
    grades: dict[str, str] = {}
    statutory: dict[str, str] = {}
    fields: dict[str, SubField] = {}
    photos: int = 0
    photos_on_fail: int = 0
    instrument: bool = False
    group: str = ""
    basis: str = ""
    applies_when: dict[str, list[str] | str] = {}


class Template(Value, frozen=True):
    """A checklist in one version.

    `variants` name the items that are asked of each; none named, all are. `words` say what options
    and parts are called, Chinese and English.
    """

    code: str
    version: str
    name_zh: str
    name_en: str
    items: tuple[Item, ...]
    min_photos: int = 0
    expected_minutes: int = 30
    variants: dict[str, tuple[str, ...]] = {}
    words: dict[str, tuple[str, str]] = {}

    @property
    def ref(self) -> str:
        """`code@version`, as operations name it."""
        return f"{self.code}@{self.version}"
