"""Answers requests on a Unix socket, one after the other, from users who may ask.

Knows sockets and credentials. What a request does stands in `__main__`, what it looks like in `wire`.
"""

import logging
import os
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

from gattkeeper.privileged.wire import LINE_MAX, RefusedError, Request, decode_request, encode_answer

CLIENT_S = 5.0
"""How long a client may take to say what it wants, and to take the answer, in seconds."""

_log = logging.getLogger(__name__)


def listen(path: Path) -> socket.socket:
    """A socket at this place. Anybody may connect to it: who is answered is decided by user id."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(os.fspath(path))
        path.chmod(0o666)
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


class Server:
    """`allowed` are user ids; `perform` does what is asked, or raises RefusedError."""

    def __init__(
        self, listener: socket.socket, allowed: frozenset[int], perform: Callable[[Request], None]
    ) -> None:
        self._listener = listener
        self._allowed = allowed
        self._perform = perform

    def serve_one(self) -> None:
        """Take the next client, and answer it."""
        client, _ = self._listener.accept()
        with client:
            client.settimeout(CLIENT_S)
            try:
                client.sendall(encode_answer(self._answer(client)))
            except OSError as error:
                _log.warning("a client went away: %s", error)

    def _answer(self, client: socket.socket) -> str:
        user = _user_of(client)
        if user not in self._allowed:
            _log.warning("user %d asked, and may not", user)
            return f"user {user} may not ask: start the program with --user"
        try:
            request = decode_request(_line(client))
            self._perform(request)
        except RefusedError as refused:
            _log.warning("refused to user %d: %s", user, refused)
            return str(refused)
        _log.info("%s for user %d", " ".join(filter(None, request)), user)
        return ""


def _user_of(client: socket.socket) -> int:
    """Who is at the other end, as the kernel knows it (SO_PEERCRED: process, user, group)."""
    if sys.platform != "linux":
        raise RefusedError("what needs privilege is done on Linux only")
    held = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", held)[1])


def _line(client: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"\n"):
        more = client.recv(LINE_MAX)
        received += more
        if not more or len(received) > LINE_MAX:
            raise RefusedError(f"a request is one line of at most {LINE_MAX} bytes")
    return received
