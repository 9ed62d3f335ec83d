"""The installation's own secret: given by its administrator, or made once and kept in its folder."""

import contextlib
import hashlib
import hmac
import os
import secrets

from runtime.settings import Settings


def derived(settings: Settings, purpose: str) -> bytes:
    """A key for one purpose, which says nothing of another's: 32 bytes."""
    return hmac.digest(root(settings), purpose.encode(), hashlib.sha256)


def root(settings: Settings) -> bytes:
    """What keys are made from. Production refuses to start without a given one."""
    if settings.secret:
        return settings.secret.encode()
    path = settings.state_folder / "secret"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = path.with_name(f"secret-{os.getpid()}")
        made.write_bytes(secrets.token_bytes(32))
        made.chmod(0o600)
        # it is whole or not there: of several that start at once, all take the first one's
        with contextlib.suppress(FileExistsError):
            os.link(made, path)
        made.unlink()
    return path.read_bytes()
