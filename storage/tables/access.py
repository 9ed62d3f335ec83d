"""Who may come in: staff accounts, tablets, their tokens, and the record of what was done."""

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
)

# A member of staff who signs in; written by administrators.
account = sa.Table(
    "account",
    metadata,
    key(),
    unit(),
    text("login"),
    text("name"),
    text("password_hash"),
    text("role"),
    to("technician", optional=True),
    flag("active", default=True),
    # who this is at the company's identity provider; and the grids this person is limited to, if any
    text("subject", optional=True),
    sa.Column("grids", ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.UniqueConstraint("login"),
    sa.UniqueConstraint("subject"),
)

# One install of the app; written by enrolment, sign-ins and pushes.
tablet = sa.Table(
    "tablet",
    metadata,
    key(),
    unit(),
    to("technician"),
    text("label"),
    text("state", default="active"),
    text("revoked_reason", optional=True),
    text("public_key", optional=True),
    instant("enrolled_at"),
    instant("seen_at", optional=True),
    whole("last_n", default=0),
    whole("unsent", optional=True),
    whole("offset_ms", optional=True),
    document("clock"),
)

# A single-use code that turns an install into a tablet; written by dispatchers, spent by tablets.
enrolment_code = sa.Table(
    "enrolment_code",
    metadata,
    sa.Column("code_hash", sa.Text, primary_key=True),
    unit(),
    to("technician"),
    instant("expires_at"),
    whole("tries", default=0),
    instant("used_at", optional=True),
)

# The hash of an opaque token; written by sign-in and enrolment. The token itself is never stored.
token = sa.Table(
    "token",
    metadata,
    sa.Column("hash", sa.Text, primary_key=True),
    unit(),
    text("kind"),
    sa.Column("family", sa.Uuid(), nullable=False),
    to("account", optional=True),
    to("tablet", optional=True),
    instant("expires_at"),
    instant("used_at", optional=True),
    instant("revoked_at", optional=True),
    sa.Index("token_family_idx", "family"),
)

# Failed sign-ins, so that guessing is slowed down in every process alike; written by sign-in.
sign_in_failure = sa.Table(
    "sign_in_failure",
    metadata,
    sa.Column("subject", sa.Text, primary_key=True),
    whole("failures", default=0),
    instant("last_at"),
)

# What people and the system did, hash-chained by unit; appended by every shell that changes
# something.
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("unit_id", sa.Text, sa.ForeignKey("unit.id"), primary_key=True),
    sa.Column("n", sa.BigInteger, primary_key=True),
    instant("at"),
    text("actor"),
    text("action"),
    text("subject"),
    document("detail"),
    text("previous_hash"),
    text("hash"),
)

# A process that takes plan runs, sweeps and notices; it says that it lives by writing here.
worker = sa.Table(
    "worker",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    instant("seen_at"),
    text("doing"),
)
