"""What a road service told of a unit's ways."""

from alembic import op

revision = "a0011"
down_revision = "a0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds one table."""
    op.execute("""
CREATE TABLE road_table (
    unit_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    places BYTEA NOT NULL,
    seconds BYTEA NOT NULL,
    metres BYTEA NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    told_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT road_table_pkey PRIMARY KEY (unit_id),
    CONSTRAINT road_table_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)""")
