"""What fits together in the settings, beyond the types of their keys.

Knows names, addresses and references between tables. Reads no file.
"""

import re
from collections.abc import Callable, Iterator
from typing import assert_never

from gattkeeper.daemon.event_loop import loop_problem
from gattkeeper.daemon.settings_model import (
    Adapter,
    BluezAdapter,
    BumbleAdapter,
    DeviceSettings,
    JournalSettings,
    Settings,
    VirtualAdapter,
    security_of,
)
from gattkeeper.devices.arguments import shown
from gattkeeper.devices.book import ALL
from gattkeeper.devices.tables import near_miss
from gattkeeper.devices.toml_file import Problem
from gattkeeper.errors import SettingsError
from gattkeeper.links.bumble_names import transport_problem
from gattkeeper.model.identity import AddressKind, DeviceAddress, looks_like_address
from gattkeeper.model.security import SecurityLevel, cannot_prove
from gattkeeper.storage.pushing import place_of

_NAME = re.compile(r"\w[\w.-]{0,63}")
_STATIC = re.compile(r"[C-F][0-9A-F]:")  # Core Specification, Vol 6, Part B, 1.3.2.1
_HCI = re.compile(r"hci[0-9]{1,3}")


def settings_problems(settings: Settings, adapters: set[str]) -> Iterator[Problem]:
    """Everything that does not fit. `adapters` are the names in the file, also of those not understood."""
    if problem := loop_problem(settings.keeper.event_loop):
        yield Problem(at=("keeper", "event_loop"), text=problem)
    yield from _journal_problems(settings.journal)
    yield from _adapter_problems(settings.adapters)
    if not adapters:
        yield Problem(at=("adapters",), text="adapters needs at least one; leave the table out for BlueZ's hci0")
    for name in settings.devices:
        yield from _name_problems(name, "device", ("devices", name))
    yield from _address_problems(settings)
    yield from _group_problems(settings)
    for name, device in settings.devices.items():
        yield from _reference_problems(adapters, name, device.adapters)
        if device.virtual is not None:
            yield from _virtual_problems(settings, name, device)


def _journal_problems(journal: JournalSettings) -> Iterator[Problem]:
    at = ("journal", "checkpoint_push")
    for name in journal.checkpoint_push:
        try:
            place_of(name)
        except SettingsError as fault:
            yield Problem(at=at, text=str(fault))
    if journal.checkpoint_push and journal.checkpoint_keys == "none":
        yield Problem(at=at, text='checkpoint_keys = "none" leaves nothing to push: one of the two must go')


def _adapter_problems(adapters: dict[str, Adapter]) -> Iterator[Problem]:
    for name, adapter in adapters.items():
        yield from _name_problems(name, "adapter", ("adapters", name))
        if isinstance(adapter, BluezAdapter) and not (
            _HCI.fullmatch(adapter.adapter) or looks_like_address(adapter.adapter)
        ):
            text = f"adapter takes a name such as hci0, or an adapter's address, not {shown(adapter.adapter)}"
            yield Problem(at=("adapters", name, "adapter"), text=text)
        if isinstance(adapter, BumbleAdapter) and (problem := transport_problem(adapter.transport)):
            yield Problem(at=("adapters", name, "transport"), text=f"transport {problem}")
    virtual = {name: one for name, one in adapters.items() if isinstance(one, VirtualAdapter)}
    if len({one.connection_interval for one in virtual.values()}) > 1:
        text = f"{', '.join(virtual)} share one radio in memory: give them the same connection_interval"
        yield Problem(at=("adapters", list(virtual)[-1], "connection_interval"), text=text)
    radios = {name: _radio(adapter) for name, adapter in adapters.items()}
    yield from _twins(
        {name: radio for name, radio in radios.items() if radio}, lambda name: ("adapters", name), "the radio of"
    )


def _radio(adapter: Adapter) -> str:
    """What tells one piece of hardware from another; empty for a radio in memory."""
    match adapter:
        case BluezAdapter():
            return f"bluez {adapter.adapter.upper()}"
        case BumbleAdapter():
            return f"bumble {adapter.transport}"
        case VirtualAdapter():
            return ""
        case _:
            assert_never(adapter)


def _twins(by_name: dict[str, str], at: Callable[[str], tuple[str, ...]], what: str) -> Iterator[Problem]:
    """Names that stand for the same thing."""
    first: dict[str, str] = {}
    for name, thing in by_name.items():
        owner = first.setdefault(thing, name)
        if owner != name:
            yield Problem(at=at(name), text=f"{name} has {what} {owner}: one of the two must go")


def _address_problems(settings: Settings) -> Iterator[Problem]:
    """Devices that may be the same one. A public and a random address with the same digits are two."""
    seen: list[tuple[str, DeviceAddress]] = []
    for name, device in settings.devices.items():
        twin = next((other for other, address in seen if address.overlaps(device.address)), None)
        seen.append((name, device.address))
        if twin is not None:
            text = f"{name} has the address of {twin}: one of the two must go"
            if device.address.kind is not settings.devices[twin].address.kind:
                text += ", or both say of which kind theirs is, with /public or /random"
            yield Problem(at=("devices", name, "address"), text=text)


def security_problems(settings: Settings) -> Iterator[Problem]:
    """Demands that the adapter of their device could never prove. All profiles are there by now."""
    for name, device in settings.devices.items():
        used = [settings.adapters.get(adapter) for adapter in device.adapters or settings.adapters]
        level = security_of(device, settings.profiles.get(device.profile))
        if level is not SecurityLevel.NONE and any(isinstance(adapter, BluezAdapter) for adapter in used):
            yield Problem(at=("devices", name, "security"), text=cannot_prove(name, level))


def _group_problems(settings: Settings) -> Iterator[Problem]:
    for name, device in settings.devices.items():
        at = ("devices", name, "groups")
        for group in device.groups:
            yield from _name_problems(group, "group", at)
            if group in settings.devices:
                yield Problem(at=at, text=f"the group {group} has the name of a device: give it another")
        if len(set(device.groups)) < len(device.groups):
            yield Problem(at=at, text=f"{name} is in the same group twice")


def _reference_problems(adapters: set[str], device: str, named: tuple[str, ...]) -> Iterator[Problem]:
    at = ("devices", device, "adapter")
    for adapter in named:
        if adapter not in adapters:
            meant = near_miss(adapter, adapters)
            hint = f"did you mean {meant}?" if meant else f"there are {', '.join(sorted(adapters))}"
            yield Problem(at=at, text=f"no adapter is called {shown(adapter)}; {hint}")
    if len(set(named)) < len(named):
        yield Problem(at=at, text=f"{device} names the same adapter twice")


def _virtual_problems(settings: Settings, name: str, device: DeviceSettings) -> Iterator[Problem]:
    used = [settings.adapters.get(adapter) for adapter in device.adapters or settings.adapters]
    if any(adapter is not None and not isinstance(adapter, VirtualAdapter) for adapter in used):
        text = f'{name} is virtual, but its adapter is not: use one with link = "virtual"'
        yield Problem(at=("devices", name, "virtual"), text=text)
    if not _STATIC.match(device.address.value) or device.address.kind is AddressKind.PUBLIC:
        text = f"{name} is virtual: its address begins with C0 to FF, as random static addresses do"
        yield Problem(at=("devices", name, "address"), text=text)


def _name_problems(name: str, what: str, at: tuple[str, ...]) -> Iterator[Problem]:
    if looks_like_address(name):
        yield Problem(at=at, text=f"{name} is an address: give the {what} a name of its own")
    elif not _NAME.fullmatch(name):
        rule = "letters, digits, and in between also dots, dashes and underscores; 64 at most"
        yield Problem(at=at, text=f"{shown(name)} is no name for a {what}: {rule}")
    elif name == ALL:
        yield Problem(at=at, text=f'"{ALL}" already stands for every device: give the {what} another name')
