"""The daemon as a process: one at a time, steered by its clients, ended by a signal."""

import json
import subprocess
import sys

import pytest

from gattkeeper.model.record import Accepted, Closed, Ended, Started
from gattkeeper.world.virtual_blind import BLIND_MOTOR, BLIND_POSITION
from system.home import running_home

pytestmark = pytest.mark.system


@pytest.fixture
def home(tmp_path):
    with running_home(tmp_path) as running:
        yield running


def test_second_daemon_is_refused_and_told_who_is_first(home):
    first = home.process
    words = [sys.executable, "-m", "gattkeeper", "serve", "--config", str(home.settings)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert f"process {first.pid}" in done.stderr
    assert home.ask("status").returncode == 0


def test_peer_is_written_down_with_what_the_kernel_says_of_it(home):
    client = home.spawn("act", "lounge", "position")
    client.communicate(timeout=60)
    (accepted,) = [row for row in home.rows() if isinstance(row, Accepted)]
    origin = accepted.command.origin
    assert (origin.front, origin.pid) == ("cli", client.pid)
    assert origin.uid is not None
    assert origin.principal


def test_idempotency_key_gives_the_same_command_even_after_a_restart(home):
    first = json.loads(home.ask("act", "lounge", "set_position", "40", "--key", "k1", "--json").stdout)
    assert home.end() == 0
    home.start()
    again = home.ask("act", "lounge", "set_position", "40", "--key", "k1", "--json")
    other = home.ask("act", "lounge", "set_position", "60", "--key", "k1")
    assert json.loads(again.stdout)["command_id"] == first["command_id"]
    assert other.returncode == 2
    assert "k1" in other.stderr
    assert [one.payload for one in home.applied()] == [bytes([40])]


def test_stop_stops_the_motor_and_a_latched_one_holds_until_resume(home):
    assert home.ask("act", "lounge", "set_position", "0").returncode == 0
    assert home.ask("stop", "lounge", "--latch").returncode == 0
    refused = home.ask("act", "lounge", "set_position", "90")
    assert refused.returncode == 3
    assert "resume" in refused.stderr
    assert home.ask("act", "lounge", "position").returncode == 0  # reading harms nobody
    assert home.ask("resume", "lounge").returncode == 0
    assert home.ask("act", "lounge", "set_position", "90").returncode == 0
    reached = [(one.characteristic, one.payload) for one in home.applied()]
    assert (BLIND_MOTOR, b"\x00") in reached


def test_subscriber_sees_the_blind_move(home):
    watcher = home.spawn("subscribe", "lounge", BLIND_POSITION, "--count", "3", "--json")
    while json.loads(home.ask("status", "--json").stdout)["devices"][0]["subscriptions"] == 0:
        assert watcher.poll() is None
    assert home.ask("act", "lounge", "set_position", "20").returncode == 0
    out, err = watcher.communicate(timeout=60)
    assert watcher.returncode == 0, err
    assert out.strip()


def test_killed_client_neither_kills_nor_repeats_its_command(home):
    client = home.spawn("act", "lounge", "set_position", "30")
    while json.loads(home.ask("status", "--json").stdout)["accepted"] == 0:
        assert client.poll() is None
    client.kill()
    client.communicate()
    while json.loads(home.ask("status", "--json").stdout)["ended"] == 0:
        pass
    assert [one.payload for one in home.applied()] == [bytes([30])]


def test_sigterm_ends_it_in_good_order(home):
    waiting = [home.spawn("act", "lounge", "position") for _ in range(4)]
    assert home.end() == 0
    for client in waiting:
        client.communicate(timeout=60)
    rows = home.rows()
    assert isinstance(rows[0], Started)
    assert isinstance(rows[-1], Closed)
    assert not home.socket.exists()


def test_deleted_socket_file_stops_nobody(home):
    waiting = home.spawn("read", "F0:00:00:00:00:09", "2a19", "--deadline", "3")
    while json.loads(home.ask("status", "--json").stdout)["accepted"] == 0:
        assert waiting.poll() is None
    home.socket.unlink()
    refused = home.ask("status")
    assert refused.returncode == 69
    assert str(home.socket) in refused.stderr
    waiting.communicate(timeout=60)
    assert waiting.returncode == 1, "who was connected hears how it ended"
    assert home.end() == 0
    assert [type(row) for row in home.rows()][-2:] == [Ended, Closed]
    home.start()
    assert home.ask("act", "lounge", "position").returncode == 0


def test_scan_and_devices_show_the_blinds(home):
    seen = home.ask("scan", "--for", "1").stdout
    assert "F0:00:00:00:00:01" in seen
    assert "F0:00:00:00:00:02" in seen
    assert "set_position" in home.ask("devices").stdout
