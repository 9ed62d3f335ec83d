"""What was promised and how it went: rules, calendar, commitments, hazards."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

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

# A version of a rule that a unit runs under; written by publishing a rulebook. Never changed.
rule = sa.Table(
    "rule",
    metadata,
    sa.Column("unit_id", sa.Text, sa.ForeignKey("unit.id"), primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    text("clause"),
    document("body"),
    day("effective_from", optional=True),
    day("effective_to", optional=True),
)

# Whether a day is worked, by layer (official, provisional, operator); written by calendar imports.
calendar_day = sa.Table(
    "calendar_day",
    metadata,
    sa.Column("unit_id", sa.Text, sa.ForeignKey("unit.id"), primary_key=True),
    sa.Column("on_day", sa.Date, primary_key=True),
    sa.Column("layer", sa.Text, primary_key=True),
    flag("working"),
    text("source"),
)

# One promise in one case, with the verdict that its events fold to; written by the ledger and the
# sweep.
commitment = sa.Table(
    "commitment",
    metadata,
    key(),
    unit(),
    text("rule_code"),
    text("rule_version"),
    text("clause"),
    to("case", optional=True),
    to("premises", optional=True),
    to("work_order", optional=True),
    document("facts"),
    text("state"),
    instant("started_at"),
    instant("due_at", optional=True),
    day("due_on", optional=True),
    flag("provisional"),
    instant("stopped_at", optional=True),
    instant("wake_at", optional=True),
    whole("events", default=0),
    text("head_hash", default=""),
    text("seal", optional=True),
    document("verdict"),
    sa.Index("commitment_wake_idx", "wake_at", postgresql_where=sa.text("wake_at IS NOT NULL")),
    sa.Index("commitment_case_idx", "case_id"),
    sa.Index("commitment_premises_idx", "premises_id"),
    sa.Index("commitment_work_order_idx", "work_order_id"),
    sa.Index("commitment_board_idx", "unit_id", "clause", "state"),
)

# What happened to a commitment, hash-chained; appended by the ledger, never changed.
commitment_event = sa.Table(
    "commitment_event",
    metadata,
    sa.Column("commitment_id", sa.Uuid(), sa.ForeignKey("commitment.id"), primary_key=True),
    sa.Column("n", sa.BigInteger, primary_key=True),
    unit(),
    text("kind"),
    instant("observed_at"),
    instant("received_at"),
    text("source_key"),
    document("body"),
    text("previous_hash"),
    text("hash"),
    sa.UniqueConstraint("commitment_id", "source_key"),
)

# A stage that was reached, once: when it was true and when it was noticed; written by the sweep. No
# foreign keys here and in the next: only the fold of a locked commitment writes them, and asking for
# it once a row was a third of what the sweep cost the database.
commitment_stage = sa.Table(
    "commitment_stage",
    metadata,
    sa.Column("commitment_id", sa.Uuid(), primary_key=True),
    sa.Column("stage", sa.Text, primary_key=True),
    text("unit_id"),
    instant("at"),
    instant("noticed_at"),
)

# Who was told of a stage and when, once a role; written by the sweep, seen by that role.
commitment_warning = sa.Table(
    "commitment_warning",
    metadata,
    sa.Column("commitment_id", sa.Uuid(), primary_key=True),
    sa.Column("stage", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, primary_key=True),
    text("unit_id"),
    instant("at"),
    instant("told_at"),
    instant("seen_at", optional=True),
    text("seen_by", optional=True),
    sa.Index("commitment_warning_role_idx", "unit_id", "role", "told_at"),
)

# The heating season of a region: planned, then actual start; written by supervisors. No grids means
# the whole unit.
heating_season = sa.Table(
    "heating_season",
    metadata,
    sa.Column("unit_id", sa.Text, sa.ForeignKey("unit.id"), primary_key=True),
    sa.Column("region", sa.Text, primary_key=True),
    sa.Column("season", sa.Text, primary_key=True),
    sa.Column("grids", ARRAY(sa.Text), nullable=False, server_default="{}"),
    day("planned_start"),
    day("actual_start", optional=True),
    text("source"),
)

# Gas that was off, planned or not: what was announced and what was done; written by dispatchers.
outage = sa.Table(
    "outage",
    metadata,
    key(),
    unit(),
    text("number"),
    text("state"),
    flag("planned"),
    text("reason"),
    document("notice", optional=True),
    instant("noticed_at", optional=True),
    instant("planned_opens", optional=True),
    instant("planned_closes", optional=True),
    instant("stopped_at", optional=True),
    instant("restored_at", optional=True),
    whole("premises", default=0),
    text("written_by"),
    sa.UniqueConstraint("unit_id", "number"),
    sa.Index("outage_unit_idx", "unit_id", "state"),
)

# A premises that an outage touches, as it was when it was announced; written once.
outage_premises = sa.Table(
    "outage_premises",
    metadata,
    sa.Column("outage_id", sa.Uuid(), sa.ForeignKey("outage.id"), primary_key=True),
    sa.Column("premises_id", sa.Uuid(), sa.ForeignKey("premises.id"), primary_key=True),
    unit(),
    text("account"),
    text("address"),
    text("customer_class"),
    sa.Index("outage_premises_premises_idx", "premises_id"),
)

# A dated record that standing duties are judged from: hall openings, calls, shifts, pressures,
# quality reports, public checks, gas turned on or off; appended by staff and imports, never changed.
register_entry = sa.Table(
    "register_entry",
    metadata,
    sa.Column("unit_id", sa.Text, sa.ForeignKey("unit.id"), primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    instant("opens_at"),
    instant("closes_at", optional=True),
    document("body"),
    instant("received_at"),
    text("written_by"),
    sa.Index("register_entry_at_idx", "unit_id", "kind", "opens_at"),
)

# The day on which due work of a cycle is best done; rewritten by levelling, never history:
# no foreign keys, which cost a million look-ups each time.
cycle_plan = sa.Table(
    "cycle_plan",
    metadata,
    sa.Column("premises_id", sa.Uuid(), primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    text("unit_id"),
    day("due_on"),
    day("planned_on"),
    text("place"),
    sa.Index("cycle_plan_day_idx", "unit_id", "kind", "planned_on", "premises_id"),
    sa.Index("cycle_plan_due_idx", "unit_id", "kind", "due_on", "premises_id"),
)

# A danger found at premises and what became of it; written by pushes and safety reviewers.
hazard = sa.Table(
    "hazard",
    metadata,
    key(),
    unit(),
    to("premises"),
    to("visit", optional=True),
    text("item"),
    text("grade"),
    text("statutory", optional=True),
    text("state"),
    instant("found_at"),
    instant("due_at", optional=True),
    instant("closed_at", optional=True),
    document("body"),
    whole("version", default=1),
    sa.Index("hazard_premises_idx", "premises_id", "state"),
    # one finding a place and item until it is closed, whoever finds it in the same instant
    sa.Index(
        "hazard_found_key",
        "premises_id",
        "item",
        unique=True,
        postgresql_where=sa.text("state <> 'closed'"),
    ),
    sa.Index("hazard_open_idx", "unit_id", "state", "due_at"),
)

# What a tablet or the office said about the gas of premises; appended by push and by decisions, never
# changed. `premises.supply_state` is their fold (sync/supply.py).
supply_word = sa.Table(
    "supply_word",
    metadata,
    key(),
    unit(),
    to("premises"),
    sa.Column("record_id", sa.Uuid(), nullable=True),
    to("tablet", optional=True),
    to("technician", optional=True),
    whole("n", default=0),
    text("state"),
    text("who"),
    instant("at"),
    instant("received_at"),
    text("trust"),
    flag("decided"),
    sa.Index("supply_word_premises_idx", "premises_id"),
)

# Premises of which tablets may show what is no longer so: gas, dangers, meters. Appended by whoever
# writes one of these, and never waited for; taken away by the worker that told the tablets. No foreign
# keys, as at `operation`: it is written by pushes.
premises_news = sa.Table(
    "premises_news",
    metadata,
    sa.Column("n", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("premises_id", sa.Uuid(), nullable=False),
)
