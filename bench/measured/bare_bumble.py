"""A lamp and a central on Bumble's own link, with none of our code between them: what the stack alone takes.

Knows Bumble as its users do. Its link has no connection interval: all of the time is the processor's.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bumble import hci
from bumble.controller import Controller
from bumble.core import UUID
from bumble.device import Device, DeviceConfiguration, Peer
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.gatt_client import CharacteristicProxy
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport.common import AsyncPipeSink

CENTRAL, LAMP = "C0:00:00:00:00:01", "F0:00:00:00:00:01"
SERVICE, LEVEL = UUID("fe50"), UUID("fe51")
ADVERTISING_MS = 5.0


def device(name: str, address: str, link: LocalLink) -> Device:
    """A host on a controller of its own."""
    controller = Controller(name, link=link, public_address=address)
    config = DeviceConfiguration(name=name, address=hci.Address(address))
    return Device(config=config, host=Host(controller, AsyncPipeSink(controller)))


def lamp_on(link: LocalLink) -> Device:
    """One characteristic that takes what it is written."""
    lamp = device("lamp", LAMP, link)
    properties = Characteristic.Properties.WRITE | Characteristic.Properties.WRITE_WITHOUT_RESPONSE
    value = CharacteristicValue(write=lambda _connection, _payload: None)
    level = Characteristic(LEVEL, properties, Characteristic.Permissions.WRITEABLE, value)
    lamp.add_services([Service(SERVICE, [level])])
    return lamp


class NotedLink(LocalLink):  # type: ignore[misc]  # Bumble is not typed strictly
    """Bumble's own link, and when packets came to it from the controllers, in seconds of the processor."""

    def __init__(self) -> None:
        super().__init__()
        self.on_air: list[float] = []

    def send_acl_data(self, *said: Any) -> None:
        self.on_air.append(time.process_time())
        super().send_acl_data(*said)


@asynccontextmanager
async def bare_level(link: LocalLink | None = None) -> AsyncIterator[CharacteristicProxy[bytes]]:
    """The characteristic, connected and discovered."""
    link = link or LocalLink()
    central, lamp = device("central", CENTRAL, link), lamp_on(link)
    await central.power_on()
    await lamp.power_on()
    await lamp.start_advertising(
        advertising_interval_min=ADVERTISING_MS, advertising_interval_max=ADVERTISING_MS, auto_restart=True
    )
    connection = await central.connect(hci.Address(LAMP))
    remote = Peer(connection)
    await remote.discover_services()
    for service in remote.services:
        await service.discover_characteristics()
    yield remote.get_characteristics_by_uuid(LEVEL)[0]
    await connection.disconnect()
