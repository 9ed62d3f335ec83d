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
    whole("facts_told", optional=True),
    text("facts_head", optional=True),
    text("facts_seal", optional=True),
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
    # two: both are there at one instant, or nobody is sent
    whole("people", default=1),
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
    day("level_on", optional=True),
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
    # the second technician, where the work is for two; has a stop beside the first one's
    sa.Column("second_id", sa.Uuid(), nullable=True),
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
    # soft rules that a dispatcher overruled for this visit, and why
    sa.Column("accepted", ARRAY(sa.Text), nullable=False, server_default="{}"),
    text("accepted_reason", optional=True),
    sa.Index("visit_technician_idx", "technician_id", "on_day"),
    sa.Index("visit_second_idx", "second_id", "on_day"),
    sa.Index("visit_day_idx", "unit_id", "on_day"),
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
    whole("attempts", default=0),
    sa.Column("progress", sa.Double, nullable=False, server_default="0"),
    sa.Column("best_cost", sa.Double, nullable=True),
    flag("stop_asked"),
    instant("requested_at"),
    instant("finished_at", optional=True),
    instant("published_at", optional=True),
    sa.Index("plan_day_idx", "unit_id", "on_day", "requested_at"),
)

# A technician's place in a published plan, or a slot that was sold and holds a place for a work
# order until its day is planned; written by publishing, moves and bookings. Nobody is in two places
# at once, and no slot is sold twice.
stop = sa.Table(
    "stop",
    metadata,
    key(),
    unit(),
    to("plan", optional=True),
    to("visit", optional=True),
    to("work_order", optional=True),
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
    sa.CheckConstraint("num_nonnulls(visit_id, work_order_id) = 1", name="one_holder"),
    sa.Index("stop_visit_idx", "visit_id"),
    sa.Index("stop_work_order_idx", "work_order_id"),
    sa.Index("stop_technician_idx", "technician_id", "arrive_at"),
)

# How often a unit's day has changed; bumped by whatever changes the day, so that a board can tell
# that it is out of date.
board_day = sa.Table(
    "board_day",
    metadata,
    sa.Column("unit_id", sa.Text, sa.ForeignKey("unit.id"), primary_key=True),
    sa.Column("on_day", sa.Date, primary_key=True),
    whole("version"),
)

# One change of a day with everything it changed: what a stale screen is told, and what is undone.
# Written by moves, events, publishing and bookings; never changed but for `undone_by`.
day_change = sa.Table(
    "day_change",
    metadata,
    key(),
    unit(),
    day("on_day"),
    whole("version"),
    text("kind"),
    text("subject", optional=True),
    text("actor"),
    instant("at"),
    text("reason", default=""),
    sa.Column("accepted", ARRAY(sa.Text), nullable=False, server_default="{}"),
    document("changes", default="[]"),
    sa.Column("undone_by", sa.Uuid, nullable=True),
    sa.UniqueConstraint("unit_id", "on_day", "version"),
)

# How slow an area is at an hour against the unit's usual speed, learned from done visits.
speed = sa.Table(
    "speed",
    metadata,
    sa.Column("unit_id", sa.Text, sa.ForeignKey("unit.id"), primary_key=True),
    sa.Column("area", sa.Text, primary_key=True),
    sa.Column("hour", sa.BigInteger, primary_key=True),
    sa.Column("kmh", sa.Double, nullable=False),
    whole("samples"),
    instant("learned_at"),
)

# What a road service told of the ways between a unit's places: packed squares of seconds and
# metres, -1 where it told nothing. Written by plan runs; the live day reads it.
road_table = sa.Table(
    "road_table",
    metadata,
    sa.Column("unit_id", sa.Text, sa.ForeignKey("unit.id"), primary_key=True),
    text("provider"),
    sa.Column("places", sa.LargeBinary, nullable=False),
    sa.Column("seconds", sa.LargeBinary, nullable=False),
    sa.Column("metres", sa.LargeBinary, nullable=False),
    instant("since"),
    instant("told_at"),
)
