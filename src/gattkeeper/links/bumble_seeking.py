"""What address to connect to: of which kind it is, and whether a bond tells the device's other addresses.

Knows advertisements and resolving keys. Connects to nothing. A name is never looked for: anybody may call himself
anything.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from bumble import hci
from bumble.device import Advertisement, Device

from gattkeeper.errors import LinkError
from gattkeeper.links.bumble_faults import ADAPTER_GONE
from gattkeeper.links.bumble_reading import bumble_address, device_address
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.identity import AddressKind, DeviceAddress
from gattkeeper.model.outcome import Phase
from gattkeeper.runtime.ports import ConnectionEvents

KINDS_KNOWN_MAX = 1024
"""Addresses whose kind is remembered, so that they need not be heard before the next connection."""

TWIN_S = 0.3
"""How much longer is listened for another device with the same address: three of the usual intervals of 0.1 s."""

Hearing = Callable[[], AbstractAsyncContextManager["asyncio.Queue[Advertisement | None]"]]
"""Scans; the queue gets what is heard, and None when the adapter goes away."""


class Seeker:
    """What one adapter knows of addresses."""

    def __init__(self, device: Device, hearing: Hearing) -> None:
        self._device = device
        self._hearing = hearing
        self._kinds: dict[str, frozenset[AddressKind]] = {}  # that were heard, by value

    def note(self, advertisement: Advertisement) -> None:
        """Something was heard, whoever listened. Only addresses that are in use are remembered."""
        heard = device_address(advertisement.address)
        if heard.value in self._kinds:
            self._kinds[heard.value] |= {heard.kind}

    async def address_of(self, address: DeviceAddress, events: ConnectionEvents) -> hci.Address:
        """The address to connect to. Listens where that has to be heard, until cancelled. Raises LinkError."""
        bonded = self._bonded(address)
        if bonded is not None:
            events.progress(Phase.SCAN)  # Bumble listens for it, under whatever address, when it is to connect
            return bonded
        if address.kind is AddressKind.ANY:
            address = DeviceAddress(value=address.value, kind=await self._kind_of(address, events))
        return bumble_address(address)

    def _bonded(self, address: DeviceAddress) -> hci.Address | None:
        """The device by the address of a bond that tells its other addresses; None: there is no such bond."""
        resolver = self._device.address_resolver
        known = [] if resolver is None else [identity for _, identity in resolver.resolving_keys]
        meant = [identity for identity in known if device_address(identity).overlaps(address)]
        if len(meant) > 1:
            raise LinkError(ambiguous(address))
        return meant[0] if meant else None

    async def _kind_of(self, address: DeviceAddress, events: ConnectionEvents) -> AddressKind:
        kinds = self._kinds.get(address.value)
        if kinds is None:
            events.progress(Phase.SCAN)
            kinds = self._kinds[address.value] = await self._heard_kinds(address.value)
            if len(self._kinds) > KINDS_KNOWN_MAX:
                del self._kinds[next(iter(self._kinds))]
        if len(kinds) > 1:
            del self._kinds[address.value]  # one of them may go
            raise LinkError(ambiguous(address))
        (kind,) = kinds
        return kind

    async def _heard_kinds(self, value: str) -> frozenset[AddressKind]:
        """The kinds of address with this value that are on the air: of the first, and who is heard soon after."""
        kinds: set[AddressKind] = set()
        async with self._hearing() as heard:
            try:
                async with asyncio.timeout(None) as listening:
                    while advertisement := await heard.get():
                        address = device_address(advertisement.address)
                        if address.value == value and not kinds:
                            listening.reschedule(asyncio.get_running_loop().time() + TWIN_S)
                        if address.value == value:
                            kinds.add(address.kind)
            except TimeoutError:
                return frozenset(kinds)
        raise LinkError(ADAPTER_GONE)


def ambiguous(address: DeviceAddress) -> Fault:
    """Why nothing is sent to an address that two devices have."""
    text = (
        f"two devices have the address {address.value}, one a public and one a random one:"
        f" say which is meant, {address.value}/public or {address.value}/random"
    )
    return Fault(kind=FaultKind.AMBIGUOUS, ran=Ran.NO, stack="keeper", name="ambiguous", text=text)
