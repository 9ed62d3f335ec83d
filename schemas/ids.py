"""Identifiers that follow from names, so that doing the same thing twice names the same row."""

from uuid import UUID, uuid5

# a fixed point of our own; changing it would rename every row there is
DOORSTEP = UUID("6f1e0c5a-0b5e-5d1a-9a55-d00257e90001")


def named(unit_id: str, kind: str, *parts: object) -> UUID:
    """The id of the `kind` that a unit knows by these parts (an account, a number, a day).

    Version 5 (RFC 9562): the same parts give the same id in every database, so an import or an
    intake that is repeated finds its own rows instead of making new ones.
    """
    return uuid5(DOORSTEP, "/".join((unit_id, kind, *map(str, parts))))
