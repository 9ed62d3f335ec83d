"""A promise that ends at midnight was due the day before: heating seasons, contracts, extensions."""

from alembic import op

revision = "a0017"
down_revision = "a0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Only the day that lists go by; no instant and no verdict moves."""
    op.execute("""
UPDATE commitment c SET due_on = c.due_on - 1
WHERE c.due_at = (c.due_on::timestamp AT TIME ZONE 'Asia/Shanghai')
  AND (c.rule_code IN ('2d', '3d', '3e', '13c') OR EXISTS (
    SELECT 1 FROM commitment_event e WHERE e.commitment_id = c.id AND e.kind = 'amended'
      AND e.body->>'due_at' IS NOT NULL))""")
