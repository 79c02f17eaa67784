"""What the world does wrong to who a device is, by number: new addresses, twins, weak keys, impostors.

Knows which devices demand security, and that a stranger is to get nothing but an emergency stop. Only a device that
demands something can be told from an impostor: the others are left alone here.
"""

import asyncio
import random

from gattkeeper.links.fault_tables.hci import hci_lost_fault
from gattkeeper.model.identity import AddressKind
from gattkeeper.model.security import Security, SecurityLevel
from gattkeeper.world import SimulatedLink, VirtualDevice, VirtualService
from gattkeeper.world.impostor import impostor_of
from sim.history import History
from sim.link_faults import ENDED_BY_DEVICE
from sim.report import NOBODY
from sim.stage import Stage

LESS = (Security(), Security(level=SecurityLevel.ENCRYPTED, key_size=7))
"""What a device may offer instead of what its bond promises."""


async def f41_other_address(stage: Stage[SimulatedLink], dice: random.Random) -> None:
    """A device goes by an address that only a bond tells to be its, for a while."""
    name = dice.choice(stage.script.devices)
    renamed = stage.link_of(name).identities.renamed
    renamed.add(name)
    await asyncio.sleep(dice.uniform(0.5, 12))
    renamed.discard(name)


async def f42_twin(stage: Stage[SimulatedLink], dice: random.Random) -> None:
    """Somebody has the same address, of the other kind, for a while."""
    one = dice.choice(stage.devices)
    on_air = stage.link_of(one.name).identities.devices
    twin = twin_of(one)
    watch(stage.history, twin)
    on_air.append(twin)
    await asyncio.sleep(dice.uniform(0.5, 12))
    on_air.remove(twin)


async def f46_less(stage: Stage[SimulatedLink], dice: random.Random) -> None:
    """A device agrees to less than its bond promises; on the connection there is as well, perhaps."""
    if not stage.trusting:
        return
    name = dice.choice(sorted(stage.trusting))
    link = stage.link_of(name)
    link.identities.offered[name] = dice.choice(LESS)
    if name in link.paired and stage.status_of(name).connection == "connected" and dice.random() < 0.5:
        in_flight = stage.status_of(name).in_flight
        said = "" if in_flight else NOBODY
        stage.fired("F46", stage.kind_in_flight(name), device=name, command_id=in_flight, said=said)
        link.prove_again(name)
    await asyncio.sleep(dice.uniform(0.5, 12))
    link.identities.offered.pop(name, None)


async def f47_impostor(stage: Stage[SimulatedLink], dice: random.Random) -> None:
    """Somebody without its keys answers in a device's place, for a while."""
    if not stage.trusting:
        return
    name = dice.choice(sorted(stage.trusting))
    link = stage.link_of(name)
    impostor = impostor_of(link.identities.named(name))
    watch(stage.history, impostor)
    link.identities.impostors[name] = impostor
    link.lose(name, hci_lost_fault(dice.choice(ENDED_BY_DEVICE)))
    await asyncio.sleep(dice.uniform(0.5, 12))
    if link.identities.impostors.pop(name, None) is impostor:
        link.lose(impostor.name, hci_lost_fault(dice.choice(ENDED_BY_DEVICE)))


TRUST_FAULTS = (f41_other_address, f42_twin, f46_less, f47_impostor)


def twin_of(device: VirtualDevice) -> VirtualDevice:
    """Another device with the same digits in its address, and the same name on the air."""
    stranger = impostor_of(device)
    services: tuple[VirtualService, ...] = stranger.services
    return VirtualDevice(
        f"twin of {device.name}",
        device.address.value,
        services,
        kind=AddressKind.PUBLIC,
        local_name=device.local_name,
    )


def watch(history: History, stranger: VirtualDevice) -> None:
    """Note what a stranger is given, unless it is an emergency stop, which nobody must withhold."""
    given = history.to_strangers
    twin = stranger.address.kind is AddressKind.PUBLIC

    def read(uuid: str) -> bytes:
        given.append(f"{stranger.name} was asked for {uuid}")
        return b""

    def written(payload: bytes) -> None:
        if twin or payload[:1] != b"S":
            given.append(f"{stranger.name} was given {payload!r}")

    for service in stranger.services:
        for attribute in service.characteristics:
            attribute.on_read = lambda uuid=attribute.uuid: read(uuid)  # type: ignore[misc]  # a default binds it
            attribute.on_write = written


def mend(stage: Stage[SimulatedLink]) -> None:
    """Everybody is who he is again, and those that have to be trusted are paired."""
    for link in stage.links.values():
        identities = link.identities
        identities.renamed.clear()
        identities.offered.clear()
        for impostor in identities.impostors.values():
            link.lose(impostor.name, hci_lost_fault(ENDED_BY_DEVICE[0]))
        identities.impostors.clear()
        identities.devices[:] = [one for one in identities.devices if one in stage.devices]
        link.paired.update(one.name for one in identities.devices if one.name in stage.trusting)
