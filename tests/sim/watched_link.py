"""A link that keeps the record that a simulated one keeps of itself, around one that keeps none.

Knows the port: what was handed over, and when connections were up. What devices did they note themselves.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable

from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import Fault
from gattkeeper.model.gatt import Characteristic, Service, characteristic_ref
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.operation import Operation, Read, Write, WriteMode, kind_of
from gattkeeper.model.outcome import AnswerValue, Phase
from gattkeeper.model.security import NO_DEMAND, Demand, Proof
from gattkeeper.runtime.asking import Asking
from gattkeeper.runtime.ports import ConnectionEvents, Link, LinkConnection, LinkTraits, Sighting
from gattkeeper.world import Seen, SeenKind, SimulatedLog, VirtualCharacteristic, VirtualDevice


class WatchedLink:
    """Implements `ports.Link`."""

    def __init__(self, link: Link, devices: list[VirtualDevice]) -> None:
        self.log = SimulatedLog()
        self._link = link
        self._names = {device.address.value: device.name for device in devices}
        self._epochs: dict[str, int] = {}
        self.pending: Counter[str] = Counter()  # requests without an answer, by device
        for device in devices:
            for service in device.services:
                for attribute in service.characteristics:
                    self._watch(device.name, attribute)

    @property
    def name(self) -> str:
        return self._link.name

    @property
    def traits(self) -> LinkTraits:
        return self._link.traits

    async def open(self, on_adapter: Callable[[bool, Fault | None], None]) -> None:
        await self._link.open(on_adapter)

    async def connect(
        self, device: DeviceAddress, events: ConnectionEvents, demand: Demand = NO_DEMAND
    ) -> LinkConnection:
        name = self._names[device.value]
        epoch = self._epochs[name] = self._epochs.get(name, 0) + 1
        watched = _Events(self, events, name, epoch)
        connection = await self._link.connect(device, watched, demand)
        self.note(name, epoch, SeenKind.UP)
        return _Connection(self, connection, name, epoch)

    def scan(self, duration_s: float) -> AsyncGenerator[Sighting, None]:
        return self._link.scan(duration_s)

    async def recover(self, rung: Rung, device: DeviceAddress) -> None:
        await self._link.recover(rung, device)

    async def bonded(self, device: DeviceAddress) -> bool:
        return await self._link.bonded(device)

    async def forget(self, device: DeviceAddress) -> None:
        await self._link.forget(device)

    async def close(self) -> None:
        await self._link.close()

    def is_idle(self, device: str, for_s: float) -> bool:
        """Whether nothing of a device is on the air, nor was for so long."""
        since_s = asyncio.get_running_loop().time() - for_s
        recent = any(one.at_s > since_s for one in self.log.of(device)[-5:] if one.kind is SeenKind.REQUEST)
        return not recent and not self.pending[device]

    def note(self, device: str, epoch: int, kind: SeenKind, **fields: object) -> None:
        at_s = asyncio.get_running_loop().time()
        self.log.note(Seen(at_s=at_s, device=device, epoch=epoch, kind=kind, **fields))

    def _watch(self, device: str, attribute: VirtualCharacteristic) -> None:
        """Let the device note what it does with an attribute."""
        target = characteristic_ref(attribute.uuid)
        read, write = attribute.on_read, attribute.on_write

        def on_read() -> bytes:
            value = attribute.value if read is None else read()
            epoch = self._epochs.get(device, 0)
            self.note(device, epoch, SeenKind.APPLIED, operation=Read(target=target), value=value)
            return value

        def on_write(payload: bytes) -> None:
            if write is not None:
                write(payload)
            operation = Write(target=target, payload=bytes(payload))
            self.note(device, self._epochs.get(device, 0), SeenKind.APPLIED, operation=operation)

        attribute.on_read, attribute.on_write = on_read, on_write


class _Events:
    """Implements `ports.ConnectionEvents`: notes the end of a connection on the way."""

    def __init__(self, link: WatchedLink, events: ConnectionEvents, device: str, epoch: int) -> None:
        self._link = link
        self._events = events
        self._device = device
        self._epoch = epoch

    def progress(self, phase: Phase) -> None:
        self._events.progress(phase)

    def sighted(self, sighting: Sighting) -> None:
        self._events.sighted(sighting)

    def notification(self, characteristic: Characteristic, payload: bytes) -> None:
        self._events.notification(characteristic, payload)

    def updated(self, *, att_mtu: int | None = None, table: str | None = None) -> None:
        self._events.updated(att_mtu=att_mtu, table=table)

    def pairing(self, *, under_way: bool) -> None:
        self._events.pairing(under_way=under_way)

    def proved(self, proof: Proof) -> None:
        self._events.proved(proof)

    def asking(self) -> Asking | None:
        return self._events.asking()

    def lost(self, fault: Fault) -> None:
        self._link.note(self._device, self._epoch, SeenKind.DOWN)
        self._events.lost(fault)


class _Connection:
    """Implements `ports.LinkConnection`: notes what is handed over on the way."""

    def __init__(self, link: WatchedLink, connection: LinkConnection, device: str, epoch: int) -> None:
        self._link = link
        self._connection = connection
        self._device = device
        self._epoch = epoch
        self._pending = 0

    @property
    def att_mtu(self) -> int:
        return self._connection.att_mtu

    @property
    def services(self) -> tuple[Service, ...]:
        return self._connection.services

    async def perform(self, operation: Operation) -> AnswerValue:
        waits = kind_of(operation) not in self._link.traits.aside
        waits &= not (isinstance(operation, Write) and operation.mode is WriteMode.WITHOUT_RESPONSE)
        self._pending += waits
        self._link.pending[self._device] += waits
        pending = self._pending if waits else 0
        self._link.note(self._device, self._epoch, SeenKind.REQUEST, operation=operation, pending=pending)
        try:
            return await self._connection.perform(operation)
        finally:
            self._pending -= waits
            self._link.pending[self._device] -= waits

    async def disconnect(self, *, quick: bool = False) -> str:
        return await self._connection.disconnect(quick=quick)
