"""The program: each verb reaches the kernel or the bus, and bad arguments end in a sentence."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

import gattkeeper
from gattkeeper.privileged.__main__ import perform, server_for
from gattkeeper.privileged.wire import RefusedError, Request
from privileged.kernel import Kernel

ADAPTER = "F4:4E:FC:00:00:02"


def done(request: Request) -> tuple[list[tuple[int, int, bytes]], list[int]]:
    """What reached the kernel after the look for the adapter, and which numbers were reset on the bus."""
    kernel, reset = Kernel({0: "F4:4E:FC:00:00:01", 3: ADAPTER}), []
    perform(request, lambda: kernel, reset.append)
    assert kernel.closed
    return kernel.commands[3:], reset


def test_each_verb_does_its_own() -> None:
    assert done(Request("reset_adapter", ADAPTER)) == ([(5, 3, b"\x00"), (5, 3, b"\x01")], [])
    assert done(Request("reset_usb", ADAPTER)) == ([], [3])
    cut = Request("cut_link", ADAPTER, "F0:00:00:00:00:01", "public")
    assert done(cut) == ([(0x14, 3, bytes.fromhex("0100000000f001"))], [])


def test_an_adapter_that_is_not_there_is_refused_and_the_channel_closed() -> None:
    kernel = Kernel({})
    with pytest.raises(RefusedError, match="there is no adapter"):
        perform(Request("reset_usb", ADAPTER), lambda: kernel)
    assert kernel.closed


def test_root_and_the_named_users_may_ask(tmp_path: Path) -> None:
    me = pwd.getpwuid(os.getuid()).pw_name
    server = server_for(["--socket", str(tmp_path / "socket"), "--user", me])
    assert server._allowed == {0, os.getuid()}
    server._listener.close()


def test_it_needs_nothing_but_python() -> None:
    program = "import sys, gattkeeper.privileged.__main__; sys.exit('msgspec' in sys.modules)"
    source = str(Path(gattkeeper.__file__).parent.parent)
    bare = {"PYTHONPATH": source}  # -S: without whatever is installed
    assert subprocess.run([sys.executable, "-S", "-c", program], env=bare, check=False).returncode == 0


def test_a_user_there_is_not_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        server_for(["--socket", str(tmp_path / "socket"), "--user", "nobody-of-this-name"])
    assert "there is no user 'nobody-of-this-name'" in capsys.readouterr().err


def test_a_place_that_cannot_be_had_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        server_for(["--socket", "/nowhere/socket"])
    assert "cannot listen at /nowhere/socket" in capsys.readouterr().err
