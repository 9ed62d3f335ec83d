"""The field half of the story: three tablets work a day offline while the office goes on
deciding."""

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from runtime.demo import work
from runtime.demo.bad_link import bad_link
from runtime.tablet import Tablet
from schemas.base import Value
from schemas.sync import FieldValue
from storage import checklists

TABLETS = 3
KINDS_WANTED = ("appliance_install", "repair", "inspection")


class Office:
    """A dispatcher at the API."""

    def __init__(self, server: str, *, login: str, password: str) -> None:
        reply = httpx.post(
            f"{server}/api/v1/session", json={"login": login, "password": password}, timeout=30
        )
        self.server = server
        self._headers = {"Authorization": f"Bearer {reply.raise_for_status().json()['access']}"}

    def get(self, path: str) -> Any:
        """Reads something."""
        reply = httpx.get(f"{self.server}/api/v1{path}", headers=self._headers, timeout=30)
        return reply.raise_for_status().json()

    def post(self, path: str, body: Any) -> httpx.Response:
        """Decides something."""
        return httpx.post(
            f"{self.server}/api/v1{path}", json=body, headers=self._headers, timeout=30
        )


class Morning(Value, frozen=True):
    """Who went out, and which of their visits the office will touch."""

    tablets: tuple[Tablet, ...]
    reassigned: str | None
    cancelled: str | None
    edited: tuple[str, ...]


def go_out(office: Office, folder: Path, *, day: str, now: datetime) -> Morning:
    """Three technicians enrol and take their route along; then the link is gone."""
    board = office.get(f"/days/{day}")
    people = _chosen([each for each in board["technicians"] if each["stops"]])
    tablets = []
    for each in people:
        code = office.post("/enrolment-codes", {"technician": each["id"]}).json()["code"]
        tablet = Tablet.enrol(
            folder / f"{each['number']}.json", server=office.server, code=code, now=now
        )
        tablet.sync(now=now)
        tablets.append(tablet)
    others = [each for each in board["technicians"] if each not in people]
    return _office_goes_on(office, people, others=others, tablets=tuple(tablets))


def work_offline(morning: Morning, *, seed: int, starts: datetime) -> datetime:
    """Every visit of every route is worked without a network; returns when the last one ended."""
    dice = random.Random(seed)  # a story, not a secret  # nosec B311
    ends = starts
    hazards, missed = 0, 0
    for tablet in morning.tablets:
        at = starts
        for key, held in tablet.memory.visits():
            inspection = held.get("kind") == "inspection" and key not in morning.edited
            if inspection and missed == 0 and key not in (morning.reassigned, morning.cancelled):
                _no_access(tablet, key, dice=dice, at=at)
                missed += 1
            else:
                dangerous = inspection and hazards == 0
                _visit(tablet, (key, held), dice=dice, at=at, dangerous=dangerous)
                hazards += dangerous
            at += timedelta(minutes=35)
        ends = max(ends, at)
    return ends


def come_back(morning: Morning, port: int, *, seed: int, now: datetime) -> dict[str, int]:
    """Everything is sent over a link that cuts; returns what that took."""
    with bad_link(port, seed=seed) as link:
        for tablet in morning.tablets:
            tablet.sync(now=now, server=f"http://127.0.0.1:{link.port}")
            # once more: a tablet says aloud that nothing is left, and hears the last changes
            tablet.sync(now=now, server=f"http://127.0.0.1:{link.port}")
        return {
            "connections": link.connections,
            "cuts": link.cuts,
            "exchanges": sum(each.exchanges for each in morning.tablets),
        }


def _chosen(people: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One who installs, one who repairs, one who inspects; whoever has the most to do fills up."""
    chosen: list[dict[str, Any]] = []
    for kind in KINDS_WANTED:
        able = [
            each
            for each in people
            if each not in chosen and any(stop["kind"] == kind for stop in each["stops"])
        ]
        if able:
            chosen.append(max(able, key=lambda each: len(each["stops"])))
    for each in sorted(people, key=lambda one: -len(one["stops"])):
        if len(chosen) < TABLETS and each not in chosen:
            chosen.append(each)
    return chosen[:TABLETS]


def _office_goes_on(
    office: Office,
    people: list[dict[str, Any]],
    *,
    others: list[dict[str, Any]],
    tablets: tuple[Tablet, ...],
) -> Morning:
    taken: set[str] = set()
    reassigned = _reassign(office, people, others=others, taken=taken)
    cancelled = _cancel(office, people, taken=taken)
    edited: list[str] = []
    for person in people:
        for stop in person["stops"]:
            if len(edited) < 2 and stop["visit"] not in taken and stop["kind"] == "inspection":
                # the office heard by telephone that the meter is another one, and what it shows
                said = {"R02": "mismatch", "R07": 123456.0}
                reply = office.post(f"/visits/{stop['visit']}/edit", {"fields": said})
                reply.raise_for_status()
                taken.add(stop["visit"])
                edited.append(stop["visit"])
    return Morning(
        tablets=tablets, reassigned=reassigned, cancelled=cancelled, edited=tuple(edited)
    )


def _reassign(
    office: Office, people: list[dict[str, Any]], *, others: list[dict[str, Any]], taken: set[str]
) -> str | None:
    for person in people:
        for stop in reversed(person["stops"]):
            for other in others:
                wish = {
                    "technician": other["id"],
                    "starts_at": stop["starts_at"],
                    "version": stop["version"],
                    "reason": "customer asked for another person",
                }
                if office.post(f"/visits/{stop['visit']}/assign", wish).status_code == 204:
                    taken.add(stop["visit"])
                    return str(stop["visit"])
    return None


def _cancel(office: Office, people: list[dict[str, Any]], *, taken: set[str]) -> str | None:
    for person in reversed(people):
        for stop in reversed(person["stops"]):
            if stop["visit"] in taken or stop["kind"] == "appliance_install":
                continue
            reply = office.post(f"/visits/{stop['visit']}/cancel", {"reason": "客户取消"})
            if reply.status_code == 204:
                taken.add(stop["visit"])
                return str(stop["visit"])
    return None


def _visit(
    tablet: Tablet,
    visit: tuple[str, dict[str, FieldValue]],
    *,
    dice: random.Random,
    at: datetime,
    dangerous: bool,
) -> None:
    key, held = visit
    template = checklists.templates()[str(held["template"])]
    for minutes, state in ((0, "accepted"), (2, "en_route"), (9, "on_site"), (11, "in_progress")):
        tablet.command(key, state, now=at + timedelta(minutes=minutes))
    said = work.answers(template, dice)
    if dangerous:
        said |= {"R12": "fail", "notice": {"notice_no": f"N{dice.randint(1000, 9999)}"}}
    answered = sorted(said.items())
    # a technician saves page by page, not all at the end
    for start in range(0, len(answered), 8):
        tablet.answer(key, dict(answered[start : start + 8]), now=at + timedelta(minutes=14))
    for field in work.wants_photo(template)[:2]:
        sha256 = tablet.photo(work.picture(dice), media_type="image/png")
        tablet.answer(key, {field: [sha256]}, now=at + timedelta(minutes=20))
    signed = work.signature_field(template)
    if signed is not None:
        item, part = signed
        sha256 = tablet.photo(work.picture(dice), media_type="image/png")
        parts = said.get(item)
        whole: FieldValue = {**parts, part: sha256} if isinstance(parts, dict) else {part: sha256}
        tablet.answer(key, {item: whole}, now=at + timedelta(minutes=24))
    tablet.command(key, "field_done", now=at + timedelta(minutes=26))


def _no_access(tablet: Tablet, key: str, *, dice: random.Random, at: datetime) -> None:
    for minutes, state in ((0, "accepted"), (2, "en_route"), (9, "on_site")):
        tablet.command(key, state, now=at + timedelta(minutes=minutes))
    door, notice = (tablet.photo(work.picture(dice), media_type="image/png") for _ in range(2))
    evidence: FieldValue = {"door_photo": door, "notice_photo": notice, "waited_minutes": 10}
    tablet.answer(key, {"no_access": evidence}, now=at + timedelta(minutes=19))
    tablet.command(key, "no_access", now=at + timedelta(minutes=20))
