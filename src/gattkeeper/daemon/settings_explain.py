"""The settings in words, for `gattkeeper config check`.

Knows how people read them. There is no secret among the settings; one that comes must not be shown here.
"""

from typing import assert_never

from gattkeeper.daemon.settings_model import (
    Adapter,
    BluezAdapter,
    BumbleAdapter,
    DeviceSettings,
    JournalSettings,
    KeeperSettings,
    Settings,
    VirtualAdapter,
    bonds_path,
    keeps_payloads,
    security_of,
)
from gattkeeper.model.profile import Profile
from gattkeeper.model.security import SecurityLevel

_COLUMN = 14
"""Width of the names, where none is longer."""


def explain(settings: Settings) -> str:
    """What will be in force, every default filled in: lines of a name and what it is."""
    return "\n\n".join(
        (
            "\n".join(_keeper_lines(settings.keeper, settings.journal)),
            _section(
                "adapters", {name: _adapter_words(one, settings.keeper) for name, one in settings.adapters.items()}
            ),
            _section("devices", {name: _device_words(one, settings) for name, one in settings.devices.items()}),
            _section("groups", {name: ", ".join(members) for name, members in _groups(settings).items()}),
            _section("profiles", {name: _profile_words(one) for name, one in settings.profiles.items()}),
        )
    )


def _section(title: str, words: dict[str, str]) -> str:
    if not words:
        return f"{title}: none"
    width = max(_COLUMN - 2, *(len(name) for name in words))
    return "\n".join([title, *(f"  {name:<{width}}  {text}" for name, text in words.items())])


def _keeper_lines(keeper: KeeperSettings, journal: JournalSettings) -> list[str]:
    times = keeper.timeouts
    users = ", ".join(("the owner", "root", *keeper.allow_users))
    return [
        _line("socket", f"{keeper.socket}, for {users}"),
        _line("journal", str(keeper.journal)),
        _line("", _kept(journal)),
        _line("", _checkpoints(journal)),
        _line("", _on_flaw(journal)),
        _line("", _payloads(journal)),
        _line("log level", keeper.log_level.value),
        _line("event loop", keeper.event_loop),
        _line("queues", f"{keeper.queue_per_device_max} commands for a device, {keeper.queue_max} in all"),
        _line("ageing", f"{keeper.ageing:g} s of waiting are worth one priority"),
        _line("history", f"{keeper.history_max} ended commands"),
        *([_line("recording", f"{keeper.recording}: every event, with payloads")] if keeper.recording else []),
        _line("an attempt", f"read, write, subscribe {times.gatt:g} s, discovery {times.discovery:g} s,"),
        _line("", f"MTU {times.mtu:g} s, connect {times.connect:g} s, disconnect {times.disconnect:g} s,"),
        _line("", f"pairing {times.pair:g} s"),
        _line("stop", f"waits {keeper.stop_grace:g} s for the answer in flight"),
        *([_line("", _persistence(keeper))] if keeper.stop_persist else []),
        _line("late answer", f"a connection waits {keeper.late_answer_grace:g} s for it"),
        _line("pairing", f"holds a device's other operations up for {keeper.pairing_pause:g} s at most"),
    ]


def _kept(journal: JournalSettings) -> str:
    sizes = [f"{journal.kept_mb} MB"] if journal.kept_mb else []
    ages = [f"{journal.kept_days:g} days"] if journal.kept_days else []
    limits = " and ".join(sizes + ages)
    kept = f"of those before it {limits} are kept" if limits else "nothing is deleted"
    return f"a file has {journal.file_mb} MB, {kept}"


def _checkpoints(journal: JournalSettings) -> str:
    if journal.checkpoint_keys == "none":
        return "its end is not signed: that it is missing would not be found"
    every = f"{journal.checkpoint_rows} rows and {journal.checkpoint_every:g} s at the latest"
    keys = ", each time with a new key" if journal.checkpoint_keys == "evolving" else ""
    push = f", and pushed to {', '.join(journal.checkpoint_push)}" if journal.checkpoint_push else ""
    return f"its end is signed after {every}{keys}{push}"


def _on_flaw(journal: JournalSettings) -> str:
    if journal.on_flaw == "go_on":
        return "if a start finds rows missing, an alert says so and commands go on"
    return "if a start finds rows missing, nothing that changes a device starts until somebody accepts that"


def _payloads(journal: JournalSettings) -> str:
    return (
        "payloads are kept in it" if journal.payloads else "of payloads it has length and SHA-256, not the bytes"
    )


def _persistence(keeper: KeeperSettings) -> str:
    every = f"every {keeper.stop_persist_backoff:g} s for {keeper.stop_persist:g} s"
    return f"one that failed is tried again {every}; the device takes nothing else meanwhile"


def _line(name: str, words: str) -> str:
    return f"{name:<{_COLUMN}}  {words}"


def _adapter_words(adapter: Adapter, keeper: KeeperSettings) -> str:
    match adapter:
        case BluezAdapter():
            what = f"{adapter.adapter} through BlueZ"
        case BumbleAdapter():
            bonds = bonds_path(adapter, keeper)
            what = f"{adapter.transport}, driven by gattkeeper through Bumble, bonds in {bonds}"
        case VirtualAdapter():
            what = f"a radio in memory, connection interval {adapter.connection_interval * 1000:g} ms"
            if adapter.applied_log is not None:
                what += f", what reaches its devices goes to {adapter.applied_log}"
        case _:
            assert_never(adapter)
    return f"{what}, {adapter.slots} connections at once, serialization {adapter.serialization.value}"


def _device_words(device: DeviceSettings, settings: Settings) -> str:
    level = security_of(device, settings.profiles.get(device.profile))
    anywhere = "on whichever adapter hears it best" if len(settings.adapters) > 1 else ""
    words = [
        device.address.spelled,
        device.profile or "no profile",
        f"on {', else '.join(device.adapters)}" if device.adapters else anywhere,
        f"idle connection kept {device.linger:g} s" if device.linger else "idle connection not kept",
        "safety" if device.safety else "",
        f"security: {level.value}" if level is not SecurityLevel.NONE else "",
        _journalled(device, settings.journal),
        f"a virtual {device.virtual}" if device.virtual else "",
    ]
    return ", ".join(word for word in words if word)


def _journalled(device: DeviceSettings, journal: JournalSettings) -> str:
    keeps = keeps_payloads(device, journal)
    return (
        "" if keeps == journal.payloads else "payloads in the journal" if keeps else "no payloads in the journal"
    )


def _groups(settings: Settings) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name, device in settings.devices.items():
        for group in device.groups:
            groups.setdefault(group, []).append(name)
    return groups


def _profile_words(profile: Profile) -> str:
    actions = [
        f"{name} (also {', '.join(action.aliases)})" if action.aliases else name
        for name, action in profile.actions.items()
    ]
    stop = "stops by a write" if profile.stop is not None else "stops by disconnecting"
    return f"{', '.join(actions) or 'no actions'}; {stop}"
