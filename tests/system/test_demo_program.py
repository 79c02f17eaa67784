"""The demo as a user starts it."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.system


def test_the_demo_keeps_its_promise_and_says_so():
    done = subprocess.run(
        [sys.executable, "-m", "gattkeeper", "demo"], capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("superseded") == 4  # two taps, told so, and both in the timeline
    assert "lounge  55 %   kitchen  80 %" in done.stdout
    assert "As promised" in done.stdout
