"""Lanes: what is dangerous leaves first, then answers, then small pictures, then the photos."""

import random
from datetime import UTC, datetime

import httpx
import pytest
import sqlalchemy as sa

from runtime import processes
from runtime.demo.bad_link import bad_link
from runtime.demo.work import picture
from runtime.tablet import Tablet
from schemas.problems import Refusal
from storage import tables as t
from tests.api.conftest import PASSWORD
from tests.api.test_tablets_over_http import inspection, operation, sync

CHECKLIST = "RES-INSP@2026.1"


async def test_a_safety_exchange_answers_outcomes_and_no_page(client):
    _, _, _, tablet, stop, first = await inspection(client)
    said = operation(stop["visit"], 1, fields={"R12": "fail"})
    alone = (await sync(client, tablet, [said], first["cursor"], lanes=["safety"])).json()
    assert [each["outcome"] for each in alone["outcomes"]] == ["applied"]
    assert (alone["cursor"], "changes" in alone) == (first["cursor"], False)
    # then answers: the page that was not sent comes with them
    note = operation(stop["visit"], 2, fields={"note": "x"})
    answer = (await sync(client, tablet, [note], first["cursor"], lanes=["answers"])).json()
    (change,) = answer["changes"]
    assert {"R12", "note"} <= set(change["fields"])


class CutAfterSaying(Tablet):
    """A tablet whose link goes down as soon as one exchange with words in it was answered."""

    link = None

    def _exchange(self, server, *, now):
        unsent = len(self.memory.outbox)
        more = super()._exchange(server, now=now)
        if self.link is not None and len(self.memory.outbox) < unsent:
            self.link.close()
        return more


def code_of(server, tablet_of):
    """An enrolment code for a technician, as the office makes it."""
    wish = {"login": "dispatcher", "password": PASSWORD}
    token = httpx.post(f"{server}/api/v1/session", json=wish).json()["access"]
    reply = httpx.post(
        f"{server}/api/v1/enrolment-codes",
        json={"technician": tablet_of},
        headers={"Authorization": f"Bearer {token}"},
    )
    return reply.json()["code"]


def a_day(tablet, now):
    """Forty answers first, photos, and late in the day what is dangerous; returns the hashes."""
    inspections = [k for k, fields in tablet.memory.visits() if fields["template"] == CHECKLIST]
    quiet, unsafe = inspections[:2]
    for n in range(40):
        tablet.answer(quiet, {"note": str(n)}, now=now)
    dice = random.Random(8)
    files = {
        lane: tablet.photo(picture(dice), media_type="image/png", lane=lane)
        for lane in ("original", "thumbnail", "signature")
    }
    tablet.answer(quiet, {"R02.photos": [files["original"]]}, now=now)
    tablet.answer(unsafe, {"R12": "fail"}, now=now)
    tablet.answer(unsafe, {"signature": files["signature"]}, now=now)
    return quiet, unsafe, files


async def rows(region, table):
    async with region.connect() as tx:
        return (await tx.execute(sa.select(table))).mappings().all()


async def test_a_link_that_is_cut_after_one_exchange_has_brought_the_danger_out(
    region, database_url, tmp_path
):
    stops = await rows(region, t.visit)
    counts = [each["technician_id"] for each in stops if each["template"] == CHECKLIST]
    person = max(set(counts), key=counts.count)
    port, now = processes.free_port(), datetime.now(UTC)
    server = f"http://127.0.0.1:{port}"
    environment = {
        "DATABASE_URL": database_url, "DOORSTEP_PORT": str(port),
        "DOORSTEP_STATE": str(tmp_path / "state"),
    }  # fmt: skip
    with processes.process("serve", environment) as child:
        processes.wait_until_ready(port, child)
        code = code_of(server, str(person))
        tablet = CutAfterSaying.enrol(tmp_path / "t.json", server=server, code=code, now=now)
        tablet.sync(now=now)
        quiet, unsafe, files = a_day(tablet, now)
        with bad_link(port, seed=1, share_cut=0) as link:
            tablet.link = link
            with pytest.raises(Refusal, match="unavailable"):
                tablet.sync(now=now, server=f"http://127.0.0.1:{link.port}")
        tablet.link = None
        here = {str(row["id"]): row["fields"] for row in await rows(region, t.record)}
        assert (here[unsafe]["R12"], here[unsafe]["signature"]) == ("fail", files["signature"])
        assert "note" not in here[quiet]
        assert {row["item"] for row in await rows(region, t.hazard)} == {"R12"}
        tablet.sync(now=now)
    assert tablet.unsent() == 0
    here = {str(row["id"]): row["fields"] for row in await rows(region, t.record)}
    assert here[quiet]["note"] == "39"
    uploads = sorted(await rows(region, t.upload), key=lambda row: row["created_at"])
    lanes = {digest: lane for lane, digest in files.items()}
    assert [lanes[row["sha256"]] for row in uploads] == ["signature", "thumbnail", "original"]
