"""A supervisor brings a company's export over the board."""

import base64
from pathlib import Path

import pytest

from runtime import sample_region
from tests.api.conftest import AS_OF, signed_in


@pytest.fixture
def export(tmp_path: Path) -> list[dict[str, str]]:
    """An export that the region does not know: other premises, one more request."""
    folder = tmp_path / "export"
    size = sample_region.Size(premises=360, technicians=5, requests=48)
    sample_region.write_region(folder, size=size, seed=11, as_of=AS_OF)
    return [
        {"name": each.name, "content": base64.b64encode(each.read_bytes()).decode()}
        for each in sorted(folder.iterdir())
        if each.suffix in (".csv", ".xlsx")
    ]


async def brought(client, files, **more):
    who = await signed_in(client, more.pop("login", "supervisor"))
    wish = {"files": files, "as_of": AS_OF.isoformat(), **more}
    return await client.post("/api/v1/imports", json=wish, headers=who)


async def premises_of(client) -> int:
    who = await signed_in(client, "supervisor")
    found = await client.get("/api/v1/coverage", headers=who)
    return sum(each["premises"] for each in found.json()["grids"])


async def test_a_check_reports_every_finding_and_saves_nothing(client, export):
    before = await premises_of(client)
    reply = await brought(client, export, check=True)
    assert reply.status_code == 200, reply.text
    done = reply.json()
    assert done["saved"] is None and done["premises"] > 300
    assert sum(done["findings"].values()) > 0
    assert {"kind", "file", "row", "zh", "en"} <= done["listed"][0].keys()
    assert base64.b64decode(done["workbook"])[:2] == b"PK"
    assert await premises_of(client) == before


async def test_an_export_is_saved_once_and_the_second_time_changes_nothing(client, export):
    before = await premises_of(client)
    first = (await brought(client, export)).json()
    assert first["saved"]["premises_changed"] > 0
    assert await premises_of(client) > before
    again = (await brought(client, export)).json()
    assert again["saved"] == {"premises_changed": 0, "technicians_changed": 0}
    assert again["cases_opened"] == 0
    assert again["cases_known"] == first["cases_opened"] + first["cases_known"]


async def test_what_is_no_export_is_a_sentence_and_nothing_is_saved(client, export):
    nonsense = [{"name": "premises.csv", "content": base64.b64encode(b"a,b\n1,2\n").decode()}]
    people = [each for each in export if "technicians" in each["name"]]
    for files, code in (
        (people, "file_missing"),
        ([*nonsense, *people], "column_missing"),
        ([{"name": "../premises.csv", "content": ""}], "invalid_field"),
        ([], "invalid_field"),
    ):
        reply = await brought(client, files)
        assert reply.json()["code"] == code, reply.text
        assert 400 <= reply.status_code < 500


async def test_only_who_lays_down_rules_may_import(client, export):
    assert (await brought(client, export, login="dispatcher")).status_code == 403
