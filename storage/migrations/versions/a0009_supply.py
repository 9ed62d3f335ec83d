"""What tablets and office said about the gas of premises."""

from alembic import op

revision = "a0009"
down_revision = "a0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One statement at a time."""
    op.execute("""
CREATE TABLE supply_word (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    premises_id UUID NOT NULL,
    record_id UUID,
    tablet_id UUID,
    technician_id UUID,
    n BIGINT DEFAULT '0' NOT NULL,
    state TEXT NOT NULL,
    who TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    trust TEXT NOT NULL,
    decided BOOLEAN DEFAULT 'false' NOT NULL,
    CONSTRAINT supply_word_pkey PRIMARY KEY (id),
    CONSTRAINT supply_word_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
    CONSTRAINT supply_word_premises_id_fkey FOREIGN KEY(premises_id) REFERENCES premises (id),
    CONSTRAINT supply_word_tablet_id_fkey FOREIGN KEY(tablet_id) REFERENCES tablet (id),
    CONSTRAINT supply_word_technician_id_fkey FOREIGN KEY(technician_id) REFERENCES technician (id)
)""")
    op.execute("CREATE INDEX supply_word_premises_idx ON supply_word (premises_id)")
