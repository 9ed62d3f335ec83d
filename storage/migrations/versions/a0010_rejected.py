"""Operations in quarantine by their id: what was rejected stays rejected."""

from alembic import op

revision = "a0010"
down_revision = "a0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One statement at a time."""
    op.execute("CREATE INDEX quarantine_operation_idx ON quarantine (operation_id)")
