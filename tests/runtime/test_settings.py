"""Production starts with safe settings only, and says which one is not."""

import os

import pytest

from runtime.settings import read_settings
from schemas.problems import Refusal

SAFE = {
    "DATABASE_URL": "postgresql://db/doorstep", "DOORSTEP_ENVIRONMENT": "production",
    "DOORSTEP_SECRET": "kD83jf-Zq01mXw7_Lp5Tn4sRb9Vy2Gc6", "DOORSTEP_KEYS": "k1:x",
    "DOORSTEP_PUBLIC_URL": "https://doorstep.example", "DOORSTEP_BEHIND_PROXY": "true",
}  # fmt: skip
UNSAFE = [
    ({"DOORSTEP_SECRET": ""}, "32 characters"),
    ({"DOORSTEP_SECRET": "kD83jf-Zq01mXw7_Lp5Tn4sRb9Vy2Gc"}, "32 characters"),
    ({"DOORSTEP_SECRET": "changeme" * 8}, "no random one"),
    ({"DOORSTEP_KEYS": ""}, "DOORSTEP_KEYS"),
    ({"DOORSTEP_PUBLIC_URL": "http://doorstep.example"}, "HTTPS"),
    ({"DOORSTEP_BEHIND_PROXY": "false"}, "behind a proxy"),
    ({"DOORSTEP_OIDC_ISSUER": "http://id.example"}, "identity provider"),
    ({"DOORSTEP_DEBUG": "true"}, "debugged"),
    ({"DOORSTEP_TRACE": "1"}, "debugged"),
    ({"DOORSTEP_CLOCK_SHIFT_SECONDS": "60"}, "clock"),
    ({"DATABASE_URL": ""}, "DATABASE_URL"),
    ({"DOORSTEP_PORT": "a"}, "DOORSTEP_PORT"),
]


@pytest.fixture
def said(monkeypatch):
    for name in [each for each in os.environ if each.startswith("DOORSTEP_")]:
        monkeypatch.delenv(name)
    for name, value in SAFE.items():
        monkeypatch.setenv(name, value)
    return monkeypatch.setenv


def test_production_starts_with_safe_settings(said):
    assert read_settings().production


@pytest.mark.parametrize("given,reason", UNSAFE)
def test_production_refuses_each_unsafe_setting_by_its_name(said, given, reason):
    for name, value in given.items():
        said(name, value)
    with pytest.raises(Refusal) as refused:
        read_settings()
    assert refused.value.code == "unsafe_settings" and reason in refused.value.details["reason"]


@pytest.mark.parametrize("given,reason", UNSAFE[:1] + UNSAFE[4:6])
def test_development_starts_without_them(said, given, reason):
    said("DOORSTEP_ENVIRONMENT", "development")
    for name, value in given.items():
        said(name, value)
    assert not read_settings().production
