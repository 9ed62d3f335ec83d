CREATE EXTENSION IF NOT EXISTS btree_gist

CREATE TABLE server_epoch (
    id SMALLSERIAL NOT NULL,
    epoch UUID NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT server_epoch_pkey PRIMARY KEY (id)
)

CREATE TABLE sign_in_failure (
    subject TEXT NOT NULL,
    failures BIGINT DEFAULT '0' NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT sign_in_failure_pkey PRIMARY KEY (subject)
)

CREATE TABLE template (
    code TEXT NOT NULL,
    version TEXT NOT NULL,
    body JSONB DEFAULT '{}' NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT template_pkey PRIMARY KEY (code, version)
)

CREATE TABLE unit (
    id TEXT NOT NULL,
    name_zh TEXT NOT NULL,
    timezone TEXT DEFAULT 'Asia/Shanghai' NOT NULL,
    settings JSONB DEFAULT '{}' NOT NULL,
    CONSTRAINT unit_pkey PRIMARY KEY (id)
)

CREATE TABLE worker (
    id TEXT NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    doing TEXT NOT NULL,
    CONSTRAINT worker_pkey PRIMARY KEY (id)
)

CREATE TABLE attachment (
    unit_id TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    state TEXT NOT NULL,
    media_type TEXT,
    size_bytes BIGINT,
    declared_at TIMESTAMP WITH TIME ZONE NOT NULL,
    verified_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT attachment_pkey PRIMARY KEY (unit_id, sha256),
    CONSTRAINT attachment_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)

CREATE TABLE audit (
    unit_id TEXT NOT NULL,
    n BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail JSONB DEFAULT '{}' NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    CONSTRAINT audit_pkey PRIMARY KEY (unit_id, n),
    CONSTRAINT audit_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)

CREATE TABLE calendar_day (
    unit_id TEXT NOT NULL,
    on_day DATE NOT NULL,
    layer TEXT NOT NULL,
    working BOOLEAN DEFAULT 'false' NOT NULL,
    source TEXT NOT NULL,
    CONSTRAINT calendar_day_pkey PRIMARY KEY (unit_id, on_day, layer),
    CONSTRAINT calendar_day_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)

CREATE TABLE conflict (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    record_id UUID NOT NULL,
    field TEXT NOT NULL,
    policy TEXT NOT NULL,
    values JSONB DEFAULT '{}' NOT NULL,
    status TEXT NOT NULL,
    auto_resolved BOOLEAN DEFAULT 'false' NOT NULL,
    resolution JSONB,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    closed_by TEXT,
    CONSTRAINT conflict_pkey PRIMARY KEY (id),
    CONSTRAINT conflict_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)

CREATE INDEX conflict_open_idx ON conflict (unit_id, status, opened_at)

CREATE INDEX conflict_record_idx ON conflict (record_id)

CREATE TABLE customer (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    name TEXT NOT NULL,
    phone TEXT,
    CONSTRAINT customer_pkey PRIMARY KEY (id),
    CONSTRAINT customer_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)

CREATE TABLE field_history (
    n BIGINT GENERATED ALWAYS AS IDENTITY,
    unit_id TEXT NOT NULL,
    record_id UUID NOT NULL,
    field TEXT NOT NULL,
    value JSONB,
    version BIGINT,
    author TEXT NOT NULL,
    reason TEXT NOT NULL,
    operation_id UUID,
    observed_at TIMESTAMP WITH TIME ZONE,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT field_history_pkey PRIMARY KEY (n),
    CONSTRAINT field_history_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)

CREATE INDEX field_history_record_idx ON field_history (record_id, field)

CREATE TABLE grid (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    code TEXT NOT NULL,
    CONSTRAINT grid_pkey PRIMARY KEY (id),
    CONSTRAINT grid_unit_id_code_key UNIQUE (unit_id, code),
    CONSTRAINT grid_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)

CREATE TABLE import_run (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    source TEXT NOT NULL,
    report JSONB DEFAULT '{}' NOT NULL,
    CONSTRAINT import_run_pkey PRIMARY KEY (id),
    CONSTRAINT import_run_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)

CREATE TABLE outbox (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    attempts BIGINT DEFAULT '0' NOT NULL,
    CONSTRAINT outbox_pkey PRIMARY KEY (id),
    CONSTRAINT outbox_kind_subject_key UNIQUE (kind, subject),
    CONSTRAINT outbox_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)

CREATE INDEX outbox_open_idx ON outbox (created_at) WHERE sent_at IS NULL

CREATE TABLE plan (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    on_day DATE NOT NULL,
    state TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    seed BIGINT NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    engine TEXT NOT NULL,
    problem JSONB,
    answer JSONB,
    report JSONB DEFAULT '{}' NOT NULL,
    requested_by TEXT NOT NULL,
    worker TEXT,
    lease_until TIMESTAMP WITH TIME ZONE,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    published_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT plan_pkey PRIMARY KEY (id),
    CONSTRAINT plan_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)

CREATE INDEX plan_day_idx ON plan (unit_id, on_day, requested_at)

CREATE TABLE rule (
    unit_id TEXT NOT NULL,
    code TEXT NOT NULL,
    version TEXT NOT NULL,
    clause TEXT NOT NULL,
    body JSONB DEFAULT '{}' NOT NULL,
    effective_from DATE,
    effective_to DATE,
    CONSTRAINT rule_pkey PRIMARY KEY (unit_id, code, version),
    CONSTRAINT rule_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)

CREATE TABLE technician (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    number TEXT NOT NULL,
    name TEXT NOT NULL,
    phone TEXT,
    station TEXT,
    latitude DOUBLE PRECISION,
    longitude DOUBLE PRECISION,
    skills TEXT[] DEFAULT '{}' NOT NULL,
    grids TEXT[] DEFAULT '{}' NOT NULL,
    shift_opens TIME WITHOUT TIME ZONE NOT NULL,
    shift_closes TIME WITHOUT TIME ZONE NOT NULL,
    lunch_opens TIME WITHOUT TIME ZONE,
    lunch_closes TIME WITHOUT TIME ZONE,
    vehicle TEXT,
    active BOOLEAN DEFAULT 'true' NOT NULL,
    row_hash TEXT NOT NULL,
    CONSTRAINT technician_pkey PRIMARY KEY (id),
    CONSTRAINT technician_unit_id_number_key UNIQUE (unit_id, number),
    CONSTRAINT technician_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)

CREATE TABLE account (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    login TEXT NOT NULL,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL,
    technician_id UUID,
    active BOOLEAN DEFAULT 'true' NOT NULL,
    CONSTRAINT account_pkey PRIMARY KEY (id),
    CONSTRAINT account_login_key UNIQUE (login),
    CONSTRAINT account_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
    CONSTRAINT account_technician_id_fkey FOREIGN KEY(technician_id) REFERENCES technician (id)
)

CREATE TABLE certificate (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    technician_id UUID NOT NULL,
    skill TEXT NOT NULL,
    valid_until DATE,
    CONSTRAINT certificate_pkey PRIMARY KEY (id),
    CONSTRAINT certificate_technician_id_skill_key UNIQUE (technician_id, skill),
    CONSTRAINT certificate_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
    CONSTRAINT certificate_technician_id_fkey FOREIGN KEY(technician_id) REFERENCES technician (id)
)

CREATE TABLE enrolment_code (
    code_hash TEXT NOT NULL,
    unit_id TEXT NOT NULL,
    technician_id UUID NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    tries BIGINT DEFAULT '0' NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT enrolment_code_pkey PRIMARY KEY (code_hash),
    CONSTRAINT enrolment_code_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
    CONSTRAINT enrolment_code_technician_id_fkey FOREIGN KEY(technician_id) REFERENCES technician (id)
)

CREATE TABLE mailbox (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    technician_id UUID,
    position BIGINT DEFAULT '0' NOT NULL,
    CONSTRAINT mailbox_pkey PRIMARY KEY (id),
    CONSTRAINT mailbox_unit_id_kind_technician_id_key UNIQUE NULLS NOT DISTINCT (unit_id, kind, technician_id),
    CONSTRAINT mailbox_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
    CONSTRAINT mailbox_technician_id_fkey FOREIGN KEY(technician_id) REFERENCES technician (id)
)

CREATE TABLE premises (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    account TEXT NOT NULL,
    customer_id UUID,
    grid_id UUID,
    address TEXT NOT NULL,
    address_given TEXT NOT NULL,
    customer_class TEXT NOT NULL,
    latitude DOUBLE PRECISION,
    longitude DOUBLE PRECISION,
    place_given JSONB,
    first_gas_on DATE,
    last_inspection_on DATE,
    last_inspection_result TEXT,
    inspection_due_on DATE,
    supply_state TEXT DEFAULT 'on' NOT NULL,
    marks TEXT[] DEFAULT '{}' NOT NULL,
    row_hash TEXT NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    CONSTRAINT premises_pkey PRIMARY KEY (id),
    CONSTRAINT premises_unit_id_account_key UNIQUE (unit_id, account),
    CONSTRAINT premises_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
    CONSTRAINT premises_customer_id_fkey FOREIGN KEY(customer_id) REFERENCES customer (id),
    CONSTRAINT premises_grid_id_fkey FOREIGN KEY(grid_id) REFERENCES grid (id)
)

CREATE INDEX premises_due_idx ON premises (unit_id, inspection_due_on)

CREATE TABLE shift (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    technician_id UUID NOT NULL,
    on_day DATE NOT NULL,
    kind TEXT NOT NULL,
    opens_at TIMESTAMP WITH TIME ZONE,
    closes_at TIMESTAMP WITH TIME ZONE,
    reason TEXT,
    CONSTRAINT shift_pkey PRIMARY KEY (id),
    CONSTRAINT shift_technician_id_on_day_key UNIQUE (technician_id, on_day),
    CONSTRAINT shift_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
    CONSTRAINT shift_technician_id_fkey FOREIGN KEY(technician_id) REFERENCES technician (id)
)

CREATE TABLE tablet (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    technician_id UUID NOT NULL,
    label TEXT NOT NULL,
    state TEXT DEFAULT 'active' NOT NULL,
    revoked_reason TEXT,
    public_key TEXT,
    enrolled_at TIMESTAMP WITH TIME ZONE NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE,
    last_n BIGINT DEFAULT '0' NOT NULL,
    unsent BIGINT,
    offset_ms BIGINT,
    clock JSONB DEFAULT '{}' NOT NULL,
    CONSTRAINT tablet_pkey PRIMARY KEY (id),
    CONSTRAINT tablet_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
    CONSTRAINT tablet_technician_id_fkey FOREIGN KEY(technician_id) REFERENCES technician (id)
)

CREATE TABLE appliance (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    premises_id UUID NOT NULL,
    kind TEXT NOT NULL,
    brand TEXT,
    model TEXT,
    serial TEXT,
    made_on DATE,
    CONSTRAINT appliance_pkey PRIMARY KEY (id),
    CONSTRAINT appliance_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
    CONSTRAINT appliance_premises_id_fkey FOREIGN KEY(premises_id) REFERENCES premises (id)
)

CREATE INDEX appliance_premises_idx ON appliance (premises_id)

CREATE TABLE "case" (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    number TEXT NOT NULL,
    kind TEXT NOT NULL,
    channel TEXT NOT NULL,
    premises_id UUID,
    description TEXT DEFAULT '' NOT NULL,
    state TEXT DEFAULT 'open' NOT NULL,
    facts JSONB DEFAULT '{}' NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    registered_at TIMESTAMP WITH TIME ZONE NOT NULL,
    reason TEXT,
    tracking_code TEXT,
    CONSTRAINT case_pkey PRIMARY KEY (id),
    CONSTRAINT case_unit_id_number_key UNIQUE (unit_id, number),
    CONSTRAINT case_tracking_code_key UNIQUE (tracking_code),
    CONSTRAINT case_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
    CONSTRAINT case_premises_id_fkey FOREIGN KEY(premises_id) REFERENCES premises (id)
)

CREATE INDEX case_premises_idx ON "case" (premises_id)

CREATE TABLE meter (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    premises_id UUID NOT NULL,
    serial TEXT NOT NULL,
    class TEXT NOT NULL,
    in_service_on DATE,
    CONSTRAINT meter_pkey PRIMARY KEY (id),
    CONSTRAINT meter_unit_id_premises_id_serial_key UNIQUE (unit_id, premises_id, serial),
    CONSTRAINT meter_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
    CONSTRAINT meter_premises_id_fkey FOREIGN KEY(premises_id) REFERENCES premises (id)
)

CREATE TABLE operation (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    tablet_id UUID NOT NULL,
    n BIGINT NOT NULL,
    record_id UUID NOT NULL,
    payload_hash TEXT NOT NULL,
    payload JSONB DEFAULT '{}' NOT NULL,
    outcome TEXT NOT NULL,
    code TEXT,
    record_version BIGINT,
    observed_at TIMESTAMP WITH TIME ZONE,
    corrected_at TIMESTAMP WITH TIME ZONE,
    trust TEXT NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT operation_pkey PRIMARY KEY (id),
    CONSTRAINT operation_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
    CONSTRAINT operation_tablet_id_fkey FOREIGN KEY(tablet_id) REFERENCES tablet (id)
)

CREATE INDEX operation_held_idx ON operation (record_id) WHERE outcome = 'held'

CREATE INDEX operation_record_idx ON operation (record_id)

CREATE INDEX operation_tablet_idx ON operation (tablet_id, n)

CREATE INDEX operation_waits_idx ON operation (tablet_id) WHERE outcome = 'held'

CREATE TABLE quarantine (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    tablet_id UUID NOT NULL,
    operation_id UUID,
    code TEXT NOT NULL,
    payload BYTEA NOT NULL,
    payload_hash TEXT NOT NULL,
    status TEXT DEFAULT 'open' NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE,
    decided_by TEXT,
    reason TEXT,
    CONSTRAINT quarantine_pkey PRIMARY KEY (id),
    CONSTRAINT quarantine_tablet_id_payload_hash_key UNIQUE (tablet_id, payload_hash),
    CONSTRAINT quarantine_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
    CONSTRAINT quarantine_tablet_id_fkey FOREIGN KEY(tablet_id) REFERENCES tablet (id)
)

CREATE INDEX quarantine_open_idx ON quarantine (unit_id, status, received_at)

CREATE TABLE token (
    hash TEXT NOT NULL,
    unit_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    family UUID NOT NULL,
    account_id UUID,
    tablet_id UUID,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT token_pkey PRIMARY KEY (hash),
    CONSTRAINT token_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
    CONSTRAINT token_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id),
    CONSTRAINT token_tablet_id_fkey FOREIGN KEY(tablet_id) REFERENCES tablet (id)
)

CREATE INDEX token_family_idx ON token (family)

CREATE TABLE upload (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    tablet_id UUID NOT NULL,
    sha256 TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    offset_bytes BIGINT DEFAULT '0' NOT NULL,
    pieces BIGINT[] DEFAULT '{}' NOT NULL,
    state TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT upload_pkey PRIMARY KEY (id),
    CONSTRAINT upload_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
    CONSTRAINT upload_tablet_id_fkey FOREIGN KEY(tablet_id) REFERENCES tablet (id)
)

CREATE TABLE work_order (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    case_id UUID,
    premises_id UUID NOT NULL,
    number TEXT NOT NULL,
    kind TEXT NOT NULL,
    template TEXT NOT NULL,
    skills TEXT[] NOT NULL,
    duration_seconds BIGINT NOT NULL,
    tier TEXT NOT NULL,
    state TEXT DEFAULT 'registered' NOT NULL,
    window_opens TIMESTAMP WITH TIME ZONE,
    window_closes TIMESTAMP WITH TIME ZONE,
    earliest_at TIMESTAMP WITH TIME ZONE,
    due_at TIMESTAMP WITH TIME ZONE,
    technician_id UUID,
    attempts BIGINT DEFAULT '0' NOT NULL,
    facts JSONB DEFAULT '{}' NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    CONSTRAINT work_order_pkey PRIMARY KEY (id),
    CONSTRAINT work_order_unit_id_number_key UNIQUE (unit_id, number),
    CONSTRAINT work_order_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
    CONSTRAINT work_order_case_id_fkey FOREIGN KEY(case_id) REFERENCES "case" (id),
    CONSTRAINT work_order_premises_id_fkey FOREIGN KEY(premises_id) REFERENCES premises (id),
    CONSTRAINT work_order_technician_id_fkey FOREIGN KEY(technician_id) REFERENCES technician (id)
)

CREATE INDEX work_order_case_idx ON work_order (case_id)

CREATE INDEX work_order_open_idx ON work_order (unit_id, state, due_at)

CREATE INDEX work_order_premises_idx ON work_order (premises_id)

CREATE TABLE commitment (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    rule_code TEXT NOT NULL,
    rule_version TEXT NOT NULL,
    clause TEXT NOT NULL,
    case_id UUID,
    premises_id UUID,
    work_order_id UUID,
    facts JSONB DEFAULT '{}' NOT NULL,
    state TEXT NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    due_on DATE,
    provisional BOOLEAN DEFAULT 'false' NOT NULL,
    stopped_at TIMESTAMP WITH TIME ZONE,
    wake_at TIMESTAMP WITH TIME ZONE,
    events BIGINT DEFAULT '0' NOT NULL,
    head_hash TEXT DEFAULT '' NOT NULL,
    verdict JSONB DEFAULT '{}' NOT NULL,
    CONSTRAINT commitment_pkey PRIMARY KEY (id),
    CONSTRAINT commitment_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
    CONSTRAINT commitment_case_id_fkey FOREIGN KEY(case_id) REFERENCES "case" (id),
    CONSTRAINT commitment_premises_id_fkey FOREIGN KEY(premises_id) REFERENCES premises (id),
    CONSTRAINT commitment_work_order_id_fkey FOREIGN KEY(work_order_id) REFERENCES work_order (id)
)

CREATE INDEX commitment_board_idx ON commitment (unit_id, clause, state)

CREATE INDEX commitment_case_idx ON commitment (case_id)

CREATE INDEX commitment_premises_idx ON commitment (premises_id)

CREATE INDEX commitment_wake_idx ON commitment (wake_at) WHERE wake_at IS NOT NULL

CREATE INDEX commitment_work_order_idx ON commitment (work_order_id)

CREATE TABLE visit (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    work_order_id UUID NOT NULL,
    premises_id UUID NOT NULL,
    technician_id UUID,
    on_day DATE,
    attempt BIGINT DEFAULT '1' NOT NULL,
    state TEXT DEFAULT 'dispatched' NOT NULL,
    outcome TEXT,
    template TEXT NOT NULL,
    pinned BOOLEAN DEFAULT 'false' NOT NULL,
    pending_decision BOOLEAN DEFAULT 'false' NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    certification TEXT DEFAULT 'open' NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    CONSTRAINT visit_pkey PRIMARY KEY (id),
    CONSTRAINT visit_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
    CONSTRAINT visit_work_order_id_fkey FOREIGN KEY(work_order_id) REFERENCES work_order (id),
    CONSTRAINT visit_premises_id_fkey FOREIGN KEY(premises_id) REFERENCES premises (id),
    CONSTRAINT visit_technician_id_fkey FOREIGN KEY(technician_id) REFERENCES technician (id)
)

CREATE INDEX visit_premises_idx ON visit (premises_id)

CREATE INDEX visit_technician_idx ON visit (technician_id, on_day)

CREATE INDEX visit_work_order_idx ON visit (work_order_id)

CREATE TABLE attachment_use (
    unit_id TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    record_id UUID NOT NULL,
    field TEXT NOT NULL,
    visit_id UUID,
    CONSTRAINT attachment_use_pkey PRIMARY KEY (sha256, record_id, field),
    CONSTRAINT attachment_use_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
    CONSTRAINT attachment_use_visit_id_fkey FOREIGN KEY(visit_id) REFERENCES visit (id)
)

CREATE INDEX attachment_use_visit_idx ON attachment_use (visit_id)

CREATE TABLE commitment_event (
    commitment_id UUID NOT NULL,
    n BIGINT NOT NULL,
    unit_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    observed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    source_key TEXT NOT NULL,
    body JSONB DEFAULT '{}' NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    CONSTRAINT commitment_event_pkey PRIMARY KEY (commitment_id, n),
    CONSTRAINT commitment_event_commitment_id_source_key_key UNIQUE (commitment_id, source_key),
    CONSTRAINT commitment_event_commitment_id_fkey FOREIGN KEY(commitment_id) REFERENCES commitment (id),
    CONSTRAINT commitment_event_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)

CREATE TABLE commitment_stage (
    commitment_id UUID NOT NULL,
    stage TEXT NOT NULL,
    unit_id TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    noticed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT commitment_stage_pkey PRIMARY KEY (commitment_id, stage),
    CONSTRAINT commitment_stage_commitment_id_fkey FOREIGN KEY(commitment_id) REFERENCES commitment (id),
    CONSTRAINT commitment_stage_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)

CREATE TABLE hazard (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    premises_id UUID NOT NULL,
    visit_id UUID,
    item TEXT NOT NULL,
    grade TEXT NOT NULL,
    statutory TEXT,
    state TEXT NOT NULL,
    found_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    closed_at TIMESTAMP WITH TIME ZONE,
    body JSONB DEFAULT '{}' NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    CONSTRAINT hazard_pkey PRIMARY KEY (id),
    CONSTRAINT hazard_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
    CONSTRAINT hazard_premises_id_fkey FOREIGN KEY(premises_id) REFERENCES premises (id),
    CONSTRAINT hazard_visit_id_fkey FOREIGN KEY(visit_id) REFERENCES visit (id)
)

CREATE INDEX hazard_open_idx ON hazard (unit_id, state, due_at)

CREATE INDEX hazard_premises_idx ON hazard (premises_id, state)

CREATE TABLE record (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    visit_id UUID,
    premises_id UUID,
    version BIGINT DEFAULT '1' NOT NULL,
    fields JSONB DEFAULT '{}' NOT NULL,
    versions JSONB DEFAULT '{}' NOT NULL,
    authors JSONB DEFAULT '{}' NOT NULL,
    deleted BOOLEAN DEFAULT 'false' NOT NULL,
    CONSTRAINT record_pkey PRIMARY KEY (id),
    CONSTRAINT record_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
    CONSTRAINT record_visit_id_fkey FOREIGN KEY(visit_id) REFERENCES visit (id),
    CONSTRAINT record_premises_id_fkey FOREIGN KEY(premises_id) REFERENCES premises (id)
)

CREATE INDEX record_premises_idx ON record (premises_id, kind)

CREATE INDEX record_visit_idx ON record (visit_id)

CREATE TABLE stop (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    plan_id UUID,
    visit_id UUID NOT NULL,
    technician_id UUID NOT NULL,
    rank BIGINT NOT NULL,
    during TSTZRANGE NOT NULL,
    arrive_at TIMESTAMP WITH TIME ZONE NOT NULL,
    travel_seconds BIGINT DEFAULT '0' NOT NULL,
    travel_metres BIGINT DEFAULT '0' NOT NULL,
    released BOOLEAN DEFAULT 'false' NOT NULL,
    CONSTRAINT stop_pkey PRIMARY KEY (id),
    CONSTRAINT stop_one_place_at_a_time EXCLUDE USING gist (technician_id WITH =, during WITH &&) WHERE (NOT released),
    CONSTRAINT stop_during_not_empty_check CHECK (NOT isempty(during)),
    CONSTRAINT stop_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
    CONSTRAINT stop_plan_id_fkey FOREIGN KEY(plan_id) REFERENCES plan (id),
    CONSTRAINT stop_visit_id_fkey FOREIGN KEY(visit_id) REFERENCES visit (id),
    CONSTRAINT stop_technician_id_fkey FOREIGN KEY(technician_id) REFERENCES technician (id)
)

CREATE INDEX stop_technician_idx ON stop (technician_id, arrive_at)

CREATE INDEX stop_visit_idx ON stop (visit_id)

CREATE TABLE mailbox_entry (
    mailbox_id UUID NOT NULL,
    record_id UUID NOT NULL,
    position BIGINT NOT NULL,
    record_version BIGINT NOT NULL,
    forget BOOLEAN DEFAULT 'false' NOT NULL,
    trail BIGINT[] DEFAULT '{}' NOT NULL,
    until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT mailbox_entry_pkey PRIMARY KEY (mailbox_id, record_id),
    CONSTRAINT mailbox_entry_mailbox_id_fkey FOREIGN KEY(mailbox_id) REFERENCES mailbox (id),
    CONSTRAINT mailbox_entry_record_id_fkey FOREIGN KEY(record_id) REFERENCES record (id)
)

CREATE UNIQUE INDEX mailbox_entry_position_key ON mailbox_entry (mailbox_id, position)

CREATE INDEX mailbox_entry_record_idx ON mailbox_entry (record_id)
