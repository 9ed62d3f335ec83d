"""Warnings, heating seasons, outages and dated records; the SQL lies beside this file."""

from pathlib import Path

from alembic import op

revision = "a0005"
down_revision = "a0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the tables. Statements are parted by an empty line, since asyncpg takes one at a time."""
    script = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    for statement in script.strip().split("\n\n"):
        op.execute(statement)
