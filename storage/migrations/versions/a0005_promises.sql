CREATE TABLE commitment_warning (
    commitment_id UUID NOT NULL,
    stage TEXT NOT NULL,
    role TEXT NOT NULL,
    unit_id TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    told_at TIMESTAMP WITH TIME ZONE NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE,
    seen_by TEXT,
    CONSTRAINT commitment_warning_pkey PRIMARY KEY (commitment_id, stage, role),
    CONSTRAINT commitment_warning_commitment_id_fkey FOREIGN KEY(commitment_id) REFERENCES commitment (id),
    CONSTRAINT commitment_warning_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)

CREATE INDEX commitment_warning_role_idx ON commitment_warning (unit_id, role, told_at)

CREATE TABLE heating_season (
    unit_id TEXT NOT NULL,
    region TEXT NOT NULL,
    season TEXT NOT NULL,
    grids TEXT[] DEFAULT '{}' NOT NULL,
    planned_start DATE NOT NULL,
    actual_start DATE,
    source TEXT NOT NULL,
    CONSTRAINT heating_season_pkey PRIMARY KEY (unit_id, region, season),
    CONSTRAINT heating_season_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)

CREATE TABLE outage (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    number TEXT NOT NULL,
    state TEXT NOT NULL,
    planned BOOLEAN DEFAULT 'false' NOT NULL,
    reason TEXT NOT NULL,
    notice JSONB,
    noticed_at TIMESTAMP WITH TIME ZONE,
    planned_opens TIMESTAMP WITH TIME ZONE,
    planned_closes TIMESTAMP WITH TIME ZONE,
    stopped_at TIMESTAMP WITH TIME ZONE,
    restored_at TIMESTAMP WITH TIME ZONE,
    premises BIGINT DEFAULT '0' NOT NULL,
    written_by TEXT NOT NULL,
    CONSTRAINT outage_pkey PRIMARY KEY (id),
    CONSTRAINT outage_unit_id_number_key UNIQUE (unit_id, number),
    CONSTRAINT outage_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)

CREATE INDEX outage_unit_idx ON outage (unit_id, state)

CREATE TABLE outage_premises (
    outage_id UUID NOT NULL,
    premises_id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    account TEXT NOT NULL,
    address TEXT NOT NULL,
    customer_class TEXT NOT NULL,
    CONSTRAINT outage_premises_pkey PRIMARY KEY (outage_id, premises_id),
    CONSTRAINT outage_premises_outage_id_fkey FOREIGN KEY(outage_id) REFERENCES outage (id),
    CONSTRAINT outage_premises_premises_id_fkey FOREIGN KEY(premises_id) REFERENCES premises (id),
    CONSTRAINT outage_premises_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)

CREATE INDEX outage_premises_premises_idx ON outage_premises (premises_id)

CREATE TABLE register_entry (
    unit_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    opens_at TIMESTAMP WITH TIME ZONE NOT NULL,
    closes_at TIMESTAMP WITH TIME ZONE,
    body JSONB DEFAULT '{}' NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    written_by TEXT NOT NULL,
    CONSTRAINT register_entry_pkey PRIMARY KEY (unit_id, kind, key),
    CONSTRAINT register_entry_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)

CREATE INDEX register_entry_at_idx ON register_entry (unit_id, kind, opens_at)
