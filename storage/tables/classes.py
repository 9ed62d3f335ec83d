"""What every column may hold about a person: public, internal, personal or sensitive.

Ids, instants, days, numbers and flags are internal by themselves; everything that could hold a word
about somebody is named here (PIPL art. 28, 51; GB/T 35273). `column.info["data"]` carries the class.
What is sensitive is sealed at rest (storage/sealing.py) or masked by role (api/masking.py).
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

CLASSES = ("public", "internal", "personal", "sensitive")
TELLING = (sa.Text, sa.JSON, ARRAY, sa.LargeBinary, sa.Double)
"""Types that could hold a word about somebody (JSONB is a JSON)."""

PUBLIC = {
    "workflow": "code version body",
    "calendar_day": "layer source",
    "heating_season": "region season grids source",
    "rule": "code version clause body",
    "template": "code version body",
    "unit": "id name_zh timezone",
}
INTERNAL = {
    "account": "role grids",
    "appliance": "kind brand model serial",
    "attachment": "sha256 state media_type",
    "attachment_use": "sha256 field",
    "audit": "action previous_hash hash",
    "case": "number kind channel state facts_head facts_seal",
    "case_event": "kind previous_hash hash",
    "certificate": "skill",
    "commitment": "rule_code rule_version clause state head_hash seal verdict",
    "commitment_event": "kind source_key previous_hash hash",
    "commitment_stage": "stage",
    "commitment_warning": "stage role",
    "conflict": "field policy status",
    "cycle_plan": "kind place",
    "day_change": "kind subject accepted",
    "enrolment_code": "code_hash",
    "field_history": "field reason",
    "grid": "code",
    "hazard": "item grade statutory state",
    "mailbox": "kind",
    "mailbox_entry": "trail",
    "meter": "serial class",
    "operation": "payload_hash outcome code trust",
    "outage": "number state reason notice",
    "outage_premises": "customer_class",
    "outbox": "kind subject last_error",
    "plan": "state snapshot seconds engine worker progress best_cost",
    "premises": "customer_class last_inspection_result supply_state marks row_hash",
    "quarantine": "code payload_hash status",
    "rate_bucket": "subject tokens",
    "record": "kind versions",
    "register_entry": "kind key",
    "road_table": "provider seconds metres",
    "shift": "kind",
    "supply_word": "state trust",
    "sign_in_attempt": "state_hash verifier nonce",
    "speed": "area kmh",
    "tablet": "label state revoked_reason public_key clock",
    "technician": "number station skills grids vehicle row_hash",
    "token": "hash kind",  # names of columns, no secret  # nosec B105
    "unit": "settings",
    "upload": "sha256 media_type pieces state",
    "visit": "state outcome template certification accepted",
    "webhook": "url kinds",
    "work_order": "number kind template skills tier state",
    "worker": "id doing",
}
PERSONAL = {
    "account": "login name password_hash subject",
    "audit": "actor subject detail",
    "case": "description facts reason tracking_code",
    "case_event": "actor body",
    "commitment": "facts",
    "commitment_event": "body",
    "commitment_warning": "seen_by",
    "conflict": "closed_by",
    "customer": "name",
    "day_change": "actor reason changes",
    "field_history": "author",
    "hazard": "body",
    "supply_word": "who",
    "import_run": "source report",
    "outage": "written_by",
    "outage_premises": "account address",
    "outbox": "payload receiver",
    "plan": "problem answer report requested_by",
    "premises": "account address address_given latitude longitude place_given",
    "quarantine": "decided_by reason",
    "record": "authors",
    "road_table": "places",
    "register_entry": "body written_by",
    "shift": "reason",
    "sign_in_failure": "subject",
    "technician": "name latitude longitude",
    "work_order": "facts",
    "visit": "accepted_reason",
    "webhook": "created_by",
    "workflow": "published_by",
}
SENSITIVE = {
    "conflict": "values resolution",
    "customer": "phone",
    "field_history": "value",
    "operation": "payload",
    "position": "place",
    "quarantine": "payload",
    "record": "fields",
    "technician": "phone",
}
_NAMED = dict(zip(CLASSES, (PUBLIC, INTERNAL, PERSONAL, SENSITIVE), strict=True))


def apply(metadata: sa.MetaData) -> None:
    """Writes its class into every column; a telling one that nobody named stays without."""
    for data, tables in _NAMED.items():
        for table, names in tables.items():
            for name in names.split():
                metadata.tables[table].c[name].info["data"] = data
    for table_ in metadata.tables.values():
        for column in table_.c:
            if column.name == "unit_id" or not isinstance(column.type, TELLING):
                column.info.setdefault("data", "internal")
