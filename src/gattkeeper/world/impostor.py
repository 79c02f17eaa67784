"""Somebody who pretends to be a device: its name on the air and its attributes, and none of its keys.

Knows virtual devices only. Under whose address it answers is the link's or the radio's business.
"""

from gattkeeper.world.virtual_device import VirtualCharacteristic, VirtualDevice, VirtualService


def impostor_of(device: VirtualDevice) -> VirtualDevice:
    """One that takes whatever it is sent, asks for no key, and has a log of its own."""
    services = tuple(
        VirtualService(service.uuid, tuple(_open(each) for each in service.characteristics))
        for service in device.services
    )
    return VirtualDevice(
        f"impostor of {device.name}",
        device.address.value,
        services,
        kind=device.address.kind,
        local_name=device.local_name,
        database_hash=device.database_hash,
        att_mtu_max=device.att_mtu_max,
    )


def _open(attribute: VirtualCharacteristic) -> VirtualCharacteristic:
    return VirtualCharacteristic(attribute.uuid, attribute.properties, attribute.value)
