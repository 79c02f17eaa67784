"""Libraries of the shops' products as they come from the index, under `gattkeeper run`, on virtual devices that
answer as the products do: PySwitchbot, motionblindsble, and bleak-retry-connector below both.

The daemon is a process, its adapter a controller behind TCP, and each program a process of its own that nobody
changed. None of them opens a D-Bus: there is none.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gattkeeper.world import VirtualRadio
from links.wires import SocketWire
from system.home import Home
from system.products import Curtain, Motor

pytestmark = pytest.mark.system

SETTINGS = """\
[keeper]
socket = "keeper.sock"
journal = "journal.db"
log_level = "warning"

[adapters.lab]
link = "bumble"
transport = "{transport}"

[devices.lounge]
address = "F0:00:00:00:00:07"

[devices.kitchen]
address = "F0:00:00:00:00:08"
"""
CURTAIN, MOTOR = "F0:00:00:00:00:07", "F0:00:00:00:00:08"
LIMIT_S = 120.0

MOVE_CURTAIN = """\
import asyncio, json, sys
from bleak import BleakScanner
from switchbot import SwitchbotCurtain

async def main(address, *positions):
    device = await BleakScanner.find_device_by_address(address, timeout=20)
    curtain = SwitchbotCurtain(device, reverse_mode=False)
    moved = [await curtain.set_position(int(position)) for position in positions]
    info = await curtain.get_basic_info()
    print(json.dumps({"moved": moved, "position": info["position"], "battery": info["battery"]}))
    await curtain._execute_forced_disconnect()

asyncio.run(main(*sys.argv[1:]))
"""
MOVE_MOTOR = """\
import asyncio, json, sys
from bleak import BleakScanner
from motionblindsble.device import MotionDevice

async def main(address, position):
    device = await BleakScanner.find_device_by_address(address, timeout=20)
    motor = MotionDevice(device, timezone="Europe/Amsterdam")
    told = asyncio.Queue()
    motor._feedback_callbacks.append(lambda position, _tilt, _ends: told.put_nowait(position))
    moved = await motor.position(int(position))
    reached = await asyncio.wait_for(told.get(), 20)
    print(json.dumps({"moved": moved, "position": reached, "battery": None}))
    await motor.disconnect()

asyncio.run(main(*sys.argv[1:]))
"""


class Shop:
    """Both products on the air, and a daemon in front of them."""

    def __init__(self, folder: Path, wire: SocketWire) -> None:
        self.folder = folder
        self.curtain = Curtain("WoCurtain", CURTAIN)
        self.motor = Motor("MOTION_0008", MOTOR)
        self.home = Home(folder, SETTINGS.format(transport=wire.name))

    async def run(self, program: str, *words: str) -> dict[str, object]:
        """A program under the queue; the line of JSON it prints."""
        path = self.folder / f"{words[0].replace(':', '')}.py"
        path.write_text(program)
        under = ["run", "--socket", str(self.home.socket), "--", sys.executable, str(path), *words]
        nowhere = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.folder}/none"}
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "gattkeeper", *under],
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            env=nowhere,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found


@asynccontextmanager
async def shop(folder: Path) -> AsyncIterator[Shop]:
    radio = VirtualRadio(connection_interval_s=0.0075)
    wire = SocketWire(radio)
    await wire.lay()
    made = Shop(folder, wire)
    await radio.add(made.curtain.device)
    await radio.add(made.motor.device)
    try:
        await asyncio.to_thread(made.home.start)
        yield made
    finally:
        if made.home.process is not None:
            made.home.process.kill()
            made.home.process.wait()
        await wire.cut()
        await radio.close()


def test_pyswitchbot_moves_a_curtain_and_reads_where_it_stands(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path) as at:
            said = await at.run(MOVE_CURTAIN, CURTAIN, "73", "55")
            assert said == {"moved": [True, True], "position": 55, "battery": 87}
            assert at.curtain.moves[-1] == 55
            assert set(at.curtain.moves) == {73, 55}

    asyncio.run(main())


def test_motionblindsble_moves_a_motor_and_hears_that_it_arrived(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path) as at:
            said = await at.run(MOVE_MOTOR, MOTOR, "80")
            assert (said["moved"], said["position"]) == (True, 80)
            assert at.motor.moves == [80]

    asyncio.run(main())


def test_both_at_once_share_the_adapter(tmp_path: Path) -> None:
    async def main() -> None:
        async with shop(tmp_path) as at:
            curtain, motor = await asyncio.gather(
                at.run(MOVE_CURTAIN, CURTAIN, "30"), at.run(MOVE_MOTOR, MOTOR, "60")
            )
            assert (curtain["position"], motor["position"]) == (30, 60)
            assert (at.curtain.position, at.motor.position) == (30, 60)

    asyncio.run(main())
