"""The attribute table of a simulated device: handles as a GATT server numbers them.

Knows attributes only. Reading and writing them is the business of `simulated_connection`.
"""

from gattkeeper.model.gatt import Characteristic, Descriptor, Property, Service, normal_uuid
from gattkeeper.world.virtual_device import VirtualCharacteristic, VirtualDevice

CCCD = normal_uuid("2902")


def discover(device: VirtualDevice) -> tuple[dict[int, VirtualCharacteristic], tuple[Service, ...]]:
    """The device's attributes by handle, numbered as a GATT server numbers them, and as services."""
    table: dict[int, VirtualCharacteristic] = {}
    services: list[Service] = []
    handle = 0
    for service in device.services:
        handle += 1
        start = handle
        characteristics: list[Characteristic] = []
        for attribute in service.characteristics:
            handle += 2  # its declaration, and its value
            value_handle = handle
            table[value_handle] = attribute
            descriptors: tuple[Descriptor, ...] = ()
            if attribute.properties & (Property.NOTIFY | Property.INDICATE):
                handle += 1
                descriptors = (Descriptor(uuid=CCCD, handle=handle),)
            characteristics.append(
                Characteristic(
                    uuid=attribute.uuid,
                    service=service.uuid,
                    handle=value_handle,
                    properties=attribute.properties.value,
                    descriptors=descriptors,
                )
            )
        services.append(Service(uuid=service.uuid, handle=start, characteristics=tuple(characteristics)))
    return table, tuple(services)
