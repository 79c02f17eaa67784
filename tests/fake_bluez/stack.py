"""org.bluez, scripted: the part of BlueZ's D-Bus interface that a client uses, without a radio.

Knows how BlueZ answers when all is well, and plays what a test scripts instead, in the test's own event loop.
"""

import asyncio
import contextlib
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Any

from dbus_fast import BusType, Message, MessageFlag, MessageType, Variant
from dbus_fast.aio import MessageBus
from msgspec import Struct

from fake_bluez import agents
from fake_bluez.device import ADAPTER, CHARACTERISTIC, DEVICE, FakeCharacteristic, FakeDevice, Objects
from fake_bluez.refusals import BLUEZ_ERROR, Refused, att_refusal

PROPERTIES = "org.freedesktop.DBus.Properties"
DBUS = "org.freedesktop.DBus"
MANAGER = "org.freedesktop.DBus.ObjectManager"
HCI0 = "/org/bluez/hci0"
UNTIL_S = 10.0  # what did not happen by then does not happen
JOIN_S = 2.0  # a bus lets one in at once, or never
ADAPTER_ADDRESS = "F4:4E:FC:00:00:01"


class Step(Struct, frozen=True):
    """What happens to one call instead of the usual; `after_s` passes first."""

    after_s: float = 0.0
    refuse: str = ""  # D-Bus error name
    text: str = ""
    hang: bool = False  # never answered
    then_usual: bool = False  # after the pause, as always
    granted_unanswered: bool = False  # done as always, and never answered
    ends_discovery: bool = False  # the caller's discovery is over all the same, as BlueZ has it


class FakeBluez:
    """One bluetoothd. `calls` has every method call as (member, path)."""

    def __init__(self) -> None:
        self.devices: list[FakeDevice] = []
        self.home = HCI0  # the adapter the devices are in reach of
        self.calls: list[tuple[str, str]] = []
        self.asked: asyncio.Queue[str] = asyncio.Queue()  # members, as calls arrive
        self.changed = asyncio.Condition()
        self.objects: Objects = {}
        self.scripts: defaultdict[str, deque[Step]] = defaultdict(deque)
        self.always: dict[str, Step] = {}  # for every call of this member
        self._scanning: set[str] = set()  # bus names with a discovery
        self._connecting: dict[str, asyncio.Future[None]] = {}  # device path: a Connect with no answer yet
        self._owed: Objects = {}  # not shown yet
        self._bus: MessageBus | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.agents = agents.Agents(self._ask)
        self.add_adapter()

    async def start(self) -> None:
        """Come up: take the name. After a crash every link is down, as with a real one."""
        while self._bus is None:
            with contextlib.suppress(TimeoutError):  # see bluez_watch.joined
                async with asyncio.timeout(JOIN_S):
                    self._bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        self._bus.add_message_handler(self._on_message)
        await self._bus.request_name("org.bluez")

    async def crash(self) -> None:
        """Go away without a word, in the middle of whatever is under way."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._bus is not None:
            self._bus.disconnect()
            with contextlib.suppress(EOFError, OSError):  # the bus was gone before, or had no room
                await self._bus.wait_for_disconnect()
            self._bus = None
        self._scanning.clear()
        for device in self.devices:
            self._forget_link(device)
            path = device.path(self.home)
            self.objects = {each: held for each, held in self.objects.items() if not each.startswith(f"{path}/")}
            if path in self.objects:
                self.objects[path] = device.object(self.home)

    def script(self, member: str, *steps: Step) -> None:
        """The next calls of this method go so, one step each."""
        self.scripts[member].extend(steps)

    def count(self, member: str) -> int:
        return sum(1 for called, _ in self.calls if called == member)

    async def bus_names(self) -> set[str]:
        """Every connection to the bus, by its unique name."""
        assert self._bus is not None
        asking = Message(destination=DBUS, path="/org/freedesktop/DBus", interface=DBUS, member="ListNames")
        reply = await self._bus.call(asking)
        return {name for name in reply.body[0] if name.startswith(":")}

    async def until_bus_connections(self, count: int) -> None:
        """Wait until the bus has so many connections: it hears of a closed one when it gets to it."""
        while len(await self.bus_names()) != count:
            pass

    async def until_called(self, member: str, times: int = 1) -> None:
        await self._until(lambda: self.count(member) >= times)

    async def until_link(self, device: FakeDevice, up: bool) -> None:
        await self._until(lambda: device.connected == up)

    async def until_applied(self, device: FakeDevice, count: int) -> None:
        await self._until(lambda: len(device.applied) >= count)

    def add_adapter(self, path: str = HCI0, address: str = ADAPTER_ADDRESS, powered: bool = True) -> None:
        properties = {
            "Address": Variant("s", address),
            "Powered": Variant("b", powered),
            "Discovering": Variant("b", False),
            "Roles": Variant("as", ["central", "peripheral"]),
        }
        self._add({path: {ADAPTER: properties, "org.bluez.LEAdvertisingManager1": {}}})

    def power(self, on: bool, path: str = HCI0) -> None:
        self._change(path, ADAPTER, Powered=Variant("b", on))

    def remove_adapter(self, path: str = HCI0) -> None:
        """The shape of a pulled plug: objects go, and nothing says that links are down."""
        if path == self.home:
            for device in self.devices:
                self._forget_link(device)
        for each in [each for each in self.objects if each.startswith(path)]:
            self._remove(each)

    def know(self, device: FakeDevice) -> None:
        """BlueZ has an object for the device, as after a discovery."""
        if device.path(self.home) not in self.objects:
            self._add({device.path(self.home): device.object(self.home)})

    def remove_device(self, device: FakeDevice) -> None:
        self._forget_link(device)
        for each in [each for each in self.objects if each.startswith(device.path(self.home))]:
            self._remove(each)

    def link_up(self, device: FakeDevice) -> None:
        """A link that exists already, left behind by another program."""
        device.connected = True
        self.know(device)
        self._add(device.attributes(self.home))
        self._change(
            device.path(self.home), DEVICE, Connected=Variant("b", True), ServicesResolved=Variant("b", True)
        )

    def drop_link(self, device: FakeDevice) -> None:
        """The link breaks; requests with the device are never answered."""
        self._forget_link(device)
        path = device.path(self.home)
        self._change(path, DEVICE, Connected=Variant("b", False), ServicesResolved=Variant("b", False))
        for each in [each for each in self.objects if each.startswith(f"{path}/")]:
            self._remove(each)

    def change_attributes(self, device: FakeDevice, layout: Mapping[str, Sequence[FakeCharacteristic]]) -> None:
        """Service Changed: BlueZ drops the objects of the old table and shows the new one, under the connection."""
        for each in [each for each in self.objects if each.startswith(f"{device.path(self.home)}/")]:
            self._remove(each)
        device.layout = layout
        self._add(device.attributes(self.home))

    def notify(self, device: FakeDevice, uuid: str, payload: bytes) -> None:
        """A notification or an indication; nobody hears it without StartNotify."""
        for path, characteristic in device.characteristics.items():
            wanted = characteristic.uuid == uuid and path in self.objects
            if wanted and "Notifying" in self.objects[path][CHARACTERISTIC]:
                self._change(path, CHARACTERISTIC, Value=Variant("ay", payload))

    def advertise(self, device: FakeDevice, rssi_dbm: int = -61) -> None:
        if device.path(self.home) in self.objects:
            self._change(device.path(self.home), DEVICE, RSSI=Variant("n", rssi_dbm))
        else:
            self.know(device)

    def _forget_link(self, device: FakeDevice) -> None:
        device.connected = False
        for characteristic in device.characteristics.values():
            characteristic.busy = False
        self._wake()

    def _add(self, objects: Objects) -> None:
        for path, interfaces in objects.items():
            self.objects[path] = interfaces
            self._signal("/", MANAGER, "InterfacesAdded", "oa{sa{sv}}", [path, interfaces])

    def _remove(self, path: str) -> None:
        self._signal("/", MANAGER, "InterfacesRemoved", "oas", [path, list(self.objects.pop(path))])

    def _change(self, path: str, interface: str, **changed: Variant) -> None:
        self.objects[path][interface].update(changed)
        self._signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [interface, changed, []])

    def _signal(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> None:
        self._send(Message.new_signal(path, interface, member, signature, body))

    async def _until(self, holds: Any) -> None:
        async with asyncio.timeout(UNTIL_S), self.changed:
            await self.changed.wait_for(holds)

    def _wake(self) -> None:
        async def wake() -> None:
            async with self.changed:
                self.changed.notify_all()

        self._spawn(wake())

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_message(self, message: Message) -> bool | None:
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        self.calls.append((message.member, message.path))
        self._wake()
        self._spawn(self._answer(message))
        return True

    async def _answer(self, message: Message) -> None:
        script = self.scripts[message.member]
        step = script.popleft() if script else self.always.get(message.member, Step(then_usual=True))
        await asyncio.sleep(step.after_s)
        if step.hang:
            return
        if step.ends_discovery:
            self._scanning.discard(message.sender)
        if step.granted_unanswered:
            await self.usual(message)
            return
        try:
            signature, body = await (self.usual(message) if step.then_usual else self._refuse(step))
            reply = Message.new_method_return(message, signature, body)
        except Refused as refused:
            name, text = refused.args
            reply = Message.new_error(message, name, text)
        owed, self._owed = self._owed, {}
        self._add(owed)  # before any answer, as BlueZ does
        if not message.flags & MessageFlag.NO_REPLY_EXPECTED:
            self._send(reply)

    async def _refuse(self, step: Step) -> tuple[str, list[Any]]:
        raise Refused(step.refuse, step.text)

    async def _ask(self, message: Message) -> Message:
        assert self._bus is not None
        return await self._bus.call(message)

    def _send(self, message: Message) -> None:
        if self._bus is not None and self._bus.connected:
            sent = self._bus.send(message)
            sent.add_done_callback(lambda future: future.exception())  # a bus that goes away takes it along

    async def usual(self, message: Message) -> tuple[str, list[Any]]:
        """What a healthy BlueZ does and answers."""
        if message.member == "GetManagedObjects":
            return "a{oa{sa{sv}}}", [self.objects]
        if message.interface == agents.MANAGER:
            self.agents.manage(message)
            return "", []
        if message.path not in self.objects:
            raise Refused("org.freedesktop.DBus.Error.UnknownObject", f"no object {message.path}")
        for device in self.devices:
            if message.path.startswith(device.path(self.home)):
                return await self._usual_of_device(device, message)
        match message.member:
            case "StartDiscovery":
                self._start_discovery(message)
            case "StopDiscovery" if message.sender not in self._scanning:
                raise Refused(f"{BLUEZ_ERROR}Failed", "No discovery started")
            case "StopDiscovery":
                self._scanning.discard(message.sender)
            case "RemoveDevice":
                self._remove_with_bond(message.body[0])
            case "Set":
                self.power(message.body[2].value, message.path)
        return "", []

    def _remove_with_bond(self, path: str) -> None:
        """The link goes first, then the object; only then the caller is answered."""
        if path not in self.objects:
            raise Refused(f"{BLUEZ_ERROR}DoesNotExist", "Does Not Exist")
        device = next(each for each in self.devices if each.path(self.home) == path)
        device.forgotten()
        if device.connected:
            self.drop_link(device)
        self.remove_device(device)

    def _start_discovery(self, message: Message) -> None:
        if message.sender in self._scanning:
            raise Refused(f"{BLUEZ_ERROR}InProgress", "Operation already in progress")
        self._scanning.add(message.sender)
        for device in self.devices:
            if device.in_reach and not device.connected:
                self.advertise(device)

    async def _usual_of_device(self, device: FakeDevice, message: Message) -> tuple[str, list[Any]]:
        match message.member:
            case "Connect":
                await self._connect(device)
            case "Disconnect":
                await self._disconnect(device)
            case "CancelPairing":
                self.agents.cancel(message)
            case "Pair":
                await self.agents.pair(device, message)
                self._change(device.path(self.home), DEVICE, Paired=Variant("b", True))
            case "StartNotify":
                self._change(message.path, CHARACTERISTIC, Notifying=Variant("b", True))
            case "StopNotify":
                self.objects[message.path][CHARACTERISTIC].pop("Notifying", None)
            case "ReadValue" | "WriteValue" if "/desc" in message.path:
                return self._descriptor(device, message)
            case "ReadValue" | "WriteValue":
                return await self._value(device, message)
        return "", []

    async def _connect(self, device: FakeDevice) -> None:
        path = device.path(self.home)
        if not device.in_reach:
            self._connecting[path] = asyncio.get_running_loop().create_future()
            await self._connecting[path]  # BlueZ never gives up by itself
        device.connected = True
        self._wake()
        self._change(path, DEVICE, Connected=Variant("b", True))
        if device.breaks_at_connect:
            self._spawn(self._drop_soon(device))
            raise Refused(f"{BLUEZ_ERROR}Failed", "le-connection-abort-by-local")
        self._spawn(self._resolve(device))

    async def _drop_soon(self, device: FakeDevice) -> None:
        await asyncio.sleep(0.01)  # after the refusal, as BlueZ does
        self.drop_link(device)

    async def _resolve(self, device: FakeDevice) -> None:
        await asyncio.sleep(device.delay_s)
        if device.lost_in_discovery:
            device.lost_in_discovery = False
            self.drop_link(device)
        if device.connected:
            attributes = device.attributes(self.home)
            if device.resolved_early:
                self._owed = dict([attributes.popitem()])
            for each in attributes.items():
                self._add(dict([each]))
                await self.bus_names()  # until the bus has it: its library ends where a socket is full
            self._change(device.path(self.home), DEVICE, ServicesResolved=Variant("b", True))

    async def _disconnect(self, device: FakeDevice) -> None:
        pending = self._connecting.pop(device.path(self.home), None)
        if pending is not None:
            pending.set_exception(Refused(f"{BLUEZ_ERROR}Failed", "br-connection-canceled"))
        elif not device.connected:
            raise Refused(f"{BLUEZ_ERROR}NotConnected", "Not Connected")
        if await device.stays():
            self.drop_link(device)

    def _descriptor(self, device: FakeDevice, message: Message) -> tuple[str, list[Any]]:
        characteristic = device.characteristics[message.path.rpartition("/")[0]]
        uuid = self.objects[message.path]["org.bluez.GattDescriptor1"]["UUID"].value
        if message.member == "ReadValue":
            return "ay", [characteristic.descriptors[uuid]]
        characteristic.descriptors[uuid] = bytes(message.body[0])
        return "", []

    async def _value(self, device: FakeDevice, message: Message) -> tuple[str, list[Any]]:
        if not device.connected:
            raise Refused(f"{BLUEZ_ERROR}Failed", "Not connected")
        await device.reached()
        characteristic = device.characteristics[message.path]
        if characteristic.busy:
            raise Refused(f"{BLUEZ_ERROR}InProgress", "In Progress")
        writes = message.member == "WriteValue"
        if device.att_error:
            raise Refused(*att_refusal(device.att_error))
        if writes:
            characteristic.value = bytes(message.body[0])
            device.applied.append((characteristic.uuid, characteristic.value))
        value = characteristic.value
        if not (writes and message.body[1]["type"].value == "command"):
            characteristic.busy = True
            self.asked.put_nowait(message.member)
            self._wake()
            if device.drops_when_asked:
                self._spawn(self._drop_soon(device))
                raise Refused(*att_refusal(0x0E))
            await (asyncio.get_running_loop().create_future() if device.silent else asyncio.sleep(device.delay_s))
            characteristic.busy = False
        self._wake()
        return ("", []) if writes else ("ay", [value])
