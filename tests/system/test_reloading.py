"""The daemon as a process whose settings change: SIGHUP, as `systemctl reload` sends it."""

import signal
import time

import pytest

from gattkeeper.model.outcome import Cause
from gattkeeper.model.record import Ended
from system.home import READY_TIMEOUT_S, SETTINGS, Home, running_home

pytestmark = pytest.mark.system

WITHOUT_KITCHEN = SETTINGS[: SETTINGS.index("[devices.kitchen]")]


@pytest.fixture
def home(tmp_path):
    with running_home(tmp_path, SETTINGS.replace("warning", "info")) as running:
        yield running


def reload(home: Home, text: str | None) -> str:
    """What the log says of it."""
    log = home.folder / "daemon.log"
    already = len(log.read_text())
    if text is None:
        home.settings.unlink()
    else:
        home.settings.write_text(text)
    home.process.send_signal(signal.SIGHUP)
    give_up_at = time.monotonic() + READY_TIMEOUT_S
    while "the settings " not in (said := log.read_text()[already:]):
        assert home.process.poll() is None, said
        assert time.monotonic() < give_up_at, "the daemon says nothing of its settings"
    return said


def test_devices_come_and_go_and_keep_their_blinds(home):
    assert home.ask("act", "kitchen", "set_position", "80").returncode == 0
    renamed = SETTINGS.replace("devices.kitchen", "devices.study")
    assert "the settings were read again: lounge, study" in reload(home, renamed)
    assert home.ask("act", "study", "set_position", "20").returncode == 0
    assert home.ask("act", "kitchen", "set_position", "20").returncode == 2
    assert home.ask("stop", "study").returncode == 0
    assert [one.payload for one in home.applied() if len(one.payload) == 1][:2] == [bytes([80]), bytes([20])]


def test_a_bad_file_and_none_leave_everything_as_it_was_and_a_stop_still_works(home):
    assert "gattkeeper.toml:2" in reload(home, SETTINGS.replace("keeper.sock", ""))
    assert "the settings stay as they were" in reload(home, None)
    assert home.ask("act", "kitchen", "set_position", "80").returncode == 0
    assert home.ask("stop", "all").returncode == 0


def test_what_waits_for_a_device_that_goes_ends_and_what_needs_a_restart_is_named(home):
    nobody = SETTINGS + '[devices.nobody]\naddress = "F0:00:00:00:00:09"\n'
    reload(home, nobody)
    waiting = home.spawn("read", "nobody", "2a19", "--deadline", "60")
    while '"accepted":1' not in home.ask("status", "--json").stdout.replace(" ", ""):
        assert waiting.poll() is None
    said = reload(home, WITHOUT_KITCHEN.replace("journal.db", "other.db"))
    assert "keeper.journal: another value is in force after a restart" in said
    waiting.communicate(timeout=60)
    assert waiting.returncode == 5
    (ended,) = [row.outcome for row in home.rows() if isinstance(row, Ended)]
    assert (ended.cause, ended.fault.name) == (Cause.CANCELLED, "device_removed")
    assert home.ask("stop", "lounge").returncode == 0
