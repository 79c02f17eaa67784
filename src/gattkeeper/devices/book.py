"""The book of devices: names, groups, and actions as commands.

Knows what each device can be asked to do and in which bytes. Never connects to one.
"""

import secrets
from collections.abc import Iterable, Iterator
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from gattkeeper.devices import codec
from gattkeeper.devices.arguments import Meant, shown, understand
from gattkeeper.devices.profile_checks import STOP
from gattkeeper.devices.repeating import may_repeat, same_characteristic
from gattkeeper.devices.tables import near_miss
from gattkeeper.errors import InvalidCommandError, UnknownDeviceError, UnsupportedError
from gattkeeper.model.command import Command, Priority, ReadBack
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.identity import DeviceAddress, looks_like_address, parse_address
from gattkeeper.model.operation import Disconnect, Read, ReadRssi, Write
from gattkeeper.model.outcome import AnswerValue, ConnectionParameters, Phys
from gattkeeper.model.profile import Action, Choice, Profile, ReadAction, ReadBackRule, WriteAction, setpoint_of
from gattkeeper.runtime.ports import DeviceRules

ALL = "all"
"""The scope of every device; no device or group may have this name."""

_LISTED_MAX = 10
"""Names that an error lists."""


class Entry(Struct, frozen=True, kw_only=True):
    """One device of the settings."""

    name: str
    rules: DeviceRules
    profile: Profile | None = None  # None: it can be read and written, but has no actions
    groups: tuple[str, ...] = ()


class ProfileBook:
    """Devices by name, each with the actions of its profile. Fills `runtime.ports.DeviceBook`.

    `tokens` are the numbers that actions with {token} carry; without it they start anywhere. `journal_payloads`
    is for devices that have no entry.
    """

    def __init__(
        self, entries: Iterable[Entry], *, tokens: Iterator[int] | None = None, journal_payloads: bool = False
    ) -> None:
        self._journal_payloads = journal_payloads
        self._tokens = codec.tokens(secrets.randbits(32)) if tokens is None else tokens
        self._entries = {entry.name: entry for entry in entries}
        self._by_address: dict[str, tuple[Entry, ...]] = {}  # by value; both kinds of one may be there
        for entry in self._entries.values():
            value = entry.rules.address.value
            self._by_address[value] = (*self._by_address.get(value, ()), entry)
        self._groups: dict[str, tuple[str, ...]] = {}
        for entry in self._entries.values():
            for group in entry.groups:
                self._groups[group] = (*self._groups.get(group, ()), entry.name)

    def names(self) -> tuple[str, ...]:
        """Every device of the settings, in their order."""
        return tuple(self._entries)

    def rules(self, device: str) -> DeviceRules:
        """What the settings say about a device. Raises UnknownDeviceError, naming near misses."""
        return self._find(device).rules

    def name_of(self, device: str) -> str:
        """The one name of a device, however it was spelled. Raises UnknownDeviceError."""
        return self._find(device).name

    def members(self, scope: str) -> tuple[str, ...]:
        """The devices of a device's name or address, of a group, or of "all", by their names.

        Raises UnknownDeviceError.
        """
        if scope == ALL:
            return self.names()
        return self._groups.get(scope) or (self._find(scope, with_groups=True).name,)

    def actions(self, device: str) -> tuple[str, ...]:
        """The names of the device's actions, for people."""
        profile = self._find(device).profile
        return () if profile is None else tuple(profile.actions)

    def act(self, device: str, action: str, argument: str | float | None) -> Command:
        """The command, without id, that carries an action out.

        Raises UnknownDeviceError, UnsupportedError (no such action), InvalidCommandError (argument).
        """
        entry = self._find(device)
        name, rule = _find_action(entry, action)
        if isinstance(rule, ReadAction):
            _meant(name, rule, argument)
            return _as_ruled(
                Command(device=entry.name, operation=Read(target=rule.characteristic), label=name), rule
            )
        meant = _meant(name, rule, argument)
        token = next(self._tokens) if codec.has_token(rule.payload) else 0
        return _as_ruled(_write(entry.name, name, rule, meant, token), rule)

    def stop(self, device: str) -> Command:
        """The command, without id, of the device's emergency stop; Disconnect where none is declared.

        Raises UnknownDeviceError.
        """
        entry = self._find(device)
        rule = entry.profile.stop if entry.profile is not None else None
        return Command(
            device=entry.name,
            operation=Disconnect()
            if rule is None
            else Write(target=rule.characteristic, payload=codec.encode(rule.payload, None), mode=rule.mode),
            priority=Priority.URGENT,
            idempotent=True,
            stop=True,
            may_bypass=rule is not None and rule.may_bypass,
            label=STOP,
        )

    def may_repeat(self, device: str, write: Write) -> bool:
        """Whether the device's profile allows this very write to be done twice. Raises UnknownDeviceError."""
        profile = self._find(device).profile
        return profile is not None and may_repeat(profile, write)

    def describe(self, command: Command, value: AnswerValue) -> str:
        """What a command's value means to a person ("55 %"); hex bytes where no action decodes it."""
        match value:
            case None:
                return ""
            case int():
                return f"{value} dBm" if isinstance(command.operation, ReadRssi) else f"{value} bytes"
            case bytes():
                return self._describe_payload(command, value)
            case tuple():
                count = sum(len(service.characteristics) for service in value)
                return f"services: {len(value)}, characteristics: {count}"
            case Phys() | ConnectionParameters():
                return str(value)
            case _:
                assert_never(value)

    def _describe_payload(self, command: Command, payload: bytes) -> str:
        if isinstance(command.operation, Read):
            for rule in self._readers(command, command.operation.target):
                text = _decoded(rule, payload)
                if text:
                    return text
        return payload.hex(" ")

    def _readers(self, command: Command, target: CharacteristicRef) -> list[ReadAction]:
        """The actions that read this characteristic; the one the command was made by comes first."""
        entry = self._entries.get(command.device)
        if entry is None or entry.profile is None:
            return []
        rules = [
            (name != command.label, rule)
            for name, rule in entry.profile.actions.items()
            if isinstance(rule, ReadAction) and same_characteristic(rule.characteristic, target)
        ]
        return [rule for _, rule in sorted(rules, key=lambda pair: pair[0])]

    def _find(self, device: str, *, with_groups: bool = False) -> Entry:
        entry = self._entries.get(device)
        if entry is not None:
            return entry
        if looks_like_address(device):
            return self._at(parse_address(device))
        known = [*self._entries, *([*self._groups, ALL] if with_groups else [])]
        what = "device or group" if with_groups else "device"
        raise UnknownDeviceError(f"no {what} is called {shown(device)}; {_suggest(device, known)}")

    def _at(self, address: DeviceAddress) -> Entry:
        """The device that has an address; one that the settings do not name is a device of its own."""
        found = [one for one in self._by_address.get(address.value, ()) if one.rules.address.overlaps(address)]
        if len(found) > 1:
            which = " and ".join(f"{one.rules.address.spelled} is {one.name}" for one in found)
            raise UnknownDeviceError(f"{address.value} is the address of two devices: {which}; say which is meant")
        if found:
            return found[0]
        rules = DeviceRules(address=address, journal_payloads=self._journal_payloads)
        return Entry(name=address.spelled, rules=rules)


def _find_action(entry: Entry, action: str) -> tuple[str, Action]:
    if action == STOP:
        raise UnsupportedError(f"{STOP} is no action: it goes before all others by its own way, `gattkeeper stop`")
    if entry.profile is None:
        raise UnsupportedError(
            f"{entry.name} has no profile, so it has no actions: read and write it by characteristic,"
            " or give it a profile in the settings"
        )
    for name, rule in entry.profile.actions.items():
        if action == name or action in rule.aliases:
            return name, rule
    known = [word for name, rule in entry.profile.actions.items() for word in (name, *rule.aliases)]
    raise UnsupportedError(f"{entry.name} has no action {shown(action)}; {_suggest(action, known)}")


def _suggest(word: str, known: list[str]) -> str:
    if not known:
        return "the settings name none: add it there, or use an address, as in F0:00:00:00:00:01"
    meant = near_miss(word, known)
    more = f" and {len(known) - _LISTED_MAX} more" if len(known) > _LISTED_MAX else ""
    return f"{f'did you mean {meant}? ' if meant else ''}known: {', '.join(known[:_LISTED_MAX])}{more}"


def _meant(name: str, rule: Action, given: str | float | None) -> Meant:
    try:
        return understand(rule.argument if isinstance(rule, WriteAction) else None, given)
    except ValueError as error:
        raise InvalidCommandError(f"{name} {error}") from None


def _write(device: str, name: str, rule: WriteAction, meant: Meant, token: int) -> Command:
    raw = _raw(rule, meant)
    setpoint = setpoint_of(name, rule)
    return Command(
        device=device,
        operation=Write(
            target=rule.characteristic, payload=codec.encode(rule.payload, raw, token), mode=rule.mode
        ),
        idempotent=bool(setpoint) or rule.idempotent,
        coalesce_key=setpoint,
        read_back=None if rule.read_back is None else _read_back(rule.read_back, raw, token),
        require_read_back=rule.read_back is not None and rule.read_back.required,
        token=token,
        label=f"{name} {meant.text}".strip(),
    )


def _read_back(rule: ReadBackRule, raw: int | bytes | None, token: int) -> ReadBack:
    expected = codec.encode(rule.equals, raw, token)
    return ReadBack(target=rule.characteristic, expected=expected, proves_absence=rule.absence)


def _raw(rule: WriteAction, meant: Meant) -> int | bytes | None:
    """What goes into the payload: words and bytes as they are, numbers as the device counts."""
    if meant.value is None or isinstance(meant.value, bytes):
        return meant.value
    if isinstance(rule.argument, Choice):
        return int(meant.value)
    return codec.to_raw(meant.value, rule.scale, rule.offset)


def _as_ruled(command: Command, rule: Action) -> Command:
    """The command with what the profile says of every kind of action: who first, how long."""
    return replace(
        command,
        priority=rule.priority,
        survive_reconnect=True,
        attempt_timeout_us=None if rule.attempt_timeout is None else _us(rule.attempt_timeout),
        deadline_us=command.deadline_us if rule.deadline is None else _us(rule.deadline),
    )


def _us(seconds: float) -> int:
    return max(1, round(seconds * 1_000_000))


def _decoded(rule: ReadAction, payload: bytes) -> str:
    """The value with its unit; empty where the payload does not have the form, so that hex is shown."""
    try:
        value = None if rule.decode is None else codec.decode(rule.decode, payload)
    except ValueError:
        return ""
    match value:
        case None:
            return ""
        case int():
            text = codec.to_text(value, rule.scale, rule.offset)
        case bytes():
            text = value.hex(" ")
        case str():
            text = "".join(letter if letter.isprintable() else "\ufffd" for letter in value)
        case _:
            assert_never(value)
    return f"{text} {rule.unit}".strip()
