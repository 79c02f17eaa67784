"""What rows say about clocks is what this machine says."""

import sys
import time
from pathlib import Path

import pytest

from gattkeeper.storage import clock


def test_wall_clock_is_utc_and_monotonic_is_of_this_boot() -> None:
    assert abs(clock.wall_us() - time.time() * 1_000_000) < 60_000_000
    assert abs(clock.monotonic_us() - time.monotonic() * 1_000_000) < 60_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux numbers its boots here")
def test_boot_is_the_kernels_own_name_for_it() -> None:
    assert clock.boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()


def test_boot_is_empty_where_the_system_does_not_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_BOOT_ID", tmp_path / "absent")
    assert clock.boot_id() == ""


@pytest.mark.skipif(sys.platform != "linux", reason="adjtimex is Linux")
def test_linux_knows_whether_its_clock_is_kept_right() -> None:
    assert clock.synchronised() in (True, False)


def test_elsewhere_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert clock.synchronised() is None
