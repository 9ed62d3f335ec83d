"""`doorstep commitments what-if --rules FILE`, asked of an installation as its supervisor asks it."""

import asyncio
import json

import pytest

from runtime import cli
from storage.engine import make_engine
from tests.commitments.unit import UNIT, everything, opened, seeded, step

RULES = """
document: {version: asked-1, effective_from: 2026-03-01}
rules:
- {id: "14", zh: 退款1个工作日, start: refund_request_received, stop: money_sent,
   clock: {unit: working_day, at_most: 1}, parameter_source: company}
- {id: "12", zh: 报修12小时, start: fault_report_received, stop: repair_started_in_home,
   clock: {unit: hour, at_most: 12}, parameter_source: company}
"""
MARCH = ("--since", "2026-03-01", "--until", "2026-03-31")


async def _told(url):
    engine = await seeded(make_engine(url))
    case = await opened(engine, "refund", "2026-03-02 09:00")
    await step(engine, case, "money_sent", "2026-03-05 09:00", amount_fen=100, voucher="V-1")
    await engine.dispose()


async def _rows(url):
    engine = make_engine(url)
    try:
        return await everything(engine)
    finally:
        await engine.dispose()


@pytest.fixture
def installation(database_url, monkeypatch):
    """A database in which a refund took three days."""
    asyncio.run(_told(database_url))
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("DOORSTEP_UNIT", UNIT)
    return database_url


def test_a_rulebook_is_asked_about_rule_by_rule_and_nothing_is_kept(installation, tmp_path, capsys):
    file = tmp_path / "rules.yaml"
    file.write_text(RULES, "utf-8")
    before = asyncio.run(_rows(installation))
    assert cli.main(["commitments", "what-if", "--rules", str(file), *MARCH]) == 0
    refund, repair = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (refund["was"], refund["would_be"]) == ({"met": 1}, {"breached": 1})
    assert (repair["was"], repair["would_be"]) == ({}, {})
    assert asyncio.run(_rows(installation)) == before


@pytest.mark.parametrize("words", [(), ("--rule", "14", "--limit", "3", "--rules", "no.yaml")])
def test_one_rule_or_one_rulebook_is_asked_about(installation, words, capsys):
    assert cli.main(["commitments", "what-if", *words, *MARCH]) == 2
    assert json.loads(capsys.readouterr().out)["code"] == "invalid_field"
