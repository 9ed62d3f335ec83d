"""Core: hashes of groups of records, by which two copies are compared without sending them."""

import hashlib
from collections.abc import Mapping


def digests(versions: Mapping[str, int], *, depth: int) -> dict[str, str]:
    """What one side says it holds: record id to version becomes group to hash."""
    groups: dict[str, list[str]] = {}
    for key in sorted(versions):
        groups.setdefault(group_of(key, depth=depth), []).append(f"{key}:{versions[key]}")
    return {name: _md5(",".join(each)) for name, each in groups.items()}


def group_of(record: str, *, depth: int) -> str:
    """The group of a record, by its id as text."""
    return _md5(record)[:depth]


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
