"""The server over real sockets: who may ask, what is refused, and that one client cannot hold it."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from gattkeeper.privileged import server as module
from gattkeeper.privileged.server import Server, listen
from gattkeeper.privileged.wire import LINE_MAX, RefusedError, Request, decode_answer, encode_request

RESET = Request("reset_adapter", "F4:4E:FC:00:00:01")
ME = frozenset({os.getuid()})


def asked(
    path: Path, say: bytes, *, allowed: frozenset[int] = ME, perform: Callable[[Request], None] = lambda _: None
) -> bytes:
    """What a client hears that says this."""
    with listen(path) as listener:
        serving = Thread(target=Server(listener, allowed, perform).serve_one)
        serving.start()
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10.0)
            client.connect(os.fspath(path))
            if say:
                client.sendall(say)
            heard = b"".join(iter(lambda: client.recv(LINE_MAX), b""))
        serving.join()
    return heard


def test_a_request_is_done_and_answered(tmp_path: Path) -> None:
    done: list[Request] = []
    decode_answer(asked(tmp_path / "socket", encode_request(RESET), perform=done.append))
    assert done == [RESET]


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    def perform(_: Request) -> None:
        raise RefusedError("the controller is busy")

    with pytest.raises(RefusedError, match="the controller is busy"):
        decode_answer(asked(tmp_path / "socket", encode_request(RESET), perform=perform))


def test_a_user_who_may_not_is_told_so_and_nothing_is_read(tmp_path: Path) -> None:
    done: list[Request] = []
    heard = asked(tmp_path / "socket", b"", allowed=frozenset({4_000_000}), perform=done.append)
    with pytest.raises(RefusedError, match="may not ask: start the program with --user"):
        decode_answer(heard)
    assert done == []


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="one line of at most 1024 bytes"):
        decode_answer(asked(tmp_path / "socket", b"x" * (LINE_MAX + 1)))


def test_a_client_that_says_nothing_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLIENT_S", 0.02)
    assert asked(tmp_path / "socket", b"") == b""


def test_an_old_socket_is_replaced_and_anybody_may_knock(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    listen(path).close()
    with listen(path):
        assert path.stat().st_mode & 0o777 == 0o666
