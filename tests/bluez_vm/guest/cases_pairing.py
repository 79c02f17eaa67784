"""Cases of pairing over the guest's bluetoothd with devices that want a passkey. Each gives what it measured."""

import asyncio
from contextlib import suppress
from typing import Any

from bumble.pairing import PairingConfig, PairingDelegate

from bluez_vm.guest import bluez
from bluez_vm.guest.place import Place, keeper_of, place
from gattkeeper.errors import CommandError
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.world.virtual_blind import BLIND_LABEL

IO = PairingDelegate.IoCapability
SHOWN = 123456


class Person:
    """A `PairingAgent` who sees what the device shows; and the device's keys, which see what this person shows."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.typed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.says: int | None = SHOWN

    async def display_passkey(self, device: str, passkey: int) -> None:
        self.asked.append(f"display {device}")
        self.typed.set_result(passkey)

    async def request_passkey(self, device: str) -> int | None:
        self.asked.append(f"request {device}")
        return self.says

    async def confirm_passkey(self, device: str, passkey: int) -> bool:
        self.asked.append(f"compare {device}")
        return self.says is not None

    async def confirm(self, device: str) -> bool:
        self.asked.append(f"confirm {device}")
        return self.says is not None


class Panel(PairingDelegate):  # type: ignore[misc]  # Bumble is not typed strictly
    """The device's keys and display."""

    def __init__(self, io: IO, person: Person) -> None:
        super().__init__(io)
        self._person = person

    async def confirm(self, auto: bool = False) -> bool:
        """Without a passkey: only where there is nothing to show or type one on."""
        return self.io_capability == IO.NO_OUTPUT_NO_INPUT

    async def generate_passkey(self) -> int:
        return SHOWN

    async def get_number(self) -> int | None:
        return await self._person.typed


def equip(at: Place, io: IO, person: Person) -> None:
    """Give the lounge's blind a panel, and close its label to strangers."""
    hosted = at.radio._devices["lounge"]
    config = PairingConfig(mitm=io is not IO.NO_OUTPUT_NO_INPUT, delegate=Panel(io, person))
    hosted._bumble.pairing_config_factory = lambda _connection: config
    hosted.device.characteristic(BLIND_LABEL).encrypted = True
    hosted.change_services(hosted.device.services)


async def _pair(keeper: Keeper, person: Person | None) -> str:
    try:
        await keeper.device("lounge").pair(person)
    except CommandError as error:
        return str(error.outcome.fault)
    return "paired"


async def _fresh(io: IO, *, asked: bool = True, says: int | None = SHOWN) -> dict[str, Any]:
    async with place(devices=1) as at, keeper_of(at) as keeper:
        person = Person()
        person.says = says
        equip(at, io, person)
        said = await _pair(keeper, person if asked else None)
        address = at.radio._devices["lounge"].device.address.value
        known = [
            each["org.bluez.Device1"]
            for each in (await bluez.objects()).values()
            if "org.bluez.Device1" in each and each["org.bluez.Device1"]["Address"] == address
        ]
        with suppress(CommandError):
            await keeper.device("lounge").write(BLIND_LABEL, b"mine", idempotent=True)
        found = {
            "said": said,
            "asked": person.asked,
            "bluez": [(each["Paired"], each["Trusted"]) for each in known],
            "applied": [payload.decode() for payload in at.applied("lounge")],
        }
        with suppress(CommandError):
            await keeper.device("lounge").unpair()
        return found


async def just_works() -> dict[str, Any]:
    """A device without keys or display."""
    return await _fresh(IO.NO_OUTPUT_NO_INPUT, asked=False)


async def passkey_entry() -> dict[str, Any]:
    """A device that shows a passkey, which a person types here."""
    return await _fresh(IO.DISPLAY_OUTPUT_ONLY)


async def passkey_wrong() -> dict[str, Any]:
    """The same, and the person mistypes."""
    return await _fresh(IO.DISPLAY_OUTPUT_ONLY, says=1)


async def passkey_declined() -> dict[str, Any]:
    """The same, and the person gives no answer."""
    return await _fresh(IO.DISPLAY_OUTPUT_ONLY, says=None)


async def passkey_display() -> dict[str, Any]:
    """A device with keys, on which a person types what is shown here."""
    return await _fresh(IO.KEYBOARD_INPUT_ONLY)


async def numbers_compared() -> dict[str, Any]:
    """Both sides show a number."""
    return await _fresh(IO.DISPLAY_OUTPUT_AND_YES_NO_INPUT)


async def nobody_asked() -> dict[str, Any]:
    """A device that wants a passkey, and nobody here."""
    return await _fresh(IO.DISPLAY_OUTPUT_ONLY, asked=False)
