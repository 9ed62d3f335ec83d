"""The plan in the order of its due days."""

from alembic import op

revision = "a0013"
down_revision = "a0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One statement at a time."""
    op.execute(
        "CREATE INDEX cycle_plan_due_idx ON cycle_plan (unit_id, kind, due_on, premises_id)"
    )
