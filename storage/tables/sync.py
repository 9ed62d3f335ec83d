"""What tablets captured, what it merged into, and what each tablet still has to hear."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from storage.tables.base import (
    document,
    flag,
    instant,
    key,
    metadata,
    text,
    to,
    unit,
    whole,
    written,
)

# One row: which life of the database this is. A restore from backup writes a new epoch.
server_epoch = sa.Table(
    "server_epoch",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True),
    sa.Column("epoch", sa.Uuid(), nullable=False),
    instant("since"),
)

# A checklist, immutable by code and version; written by publishing a template. Kept for ever.
template = sa.Table(
    "template",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    document("body"),
    instant("published_at"),
)

# Something tablets and office both write: the fold of operations and office edits; written by push
# and office.
record = sa.Table(
    "record",
    metadata,
    key(),
    unit(),
    text("kind"),
    to("visit", optional=True),
    to("premises", optional=True),
    whole("version", default=1),
    written("fields"),
    written("versions"),
    written("authors"),
    flag("deleted"),
    # a visit's own record has the visit's id: only what hangs on a visit is looked for this way
    sa.Index("record_visit_idx", "visit_id", postgresql_where=sa.text("kind <> 'visit'")),
    sa.Index(
        "record_premises_idx", "premises_id", "kind", postgresql_where=sa.text("kind <> 'visit'")
    ),
)

# What a tablet captured, exactly as sent; appended by push and never changed but for its outcome.
# No foreign keys: a push holds its tablet's row locked, and two look-ups a row were a tenth of its cost.
operation = sa.Table(
    "operation",
    metadata,
    key(),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("tablet_id", sa.Uuid(), nullable=False),
    whole("n"),
    sa.Column("record_id", sa.Uuid(), nullable=False),
    text("payload_hash"),
    written("payload"),
    text("outcome"),
    text("code", optional=True),
    whole("record_version", optional=True),
    instant("observed_at", optional=True),
    instant("corrected_at", optional=True),
    text("trust"),
    instant("received_at"),
    sa.Index("operation_tablet_idx", "tablet_id", "n"),
    sa.Index("operation_record_idx", "record_id"),
    sa.Index("operation_held_idx", "record_id", postgresql_where=sa.text("outcome = 'held'")),
    sa.Index("operation_waits_idx", "tablet_id", postgresql_where=sa.text("outcome = 'held'")),
)

# A value that lost, with who, when and why; appended by push and office edits.
field_history = sa.Table(
    "field_history",
    metadata,
    sa.Column("n", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    unit(),
    sa.Column("record_id", sa.Uuid(), nullable=False),
    text("field"),
    document("value", default=None, optional=True),
    whole("version", optional=True),
    text("author"),
    text("reason"),
    sa.Column("operation_id", sa.Uuid(), nullable=True),
    instant("observed_at", optional=True),
    instant("received_at"),
    sa.Index("field_history_record_idx", "record_id", "field"),
)

# Two values of one field that a person should see together; written by push, closed by a person.
conflict = sa.Table(
    "conflict",
    metadata,
    key(),
    unit(),
    sa.Column("record_id", sa.Uuid(), nullable=False),
    text("field"),
    text("policy"),
    document("values"),
    text("status"),
    flag("auto_resolved"),
    document("resolution", optional=True),
    instant("opened_at"),
    instant("closed_at", optional=True),
    text("closed_by", optional=True),
    sa.Index("conflict_open_idx", "unit_id", "status", "opened_at"),
    sa.Index("conflict_record_idx", "record_id"),
)

# An operation that could not be applied, with its bytes; written by push, decided by a dispatcher.
quarantine = sa.Table(
    "quarantine",
    metadata,
    key(),
    unit(),
    to("tablet"),
    sa.Column("operation_id", sa.Uuid(), nullable=True),
    text("code"),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    text("payload_hash"),
    text("status", default="open"),
    instant("received_at"),
    instant("decided_at", optional=True),
    text("decided_by", optional=True),
    text("reason", optional=True),
    sa.UniqueConstraint("tablet_id", "payload_hash"),
    sa.Index("quarantine_open_idx", "unit_id", "status", "received_at"),
    sa.Index("quarantine_operation_idx", "operation_id"),
)

# A queue of changes: one a technician, one a unit. `position` is its counter; written under its row
# lock.
mailbox = sa.Table(
    "mailbox",
    metadata,
    key(),
    unit(),
    text("kind"),
    to("technician", optional=True),
    whole("position", default=0),
    sa.UniqueConstraint("unit_id", "kind", "technician_id", postgresql_nulls_not_distinct=True),
)

# A record in a mailbox at its latest position; `trail` remembers which version earlier positions
# showed.
mailbox_entry = sa.Table(
    "mailbox_entry",
    metadata,
    # the record first: whoever changes one asks who follows it, and no second index is needed
    sa.Column("record_id", sa.Uuid(), sa.ForeignKey("record.id"), primary_key=True),
    sa.Column("mailbox_id", sa.Uuid(), sa.ForeignKey("mailbox.id"), primary_key=True),
    whole("position"),
    whole("record_version"),
    flag("forget"),
    sa.Column("trail", ARRAY(sa.BigInteger), nullable=False, server_default="{}"),
    instant("until", optional=True),
    sa.Index("mailbox_entry_position_key", "mailbox_id", "position", unique=True),
)

# A photo or signature, addressed by its SHA-256; declared by answers, verified when all bytes are
# in.
attachment = sa.Table(
    "attachment",
    metadata,
    sa.Column("unit_id", sa.Text, sa.ForeignKey("unit.id"), primary_key=True),
    sa.Column("sha256", sa.Text, primary_key=True),
    text("state"),
    text("media_type", optional=True),
    whole("size_bytes", optional=True),
    instant("declared_at"),
    instant("verified_at", optional=True),
)

# Which visit names which attachment, and for what; written by push.
attachment_use = sa.Table(
    "attachment_use",
    metadata,
    unit(),
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("record_id", sa.Uuid(), primary_key=True),
    sa.Column("field", sa.Text, primary_key=True),
    to("visit", optional=True),
    sa.Index("attachment_use_visit_idx", "visit_id"),
)

# An upload under way (tus 1.0); written by the tablet's PATCH requests.
upload = sa.Table(
    "upload",
    metadata,
    key(),
    unit(),
    to("tablet"),
    text("sha256"),
    text("media_type"),
    whole("size_bytes"),
    whole("offset_bytes", default=0),
    sa.Column("pieces", ARRAY(sa.BigInteger), nullable=False, server_default="{}"),
    text("state"),
    instant("created_at"),
    instant("expires_at"),
)
