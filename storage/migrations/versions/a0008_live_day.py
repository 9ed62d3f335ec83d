"""The live day: versions and changes of a day, slots that were sold, runs with progress, speeds."""

from alembic import op

revision = "a0008"
down_revision = "a0007"
branch_labels = None
depends_on = None

STATEMENTS = """
ALTER TABLE work_order ADD COLUMN level_on DATE
ALTER TABLE visit ADD COLUMN accepted TEXT[] DEFAULT '{}' NOT NULL, ADD COLUMN accepted_reason TEXT
CREATE INDEX visit_day_idx ON visit (unit_id, on_day)
ALTER TABLE plan ADD COLUMN attempts BIGINT DEFAULT '0' NOT NULL, ADD COLUMN progress DOUBLE PRECISION DEFAULT '0' NOT NULL, ADD COLUMN best_cost DOUBLE PRECISION, ADD COLUMN stop_asked BOOLEAN DEFAULT false NOT NULL
ALTER TABLE stop ALTER COLUMN visit_id DROP NOT NULL, ADD COLUMN work_order_id UUID, ADD CONSTRAINT stop_work_order_id_fkey FOREIGN KEY (work_order_id) REFERENCES work_order (id), ADD CONSTRAINT stop_one_holder_check CHECK (num_nonnulls(visit_id, work_order_id) = 1)
CREATE INDEX stop_work_order_idx ON stop (work_order_id)
CREATE TABLE board_day (unit_id TEXT NOT NULL, on_day DATE NOT NULL, version BIGINT NOT NULL, CONSTRAINT board_day_pkey PRIMARY KEY (unit_id, on_day), CONSTRAINT board_day_unit_id_fkey FOREIGN KEY (unit_id) REFERENCES unit (id))
CREATE TABLE day_change (id UUID NOT NULL, unit_id TEXT NOT NULL, on_day DATE NOT NULL, version BIGINT NOT NULL, kind TEXT NOT NULL, subject TEXT, actor TEXT NOT NULL, at TIMESTAMP WITH TIME ZONE NOT NULL, reason TEXT DEFAULT '' NOT NULL, accepted TEXT[] DEFAULT '{}' NOT NULL, changes JSONB DEFAULT '[]' NOT NULL, undone_by UUID, CONSTRAINT day_change_pkey PRIMARY KEY (id), CONSTRAINT day_change_unit_id_fkey FOREIGN KEY (unit_id) REFERENCES unit (id), CONSTRAINT day_change_unit_id_on_day_version_key UNIQUE (unit_id, on_day, version))
CREATE TABLE speed (unit_id TEXT NOT NULL, area TEXT NOT NULL, hour BIGINT NOT NULL, kmh DOUBLE PRECISION NOT NULL, samples BIGINT NOT NULL, learned_at TIMESTAMP WITH TIME ZONE NOT NULL, CONSTRAINT speed_pkey PRIMARY KEY (unit_id, area, hour), CONSTRAINT speed_unit_id_fkey FOREIGN KEY (unit_id) REFERENCES unit (id))
"""


def upgrade() -> None:
    """One statement a line, since asyncpg takes one at a time."""
    for statement in STATEMENTS.strip().split("\n"):
        op.execute(statement)
