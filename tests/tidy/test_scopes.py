"""Nobody reads the database without saying whose rows: scope comes from the principal alone."""

import ast
from pathlib import Path

STORAGE = Path(__file__).resolve().parent.parent.parent / "storage"
READS = ("SELECT", "select")
BY_ID = "by the id of a row that a scoped read of the same transaction found"
BEFORE = "before anybody is known: the secret itself is the key"
WORKER = "a worker's claim over all units; every row names its own"
UNITLESS = "belongs to the installation, not to a unit"
BOXES = "by mailboxes or a tablet that were found for the principal"
ALLOWED: dict[str, str] = {
    "access.account_by_login": BEFORE,
    "access.account_by_subject": BEFORE,
    "rates.borrow": UNITLESS,
    "access.failures": BEFORE,
    "access.family_of": BEFORE,
    "access.principal_of": BEFORE,
    "access.refresh_token": BEFORE,
    "access.renewed_since": BEFORE,
    "casework.lock_order": BEFORE,
    "casework.tracked": BEFORE,
    "attachments.expire_uploads": WORKER,
    "erasing.end_evidence": WORKER,
    "folding.claim": WORKER,
    "folding.keep": "it writes by ids that its caller holds",
    "folding.chains": BY_ID,
    "notifications.claim": WORKER,
    "notifications.gather": WORKER,
    "packs.ended": WORKER,
    "personal.coarsen": WORKER,
    "plans.claim": WORKER,
    "records.tablets_held_since": WORKER,
    "news.of_hazards": "it writes rows that name their unit",
    "news.of_premises": "the same",
    "news.oldest": WORKER,
    "supply.put_in_meters": "every row names its unit, and the class is looked up within it",
    "engine.driver": UNITLESS,
    "fingerprint.tables": UNITLESS,
    "health.connections": UNITLESS,
    "health.figures": UNITLESS,
    "health.schema": UNITLESS,
    "health.waiting": UNITLESS,
    "health.worker_seen": UNITLESS,
    "records.epoch": UNITLESS,
    "registry.unit_ids": UNITLESS,
    "row_security.strayed": UNITLESS,
    "sealing.reseal": UNITLESS,
    "sealing.samples": UNITLESS,
    "attachments.open_upload": BOXES,
    "attachments.upload_of": BOXES,
    "feed.classes_of": BOXES,
    "feed.digests": BOXES,
    "feed.entries": BOXES,
    "feed.ever_delivered": BOXES,
    "feed.of_groups": BOXES,
    "feed.operations_held": BOXES,
    "feed.spans": BOXES,
    "feed.unread": BOXES,
    "feed.waiting": BOXES,
    "feed.templates_of": BOXES,
    "mailboxes.deliver": BOXES,
    "mailboxes.echo": BOXES,
    "records.append_operations": "it writes rows that name their unit",
    "mailboxes.size": BOXES,
    "ledger.events_of": BY_ID,
    "live.extend_stop": BY_ID,
    "ledger.lock_commitments": BY_ID,
    "mailboxes.of_technicians": BY_ID,
    "safety.ended_well": BY_ID,
    "safety.outcome_of": BY_ID,
    "safety.record_of": BY_ID,
}


def reads() -> dict[str, list[str]]:
    """Every public function of storage that is given a transaction and reads, with its arguments."""
    found = {}
    for path in sorted(STORAGE.glob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        sql = {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign)
            and any(word in ast.unparse(node.value) for word in READS)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for each in tree.body:
            if not isinstance(each, ast.AsyncFunctionDef) or each.name.startswith("_"):
                continue
            given = [arg.arg for arg in [*each.args.args, *each.args.kwonlyargs]]
            names = {node.id for node in ast.walk(each) if isinstance(node, ast.Name)}
            body = "\n".join(ast.unparse(node) for node in each.body)
            if "tx" in given and (names & sql or any(word in body for word in READS)):
                found[f"{path.stem}.{each.name}"] = given
    return found


def test_every_read_of_storage_names_its_unit_or_says_why_not():
    bare = [name for name, given in reads().items() if "unit_id" not in given]
    unsaid = sorted(set(bare) - set(ALLOWED))
    assert not unsaid, f"{unsaid}: take `unit_id` and put it into the WHERE, or say why not here"
