"""A central for the tests of the radio: plain Bumble, so that nothing of ours stands between test and air."""

import asyncio

from bumble import hci
from bumble.core import UUID
from bumble.device import Connection, Device, DeviceConfiguration, Peer

from gattkeeper.model.gatt import short_uuid
from gattkeeper.world import VirtualBlind, VirtualDevice, VirtualRadio

ADAPTER = "C0:00:00:00:00:01"


def lounge(**settings) -> VirtualBlind:
    return VirtualBlind("lounge", "F0:00:00:00:00:01", **settings)


def now() -> float:
    return asyncio.get_running_loop().time()


async def power_on(radio: VirtualRadio, address: str = ADAPTER) -> Device:
    host = await radio.adapter(address)()
    central = Device(config=DeviceConfiguration(name="central", address=hci.Address(address)), host=host)
    await central.power_on()
    return central


class RawCentral:
    """One connection to one device, its characteristics by UUID, and the reasons it was lost for."""

    def __init__(self, central: Device, connection: Connection, peer: Peer) -> None:
        self.device = central
        self.connection = connection
        self.peer = peer
        self.lost: list[int] = []
        connection.on("disconnection", self.lost.append)

    def characteristic(self, uuid: str):
        return self.peer.get_characteristics_by_uuid(UUID(short_uuid(uuid)))[0]

    async def write(self, uuid: str, payload: bytes, *, with_response: bool = True) -> None:
        await self.characteristic(uuid).write_value(payload, with_response)

    async def read(self, uuid: str) -> bytes:
        return bytes(await self.characteristic(uuid).read_value())


async def connect(central: Device, device: VirtualDevice) -> RawCentral:
    connection = await central.connect(hci.Address(device.address.value))
    raw = RawCentral(central, connection, Peer(connection))
    await raw.peer.discover_services()
    for service in raw.peer.services:
        await service.discover_characteristics()
    return raw


async def on_air(radio: VirtualRadio, device: VirtualDevice) -> RawCentral:
    await radio.add(device)
    return await connect(await power_on(radio), device)
