"""Who answers to an address on a simulated link, and what that one can prove of itself.

Knows devices, strangers and bonds. When a connection comes up is `simulated_link`'s business.
"""

from collections.abc import Iterable

from gattkeeper.errors import LinkError
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.identity import AddressKind, DeviceAddress
from gattkeeper.model.security import Demand, Proof, Security, SecurityLevel, shortfall
from gattkeeper.runtime.ports import Sighting
from gattkeeper.world.virtual_device import VirtualDevice

BONDED = Security(level=SecurityLevel.ENCRYPTED, key_size=16)
"""What every bond of a simulated link was made with, and what its devices agree to unless told."""

AMBIGUOUS = Fault(
    kind=FaultKind.AMBIGUOUS,
    ran=Ran.NO,
    stack="simulated",
    name="ambiguous",
    text="two devices have this address, one a public and one a random one: say which, with /public or /random",
)


AWAY = "away"
"""Name in the log of a connection attempt to a device that does not advertise."""

RENAMED, WEAK, IMPOSTOR = "renamed", "weak", "impostor"
"""Names in the log of connection attempts: to a device under another address, that offers less than its bond
promises, and to somebody in its place."""


class Identities:
    """The devices of one link and their impostors, and who of them has a bond with us.

    `paired` has the names of devices that have a bond with us. `renamed` those that go by an address which only
    a bond tells to be theirs. `impostors` has who answers in a device's place, without its keys. `offered` is
    how much a device agrees to; `BONDED` unless told.
    """

    def __init__(self, devices: Iterable[VirtualDevice]) -> None:
        self.devices = list(devices)
        self.paired: set[str] = set()
        self.renamed: set[str] = set()
        self.impostors: dict[str, VirtualDevice] = {}
        self.offered: dict[str, Security] = {}

    def named(self, name: str) -> VirtualDevice:
        """The device of a name."""
        return next(one for one in self.devices if one.name == name)

    def at(self, address: DeviceAddress) -> VirtualDevice | None:
        """The device that is meant, in sight or not."""
        found = [one for one in self.devices if one.address.overlaps(address)]
        return found[0] if found else None

    def is_ambiguous(self, address: DeviceAddress) -> bool:
        """Whether an address without a kind is that of two devices."""
        kinds = {one.address.kind for one in self.devices if one.address.value == address.value}
        return address.kind is AddressKind.ANY and len(kinds) > 1

    def name_at(self, address: DeviceAddress) -> str:
        """The name of the device that is meant; the address itself, where there is none."""
        device = self.at(address)
        return address.value if device is None else device.name

    def is_paired(self, address: DeviceAddress) -> bool:
        """Whether the device that is meant has a bond with us."""
        device = self.at(address)
        return device is not None and device.name in self.paired

    def forget(self, address: DeviceAddress) -> None:
        """Give up our half of the bond with the device that is meant, if there is one."""
        device = self.at(address)
        if device is not None:
            self.paired.discard(device.name)

    def is_hidden(self, device: VirtualDevice) -> bool:
        """Whether nobody can find it under the address that it is known by."""
        is_there = device.name in self.impostors
        return device.name in self.renamed and device.name not in self.paired and not is_there

    def offers_less(self, name: str) -> bool:
        """Whether a device that has a bond agrees to less than that promises."""
        return name in self.paired and self.offered.get(name, BONDED) != BONDED

    def answering(self, device: VirtualDevice) -> VirtualDevice:
        """Who answers in fact when a device is connected."""
        return self.impostors.get(device.name, device)

    def proof(self, device: VirtualDevice, answers: VirtualDevice) -> Proof:
        """What a connection with this one proves, once everything was done to prove it."""
        if device.name not in self.paired:
            return Proof()
        offered = self.offered.get(device.name, BONDED) if answers is device else Security()
        return Proof(proved=offered, recorded=BONDED)


def must_prove(demand: Demand, proof: Proof) -> None:
    """Raise LinkError when a connection proves less than is strictly demanded."""
    lacks = shortfall(demand, proof)
    if lacks and demand.strict:
        kind = FaultKind.INSUFFICIENT_SECURITY
        raise LinkError(Fault(kind=kind, ran=Ran.NO, stack="simulated", name="unproved", text=lacks))


def sighting_of(device: VirtualDevice, rssi_dbm: int) -> Sighting:
    """Its advertisement, heard so strongly."""
    services = tuple(service.uuid for service in device.services)
    return Sighting(
        address=device.address,
        name=device.local_name,
        rssi_dbm=rssi_dbm,
        services=services,
        manufacturer_data=device.advertised.manufacturer_data,
        service_data=device.advertised.service_data,
        tx_power_dbm=device.advertised.tx_power_dbm,
    )
