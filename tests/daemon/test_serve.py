"""The daemon in this process: readiness, systemd, and an end that leaves nobody without an answer."""

import asyncio
import contextlib
import json
import logging
import os
import pwd
import signal
import socket
import subprocess
import sys

import pytest
from msgspec.structs import replace

from gattkeeper.daemon import serve as serving
from gattkeeper.daemon.serve import notify_systemd, serve
from gattkeeper.daemon.settings import load_settings
from gattkeeper.daemon.settings_model import LogLevel
from gattkeeper.errors import SettingsError
from system.home import SETTINGS


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "g.toml").write_text(SETTINGS)
    return load_settings(tmp_path / "g.toml")


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    """The socket on which systemd hears how a service is."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listening


async def heard(listening):
    return await asyncio.get_running_loop().sock_recv(listening, 100)


@contextlib.asynccontextmanager
async def serving_until_the_end(settings, systemd, **options):
    """The daemon from the moment in which it is ready; it must end by itself when it is told to."""
    daemon = asyncio.create_task(serving._serve(settings, settings.keeper.socket, log_phases=False, **options))
    ready = asyncio.create_task(heard(systemd))
    await asyncio.wait({daemon, ready}, return_when=asyncio.FIRST_COMPLETED)
    assert not daemon.done(), daemon.exception()
    assert ready.result() == b"READY=1"
    yield
    os.kill(os.getpid(), signal.SIGTERM)
    assert await daemon == 0


async def ask(settings, *requests):
    reader, writer = await asyncio.open_unix_connection(str(settings.keeper.socket))
    for request in requests:
        writer.write(json.dumps(request).encode() + b"\n")
    return reader, writer


@pytest.mark.asyncio
async def test_ready_is_told_with_what_to_do_next(settings, systemd, caplog):
    caplog.set_level(logging.INFO, "gattkeeper")
    async with serving_until_the_end(settings, systemd):
        (told,) = [record.getMessage() for record in caplog.records if record.name == "gattkeeper"]
        assert "is ready: lounge, kitchen over radio (C0:00:00:00:00:01)" in told
        assert f"gattkeeper devices --socket {settings.keeper.socket}" in told
    assert await heard(systemd) == b"STOPPING=1"


@pytest.mark.asyncio
async def test_who_waits_when_the_daemon_ends_is_told_how_the_command_ended(settings, systemd):
    nobody = {"id": 1, "verb": "read", "device": "F0:00:00:00:00:0F", "characteristic": "2a19", "wait": True}
    async with serving_until_the_end(settings, systemd):
        reader, writer = await ask(settings, nobody)
        assert "accepted" in json.loads(await reader.readline())
    answers = [json.loads(line) for line in (await reader.read()).splitlines()]
    writer.close()
    assert [answer["outcome"]["verdict"] for answer in answers] == ["not_delivered"]


@pytest.mark.asyncio
@pytest.mark.parametrize(("before", "ends"), [(signal.SIG_DFL, True), (signal.SIG_IGN, False)])
async def test_closed_terminal_ends_it_in_good_order_unless_that_is_ignored(settings, systemd, before, ends):
    inherited = signal.signal(signal.SIGHUP, before)
    try:
        async with serving_until_the_end(settings, systemd):
            os.kill(os.getpid(), signal.SIGHUP)
            told = asyncio.create_task(heard(systemd))
            done, _ = await asyncio.wait({told}, timeout=5.0 if ends else 0.05)
            assert bool(done) is ends
            told.cancel()
    finally:
        signal.signal(signal.SIGHUP, inherited)


@pytest.mark.asyncio
@pytest.mark.parametrize("has_terminal", [False, True])
async def test_hangup_without_a_terminal_reads_the_settings_again(settings, systemd, monkeypatch, has_terminal):
    monkeypatch.setattr(serving, "has_terminal", lambda: has_terminal)
    path = settings.keeper.journal.parent / "g.toml"
    path.write_text(SETTINGS.replace("devices.kitchen", "devices.study"))
    async with serving_until_the_end(settings, systemd, path=path):
        os.kill(os.getpid(), signal.SIGHUP)
        told = (await heard(systemd)).split(b"\n")
        if has_terminal:
            assert told == [b"STOPPING=1"]
            return
        assert (told[0], told[1].partition(b"=")[0]) == (b"RELOADING=1", b"MONOTONIC_USEC")
        assert await heard(systemd) == b"READY=1"
        reader, writer = await ask(settings, {"id": 1, "verb": "devices"})
        names = [one["name"] for one in json.loads(await reader.readline())["devices"]]
        assert names == ["lounge", "study"]
        writer.close()


def test_a_process_of_a_session_of_its_own_has_no_terminal():
    words = [sys.executable, "-c", "from gattkeeper.daemon.serve import has_terminal; print(has_terminal())"]
    done = subprocess.run(words, start_new_session=True, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.asyncio
async def test_idle_client_does_not_hold_the_end_up(settings, systemd, monkeypatch):
    async with serving_until_the_end(settings, systemd):
        reader, writer = await ask(settings, {"id": 1, "verb": "status"})
        assert "status" in json.loads(await reader.readline())
    assert await reader.read() == b""
    writer.close()
    assert not settings.keeper.socket.exists()


def run_and_end_when_ready(monkeypatch, settings, **options):
    """`serve` as the program calls it; the signal comes as soon as systemd would have heard of it."""
    states = []

    def told(state):
        states.append(state)
        if state == "READY=1":
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(serving, "notify_systemd", told)
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    root.handlers.clear()  # pytest's own would keep ours from being set up
    try:
        assert serve(settings, **options) == 0
    finally:
        root.setLevel(before[0])
        root.handlers[:] = before[1]
    return states


@pytest.mark.parametrize(("level", "lines"), [(LogLevel.INFO, 2), (LogLevel.WARNING, 0)])
def test_log_level_of_the_settings_is_honoured(settings, monkeypatch, capfd, level, lines):
    chosen = replace(settings, keeper=replace(settings.keeper, log_level=level))
    assert run_and_end_when_ready(monkeypatch, chosen) == ["READY=1", "STOPPING=1"]
    written = capfd.readouterr()
    assert (len(written.err.splitlines()), written.out) == (lines, "")


def test_socket_named_on_the_command_line_goes_before_the_settings(settings, monkeypatch, tmp_path):
    elsewhere = tmp_path / "elsewhere" / "k.sock"
    seen = []
    monkeypatch.setattr(
        serving, "_ready_text", lambda _keeper, path: seen.append((path, path.is_socket())) or "ready"
    )
    run_and_end_when_ready(monkeypatch, settings, socket_path=elsewhere)
    assert seen == [(elsewhere, True)]


def test_user_who_does_not_exist_is_named(settings):
    chosen = replace(settings, keeper=replace(settings.keeper, allow_users=("nobody-of-that-name",)))
    with pytest.raises(SettingsError, match="allow_users: there is no user 'nobody-of-that-name'"):
        serve(chosen)


def test_users_are_known_by_number():
    root = pwd.getpwuid(0).pw_name
    assert serving._uids((root,)) == [0]


def test_without_systemd_nothing_is_told(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify_systemd("READY=1")


def test_abstract_socket_of_systemd_is_reached(monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("")  # the kernel picks a free abstract name
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + listening.getsockname()[1:].decode())
        notify_systemd("READY=1")
        assert listening.recv(100) == b"READY=1"


def test_systemd_that_went_away_is_a_warning(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notify_systemd("READY=1")
    assert "systemd could not be told READY=1" in caplog.text
