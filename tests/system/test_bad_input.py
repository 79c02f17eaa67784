"""Wrong input from real clients: a clear sentence, the right exit code, and nothing queued."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys

import pytest

from system.home import SETTINGS, running_home

pytestmark = pytest.mark.system

BAD_COMMANDS = [
    (("act", "attic", "set_position", "5"), 2, "attic"),
    (("act", "loung", "set_position", "5"), 2, "lounge"),  # a near miss is named
    (("act", "lounge", "fly", "5"), 2, "set_position"),  # what there is
    (("act", "lounge", "set_position", "101"), 2, "0 to 100"),
    (("act", "lounge", "set_position", "-1"), 2, "0 to 100"),
    (("act", "lounge", "set_position", "nan"), 2, "0 to 100"),
    (("act", "lounge", "set_position"), 2, "0 to 100"),
    (("act", "lounge", "position", "5"), 2, "position"),
    (("write", "lounge", "fe51", ""), 2, "empty"),
    (("write", "lounge", "fe51", "9a0"), 2, "odd"),
    (("write", "lounge", "fe51", "zz"), 2, "hex"),
    (("write", "lounge", "fe51", "00" * 600), 2, "512"),
    (("write", "lounge", "nonsense", "00"), 2, "UUID"),
    (("read", "lounge", "2a19", "--timeout", "0"), 2, "above 0"),
    (("read", "lounge", "2a19", "--timeout", "-1"), 2, "above 0"),
    (("read", "lounge", "2a19", "--timeout", "nan"), 2, "finite"),
    (("read", "lounge", "2a19", "--deadline", "inf"), 2, "finite"),
    (("read", "lounge", "2a19", "--wait", "soon"), 2, "seconds"),
    (("read", "lounge"), 2, "CHARACTERISTIC"),
    (("stop", "attic"), 2, "attic"),
    (("resolve", "nothing-1", "--applied", "--why", "seen"), 2, "nothing-1"),
    (("outcome", "nothing-1"), 2, "nothing-1"),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with running_home(tmp_path_factory.mktemp("home")) as running:
        yield running
        status = json.loads(running.ask("status", "--json").stdout)
        assert status["accepted"] == 0, "bad input was queued"
        assert running.end() == 0


@pytest.mark.parametrize(("words", "code", "hint"), BAD_COMMANDS, ids=lambda value: str(value)[:40])
def test_wrong_command_line_is_told_what_is_wrong(home, words, code, hint):
    done = home.ask(*words)
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stderr.startswith("gattkeeper: ")
    assert hint in done.stderr
    assert "Traceback" not in done.stderr


def connect(home):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(30)
    client.connect(str(home.socket))
    return client


def first_answer(client):
    with client.makefile("rb") as answers:
        return json.loads(answers.readline())


BAD_LINES = [
    b"not json",
    b"[]",
    b"{}",
    b'"act"',
    b'{"verb":"fly"}',
    b'{"verb":"act","device":"lounge"}',
    b'{"verb":"act","device":"lounge","action":"set_position","argument":NaN}',
    b'{"verb":"act","device":"lounge","action":"set_position","argument":101}',
    b'{"verb":"act","device":"lounge","action":"set_position","argument":50,"extra":1}',
    b'{"verb":"act","device":7,"action":"set_position","argument":50}',
    b'{"verb":"read","device":"lounge","characteristic":"2a19","timeout":-1}',
    b"\xff\xfe\x00",
    b"[" * 10_000,
    b'{"verb":"write","device":"lounge","characteristic":"fe51","payload":"' + b"00" * 600 + b'"}',
]


@pytest.mark.parametrize("line", BAD_LINES, ids=lambda line: repr(line[:30]))
def test_wrong_line_on_the_socket_gets_one_error(home, line):
    with connect(home) as client:
        client.sendall(line + b"\n")
        error = first_answer(client)["error"]
        assert error["code"]
        assert error["message"]


def test_ten_megabytes_in_one_line_are_refused_and_never_held(home):
    with connect(home) as client, client.makefile("rb") as answers:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may hang up before the end
            for _ in range(160):
                client.sendall(b"x" * 65536)
        assert json.loads(answers.readline())["error"]["code"] == "line_too_long"
        assert answers.readline() == b""
    memory_kb = int(
        (pathlib.Path("/proc") / str(home.process.pid) / "status").read_text().split("VmHWM:")[1].split()[0]
    )
    assert memory_kb < 200_000
    assert home.ask("status").returncode == 0


def test_client_that_never_reads_hurts_nobody_else(home):
    with connect(home) as silent:
        silent.setblocking(False)
        try:
            for _ in range(50_000):
                silent.send(b'{"verb":"devices"}\n')
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            pass
        assert home.ask("status").returncode == 0


def serve(folder, settings, **environment):
    (folder / "g.toml").write_text(settings)
    return subprocess.run(
        [sys.executable, "-m", "gattkeeper", "serve", "--config", str(folder / "g.toml")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


def test_unknown_key_in_the_settings_is_named_with_its_line(tmp_path):
    done = serve(tmp_path, SETTINGS.replace("log_level", "log_levle"))
    assert done.returncode == 2
    assert "g.toml:4:" in done.stderr
    assert "log_level" in done.stderr


def test_without_a_bus_the_daemon_says_what_to_do(tmp_path):
    settings = '[keeper]\nsocket = "s"\njournal = "j"\n[adapters.a]\nlink = "bluez"\n'
    done = serve(tmp_path, settings, DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={tmp_path / 'nowhere'}")
    assert done.returncode == 2
    assert "D-Bus" in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_adapter_is_named(tmp_path):
    settings = '[keeper]\nsocket = "s"\njournal = "j"\n[adapters.a]\nlink = "bumble"\ntransport = "usb:7"\n'
    done = serve(tmp_path, settings)
    assert done.returncode == 2
    assert "usb:7" in done.stderr
    assert "Traceback" not in done.stderr
