"""Hostile addresses, one a line: none is ever spoken to."""

import socket

import pytest

from runtime import targets
from schemas.problems import Refusal

HOSTS = ("hooks.company.cn", "http://127.0.0.1:9000")

HOSTILE = (
    "http://hooks.company.cn/x",
    "https://hooks.company.cn.evil.example/x",
    "https://evil.example/hooks.company.cn",
    "https://hooks.company.cn@evil.example/",
    "https://evil.example#hooks.company.cn",
    "https://hooks.company.cn/x#part",
    "https://user:word@hooks.company.cn/",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://localhost/",
    "http://127.0.0.1:9001/",
    "http://127.0.0.1/",
    "http://169.254.169.254/latest/meta-data",
    "https://hooks.company.cn\\@evil.example/",
    "https://hooks.company.cn\t/",
    "https://hооks.company.cn/",  # two Cyrillic letters
    "https://hooks.company.cn:99999/",
    "file:///etc/passwd",
    "gopher://hooks.company.cn/",
    "ftp://hooks.company.cn/",
    "javascript:alert(1)",
    "//hooks.company.cn/",
    "https:///x",
    "https://",
    "",
)


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_address_is_refused(url: str):
    with pytest.raises(Refusal, match="webhook_target"):
        targets.read(url, hosts=HOSTS)


def test_an_allowed_address_is_taken_apart():
    found = targets.read("https://hooks.company.cn:8443/a/b?c=d", hosts=HOSTS)
    assert (found.host, found.port, found.path) == ("hooks.company.cn", 8443, "/a/b?c=d")
    assert targets.address(targets.read("http://127.0.0.1:9000/", hosts=HOSTS)) == "127.0.0.1"


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1", "172.16.3.4", "192.168.1.1", "127.0.0.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1",
        "fc00::1", "fd12:3456::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "2002:7f00:1::",
        "2002:a00:1::", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2001:db8::1", "fe80::1%eth0",
    ],
)  # fmt: skip
def test_a_name_that_leads_into_a_private_network_is_refused(monkeypatch, address: str):
    def lies(host, port, **_):
        return [(socket.AF_INET, 1, 6, "", ("93.184.216.34", port)), (2, 1, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", lies)
    with pytest.raises(Refusal, match="webhook_target"):
        targets.address(targets.read("https://hooks.company.cn/", hosts=HOSTS))


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_a_public_address_is_connected_to_as_it_was_judged(monkeypatch, address: str):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", (address, 443))])
    assert targets.address(targets.read("https://hooks.company.cn/", hosts=HOSTS)) == address


def test_a_name_without_an_address_is_refused(monkeypatch):
    def nowhere(*_, **__):
        raise socket.gaierror("no")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    with pytest.raises(Refusal, match="webhook_target"):
        targets.address(targets.read("https://hooks.company.cn/", hosts=HOSTS))
