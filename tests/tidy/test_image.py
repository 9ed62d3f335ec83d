"""The image and compose.yaml say what the program is: its packages, its words, its settings."""

import re
from pathlib import Path

import msgspec
import pytest
import yaml

from runtime.cli import parser
from runtime.settings import Settings, read_settings

ROOT = Path(__file__).resolve().parent.parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
OURS = {name: each for name, each in COMPOSE["services"].items() if "build" in each}
GIVEN = {
    "DB_PASSWORD": "pw", "DOORSTEP_SECRET": "kD83jf-Zq01mXw7_Lp5Tn4sRb9Vy2Gc6",
    "DOORSTEP_KEYS": "k1:x", "PUBLIC_URL": "https://doorstep.example", "PHOTOS_KEY": "k",
    "PHOTOS_SECRET": "s",
}  # fmt: skip


def filled(value: str) -> str:
    return re.sub(r"\$\{(\w+)(:\?[^}]*)?\}", lambda found: GIVEN[found[1]], value)


def test_the_image_holds_every_room_and_runs_as_nobody_special():
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    copied = set(re.findall(r"^COPY (\w+) \1$", DOCKERFILE, re.M))
    assert copied == rooms
    assert re.search(r"^USER 10001$", DOCKERFILE, re.M)
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    # what lies in a working tree must not replace what the image builds, nor leave the house
    assert {".state", ".venv", "**/node_modules", "runtime/faces"} <= set(ignored)


def test_every_service_of_ours_says_a_word_of_the_program():
    actions = parser()._subparsers._group_actions[0].choices  # type: ignore[union-attr]
    assert {each["command"] for each in OURS.values()} == {"serve", "work", "migrate"}
    assert {each["command"] for each in OURS.values()} <= set(actions)


def test_services_wait_for_services_and_volumes_that_there_are():
    for name, each in COMPOSE["services"].items():
        waits = each.get("depends_on", [])
        assert set(waits) <= set(COMPOSE["services"]), name
        for volume in each.get("volumes", []):
            assert volume.split(":")[0] in COMPOSE["volumes"], name
        if isinstance(waits, dict):
            for other, how in waits.items():
                if how["condition"] == "service_healthy":
                    assert "test" in COMPOSE["services"][other]["healthcheck"], other


@pytest.mark.parametrize("name", sorted(OURS))
def test_the_settings_of_a_service_are_known_and_safe_in_production(monkeypatch, name):
    given = {key: filled(value) for key, value in OURS[name]["environment"].items()}
    known = {each.encode_name for each in msgspec.structs.fields(Settings)} | {"DATABASE_URL"}
    assert {each for each in given if not each.startswith("AWS_")} <= known
    for key, value in given.items():
        monkeypatch.setenv(key, value)
    assert read_settings().production


def test_nothing_has_a_password_that_others_know():
    for name, each in COMPOSE["services"].items():
        for key, value in each.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|KEY", key):
                assert re.fullmatch(r"\$\{\w+(:\?[^}]*)?\}", value), (name, key)
