"""All tables by subject. Each table's comment says what a row is and who writes it."""

from storage.tables import classes
from storage.tables.access import (
    account,
    audit,
    enrolment_code,
    sign_in_failure,
    tablet,
    token,
    worker,
)
from storage.tables.base import metadata
from storage.tables.notification import outbox, webhook
from storage.tables.promise import (
    calendar_day,
    commitment,
    commitment_event,
    commitment_stage,
    commitment_warning,
    cycle_plan,
    hazard,
    heating_season,
    outage,
    outage_premises,
    premises_news,
    register_entry,
    rule,
    supply_word,
)
from storage.tables.registry import (
    appliance,
    certificate,
    customer,
    grid,
    import_run,
    meter,
    premises,
    shift,
    technician,
    unit_table,
)
from storage.tables.sync import (
    attachment,
    attachment_use,
    conflict,
    field_history,
    mailbox,
    mailbox_entry,
    operation,
    quarantine,
    record,
    server_epoch,
    template,
    upload,
)
from storage.tables.trust import position, rate_bucket, sign_in_attempt
from storage.tables.work import (
    board_day,
    case,
    case_event,
    day_change,
    plan,
    road_table,
    speed,
    stop,
    visit,
    work_order,
    workflow,
)

__all__ = [
    "account", "appliance", "attachment", "attachment_use", "audit", "board_day", "calendar_day",
    "case", "case_event", "cycle_plan",
    "certificate", "commitment", "commitment_event", "commitment_stage", "commitment_warning",
    "conflict", "customer", "day_change", "heating_season", "outage", "outage_premises",
    "register_entry",
    "enrolment_code", "field_history", "grid", "hazard", "import_run", "mailbox", "mailbox_entry",
    "metadata", "meter", "operation", "outbox", "plan", "position", "premises", "premises_news",
    "quarantine",
    "rate_bucket", "record", "road_table", "rule",
    "server_epoch", "shift", "supply_word", "sign_in_attempt", "sign_in_failure", "speed", "stop", 
    "tablet",
    "technician", "template", "token",
    "unit_table", "upload", "visit", "webhook", "work_order",
    "worker", "workflow",
]  # fmt: skip

classes.apply(metadata)
