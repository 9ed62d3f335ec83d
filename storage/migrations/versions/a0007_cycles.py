"""The levelled plan of inspections."""

from alembic import op

revision = "a0007"
down_revision = "a0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds one table."""
    op.execute("""
CREATE TABLE cycle_plan (
    premises_id UUID NOT NULL,
    kind TEXT NOT NULL,
    unit_id TEXT NOT NULL,
    due_on DATE NOT NULL,
    planned_on DATE NOT NULL,
    place TEXT NOT NULL,
    CONSTRAINT cycle_plan_pkey PRIMARY KEY (premises_id, kind),
    CONSTRAINT cycle_plan_premises_id_fkey FOREIGN KEY(premises_id) REFERENCES premises (id),
    CONSTRAINT cycle_plan_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)""")
    op.execute(
        "CREATE INDEX cycle_plan_day_idx"
        " ON cycle_plan (unit_id, kind, planned_on, premises_id)"
    )
