"""Devices, a book and links for tests that run a keeper without a stack.

Knows what a test device offers. What is done with it is the tests' business.
"""

from itertools import count

from msgspec.structs import replace

from gattkeeper.errors import InvalidCommandError, UnknownDeviceError, UnsupportedError
from gattkeeper.model.command import Command, Priority
from gattkeeper.model.gatt import Property, characteristic_ref
from gattkeeper.model.identity import looks_like_address, parse_address
from gattkeeper.model.operation import Write
from gattkeeper.model.outcome import AnswerValue
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.world import AttError, VirtualCharacteristic, VirtualDevice, VirtualService
from gattkeeper.world.virtual_device import INVALID_ATTRIBUTE_LENGTH

SERVICE = "fe50"
WRITABLE = "fe51"
COUNTER = "fe52"  # each read gives the next number, four bytes
PUSHED = "fe53"
CLOSED = "fe54"  # writable once paired
STOP = "fe55"
LONG = "fe56"  # for long writes, chunk by chunk
SHORT = "fe58"  # takes SHORT_LENGTH_MAX bytes and no more

SHORT_LENGTH_MAX = 200


def device(name: str, number: int = 1, **settings: int) -> VirtualDevice:
    reads = count(1)
    writable = Property.WRITE | Property.WRITE_WITHOUT_RESPONSE | Property.READ

    def short_only(payload: bytes) -> None:
        if len(payload) > SHORT_LENGTH_MAX:
            raise AttError(INVALID_ATTRIBUTE_LENGTH)

    characteristics = (
        VirtualCharacteristic(WRITABLE, writable),
        VirtualCharacteristic(COUNTER, Property.READ, on_read=lambda: next(reads).to_bytes(4, "big")),
        VirtualCharacteristic(PUSHED, Property.NOTIFY | Property.READ),
        VirtualCharacteristic(CLOSED, writable, encrypted=True),
        VirtualCharacteristic(STOP, writable),
        VirtualCharacteristic(LONG, writable),
        VirtualCharacteristic(SHORT, writable, on_write=short_only),
    )
    return VirtualDevice(
        name, f"F0:00:00:00:00:{number:02X}", (VirtualService(SERVICE, characteristics),), **settings
    )


class Book:
    """Implements `ports.DeviceBook`. Every stop carries a payload of its own, so that it can be recognised."""

    def __init__(
        self, rules: dict[str, DeviceRules], *, may_bypass: bool = False, stop_deadline_us: int = 30_000_000
    ):
        self._rules = rules
        self._may_bypass = may_bypass
        self._stop_deadline_us = stop_deadline_us
        self._stops = count(1)

    def without(self, *gone: str, **changed: object) -> "Book":
        """The same settings, less some devices, and with these rules for the others."""
        book = Book({name: replace(rules, **changed) for name, rules in self._rules.items() if name not in gone})
        book._may_bypass, book._stop_deadline_us, book._stops = (
            self._may_bypass,
            self._stop_deadline_us,
            self._stops,
        )
        return book

    def names(self) -> tuple[str, ...]:
        return tuple(self._rules)

    def name_of(self, device: str) -> str:
        self.rules(device)
        if device in self._rules:
            return device
        address = parse_address(device)
        return next((name for name, one in self._rules.items() if one.address.overlaps(address)), device)

    def rules(self, device: str) -> DeviceRules:
        if device in self._rules:
            return self._rules[device]
        if looks_like_address(device):
            return DeviceRules(address=parse_address(device))
        raise UnknownDeviceError(f"no device {device!r}: there is {', '.join(self._rules)}")

    def members(self, scope: str) -> tuple[str, ...]:
        if scope == "all":
            return self.names()
        self.rules(scope)
        return (scope,)

    def actions(self, device: str) -> tuple[str, ...]:
        return ("set_level",)

    def act(self, device: str, action: str, argument: str | float | None) -> Command:
        if action != "set_level":
            raise UnsupportedError(f"{device} has no action {action!r}: it has set_level")
        if not isinstance(argument, int | float) or not 0 <= argument <= 100:
            raise InvalidCommandError(f"set_level takes 0 to 100, not {argument!r}")
        return Command(
            device=device,
            operation=Write(target=characteristic_ref(WRITABLE), payload=bytes([int(argument)])),
            priority=Priority.INTERACTIVE,
            idempotent=True,
            coalesce_key="level",
            survive_reconnect=True,
            label=f"set_level {argument:g}",
        )

    def stop(self, device: str) -> Command:
        return Command(
            device=device,
            operation=Write(target=characteristic_ref(STOP), payload=b"S" + next(self._stops).to_bytes(4, "big")),
            priority=Priority.URGENT,
            deadline_us=self._stop_deadline_us,
            may_bypass=self._may_bypass,
        )

    def may_repeat(self, device: str, write: Write) -> bool:
        return write.target == characteristic_ref(WRITABLE) and len(write.payload) == 1 and write.payload[0] <= 100

    def describe(self, command: Command, value: AnswerValue) -> str:
        return value.hex(" ") if isinstance(value, bytes) else str(value)
