"""What a daemon's journal tells afterwards: who, what, when and how it ended, and not a byte of any payload."""

import hashlib
import json
import signal

import pytest

from gattkeeper.daemon.cli import main
from gattkeeper.model.record import Accepted, Closed, Ended, ResumeAsked, SettingsRead, Started, StopAsked
from system.home import SETTINGS, Home, running_home

pytestmark = pytest.mark.system

KEEPING = SETTINGS.replace("[devices.kitchen]", "[devices.kitchen]\njournal_payloads = true")


@pytest.fixture
def home(tmp_path):
    with running_home(tmp_path, KEEPING) as running:
        yield running


def rows(home: Home, kind: type) -> list:
    return [row for row in home.rows() if isinstance(row, kind)]


def audit(home: Home, capsys: pytest.CaptureFixture[str], *words: str) -> list[dict]:
    assert main(["audit", "query", "--journal", str(home.journal), "--json", *words]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_payloads_are_known_by_their_digests_and_kept_where_that_was_asked_for(home, capsys):
    for device in ("lounge", "kitchen"):
        assert home.ask("write", device, "fe51", "cafe").returncode in (0, 1)
    lounge, kitchen = (row for row in rows(home, Accepted))
    assert (lounge.command.operation.payload, kitchen.command.operation.payload) == (b"", b"\xca\xfe")
    (told,) = audit(home, capsys, "--device", "lounge")
    assert told["payload_sha256"] == hashlib.sha256(b"\xca\xfe").hexdigest()
    assert (told["payload_length"], told["front"], told["operation"]) == (2, "cli", "write")
    assert told["boot_id"]
    assert told["phases_us"]


def test_a_value_that_was_read_is_told_to_the_caller_and_not_kept(home):
    value = home.ask("read", "lounge", "2a19", "--json")
    assert json.loads(value.stdout)["value"]
    (ended,) = rows(home, Ended)
    assert ended.outcome.value is None
    assert ended.digests[0].sha256 == hashlib.sha256(bytes.fromhex(json.loads(value.stdout)["value"])).hexdigest()
    assert home.end() == 0
    home.start()
    again = home.ask("outcome", ended.outcome.command_id, "--json")
    assert "value" not in json.loads(again.stdout)
    assert json.loads(again.stdout)["verdict"] == "delivered"


def test_after_a_kill_a_key_still_belongs_to_the_bytes_it_came_with(home):
    words = ("write", "lounge", "fe51", "01", "--key", "tap", "--json")
    first = json.loads(home.ask(*words).stdout)
    home.end(signal.SIGKILL)
    home.start()
    assert json.loads(home.ask(*words).stdout)["command_id"] == first["command_id"]
    other = home.ask("write", "lounge", "fe51", "02", "--key", "tap")
    assert other.returncode == 2
    assert f"'tap' belongs to {first['command_id']}" in other.stderr


def test_starts_settings_stops_and_ends_are_rows_with_who_asked(home, capsys):
    assert home.ask("stop", "all", "--latch").returncode == 0
    assert home.ask("resume", "all").returncode == 0
    assert home.end() == 0
    (read,), (stop,), (resume,) = (rows(home, kind) for kind in (SettingsRead, StopAsked, ResumeAsked))
    assert read.sha256 == hashlib.sha256(KEEPING.encode()).hexdigest()
    assert read.path == str(home.settings)
    assert "devices.kitchen" in read.changed
    assert (stop.scope, stop.latch, len(stop.commands)) == ("all", True, 2)
    assert stop.origin.front == resume.origin.front == "cli"
    assert stop.origin.pid != resume.origin.pid
    assert rows(home, Started)
    assert rows(home, Closed)
    kinds = [told["kind"] for told in audit(home, capsys, "--events")]
    assert kinds == ["closed", "resume", "stop", "settings", "started"]
    assert main(["audit", "verify", "--journal", str(home.journal)]) == 0
