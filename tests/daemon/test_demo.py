"""What the demo promises and how it breaks; and the demo itself, kept running and ended in every way."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from gattkeeper.daemon import demo
from gattkeeper.daemon.demo import BrokenPromiseError
from gattkeeper.daemon.settings import book_of, load_settings


def applied(home, *moves):
    lines = [
        json.dumps({"at_s": 0.0, "device": device, "characteristic": "x", "payload": payload})
        for device, payload in moves
    ]
    (home / "applied.jsonl").write_text("\n".join(lines))


def test_the_story_is_told_with_settings_that_are_right(tmp_path):
    (tmp_path / "gattkeeper.toml").write_text(demo.SETTINGS)
    settings = load_settings(tmp_path / "gattkeeper.toml")
    assert set(book_of(settings).names()) == set(demo.WANTED) == {device for device, _ in demo.TAPS}
    for device, percent in demo.TAPS:
        assert book_of(settings).act(device, "target_percent", percent).coalesce_key


def test_the_last_tap_of_each_device_is_the_one_that_is_meant():
    assert dict(demo.TAPS) == demo.WANTED


def test_nothing_but_the_newest_taps_may_reach_the_blinds(tmp_path):
    applied(tmp_path, ("lounge", "Nw=="), ("kitchen", "UA=="))  # 55 and 80
    demo._check_applied(tmp_path)
    applied(tmp_path, ("lounge", "SQ=="), ("lounge", "Nw=="), ("kitchen", "UA=="))
    with pytest.raises(BrokenPromiseError, match=r"'lounge': \[73, 55\]"):
        demo._check_applied(tmp_path)


def test_daemon_that_does_not_start_is_told_with_its_exit_code(tmp_path):
    (tmp_path / "gattkeeper.toml").write_text("nonsense")
    with pytest.raises(BrokenPromiseError, match="ended at once with exit code 2"), demo._daemon(tmp_path):
        pass


def test_blind_that_cannot_be_read_breaks_the_promise(tmp_path):
    with pytest.raises(BrokenPromiseError, match=r"position of lounge could not be read: .*no gattkeeper daemon"):
        demo._position(tmp_path, "lounge")


@pytest.mark.system
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_demo_that_serves_ends_cleanly_and_leaves_nothing(tmp_path, number):
    told = tmp_path / "told"
    with tempfile.TemporaryDirectory() as folder:  # the path of a socket is short
        owner, home = run_demo_until_it_stays(Path(folder), told, number)
    assert not home.exists()
    assert not Path(f"/proc/{owner}").exists()


@pytest.mark.system
def test_demo_keeps_to_the_columns_of_its_terminal():
    done = subprocess.run(
        [sys.executable, "-m", "gattkeeper", "demo"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "COLUMNS": "80"},
    )
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80


def listen_to_signals():
    """Whoever runs the tests in the background may have had them ignored."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def run_demo_until_it_stays(folder, told, number):
    """Start it, wait until it stays, end it by a signal; the daemon's process id and the folder it had."""
    with told.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "gattkeeper", "demo", "--serve"],
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(folder)},
            start_new_session=True,
            preexec_fn=listen_to_signals,
        )
    give_up_at = time.monotonic() + 60
    while "Ctrl-C ends it" not in told.read_text():
        assert process.poll() is None, told.read_text()
        assert time.monotonic() < give_up_at
    (home,) = folder.glob("gattkeeper-demo-*")
    owner = int((home / "journal.db.lock").read_text())
    process.send_signal(number)
    assert process.wait(timeout=30) == 0, told.read_text()
    return owner, home
