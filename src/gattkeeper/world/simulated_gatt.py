"""What a simulated device and its connection do with an operation that has arrived.

Knows attributes, subscriptions and figures of one connection. Requests, answers and their times are
`simulated_connection`'s business.
"""

from types import MappingProxyType
from typing import assert_never, get_args

from gattkeeper.errors import LinkError
from gattkeeper.model.gatt import Characteristic, CharacteristicRef, Property, Service, find_characteristics
from gattkeeper.model.operation import (
    Connect,
    Disconnect,
    DiscoverServices,
    Operation,
    Pair,
    Phy,
    Read,
    ReadDescriptor,
    ReadPhy,
    ReadRssi,
    RequestConnectionParameters,
    RequestMtu,
    SetPhy,
    Subscribe,
    SubscriptionKind,
    Unpair,
    Unsubscribe,
    Write,
    WriteDescriptor,
    problem_with_parameters,
)
from gattkeeper.model.outcome import AnswerValue, ConnectionParameters, Phys
from gattkeeper.world.simulated_faults import (
    INSUFFICIENT_ENCRYPTION,
    INVALID_HANDLE,
    INVALID_PARAMETERS,
    OTHER_KIND,
    OUT_OF_SYNC,
)
from gattkeeper.world.simulated_table import discover
from gattkeeper.world.virtual_device import REQUEST_NOT_SUPPORTED, AttError, VirtualCharacteristic, VirtualDevice

ATT_MTU = 247
"""Largest ATT_MTU of a simulated connection, in bytes: what fits one packet of Bluetooth 4.2."""

RSSI_DBM = -50

REFUSED = MappingProxyType(
    dict.fromkeys(
        ("read_descriptor", "write_descriptor"),
        "simulated devices have no descriptor but the CCCD, which is Subscribe's",
    )
)
"""Operations that a simulated link does not take, and why."""

OPERATIONS = frozenset(str(kind.__struct_config__.tag) for kind in get_args(Operation)) - REFUSED.keys()
"""What a simulated link can do."""

_KINDS = {
    SubscriptionKind.EITHER: Property.NOTIFY | Property.INDICATE,
    SubscriptionKind.NOTIFY: Property.NOTIFY,
    SubscriptionKind.INDICATE: Property.INDICATE,
}


class SimulatedGatt:
    """One connection's attributes and figures. `paired` holds the names of devices that have a bond with us.

    `att_mtu_max` is what the device agrees to at most, in bytes. `interval_s` is the connection interval in force.
    """

    def __init__(self, device: VirtualDevice, *, paired: set[str], att_mtu_max: int, interval_s: float) -> None:
        self.att_mtu = 23
        self.interval_s = interval_s
        self.subscribed: dict[str, tuple[Characteristic, Property]] = {}  # by UUID; NOTIFY or INDICATE
        self._device = device
        self._paired = paired
        self._att_mtu_max = att_mtu_max
        self._phys = Phys(tx=Phy.LE_1M, rx=Phy.LE_1M)
        self._discover()

    @property
    def is_stale(self) -> bool:
        """Whether the device has another table by now than the one that was discovered."""
        return self._device.services is not self._discovered

    def carry_out(self, operation: Operation) -> AnswerValue:  # noqa: C901, PLR0911, PLR0912 - a case each
        """Do it. Raises AttError: the device refuses; LinkError: this side of the connection does."""
        match operation:
            case Read():
                return self._device.read(self._target(operation.target)[1])
            case Write():
                self._device.write(self._target(operation.target)[1], operation.payload)
            case Subscribe():
                self._subscribe(operation)
            case Unsubscribe():
                self.subscribed.pop(self._target(operation.target)[0].uuid, None)
            case RequestMtu():
                self.att_mtu = max(
                    self.att_mtu, min(operation.att_mtu, self._att_mtu_max, self._device.att_mtu_max)
                )
                return self.att_mtu
            case ReadRssi():
                return RSSI_DBM
            case DiscoverServices():
                self._discover()
                return self.services
            case Pair():
                self._paired.add(self._device.name)
            case Unpair():
                self._paired.discard(self._device.name)
            case ReadPhy():
                return self._phys
            case SetPhy():
                self._phys = Phys(tx=operation.tx or self._phys.tx, rx=operation.rx or self._phys.rx)
                return self._phys
            case RequestConnectionParameters():
                return self._change_parameters(operation)
            case Connect() | Disconnect():
                pass  # whether the connection is up is not decided here
            case ReadDescriptor() | WriteDescriptor():
                raise AttError(REQUEST_NOT_SUPPORTED)
            case _:
                assert_never(operation)
        return None

    def _discover(self) -> None:
        self._discovered = self._device.services
        self._table: dict[int, VirtualCharacteristic]
        self.services: tuple[Service, ...]
        self._table, self.services = discover(self._device)

    def discover_again(self) -> None:
        """The device has another attribute table, and says so: subscriptions went with the old one."""
        self._discover()
        self.subscribed.clear()

    def _subscribe(self, operation: Subscribe) -> None:
        """Raises AttError: the characteristic has not the kind wanted; LinkError: somebody has the other kind."""
        known, attribute = self._target(operation.target)
        held = self.subscribed.get(known.uuid, (known, None))[1]
        offered = attribute.properties & _KINDS[operation.kind]
        if not offered:
            raise AttError(REQUEST_NOT_SUPPORTED)
        if held is not None and held not in _KINDS[operation.kind]:
            raise LinkError(OTHER_KIND)
        chosen = held or (Property.NOTIFY if Property.NOTIFY in offered else Property.INDICATE)
        self.subscribed[known.uuid] = known, chosen

    def _change_parameters(self, wanted: RequestConnectionParameters) -> ConnectionParameters:
        """The longest interval that is wanted. Raises LinkError: no adapter would take them."""
        if problem_with_parameters(wanted):
            raise LinkError(INVALID_PARAMETERS)
        self.interval_s = wanted.interval_max_us / 1_000_000
        return ConnectionParameters(
            interval_us=wanted.interval_max_us,
            latency=wanted.latency,
            supervision_timeout_us=wanted.supervision_timeout_us,
        )

    def _target(self, ref: CharacteristicRef) -> tuple[Characteristic, VirtualCharacteristic]:
        """The attribute a reference points at. Raises AttError: none, or closed until paired; LinkError: stale."""
        if self.is_stale:
            raise LinkError(OUT_OF_SYNC)
        known = find_characteristics(self.services, ref)
        if not known:
            raise AttError(INVALID_HANDLE)
        attribute = self._table[known[0].handle]
        if attribute.encrypted and self._device.name not in self._paired:
            raise AttError(INSUFFICIENT_ENCRYPTION)
        return known[0], attribute
