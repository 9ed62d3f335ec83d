"""What the application's role may see and do, table by table; laid down at the end of a migration.

Every table with a `unit_id` gets a policy by itself. An account that is limited to some grids sees
the rest through the premises that a row hangs on. Chains are append-only for this role.
"""

import hashlib

import sqlalchemy as sa

from schemas.problems import Refusal
from storage.engine import Transaction, driver
from storage.scope import APP_ROLE, EVERY_UNIT
from storage.tables import metadata

APPEND_ONLY = frozenset({"audit", "case_event", "commitment_event", "register_entry"})
"""Hash-chained: the application adds rows and can neither change nor remove one."""
OWN_KEY = {"unit": "id"}
"""Where the column that names the unit is not called `unit_id`."""
FREE = {
    "server_epoch": "one row about this database",
    "template": "shipped checklists, the same for every unit",
    "sign_in_failure": "counted before anybody is known",
    "sign_in_attempt": "the same; its secret is the key",
    "rate_bucket": "the same",
    "worker": "processes",
    "mailbox_entry": "ids and positions only; the mailbox and the record are guarded",
}
"""Tables without a unit, and why that is right."""

_UNIT = "current_setting('doorstep.unit', true)"
_GRIDS = "coalesce(current_setting('doorstep.grids', true), '')"
_THROUGH = {
    "premises": f"grid_id::text = ANY(string_to_array({_GRIDS}, ','))",
    **dict.fromkeys(
        (
            "appliance", "case", "commitment", "cycle_plan", "hazard", "meter", "record",
            "premises_news", "supply_word", "visit",
        ),
        "premises_id IS NULL OR EXISTS (SELECT 1 FROM premises s WHERE s.id = premises_id)",
    ),
    "case_event": 'EXISTS (SELECT 1 FROM "case" s WHERE s.id = case_id)',
    "outage_premises": "EXISTS (SELECT 1 FROM premises s WHERE s.id = premises_id)",
    "work_order": "EXISTS (SELECT 1 FROM premises s WHERE s.id = premises_id)",
    **dict.fromkeys(
        ("commitment_event", "commitment_stage", "commitment_warning"),
        "EXISTS (SELECT 1 FROM commitment s WHERE s.id = commitment_id)",
    ),
    **dict.fromkeys(
        ("attachment_use", "conflict", "field_history", "operation"),
        "EXISTS (SELECT 1 FROM record s WHERE s.id = record_id)",
    ),
    # a slot that was sold hangs on its order, a stop on its visit
    "stop": "EXISTS (SELECT 1 FROM visit s WHERE s.id = visit_id)"
    " OR EXISTS (SELECT 1 FROM work_order s WHERE s.id = work_order_id)",
    "attachment": "EXISTS (SELECT 1 FROM attachment_use s WHERE s.sha256 = attachment.sha256)",
    "quarantine": "false",
    # a change is told whole or not at all
    "day_change": "NOT EXISTS (SELECT 1 FROM jsonb_array_elements(changes) c WHERE NOT EXISTS"
    " (SELECT 1 FROM visit s WHERE s.id = (c ->> 'visit_id')::uuid))",
}  # fmt: skip
"""How a row belongs to a grid. What is not here belongs to the unit as a whole."""

_KNOWN = """
SELECT c.relname, obj_description(p.oid, 'pg_policy') FROM pg_class c
LEFT JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = 'doorstep'
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
"""
_MAY_REWRITE = """
SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
  AND c.relname = ANY($1::text[])
  AND (has_table_privilege($2, c.oid, 'UPDATE') OR has_table_privilege($2, c.oid, 'DELETE')
    OR has_table_privilege($2, c.oid, 'TRUNCATE'))
"""
_UNGUARDED = """
SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
  AND c.relname = ANY($1::text[]) AND (NOT c.relrowsecurity OR NOT EXISTS
    (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'doorstep'))
"""
_ABOVE = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = $1"
_ROLE = f"""
DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{APP_ROLE}') THEN
    CREATE ROLE {APP_ROLE} NOLOGIN;
  END IF;
  IF NOT pg_has_role(current_user, '{APP_ROLE}', 'MEMBER') THEN
    GRANT {APP_ROLE} TO CURRENT_USER;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""  # names of this program  # nosec B608


def apply(connection: sa.Connection) -> None:
    """Brings role, rights and policies to what this file says; a second run changes nothing."""
    try:
        connection.execute(sa.text(_ROLE))
    except sa.exc.ProgrammingError as error:
        raise Refusal(
            "database_start",
            reason=f"this user may not create the role {APP_ROLE}; docs/operation/configuration.md says how",
        ) from error
    known = {row[0]: row[1] for row in connection.execute(sa.text(_KNOWN))}
    if "alembic_version" in known:
        connection.execute(sa.text(f"GRANT SELECT ON alembic_version TO {APP_ROLE}"))
    for table in metadata.sorted_tables:
        wanted = statements(table)
        mark = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:16]
        if table.name in known and known[table.name] != mark:
            for each in wanted:
                connection.execute(sa.text(each))
            note = f"COMMENT ON POLICY doorstep ON \"{table.name}\" IS '{mark}'"
            connection.execute(sa.text(note))


async def strayed(tx: Transaction) -> list[str]:
    """What is not as this file lays it down: the role is missing or above every policy, a chain it
    could rewrite, a table without its policy."""
    connection = await driver(tx)
    above = await connection.fetchval(_ABOVE, APP_ROLE)
    if above is None:
        return [f"role {APP_ROLE} is missing"]
    tables = [table.name for table in metadata.sorted_tables]
    rewritten = await connection.fetch(_MAY_REWRITE, sorted(APPEND_ONLY), APP_ROLE)
    bare = await connection.fetch(_UNGUARDED, tables)
    return [
        *([f"role {APP_ROLE} is above every policy"] if above else []),
        *(f"{row['relname']} can be rewritten" for row in rewritten),
        *(f"{row['relname']} has no policy" for row in bare),
    ]


def statements(table: sa.Table) -> list[str]:
    """Rights and the policy of one table, in order."""
    name = f'"{table.name}"'
    rights = "SELECT, INSERT" if table.name in APPEND_ONLY else "SELECT, INSERT, UPDATE, DELETE"
    return [
        f"REVOKE ALL ON {name} FROM {APP_ROLE}",
        f"GRANT {rights} ON {name} TO {APP_ROLE}",
        f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY",
        f"DROP POLICY IF EXISTS doorstep ON {name}",
        f"CREATE POLICY doorstep ON {name} TO {APP_ROLE} {_condition(table)}",
    ]


def _condition(table: sa.Table) -> str:
    if table.name in FREE:
        return "USING (true)"
    owner = OWN_KEY.get(table.name, "unit_id")
    if owner not in table.c:
        raise LookupError(f"{table.name} names no unit: add unit_id, or say in FREE why not")
    unit = f"({owner} = {_UNIT} OR {_UNIT} = '{EVERY_UNIT}')"
    through = _THROUGH.get(table.name)
    if through is None:
        return f"USING ({unit})"
    # who may not read a row may not change it; asking for each new row again would cost pushes 5 %
    return f"USING ({unit} AND ({_GRIDS} = '' OR {through})) WITH CHECK {unit}"
