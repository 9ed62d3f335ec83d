"""What costs at a hundred thousand clocks and a million premises: checks of keys that only the fold
and the levelling write, and a due list that sorted a whole month for every page."""

from alembic import op

revision = "a0012"
down_revision = "a0011"
branch_labels = None
depends_on = None

DERIVED = {
    "commitment_stage": ("commitment_id", "unit_id"),
    "commitment_warning": ("commitment_id", "unit_id"),
    "cycle_plan": ("premises_id", "unit_id"),
}


def upgrade() -> None:
    """One statement at a time."""
    for table, columns in DERIVED.items():
        for column in columns:
            op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_fkey")
    op.execute("DROP INDEX premises_due_idx")
    op.execute("CREATE INDEX premises_due_idx ON premises (unit_id, inspection_due_on, id)")
