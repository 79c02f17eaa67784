"""One keeper in front of the Bluetooth adapter.

    async with gattkeeper.open() as keeper:
        lounge = keeper.device("lounge")
        level = await lounge.read("2a19")

Every name is loaded when it is first used, so that importing the package costs nothing.
"""

TYPE_CHECKING = False  # type checkers take it for true; importing typing would double the start of Python

if TYPE_CHECKING:
    from gattkeeper.client.async_client import AsyncClient as AsyncClient
    from gattkeeper.daemon.assembly import open_keeper as open  # noqa: A004, F401 - gattkeeper.open()
    from gattkeeper.daemon.script_lock import AdapterLock as AdapterLock
    from gattkeeper.daemon.script_lock import adapter_lock as adapter_lock
    from gattkeeper.errors import CommandCancelledError as CommandCancelledError
    from gattkeeper.errors import CommandError as CommandError
    from gattkeeper.errors import CommandNotDeliveredError as CommandNotDeliveredError
    from gattkeeper.errors import CommandSupersededError as CommandSupersededError
    from gattkeeper.errors import CommandUnknownError as CommandUnknownError
    from gattkeeper.errors import ConflictError as ConflictError
    from gattkeeper.errors import DaemonGoneError as DaemonGoneError
    from gattkeeper.errors import GattkeeperError as GattkeeperError
    from gattkeeper.errors import InvalidCommandError as InvalidCommandError
    from gattkeeper.errors import InvariantViolation as InvariantViolation
    from gattkeeper.errors import LatchedError as LatchedError
    from gattkeeper.errors import LinkError as LinkError
    from gattkeeper.errors import QueueClosedError as QueueClosedError
    from gattkeeper.errors import QueueFullError as QueueFullError
    from gattkeeper.errors import RefusedError as RefusedError
    from gattkeeper.errors import SettingsError as SettingsError
    from gattkeeper.errors import StoppedError as StoppedError
    from gattkeeper.errors import StorageError as StorageError
    from gattkeeper.errors import UnknownDeviceError as UnknownDeviceError
    from gattkeeper.errors import UnsupportedError as UnsupportedError
    from gattkeeper.errors import UsageError as UsageError
    from gattkeeper.model.command import Command as Command
    from gattkeeper.model.command import Priority as Priority
    from gattkeeper.model.fault import Fault as Fault
    from gattkeeper.model.fault import FaultKind as FaultKind
    from gattkeeper.model.outcome import Cause as Cause
    from gattkeeper.model.outcome import Outcome as Outcome
    from gattkeeper.model.outcome import Resolution as Resolution
    from gattkeeper.model.outcome import Verdict as Verdict
    from gattkeeper.runtime.asking import PairingAgent as PairingAgent
    from gattkeeper.runtime.device import Device as Device
    from gattkeeper.runtime.fanout import Fanout as Fanout
    from gattkeeper.runtime.fanout import FanoutOutcome as FanoutOutcome
    from gattkeeper.runtime.handle import Handle as Handle
    from gattkeeper.runtime.keeper import Keeper as Keeper
    from gattkeeper.runtime.leases import Lease as Lease
    from gattkeeper.runtime.notifications import Notifications as Notifications

__version__ = "0.1.0"

_HOMES = {
    "client.async_client": ("AsyncClient",),
    "daemon.script_lock": ("AdapterLock", "adapter_lock"),
    "errors": (
        "CommandCancelledError",
        "CommandError",
        "CommandNotDeliveredError",
        "CommandSupersededError",
        "CommandUnknownError",
        "ConflictError",
        "DaemonGoneError",
        "GattkeeperError",
        "InvalidCommandError",
        "InvariantViolation",
        "LatchedError",
        "LinkError",
        "QueueClosedError",
        "QueueFullError",
        "RefusedError",
        "SettingsError",
        "StoppedError",
        "StorageError",
        "UnknownDeviceError",
        "UnsupportedError",
        "UsageError",
    ),
    "model.command": ("Command", "Priority"),
    "model.fault": ("Fault", "FaultKind"),
    "model.outcome": ("Cause", "Outcome", "Resolution", "Verdict"),
    "runtime.asking": ("PairingAgent",),
    "runtime.device": ("Device",),
    "runtime.fanout": ("Fanout", "FanoutOutcome"),
    "runtime.handle": ("Handle",),
    "runtime.keeper": ("Keeper",),
    "runtime.leases": ("Lease",),
    "runtime.notifications": ("Notifications",),
}


def __getattr__(name: str) -> object:
    """Load a public name from the room it lives in."""
    from importlib import import_module  # noqa: PLC0415 - the command line's fast path does without

    if name == "open":
        return import_module("gattkeeper.daemon.assembly").open_keeper
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"gattkeeper.{home}"), name)
    raise AttributeError(f"module 'gattkeeper' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(["__version__", "open", *(name for names in _HOMES.values() for name in names)])
