"""Heads of chains that only who holds the key can mark, and a head for the facts of a case."""

from alembic import op

revision = "a0014"
down_revision = "a0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One statement at a time."""
    op.execute("ALTER TABLE commitment ADD COLUMN seal TEXT")
    op.execute('ALTER TABLE "case" ADD COLUMN facts_told BIGINT')
    op.execute('ALTER TABLE "case" ADD COLUMN facts_head TEXT')
    op.execute('ALTER TABLE "case" ADD COLUMN facts_seal TEXT')
    op.execute("""
UPDATE "case" c SET facts_told = e.n, facts_head = e.hash
FROM (SELECT DISTINCT ON (case_id) case_id, n, hash FROM case_event ORDER BY case_id, n DESC) e
WHERE e.case_id = c.id""")
