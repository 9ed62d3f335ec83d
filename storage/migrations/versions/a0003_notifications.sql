DROP TABLE outbox

CREATE TABLE webhook (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    url TEXT NOT NULL,
    kinds TEXT[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT webhook_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)

CREATE TABLE outbox (
    id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    receiver TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    gave_up_at TIMESTAMP WITH TIME ZONE,
    attempts BIGINT DEFAULT '0' NOT NULL,
    last_error TEXT,
    CONSTRAINT outbox_pkey PRIMARY KEY (id),
    CONSTRAINT outbox_kind_subject_receiver_key UNIQUE (kind, subject, receiver),
    CONSTRAINT outbox_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
)

CREATE INDEX outbox_open_idx ON outbox (next_at) WHERE sent_at IS NULL AND gave_up_at IS NULL

CREATE INDEX outbox_unit_idx ON outbox (unit_id, created_at)
