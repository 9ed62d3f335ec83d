"""What keeps the house shut: buckets of requests, sign-ins under way, and where people were."""

import sqlalchemy as sa

from storage.tables.base import flag, instant, key, metadata, text, to, unit

# How much a caller may still ask for; written by every guarded request, worth nothing after a crash.
rate_bucket = sa.Table(
    "rate_bucket",
    metadata,
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("tokens", sa.Double, nullable=False),
    instant("at"),
    prefixes=["UNLOGGED"],
)

# A sign-in that is away at the company's identity provider; written by its beginning, taken once.
sign_in_attempt = sa.Table(
    "sign_in_attempt",
    metadata,
    sa.Column("state_hash", sa.Text, primary_key=True),
    text("verifier"),
    text("nonce"),
    instant("expires_at"),
)

# Where a technician on duty was, with consent; written by tablets, coarse after a day, then deleted.
position = sa.Table(
    "position",
    metadata,
    key(),
    unit(),
    to("technician"),
    instant("at"),
    text("place"),
    flag("coarse"),
    sa.Index("position_technician_idx", "technician_id", "at"),
    sa.Index("position_fine_idx", "at", postgresql_where=sa.text("NOT coarse")),
)
