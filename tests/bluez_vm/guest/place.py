"""Where a case happens: blinds on a virtual radio, and adapters on the guest's own BlueZ.

Knows how to put it up and take it down. Nothing of one case is left for the next but what BlueZ has on its disk.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bluez_vm.guest import bluez
from bluez_vm.guest.vhci import VhciAdapter
from gattkeeper.daemon.assembly import open_keeper
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.world import Applied, VirtualBlind, VirtualRadio, quieten_bumble

NAMES = ("lounge", "kitchen", "study", "attic", "hall", "porch", "bath", "cellar", "loft", "studio")
READY_S = 60.0

SETTINGS = """\
[keeper]
socket = "{folder}/keeper.sock"
journal = "{folder}/journal.db"
log_level = "info"
{keeper}
"""
ADAPTER = """
[adapters.{name}]
link = "bluez"
adapter = "{address}"
{adapter}
"""
DEVICE = """
[devices.{name}]
address = "{address}"
profile = "virtual_blind"
adapter = "{adapter}"
"""


class Place:
    """Blinds by name, and adapters by number, all powered on."""

    def __init__(self, radio: VirtualRadio, blinds: dict[str, VirtualBlind], adapters: list[VhciAdapter]) -> None:
        self.radio = radio
        self.blinds = blinds
        self.adapters = adapters

    def applied(self, name: str) -> list[bytes]:
        """The payloads that reached a blind, in order."""
        return [each.payload for each in self.blinds[name].device.applied]


def _nobody(_applied: Applied) -> None:
    """The blinds remember what reached them anyway."""


def device_address(number: int) -> str:
    return f"F0:00:00:00:00:{number + 1:02X}"


def adapter_address(number: int) -> str:
    return f"F4:4E:FC:00:00:{number + 1:02X}"


@asynccontextmanager
async def place(
    *, devices: int = 2, adapters: int = 1, applied_sink: Callable[[Applied], None] = _nobody
) -> AsyncIterator[Place]:
    """A place with so many blinds and adapters."""
    quieten_bumble()
    radio = VirtualRadio()
    blinds = {}
    for number, name in enumerate(NAMES[:devices]):
        blind = VirtualBlind(name, device_address(number), applied_sink=applied_sink)
        blinds[name] = blind
        await radio.add(blind.device)
    plugged = [VhciAdapter(adapter_address(number), radio._air) for number in range(adapters)]
    for adapter in plugged:
        adapter.plug()
        async with asyncio.timeout(READY_S):
            await bluez.power(True, adapter=adapter.address)
    try:
        yield Place(radio, blinds, plugged)
    finally:
        for adapter in plugged:
            adapter.unplug()
        await radio.close()


def fresh_folder() -> Path:
    """A folder of one daemon: its socket, its journal, its settings."""
    return Path(tempfile.mkdtemp(dir="/run", prefix="keeper-"))


def settings(folder: Path, *, devices: int = 2, adapters: int = 1, keeper: str = "", adapter: str = "") -> Path:
    """A file with settings in a folder; device by device the adapters take turns.

    `keeper` and `adapter` are lines of TOML, for the keeper's own table and for each adapter's.
    """
    text = SETTINGS.format(folder=folder, keeper=keeper)
    text += "".join(
        ADAPTER.format(name=f"a{n}", address=adapter_address(n), adapter=adapter) for n in range(adapters)
    )
    for number, name in enumerate(NAMES[:devices]):
        address = device_address(number)
        text += DEVICE.format(name=name, address=address, adapter=f"a{number % adapters}")
    path = folder / "gattkeeper.toml"
    path.write_text(text)
    return path


@asynccontextmanager
async def keeper_of(
    at: Place, folder: Path | None = None, *, keeper: str = "", adapter: str = ""
) -> AsyncIterator[Keeper]:
    """A keeper in this process, for all blinds and adapters of a place. The rest is as in `settings`."""
    folder = folder or fresh_folder()
    path = settings(folder, devices=len(at.blinds), adapters=len(at.adapters), keeper=keeper, adapter=adapter)
    async with open_keeper(path) as opened:
        yield opened
