"""The ring of keys that sensitive columns are sealed under: from the environment, or one of this
installation's own in a file that nobody else may read."""

import secrets
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from pathlib import Path

from runtime.settings import Settings
from schemas.problems import Refusal
from storage.sealing import KEY_BYTES, Key, Ring

FILE = "sealing-keys"


def ring(settings: Settings) -> Ring:
    """`DOORSTEP_KEYS`, or the file of this installation, made once. Production brings its own."""
    if settings.keys:
        return parsed(settings.keys)
    path = settings.state_folder / FILE
    if not path.exists():
        _write(path, [fresh("k1")])
    return parsed(path.read_text("utf-8"))


def parsed(text: str) -> Ring:
    """`NAME:BASE64,NAME:BASE64`, the current key first. Refuses `unsafe_settings`."""
    keys = []
    for each in filter(None, (part.strip() for part in text.split(","))):
        name, _, body = each.partition(":")
        try:
            secret = b64decode(body, validate=True)
        except NotBase64:
            secret = b""
        if not (name.isascii() and name.isalnum()) or len(secret) != KEY_BYTES:
            raise Refusal("unsafe_settings", reason="a key is NAME:BASE64 of 32 random bytes")
        keys.append(Key(name=name, secret=secret))
    if len({each.name for each in keys}) != len(keys):
        raise Refusal("unsafe_settings", reason="two keys have one name")
    return Ring(keys=tuple(keys))


def fresh(name: str) -> str:
    """A new key as it is written down."""
    return f"{name}:{b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"


def add(settings: Settings) -> None:
    """Puts a new key in front of this installation's own file."""
    path = settings.state_folder / FILE
    held = path.read_text("utf-8").split(",") if path.exists() else []
    _write(path, [fresh(f"k{len(held) + 1}"), *held])


def _write(path: Path, keys: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    young = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    young.touch(mode=0o600)
    young.write_text(",".join(keys), encoding="utf-8")
    # whole or not at all: two processes that start together keep one of the two
    if path.exists() or len(keys) > 1:
        young.replace(path)
        return
    try:
        path.hardlink_to(young)
    except FileExistsError:
        pass
    finally:
        young.unlink()
