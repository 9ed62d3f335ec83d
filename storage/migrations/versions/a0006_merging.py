"""What merging needs: JSON as it was written, one open hazard a place, words about the gas."""

from alembic import op

revision = "a0006"
down_revision = "a0005"
branch_labels = None
depends_on = None

STEPS = (
    *(
        f"ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT,"
        f" ALTER COLUMN {column} TYPE json USING {column}::json,"
        f" ALTER COLUMN {column} SET DEFAULT '{{}}'"
        for table, column in (
            ("record", "fields"),
            ("record", "versions"),
            ("record", "authors"),
            ("operation", "payload"),
        )
    ),
    "ALTER TABLE operation DROP CONSTRAINT operation_unit_id_fkey,"
    " DROP CONSTRAINT operation_tablet_id_fkey",
    "DROP INDEX record_visit_idx",
    "CREATE INDEX record_visit_idx ON record (visit_id) WHERE kind <> 'visit'",
    "DROP INDEX record_premises_idx",
    "CREATE INDEX record_premises_idx ON record (premises_id, kind) WHERE kind <> 'visit'",
    "DROP INDEX mailbox_entry_record_idx",
    "ALTER TABLE mailbox_entry DROP CONSTRAINT mailbox_entry_pkey,"
    " ADD CONSTRAINT mailbox_entry_pkey PRIMARY KEY (record_id, mailbox_id)",
    # found twice in one instant before this key was there: the first stays open, as bad as the worst
    "UPDATE hazard h SET grade = w.grade FROM (SELECT premises_id, item,"
    " CASE WHEN bool_or(grade = 'critical') THEN 'critical'"
    " WHEN bool_or(grade = 'major') THEN 'major' ELSE 'minor' END AS grade"
    " FROM hazard WHERE state <> 'closed' GROUP BY premises_id, item HAVING count(*) > 1) w"
    " WHERE w.premises_id = h.premises_id AND w.item = h.item AND h.state <> 'closed'",
    "UPDATE hazard h SET state = 'closed', closed_at = h.found_at FROM hazard o"
    " WHERE o.premises_id = h.premises_id AND o.item = h.item AND h.state <> 'closed'"
    " AND o.state <> 'closed' AND (o.found_at, o.id) < (h.found_at, h.id)",
    "CREATE UNIQUE INDEX hazard_found_key ON hazard (premises_id, item) WHERE state <> 'closed'",
)


def upgrade() -> None:
    """One statement at a time."""
    for step in STEPS:
        op.execute(step)
