"""Premises of which tablets have to be told; what is dangerous now is told once to all of them."""

from alembic import op

revision = "a0016"
down_revision = "a0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One statement at a time."""
    op.execute("""
CREATE TABLE premises_news (
    n BIGINT GENERATED ALWAYS AS IDENTITY,
    unit_id TEXT NOT NULL,
    premises_id UUID NOT NULL,
    CONSTRAINT premises_news_pkey PRIMARY KEY (n)
)""")
    op.execute("""
INSERT INTO premises_news (unit_id, premises_id)
SELECT DISTINCT unit_id, premises_id FROM hazard WHERE state <> 'closed'""")
