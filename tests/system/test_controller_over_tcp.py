"""A daemon with an adapter of its own, a controller behind TCP: bonds outlive it, and it outlives the controller."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gattkeeper.model.gatt import Property
from gattkeeper.world import VirtualCharacteristic, VirtualDevice, VirtualRadio, VirtualService
from links.wires import ADAPTER, SocketWire
from system.home import Home

pytestmark = pytest.mark.system

SETTINGS = """\
[keeper]
socket = "keeper.sock"
journal = "journal.db"
log_level = "warning"

[adapters.lab]
link = "bumble"
transport = "{transport}"
{more}

[devices.lock]
address = "F0:00:00:00:00:07"
"""
HIDDEN = "fe57"
LIMIT_S = 120.0


class Lab:
    """A daemon, its controller, and a lock on the air that tells its secret only to whom it has paired with."""

    def __init__(self, folder: Path, wire: SocketWire, radio: VirtualRadio, more: str) -> None:
        self.home = Home(folder, SETTINGS.format(transport=wire.name, more=more))
        self.wire = wire
        self.pairings: list[object] = []
        radio._devices["lock"]._bumble.on("connection", self._on_connection)

    def _on_connection(self, connection: Any) -> None:
        connection.on("pairing", self.pairings.append)

    async def start(self) -> None:
        await asyncio.to_thread(self.home.start)

    async def end(self) -> int:
        return await asyncio.to_thread(self.home.end)

    async def ask(self, *words: str) -> dict[str, Any]:
        done = await asyncio.to_thread(self.home.ask, *words, "--json")
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


@asynccontextmanager
async def lab(folder: Path, more: str = "") -> AsyncIterator[Lab]:
    radio = VirtualRadio(connection_interval_s=0.0075)
    secret = VirtualCharacteristic(HIDDEN, Property.READ | Property.WRITE, b"\x2a", encrypted=True)
    await radio.add(VirtualDevice("lock", "F0:00:00:00:00:07", (VirtualService("fe50", (secret,)),)))
    wire = SocketWire(radio)
    await wire.lay()
    made = Lab(folder, wire, radio, more)
    try:
        await made.start()
        yield made
    finally:
        if made.home.process is not None:
            made.home.process.kill()
            made.home.process.wait()
        await wire.cut()
        await radio.close()


@pytest.mark.parametrize(
    ("more", "place"), [("", "bonds.json"), ('bonds = "keys/of the lab.json"', "keys/of the lab.json")]
)
def test_a_bond_outlives_the_daemon_in_a_file_of_its_owners(tmp_path: Path, more: str, place: str) -> None:
    async def main() -> None:
        async with lab(tmp_path, more) as at:
            assert (await at.ask("read", "lock", HIDDEN))["value"] == "2a"
            bonds = tmp_path / place
            kept = bonds.read_bytes()
            assert list(json.loads(kept)) == [ADAPTER]
            assert stat.S_IMODE(bonds.stat().st_mode) == 0o600
            assert await at.end() == 0
            await at.start()
            assert (await at.ask("read", "lock", HIDDEN))["value"] == "2a"
            assert bonds.read_bytes() == kept
            assert len(at.pairings) == 1

    asyncio.run(main())


def test_a_controller_that_goes_away_is_told_and_a_command_waits_for_its_return(tmp_path: Path) -> None:
    async def main() -> None:
        async with lab(tmp_path) as at:
            await at.ask("read", "lock", HIDDEN)
            await at.wire.cut()
            async with asyncio.timeout(LIMIT_S):
                while (await at.ask("status"))["adapters"][0]["up"]:
                    pass
            reading = asyncio.create_task(at.ask("read", "lock", HIDDEN, "--deadline", "60"))
            async with asyncio.timeout(LIMIT_S):
                while not (await at.ask("status"))["devices"][0]["waiting"]:
                    assert not reading.done()
            await at.wire.lay()
            assert (await reading)["value"] == "2a"
            assert (await at.ask("status"))["adapters"][0]["up"]

    asyncio.run(main())
