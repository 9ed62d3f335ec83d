"""Work for two people, and who comes along."""

from alembic import op

revision = "a0015"
down_revision = "a0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One statement at a time; the version before it goes on with one person."""
    op.execute("ALTER TABLE work_order ADD COLUMN people BIGINT DEFAULT '1' NOT NULL")
    op.execute("ALTER TABLE visit ADD COLUMN second_id UUID")
    op.execute("CREATE INDEX visit_second_idx ON visit (second_id, on_day)")
