"""Where a webhook may go: hosts of an allow-list, by HTTPS, and never into a private network.

What a person typed is never fetched as it stands. The name is looked up once, every address it has
is judged, and the connection goes to the address that was judged, so a name that answers
differently the second time gains nothing (DNS rebinding).
"""

import ipaddress
import re
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from schemas.base import Value
from schemas.problems import Refusal

_HOST = re.compile(r"^(?!-)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+$")


class Target(Value, frozen=True):
    """A receiver's address, taken apart and judged."""

    host: str
    port: int
    path: str
    secure: bool


def read(url: str, *, hosts: Sequence[str]) -> Target:
    """The parts of a webhook's address. Refuses `webhook_target` unless it is HTTPS, names a host
    of `hosts` exactly, and carries neither user nor fragment.

    A host given as `http://NAME:PORT` in `hosts` may be spoken to in the clear: for tests and for a
    receiver on the same machine.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Refusal("webhook_target", reason="unreadable") from error
    host = parts.hostname or ""
    if any(ord(each) <= 32 or ord(each) > 126 or each == "\\" for each in url):
        raise Refusal("webhook_target", reason="unreadable")
    if "@" in parts.netloc or parts.fragment:
        raise Refusal("webhook_target", reason="user or fragment")
    clear = f"http://{host}:{port}" in hosts and parts.scheme == "http"
    if not clear and (parts.scheme != "https" or not _HOST.match(host) or host not in hosts):
        raise Refusal("webhook_target", reason="not on the allow-list")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(host=host, port=port or 443, path=path, secure=not clear)


def address(target: Target) -> str:
    """The address to connect to. Refuses `webhook_target` where the name has none, or where any
    that it has is private, shared, local, reserved or a multicast."""
    if not target.secure:
        return target.host
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Refusal("webhook_target", reason="no such host") from error
    addresses = [str(each[4][0]) for each in found]
    if not addresses or not all(public(each) for each in addresses):
        raise Refusal("webhook_target", reason="not a public address")
    return addresses[0]


def public(given: str) -> bool:
    """Whether an address belongs to the open internet; one that hides an IPv4 is judged by that."""
    found = ipaddress.ip_address(given.split("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if inner is not None:
            return public(str(inner))
        if found in ipaddress.ip_network("64:ff9b::/96"):
            return public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
    return found.is_global and not found.is_multicast
