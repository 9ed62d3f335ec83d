"""Notifications with a receiver and a next attempt, and the systems that want to hear.

Nothing ever wrote to the old `outbox`, so nothing is carried over.
"""

from pathlib import Path

from alembic import op

revision = "a0003"
down_revision = "a0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Statements are parted by an empty line, since asyncpg takes one at a time."""
    script = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    for statement in script.strip().split("\n\n"):
        op.execute(statement)
