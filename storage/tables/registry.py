"""Who and what there is: units, premises and their meters, technicians and their days."""

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

# An operating unit of the company; written by the operator. Everything belongs to one.
unit_table = sa.Table(
    "unit",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    text("name_zh"),
    text("timezone", default="Asia/Shanghai"),
    document("settings"),
)

# A patch of the service area that a technician answers for; written by the import.
grid = sa.Table(
    "grid", metadata, key(), unit(), text("code"), sa.UniqueConstraint("unit_id", "code")
)

# The person or firm that holds an account; written by the import. Personal data.
customer = sa.Table(
    "customer",
    metadata,
    key(),
    unit(),
    text("name"),
    text("phone", optional=True),
    instant("erased_at", optional=True),
)

# A place where gas is used, one a billing account; written by the import and by visits.
premises = sa.Table(
    "premises",
    metadata,
    key(),
    unit(),
    text("account"),
    to("customer", optional=True),
    to("grid", optional=True),
    text("address"),
    text("address_given"),
    text("customer_class"),
    sa.Column("latitude", sa.Double, nullable=True),
    sa.Column("longitude", sa.Double, nullable=True),
    document("place_given", optional=True),
    day("first_gas_on", optional=True),
    day("last_inspection_on", optional=True),
    text("last_inspection_result", optional=True),
    day("inspection_due_on", optional=True),
    text("supply_state", default="on"),
    sa.Column("marks", ARRAY(sa.Text), nullable=False, server_default="{}"),
    text("row_hash"),
    whole("version", default=1),
    sa.UniqueConstraint("unit_id", "account"),
    sa.Index("premises_due_idx", "unit_id", "inspection_due_on", "id"),
)

# A gas meter at premises; written by the import and by visits that exchange it.
meter = sa.Table(
    "meter",
    metadata,
    key(),
    unit(),
    to("premises"),
    text("serial"),
    text("class"),
    day("in_service_on", optional=True),
    sa.UniqueConstraint("unit_id", "premises_id", "serial"),
)

# A stove, heater or boiler at premises; written by visits.
appliance = sa.Table(
    "appliance",
    metadata,
    key(),
    unit(),
    to("premises"),
    text("kind"),
    text("brand", optional=True),
    text("model", optional=True),
    text("serial", optional=True),
    day("made_on", optional=True),
    sa.Index("appliance_premises_idx", "premises_id"),
)

# A person who visits; written by the import. Times are local times of the unit.
technician = sa.Table(
    "technician",
    metadata,
    key(),
    unit(),
    text("number"),
    text("name"),
    text("phone", optional=True),
    text("station", optional=True),
    sa.Column("latitude", sa.Double, nullable=True),
    sa.Column("longitude", sa.Double, nullable=True),
    sa.Column("skills", ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("grids", ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("shift_opens", sa.Time, nullable=False),
    sa.Column("shift_closes", sa.Time, nullable=False),
    sa.Column("lunch_opens", sa.Time, nullable=True),
    sa.Column("lunch_closes", sa.Time, nullable=True),
    text("vehicle", optional=True),
    flag("active", default=True),
    text("row_hash"),
    # since when this person agreed to be seen on the map while on duty; nobody is by default
    instant("seen_with_consent_since", optional=True),
    sa.UniqueConstraint("unit_id", "number"),
)

# The proof that a technician may do a kind of work, until a day; written by the import.
certificate = sa.Table(
    "certificate",
    metadata,
    key(),
    unit(),
    to("technician"),
    text("skill"),
    day("valid_until", optional=True),
    sa.UniqueConstraint("technician_id", "skill"),
)

# A day that differs from the usual shift: absence, standby or other hours; written by dispatchers.
shift = sa.Table(
    "shift",
    metadata,
    key(),
    unit(),
    to("technician"),
    day("on_day"),
    text("kind"),
    instant("opens_at", optional=True),
    instant("closes_at", optional=True),
    text("reason", optional=True),
    sa.UniqueConstraint("technician_id", "on_day"),
)

# One import of a company's files, with its report; written by the import.
import_run = sa.Table(
    "import_run", metadata, key(), unit(), instant("at"), text("source"), document("report")
)
