"""What has to leave the house: notifications for customers by SMS, and facts for other systems."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from storage.tables.base import document, instant, key, metadata, text, unit, whole

# Another system that wants to hear; written by administrators.
webhook = sa.Table(
    "webhook",
    metadata,
    key(),
    unit(),
    text("url"),
    sa.Column("kinds", ARRAY(sa.Text), nullable=False),
    instant("created_at"),
    text("created_by"),
    instant("ended_at", optional=True),
)

# One notification to one receiver; gathered from what happened and sent by the worker. `receiver` is
# `sms` or the id of a webhook; `subject` names the thing and its moment, so nobody hears it twice.
outbox = sa.Table(
    "outbox",
    metadata,
    key(),
    unit(),
    text("kind"),
    text("receiver"),
    text("subject"),
    document("payload"),
    instant("created_at"),
    instant("next_at"),
    instant("sent_at", optional=True),
    instant("gave_up_at", optional=True),
    whole("attempts", default=0),
    text("last_error", optional=True),
    sa.UniqueConstraint("kind", "subject", "receiver"),
    sa.Index(
        "outbox_open_idx",
        "next_at",
        postgresql_where=sa.text("sent_at IS NULL AND gave_up_at IS NULL"),
    ),
    sa.Index("outbox_unit_idx", "unit_id", "created_at"),
)
