"""Every column says what it may hold about a person, and what is sensitive is treated as such."""

from storage import sealing
from storage.tables import classes, metadata

MASKED = {
    "conflict.values", "conflict.resolution", "field_history.value", "operation.payload",
    "quarantine.payload", "record.fields",
}  # fmt: skip
"""Documents of visits: names and telephone numbers in them are masked by role on the way out, and
purged by the retention of `runtime/retention`."""


def columns():
    for table in metadata.tables.values():
        for column in table.c:
            yield f"{table.name}.{column.name}", column.info.get("data")


def test_every_column_carries_a_class():
    bare = [name for name, data in columns() if data is None]
    assert not bare, f"{bare}: name them in storage/tables/classes.py"
    assert {data for _, data in columns()} == set(classes.CLASSES)


def test_what_is_sensitive_is_sealed_at_rest_or_masked_by_role():
    sensitive = {name for name, data in columns() if data == "sensitive"}
    sealed = {f"{table}.{column}" for table, column in sealing.SEALED}
    assert sensitive == sealed | MASKED
