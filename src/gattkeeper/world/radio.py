"""A virtual radio: adapters and devices in one process, with timing, loss and faults on demand.

Knows who is on the air, by name and address. What crosses it when stands in `radio_air`.
"""

import errno
import random
from collections.abc import Awaitable, Callable

from bumble.host import Host
from bumble.transport.common import AsyncPipeSink

from gattkeeper.model.identity import AddressKind, parse_address
from gattkeeper.world.bumble_corrections import CorrectedController
from gattkeeper.world.impostor import impostor_of
from gattkeeper.world.radio_air import RadioAir
from gattkeeper.world.radio_device import RadioDevice, address_of
from gattkeeper.world.radio_rules import CONNECTION_TIMEOUT, Rule
from gattkeeper.world.virtual_device import VirtualDevice, VirtualService

CONNECTION_INTERVAL_MIN_S = 0.0075
CONNECTION_INTERVAL_MAX_S = 4.0
"""The Core Specification's limits (Vol 6, Part B, 4.5.1)."""


class VirtualRadio:
    """A radio in memory, on which virtual devices meet the adapters of a program.

    `connection_interval_s` is in force on every connection, whatever the host asks for: a write with response
    takes two of them. `loss` is the probability, 0 to less than 1, that a PDU misses its connection event, or an
    advertisement its listener. `seed` rules all chance: the same seed and the same calls give the same history.
    `supervision_timeout_s` is how long a connection survives silence. `pdus_per_event` bounds the PDUs per
    direction and connection event.

    `rules` is the list of faults; append to it and remove from it at any time. Raises ValueError for figures that
    no radio has. To be used inside a running event loop, of which it takes the time.
    """

    def __init__(
        self,
        *,
        connection_interval_s: float = 0.03,
        loss: float = 0.0,
        seed: int = 1,
        supervision_timeout_s: float = 0.42,
        pdus_per_event: int = 6,
    ) -> None:
        if not CONNECTION_INTERVAL_MIN_S <= connection_interval_s <= CONNECTION_INTERVAL_MAX_S:
            message = f"a connection interval lasts 0.0075 to 4 seconds, not {connection_interval_s}"
            raise ValueError(message)
        if supervision_timeout_s <= connection_interval_s or pdus_per_event < 1:
            message = "a radio needs a supervision time-out longer than its interval, and 1 PDU per event or more"
            raise ValueError(message)
        self.rules: list[Rule] = []
        self._adapters: dict[str, CorrectedController] = {}
        self._devices: dict[str, RadioDevice] = {}
        self._air = RadioAir(
            connection_interval_s=connection_interval_s,
            loss=_probability(loss),
            supervision_timeout_s=supervision_timeout_s,
            pdus_per_event=pdus_per_event,
            rules=self.rules,
            dice=random.Random(seed),
        )

    @property
    def loss(self) -> float:
        """The probability that a PDU misses its connection event; may be changed at any time."""
        return self._air.loss

    @loss.setter
    def loss(self, loss: float) -> None:
        self._air.loss = _probability(loss)

    def adapter(self, address: str) -> Callable[[], Awaitable[Host]]:
        """What opens the adapter of this address, as often as needed: a Bumble host on a fresh controller.

        Opening it again is a power cycle: what the adapter held is gone. Opening an unplugged one raises OSError.
        """
        name = parse_address(address).value

        async def open_host() -> Host:
            previous = self._adapters.get(name)
            if previous is not None and previous.unplugged:
                raise OSError(errno.ENODEV, f"the virtual adapter {name} is unplugged")
            if previous is not None:
                previous.unplug()
            controller = CorrectedController(name, self._air, public_address=name)
            self._adapters[name] = controller
            return Host(controller, AsyncPipeSink(controller))

        return open_host

    async def add(self, device: VirtualDevice, *, advertising_interval_s: float = 0.1) -> None:
        """Put a device on the air; it advertises whenever it is not connected.

        Raises ValueError when its name or address is taken.
        """
        address = address_of(device)
        if device.name in self._devices or address in self._air.names:
            message = f"the name {device.name} or the address {device.address} is on the air already"
            raise ValueError(message)
        self._air.names[address] = device.name
        await self._host(device, advertising_interval_s)

    async def _host(self, device: VirtualDevice, advertising_interval_s: float = 0.1) -> None:
        public = device.address.value if device.address.kind is AddressKind.PUBLIC else None
        hosted = RadioDevice(device, CorrectedController(device.name, self._air, public_address=public))
        self._devices[device.name] = hosted
        await hosted.start(advertising_interval_s)

    def rotate(self, device: VirtualDevice) -> None:
        """Let a device go by another resolvable private address; only a bond tells that it is the same device."""
        hosted = self._devices[device.name]
        hosted.rotate()
        self._air.names[hosted.address] = device.name

    def show(self, device: VirtualDevice) -> None:
        """Undo `rotate`: it goes by its own address again."""
        self._devices[device.name].show()

    async def remove(self, device: VirtualDevice) -> None:
        """Take a device off the air for good."""
        del self._air.names[address_of(device)]
        await self._devices.pop(device.name).close()

    async def impersonate(self, device: VirtualDevice) -> VirtualDevice:
        """Take a device out of reach, and let somebody without its keys answer under its address; who that is."""
        impostor = impostor_of(device)
        self.take_away(device)
        await self._host(impostor)
        return impostor

    async def unmask(self, impostor: VirtualDevice, device: VirtualDevice) -> None:
        """Undo `impersonate`."""
        await self._devices.pop(impostor.name).close()
        self.bring_back(device)

    def change_services(self, device: VirtualDevice, services: tuple[VirtualService, ...]) -> None:
        """Give a device another attribute table; who subscribed to Service Changed gets that indication."""
        self._devices[device.name].change_services(services)

    def break_link(self, device: VirtualDevice, reason: int = CONNECTION_TIMEOUT) -> None:
        """Break the device's connection now, if it has one; the adapter is told this HCI reason."""
        self._air.break_link(self._devices[device.name].controller, reason)

    def take_away(self, device: VirtualDevice) -> None:
        """Carry a device out of reach: its connection dies of the supervision time-out, and nobody hears it."""
        controller = self._devices[device.name].controller
        self._air.away.add(controller)
        self._air.fall_silent(controller)

    def bring_back(self, device: VirtualDevice) -> None:
        """Undo `take_away`."""
        self._air.away.discard(self._devices[device.name].controller)

    def silence_adapter(self, address: str) -> None:
        """Let an adapter stop answering its host, until it is opened again."""
        self._adapters[parse_address(address).value].silent = True

    def unplug_adapter(self, address: str) -> None:
        """Pull an adapter out: its host loses the transport, and it cannot be opened until plugged in again."""
        self._adapters[parse_address(address).value].unplug()

    def plug_adapter(self, address: str) -> None:
        """Undo `unplug_adapter`: the adapter can be opened again."""
        name = parse_address(address).value
        if name in self._adapters and self._adapters[name].unplugged:
            del self._adapters[name]

    async def close(self) -> None:
        """Take everything off the air."""
        for hosted in self._devices.values():
            await hosted.close()
        for controller in self._adapters.values():
            controller.unplug()


def _probability(loss: float) -> float:
    if not 0 <= loss < 1:
        message = f"loss is a probability from 0 to less than 1, not {loss}"
        raise ValueError(message)
    return loss
