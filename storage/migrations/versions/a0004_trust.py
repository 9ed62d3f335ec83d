"""Buckets of requests, sign-ins at an identity provider, positions with consent, grids of accounts."""

from alembic import op

revision = "a0004"
down_revision = "a0003"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE account ADD COLUMN subject TEXT",
    "ALTER TABLE account ADD COLUMN grids TEXT[] DEFAULT '{}' NOT NULL",
    "ALTER TABLE account ADD CONSTRAINT account_subject_key UNIQUE (subject)",
    "ALTER TABLE customer ADD COLUMN erased_at TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE technician ADD COLUMN seen_with_consent_since TIMESTAMP WITH TIME ZONE",
    """CREATE UNLOGGED TABLE rate_bucket (
    subject TEXT NOT NULL,
    tokens DOUBLE PRECISION NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT rate_bucket_pkey PRIMARY KEY (subject))""",
    """CREATE TABLE sign_in_attempt (
    state_hash TEXT NOT NULL,
    verifier TEXT NOT NULL,
    nonce TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT sign_in_attempt_pkey PRIMARY KEY (state_hash))""",
    """CREATE TABLE position (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    technician_id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    place TEXT NOT NULL,
    coarse BOOLEAN DEFAULT 'false' NOT NULL,
    CONSTRAINT position_pkey PRIMARY KEY (id),
    CONSTRAINT position_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
    CONSTRAINT position_technician_id_fkey FOREIGN KEY(technician_id) REFERENCES technician (id))""",
    "CREATE INDEX position_technician_idx ON position (technician_id, at)",
    "CREATE INDEX position_fine_idx ON position (at) WHERE NOT coarse",
)


def upgrade() -> None:
    """New tables are empty and new columns have constant defaults: no table is rewritten."""
    for statement in STATEMENTS:
        op.execute(statement)
