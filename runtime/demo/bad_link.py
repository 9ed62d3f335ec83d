"""A link like the one in a stairwell: a TCP relay that cuts connections in the middle of things."""

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHUNK = 4096
BYTES_UNTIL_CUT = (200, 40_000)


class BadLink:
    """Relays to a server; a share of connections is cut after some bytes, in either direction."""

    def __init__(self, port: int, *, seed: int, share_cut: float) -> None:
        self._target = ("127.0.0.1", port)
        self._dice = random.Random(seed)  # a story, not a secret  # nosec B311
        self._share_cut = share_cut
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self.cuts = 0

    def serve(self) -> None:
        """Accepts until closed."""
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            left = None
            if self._dice.random() < self._share_cut:
                left = self._dice.randint(*BYTES_UNTIL_CUT)
            threading.Thread(target=self._relay, args=(client, left), daemon=True).start()

    def close(self) -> None:
        """No further connections."""
        with suppress(OSError):
            # whoever waits in accept would still take one more
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _relay(self, client: socket.socket, left: int | None) -> None:
        try:
            server = socket.create_connection(self._target, timeout=60)
        except OSError:
            client.close()
            return
        budget = _Budget(left)
        back = threading.Thread(
            target=_pump, args=(server, client), kwargs={"budget": budget}, daemon=True
        )
        back.start()
        _pump(client, server, budget=budget)
        back.join()
        if budget.spent:
            self.cuts += 1
        client.close()
        server.close()


class _Budget:
    """How many bytes a connection may still carry; shared by its two directions."""

    def __init__(self, left: int | None) -> None:
        self._left = left
        self._lock = threading.Lock()
        self.spent = False

    def take(self, wanted: int) -> int:
        with self._lock:
            if self._left is None:
                return wanted
            given = min(wanted, self._left)
            self._left -= given
            self.spent = self.spent or self._left == 0
            return given


def _pump(source: socket.socket, sink: socket.socket, *, budget: _Budget) -> None:
    try:
        while chunk := source.recv(CHUNK):
            given = budget.take(len(chunk))
            sink.sendall(chunk[:given])
            if given < len(chunk) or budget.spent:
                break
    except OSError:
        pass
    # both ends learn of it at once, as they do when a tablet leaves the cell
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue


@contextmanager
def bad_link(port: int, *, seed: int, share_cut: float = 0.3) -> Iterator[BadLink]:
    """A relay for as long as the block runs."""
    link = BadLink(port, seed=seed, share_cut=share_cut)
    thread = threading.Thread(target=link.serve, daemon=True)
    thread.start()
    try:
        yield link
    finally:
        link.close()
