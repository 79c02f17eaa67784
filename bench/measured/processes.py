"""Programs beside the one that measures: how they are started, waited for and ended; and a scripted BlueZ as
one.

Knows processes, and the tests' org.bluez on a D-Bus of its own. What is asked of them is the suites' business.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SERVICE = "f0c0b000-8f2b-4b5e-9d3c-6a1e5d2c7b00"
LEVEL = "f0c0b001-8f2b-4b5e-9d3c-6a1e5d2c7b00"
TESTS = Path(__file__).parents[2] / "tests"

SETTINGS = """\
[keeper]
socket = "keeper.sock"
journal = "journal.db"
log_level = "warning"
[adapters.radio]
link = "bluez"
"""
"""Of a daemon on the scripted BlueZ, with its files beside them; devices follow."""

_WORLD = """\
import asyncio, os, signal, sys
from contextlib import suppress
from pathlib import Path
from fake_bluez.bus import private_bus
from fake_bluez.device import FakeCharacteristic, FakeDevice
from fake_bluez.refusals import BLUEZ_ERROR, Refused
from fake_bluez.stack import FakeBluez, Step

class Bluez(FakeBluez):
    # Connecting takes its time; who comes meanwhile is refused, and any Disconnect ends the attempt.
    async def _connect(self, device):
        path = device.path(self.home)
        if path in self._connecting:
            raise Refused(BLUEZ_ERROR + "Failed", "Operation already in progress")
        if not device.connected:
            self._connecting[path] = asyncio.get_running_loop().create_future()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._connecting[path], CONNECT_S)
            self._connecting.pop(path, None)
        await super()._connect(device)

    # What is not connected advertises, for those who listen.
    async def air(self):
        while True:
            await asyncio.sleep(0.1)
            for device in self.devices if self._scanning else ():
                if not device.connected:
                    self.advertise(device)

def device(number):
    level = FakeCharacteristic("LEVEL", ["read", "write"], b"\\0")
    one = FakeDevice(f"F0:00:00:00:00:{number:02X}", {"SERVICE": [level]})
    one.polite_s = POLITE_S
    return one

async def main():
    async with private_bus(Path(sys.argv[1])) as bus:
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = bus.address
        bluez = Bluez()
        bluez.devices += [device(number) for number in range(DEVICES)]
        bluez.always["WriteValue"] = Step(after_s=ANSWER_S, then_usual=True)
        await bluez.start()
        air = asyncio.create_task(bluez.air())
        over = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
        print(bus.address, flush=True)
        await over.wait()
        air.cancel()

asyncio.run(main())
"""


@contextmanager
def running(words: list[str], **said: object) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(words, text=True, **said) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.terminate()


def answers(path: Path) -> socket.socket:
    """Connect as soon as somebody listens."""
    give_up_at = time.monotonic() + 60
    while True:
        client = socket.socket(socket.AF_UNIX)
        try:
            client.connect(str(path))
        except OSError:
            client.close()
            assert time.monotonic() < give_up_at, f"nobody listens on {path}"
            time.sleep(0.002)
        else:
            return client


@contextmanager
def world(
    folder: Path, devices: int, answer_s: float = 0.0, connect_s: float = 0.0, polite_s: float = 0.0
) -> Iterator[dict[str, str]]:
    """A BlueZ with so many devices, from F0:00:00:00:00:00 on; the environment in which a program finds it.

    Locks of adapters lie in `folder` as well: the daemon of this machine is not in the way.

    A write is answered after `answer_s`, a connection is there with its services after `connect_s`, and a link
    goes down so long after a Disconnect as `polite_s` says. Seconds.
    """
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    script = _WORLD
    for word, value in (
        ("DEVICES", devices),
        ("ANSWER_S", answer_s),
        ("CONNECT_S", connect_s),
        ("POLITE_S", polite_s),
        ("LEVEL", LEVEL),
        ("SERVICE", SERVICE),
    ):
        script = script.replace(word, str(value))
    with running([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, env=paths) as process:
        assert process.stdout is not None
        bus = process.stdout.readline().strip()
        if not bus:
            raise FileNotFoundError("no scripted BlueZ: dbus-daemon must be installed, see above")
        yield {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": bus, "XDG_RUNTIME_DIR": str(folder)}
