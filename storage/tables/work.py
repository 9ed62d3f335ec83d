"""The business: cases, work orders, visits and the stops of published plans."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TSTZRANGE, ExcludeConstraint

from storage.tables.base import (
    day,
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

# One piece of business from first contact to closing; written by intake.
case = sa.Table(
    "case",
    metadata,
    key(),
    unit(),
    text("number"),
    text("kind"),
    text("channel"),
    to("premises", optional=True),
    text("description", default=""),
    text("state", default="open"),
    document("facts"),
    instant("received_at"),
    instant("registered_at"),
    text("reason", optional=True),
    text("tracking_code", optional=True),
    sa.UniqueConstraint("unit_id", "number"),
    sa.UniqueConstraint("tracking_code"),
    sa.Index("case_premises_idx", "premises_id"),
)

# A workflow that a unit may walk, in one version; written by publishing. Never changed.
workflow = sa.Table(
    "workflow",
    metadata,
    sa.Column("unit_id", sa.Text, sa.ForeignKey("unit.id"), primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    document("body"),
    instant("published_at"),
    text("published_by"),
)

# A recorded fact of a case (step, document, contract, payment, manager), hash-chained; appended by
# casework, never changed.
case_event = sa.Table(
    "case_event",
    metadata,
    sa.Column("case_id", sa.Uuid(), sa.ForeignKey("case.id"), primary_key=True),
    sa.Column("n", sa.BigInteger, primary_key=True),
    unit(),
    text("kind"),
    instant("at"),
    instant("received_at"),
    text("actor"),
    document("body"),
    text("previous_hash"),
    text("hash"),
)

# Field work at premises; written by intake, dispatchers and visits.
work_order = sa.Table(
    "work_order",
    metadata,
    key(),
    unit(),
    to("case", optional=True),
    to("premises"),
    text("number"),
    text("kind"),
    text("template"),
    sa.Column("skills", ARRAY(sa.Text), nullable=False),
    whole("duration_seconds"),
    text("tier"),
    text("state", default="registered"),
    instant("window_opens", optional=True),
    instant("window_closes", optional=True),
    instant("earliest_at", optional=True),
    instant("due_at", optional=True),
    to("technician", optional=True),
    whole("attempts", default=0),
    document("facts"),
    whole("version", default=1),
    sa.UniqueConstraint("unit_id", "number"),
    sa.Index("work_order_open_idx", "unit_id", "state", "due_at"),
    sa.Index("work_order_premises_idx", "premises_id"),
    sa.Index("work_order_case_idx", "case_id"),
)

# One attempt at a work order by one technician or crew; written by publishing and by pushes.
visit = sa.Table(
    "visit",
    metadata,
    key(),
    unit(),
    to("work_order"),
    to("premises"),
    to("technician", optional=True),
    day("on_day", optional=True),
    whole("attempt", default=1),
    text("state", default="dispatched"),
    text("outcome", optional=True),
    text("template"),
    flag("pinned"),
    flag("pending_decision"),
    instant("started_at", optional=True),
    instant("ended_at", optional=True),
    text("certification", default="open"),
    whole("version", default=1),
    sa.Index("visit_technician_idx", "technician_id", "on_day"),
    sa.Index("visit_work_order_idx", "work_order_id"),
    sa.Index("visit_premises_idx", "premises_id"),
)

# A day's plan of one unit: the request, the problem, the answer and who published it; written by
# runs.
plan = sa.Table(
    "plan",
    metadata,
    key(),
    unit(),
    day("on_day"),
    text("state"),
    text("snapshot"),
    whole("seed"),
    sa.Column("seconds", sa.Double, nullable=False),
    text("engine"),
    document("problem", optional=True),
    document("answer", optional=True),
    document("report"),
    text("requested_by"),
    text("worker", optional=True),
    instant("lease_until", optional=True),
    instant("requested_at"),
    instant("finished_at", optional=True),
    instant("published_at", optional=True),
    sa.Index("plan_day_idx", "unit_id", "on_day", "requested_at"),
)

# A technician's place in a published plan; written by publishing. Nobody is in two places at once.
stop = sa.Table(
    "stop",
    metadata,
    key(),
    unit(),
    to("plan", optional=True),
    to("visit"),
    to("technician"),
    whole("rank"),
    sa.Column("during", TSTZRANGE, nullable=False),
    instant("arrive_at"),
    whole("travel_seconds", default=0),
    whole("travel_metres", default=0),
    flag("released"),
    ExcludeConstraint(
        ("technician_id", "="),
        ("during", "&&"),
        name="stop_one_place_at_a_time",
        using="gist",
        where=sa.text("NOT released"),
    ),
    sa.CheckConstraint("NOT isempty(during)", name="during_not_empty"),
    sa.Index("stop_visit_idx", "visit_id"),
    sa.Index("stop_technician_idx", "technician_id", "arrive_at"),
)
