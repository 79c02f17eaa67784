"""A D-Bus of our own: a real dbus-daemon on a socket in a temporary folder, open to whoever finds it.

Knows how to start and end one. Where there is no dbus-daemon it skips, by name.
"""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

PROGRAM = "dbus-daemon"
START_S = 10.0

CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
"""


class PrivateBus:
    """One dbus-daemon. `address` stays the same when it is stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self._config = folder / "bus.conf"
        self._socket = folder / "bus.socket"
        self._config.write_text(CONFIG.format(socket=self._socket))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"unix:path={self._socket}"

    async def start(self) -> None:
        program = shutil.which(PROGRAM)
        if program is None:
            pytest.skip(f"{PROGRAM} is not installed: the scripted BlueZ needs a bus to stand on")
        self._socket.unlink(missing_ok=True)
        # not a process of the event loop: that leaves a transport behind when the loop ends first
        self._process = subprocess.Popen(
            [program, f"--config-file={self._config}", "--nofork", "--nopidfile", "--print-address=1"],
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(START_S):
            line = await asyncio.to_thread(self._process.stdout.readline)  # printed when it listens
        assert line.startswith(b"unix:"), line

    async def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            await asyncio.to_thread(self._process.communicate)
            self._process = None


@contextlib.asynccontextmanager
async def private_bus(folder: Path) -> AsyncIterator[PrivateBus]:
    """A running bus, ended with the block."""
    bus = PrivateBus(folder)
    try:
        await bus.start()
        yield bus
    finally:
        await bus.stop()
