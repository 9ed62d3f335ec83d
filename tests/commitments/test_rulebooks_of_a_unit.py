"""Rules that a unit publishes: shorter freely, longer with a source, never over a running promise."""

from datetime import UTC, date, datetime

import msgspec
import pytest
import sqlalchemy as sa

from commitments import cases, ledger, rulebooks
from commitments.rules import drafted, read_rules
from runtime.ambient import fixed
from schemas.problems import Refusal
from schemas.rulebook import RulebookDraft
from storage import catalogue
from storage import ledger as rows
from storage.tables import metadata
from tests.commitments.test_ledger_story import UNIT, cluster, engine, request

__all__ = ["cluster", "engine"]
pytestmark = pytest.mark.asyncio
TODAY = datetime(2026, 3, 2, 1, tzinfo=UTC)
SHORTER = {
    "id": "14", "zh": "退款3个工作日", "start": "refund_request_received", "stop": "money_sent",
    "clock": {"unit": "working_day", "at_most": 3}, "parameter_source": "company",
}  # fmt: skip


def book(*rules, version="local-1", since="2026-03-10", until=None):
    given = {"version": version, "effective_from": since, "rules": list(rules or (SHORTER,))}
    return msgspec.convert(given | ({"effective_to": until} if until else {}), RulebookDraft)


async def publish(engine, wish, at=TODAY):
    return await rulebooks.publish(engine, UNIT, wish=wish, actor="王主管", ambient=fixed(at))


async def opened(engine, number, at):
    await cases.open_cases(
        engine, UNIT, requests=[request("refund", number, received_at=at)], ambient=fixed(at)
    )
    async with engine.connect() as tx:
        return (await rows.page(tx, UNIT))[-1]


async def everything(engine):
    """Every row of every table: what a refusal must leave as it was."""
    async with engine.connect() as tx:
        return {
            table.name: sorted(map(repr, (await tx.execute(sa.select(table))).all()))
            for table in metadata.sorted_tables
        }


async def test_a_running_promise_keeps_its_version_and_a_later_one_begins_under_the_new(engine):
    before = await opened(engine, "F1", TODAY)
    answer = await publish(engine, book())
    assert [(each.limit_before, each.limit) for each in answer.rules] == [(5, 3)]
    later = datetime(2026, 3, 11, 1, tzinfo=UTC)
    await opened(engine, "F2", later)
    async with engine.connect() as tx:
        held = {each.rule_version: each.due_on for each in await rows.page(tx, UNIT)}
    assert held == {"handbook-000": before.due_on, "local-1": date(2026, 3, 16)}
    assert (await ledger.verify(engine, UNIT))["differences"] == 0
    shown = {(each.code, each.version): each for each in await rulebooks.shown(engine, UNIT)}
    assert shown["14", "local-1"].running == shown["14", "handbook-000"].running == 1
    assert shown["S1", "handbook-000"].law and not shown["14", "local-1"].law


async def test_a_version_ends_and_the_next_follows_it(engine):
    await publish(engine, book())
    by = ("王主管", fixed(TODAY))
    await rulebooks.end(engine, UNIT, which=("14", "local-1"), on=date(2026, 6, 30), by=by)
    await publish(engine, book(version="local-2", since="2026-07-01"))
    for number, at, version in (
        ("F1", datetime(2026, 6, 30, 15, tzinfo=UTC), "local-1"),
        ("F2", datetime(2026, 6, 30, 16, tzinfo=UTC), "local-2"),
    ):
        await opened(engine, number, at)
        async with engine.connect() as tx:
            assert version in {each.rule_version for each in await rows.page(tx, UNIT)}


async def test_a_version_that_nobody_kept_is_taken_back(engine):
    await publish(engine, book())
    await rulebooks.drop(engine, UNIT, which=("14", "local-1"), by=("王主管", fixed(TODAY)))
    assert all(each.shipped for each in await rulebooks.shown(engine, UNIT))


LONGER = SHORTER | {"clock": {"unit": "working_day", "at_most": 9}}
NOTICE = {
    "id": "2a", "zh": "停气提前24小时", "start": "notice_published", "stop": "planned_start",
    "clock": {"unit": "hour", "at_least": 24}, "parameter_source": "company",
}  # fmt: skip


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (book(LONGER), "rule_longer_without_source"),
        (book(LONGER | {"parameter_source": " handbook "}), "rule_longer_without_source"),
        (book(NOTICE), "rule_longer_without_source"),
        (book(SHORTER | {"clock": {"unit": "calendar_day", "at_most": 3}}), "rule_longer_without_source"),
        (book(SHORTER | {"waiver": "special_agreement"}), "rule_longer_without_source"),
        (book(SHORTER | {"stop": {"any_of": ["money_sent", "cheque_written"]}}), "rule_longer_without_source"),
        (book(SHORTER | {"pauses": ["holiday_of_the_cashier"]}), "rule_longer_without_source"),
        (book(SHORTER | {"stop": None}), "rulebook_unsound"),
        (book(SHORTER | {"stop": {}}), "rulebook_unsound"),
        (book(SHORTER | {"clock": {"unit": "working_day"}}), "rulebook_unsound"),
        (book(SHORTER | {"clock": {"unit": "working_day", "at_most": 2.5}}), "rulebook_unsound"),
        (book(SHORTER | {"clock": {"unit": "hour", "at_most": 2, "at_least": 1}}), "rulebook_unsound"),
        (book(SHORTER | {"id": "17"}), "rulebook_unsound"),
        (book(SHORTER | {"id": "S9"}), "rulebook_unsound"),
        (book(SHORTER, SHORTER), "rulebook_unsound"),
        (book(since="2026-05-01", until="2026-04-30"), "rulebook_unsound"),
        (book(since="2026-03-01"), "rule_backdated"),
        (book(version="local-0", since="2026-04-01"), "rule_overlap"),
        (book(version="handbook-000", since="2026-04-01"), "rule_overlap"),
    ],
)  # fmt: skip
async def test_a_rulebook_that_may_not_be_is_refused_and_nothing_changed(engine, wish, code):
    await publish(engine, book(version="kept", since="2026-03-20"))
    before = await everything(engine)
    with pytest.raises(Refusal, match=code):
        await publish(engine, wish)
    assert await everything(engine) == before


async def test_a_longer_limit_with_a_cited_source_is_published_and_a_law_beside_it_is_marked(
    engine,
):
    law = {
        "id": "S9", "zh": "某省条例", "basis": "某省燃气管理条例 第30条", "start": "enquiry_received",
        "stop": "replied", "clock": {"unit": "calendar_day", "at_most": 3},
    }  # fmt: skip
    cited = LONGER | {"parameter_source": "某省燃气管理条例 第30条"}
    answer = await publish(engine, book(cited, law))
    assert [(each.code, each.law, each.limit_before) for each in answer.rules] == [
        ("14", False, 5),
        ("S9", True, None),
    ]


async def test_a_policy_in_use_is_not_deleted_nor_is_the_handbook(engine):
    await publish(engine, book())
    await opened(engine, "F2", datetime(2026, 3, 11, 1, tzinfo=UTC))
    before = await everything(engine)
    by = ("王主管", fixed(TODAY))
    for which, code in (
        (("14", "local-1"), "rule_in_use"),
        (("14", "handbook-000"), "rule_shipped"),
        (("14", "never"), "rule_unknown"),
    ):
        with pytest.raises(Refusal, match=code):
            await rulebooks.drop(engine, UNIT, which=which, by=by)
    with pytest.raises(Refusal, match="rule_backdated"):
        await rulebooks.end(engine, UNIT, which=("14", "local-1"), on=date(2026, 3, 1), by=by)
    assert await everything(engine) == before


async def test_checking_a_rulebook_keeps_nothing(engine):
    before = await everything(engine)
    answer = await rulebooks.check(engine, UNIT, wish=book(), ambient=fixed(TODAY))
    assert [each.code for each in answer.rules] == ["14"]
    assert await everything(engine) == before


async def test_a_rulebook_in_yaml_has_the_shape_of_the_shipped_one():
    shipped = catalogue.document("rules.yaml")
    head = shipped["document"] | {"version": "local-7", "effective_from": date(2026, 7, 1)}
    wish = drafted(shipped | {"document": head})
    assert len(wish.rules) == len(catalogue.rules())
    for broken in (
        None, [], {}, {"document": {}}, {"document": {"version": "1"}, "rules": []},
        shipped,
        {"document": head, "rules": [{"id": "14", "zh": "x", "typo": 1}]},
        {"document": head, "rules": [{"id": "14", "zh": "x", "clock": {"unit": "moon"}}]},
        {"document": head, "rules": [{"id": "14", "zh": "x", "clock": {"unit": "hour", "at_most": -1}}]},
    ):  # fmt: skip
        with pytest.raises(Refusal, match="rulebook_unsound"):
            drafted(broken)
    with pytest.raises(Refusal, match="rulebook_unsound"):
        read_rules({"document": {"version": "1"}, "rules": [{"id": "x"}]})
