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
    critical.
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
    grades: dict[str, str] = {}
    statutory: dict[str, str] = {}
    fields: dict[str, SubField] = {}
    photos: int = 0
    group: str = ""
    applies_when: dict[str, list[str] | str] = {}


class Template(Value, frozen=True):
    """A checklist in one version."""

    code: str
    version: str
    name_zh: str
    name_en: str
    items: tuple[Item, ...]
    min_photos: int = 0
    expected_minutes: int = 30

    @property
    def ref(self) -> str:
        """`code@version`, as operations name it."""
        return f"{self.code}@{self.version}"
