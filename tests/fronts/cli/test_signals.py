"""Signals that are waited for: in a program of their own, because they belong to the whole process."""

import subprocess
import sys

PROGRAM = """
import os, signal, sys
from gattkeeper.fronts.cli.signals import Signals
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signals = Signals()
"""


def run(text: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM + text], capture_output=True, text=True, check=True
    ).stdout


def test_a_signal_that_came_before_the_wait_is_not_lost() -> None:
    text = "os.kill(os.getpid(), signal.SIGTERM); os.kill(os.getpid(), signal.SIGINT); print(sorted(signals.wait(None)))"
    assert run(text) == "[2, 15]\n"


def test_one_that_was_ignored_stays_ignored() -> None:
    assert run("os.kill(os.getpid(), signal.SIGHUP); print(signals.wait(0))") == "b''\n"


def test_a_descriptor_and_the_time_end_the_wait() -> None:
    text = (
        "a, b = os.pipe(); os.write(b, b'x'); print(signals.wait(None, a), signals.wait(0.001), signals.wait(-1))"
    )
    assert run(text) == "b'' b'' b''\n"
