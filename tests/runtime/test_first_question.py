"""A stranger's first question, before anything was ever loaded, has an answer."""

import json
from contextlib import contextmanager

import pytest

from runtime import cli, commitment_commands, database


@pytest.fixture
def empty(cluster, monkeypatch):
    """An installation whose database was made a moment ago and holds no table."""
    cluster.ensure_database("empty_yet")

    @contextmanager
    def found(_):
        yield cluster.url("empty_yet")

    monkeypatch.setattr(database, "database", found)
    yield monkeypatch
    cluster.drop_database("empty_yet")


def test_the_sixteen_clauses_are_told_by_an_installation_in_which_nothing_is_yet(empty, capsys):
    empty.setattr(database, "database_url_given", lambda: None)
    assert cli.main(["clauses", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {each["clause"] for each in told["summary"]} == {str(n) for n in range(1, 17)}
    assert all(each["commitments"] == 0 for each in told["summary"])


def test_a_person_who_asks_where_nothing_was_promised_yet_is_shown_the_demo(empty, capsys):
    empty.setattr(database, "database_url_given", lambda: None)
    empty.setattr(commitment_commands, "asked_of_demo", lambda question: ((), {}))
    assert cli.main(["clauses"]) == 0
    assert capsys.readouterr().out.startswith("nothing was promised here yet: the made-up region")


def test_the_tables_of_somebody_elses_server_are_not_made_by_a_question(empty, capsys):
    empty.setattr(database, "database_url_given", lambda: "postgresql://elsewhere")
    assert cli.main(["commitments", "verify"]) == 2
    assert json.loads(capsys.readouterr().out)["code"] == "unavailable"
