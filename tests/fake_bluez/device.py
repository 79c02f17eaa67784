"""The scripted BlueZ's devices: a layout of attributes as BlueZ shows it, and the device's own log.

Knows object paths and properties. Does not answer calls: `fake_bluez.stack` does.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from dbus_fast import Variant
from msgspec import Struct

ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"
SERVICE = "org.bluez.GattService1"
CHARACTERISTIC = "org.bluez.GattCharacteristic1"
DESCRIPTOR = "org.bluez.GattDescriptor1"

Objects = dict[str, dict[str, dict[str, Variant]]]


class Question(Struct, frozen=True, kw_only=True):
    """What a pairing asks of an agent beyond the device's path, and the answer that is right."""

    member: str
    signature: str = ""
    body: tuple[int | str, ...] = ()
    answer: list[int] = []


class FakeCharacteristic:
    """One characteristic; `flags` as BlueZ spells them."""

    def __init__(
        self,
        uuid: str,
        flags: Sequence[str],
        value: bytes = b"",
        *,
        descriptors: Mapping[str, bytes] | None = None,
        att_mtu: int | None = 517,
    ) -> None:
        self.uuid = uuid
        self.flags = list(flags)
        self.value = value
        self.descriptors = dict(descriptors or {})
        self.att_mtu = att_mtu  # None: a BlueZ that does not say, as before 5.62
        self.busy = False  # a request is with the device


class FakeDevice:
    """One device: what it has, whether it can be heard, and what was really done to it."""

    def __init__(
        self, address: str, layout: Mapping[str, Sequence[FakeCharacteristic]], name: str = "Fake"
    ) -> None:
        self.address = address
        self.name = name
        self.layout = layout
        self.in_reach = True
        self.manufacturer_data: dict[int, bytes] = {}  # these three: as it advertises them
        self.service_data: dict[str, bytes] = {}
        self.tx_power: int | None = None
        self._down = asyncio.Event()
        self.connected = False
        self.polite_s = 0.0  # between a Disconnect and the end of the link: 2 s on a real BlueZ
        self.paired = False
        self.questions: tuple[Question, ...] = ()  # when it is paired
        self.pairing_refused = False
        self.phantom = False  # its link is in BlueZ's books alone, and stays there until its object goes
        self.silent = False  # carries requests out, answers none
        self.delay_s = 0.0  # before each answer, and before services are resolved
        self.att_error = 0  # what it answers instead
        self.resolved_early = False  # its last objects are shown after its services are said to be resolved
        self.lost_in_discovery = False  # the next connection breaks before its services are known
        self.breaks_at_connect = False  # every connection breaks while it is made
        self.drops_when_asked = False  # ends the link instead of answering
        self.applied: list[tuple[str, bytes]] = []
        self.characteristics: dict[str, FakeCharacteristic] = {}  # by object path, once known

    @property
    def connected(self) -> bool:
        return self._connected

    @connected.setter
    def connected(self, connected: bool) -> None:
        self._connected = connected
        (self._down.clear if connected else self._down.set)()

    async def stays(self) -> bool:
        """Whether the link is still there after the pause that BlueZ makes before it takes it down."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.polite_s):
                await self._down.wait()
        return self.connected and not self.phantom

    async def reached(self) -> None:
        """Returns when a request is with it: never, where there is no link but in BlueZ's books."""
        if self.phantom:
            await asyncio.get_running_loop().create_future()

    def forgotten(self) -> None:
        """BlueZ removes its object: keys and belief go with it."""
        self.paired = self.phantom = False

    def path(self, adapter_path: str) -> str:
        return f"{adapter_path}/dev_{self.address.replace(':', '_')}"

    def object(self, adapter_path: str) -> dict[str, dict[str, Variant]]:
        power = {} if self.tx_power is None else {"TxPower": Variant("n", self.tx_power)}
        return {
            DEVICE: power
            | {
                "ManufacturerData": Variant("a{qv}", _bytes(self.manufacturer_data)),
                "ServiceData": Variant("a{sv}", _bytes(self.service_data)),
                "Address": Variant("s", self.address),
                "AddressType": Variant("s", "random"),
                "Name": Variant("s", self.name),
                "Alias": Variant("s", self.name),
                "Adapter": Variant("o", adapter_path),
                "Paired": Variant("b", self.paired),
                "Connected": Variant("b", self.connected),
                "ServicesResolved": Variant("b", self.connected),
                "UUIDs": Variant("as", list(self.layout)),
                "RSSI": Variant("n", -60),
            }
        }

    def attributes(self, adapter_path: str) -> Objects:
        """The objects of services, characteristics and descriptors; handles count up from 0x0010."""
        objects: Objects = {}
        handle = 0x10
        for uuid, characteristics in self.layout.items():
            service = f"{self.path(adapter_path)}/service{handle:04x}"
            objects[service] = {
                SERVICE: _variants(UUID=uuid, Device=("o", self.path(adapter_path)), Primary=True),
            }
            handle += 1
            for each in characteristics:
                path = f"{service}/char{handle:04x}"
                objects[path] = {
                    CHARACTERISTIC: _variants(UUID=each.uuid, Service=("o", service), Flags=each.flags)
                }
                if each.att_mtu is not None:
                    objects[path][CHARACTERISTIC]["MTU"] = Variant("q", each.att_mtu)
                self.characteristics[path] = each
                handle += 2
                for descriptor in each.descriptors:
                    objects[f"{path}/desc{handle:04x}"] = {
                        DESCRIPTOR: _variants(UUID=descriptor, Characteristic=("o", path)),
                    }
                    handle += 1
        return objects


def _bytes(data: Mapping[Any, bytes]) -> dict[Any, Variant]:
    return {key: Variant("ay", value) for key, value in data.items()}


def _variants(**values: Any) -> dict[str, Variant]:
    return {name: _variant(value) for name, value in values.items()}


def _variant(value: Any) -> Variant:
    match value:
        case bool():
            return Variant("b", value)
        case str():
            return Variant("s", value)
        case list():
            return Variant("as", value)
        case (signature, inner):
            return Variant(signature, inner)
    raise TypeError(value)
