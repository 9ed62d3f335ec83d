"""Workflows of a unit, and the recorded facts of cases that walk one."""

from alembic import op

revision = "a0002"
down_revision = "a0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds two tables."""
    op.execute("""
CREATE TABLE workflow (
    unit_id TEXT NOT NULL,
    code TEXT NOT NULL,
    version TEXT NOT NULL,
    body JSONB DEFAULT '{}' NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE NOT NULL,
    published_by TEXT NOT NULL,
    CONSTRAINT workflow_pkey PRIMARY KEY (unit_id, code, version),
    CONSTRAINT workflow_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)""")
    op.execute("""
CREATE TABLE case_event (
    case_id UUID NOT NULL,
    n BIGINT NOT NULL,
    unit_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    body JSONB DEFAULT '{}' NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    CONSTRAINT case_event_pkey PRIMARY KEY (case_id, n),
    CONSTRAINT case_event_case_id_fkey FOREIGN KEY(case_id) REFERENCES "case" (id),
    CONSTRAINT case_event_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)""")
