"""The first schema, frozen in the SQL file beside this one."""

from pathlib import Path

from alembic import op

revision = "a0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates everything. Statements are parted by an empty line, since asyncpg takes one at a time."""
    script = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    for statement in script.strip().split("\n\n"):
        op.execute(statement)
