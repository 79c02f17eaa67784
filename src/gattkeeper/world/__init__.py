"""A virtual radio with virtual devices, faults and time: for the demo, our tests and yours.

    from gattkeeper.world import VirtualBlind, VirtualRadio, run_virtual

Importing this package imports no Bluetooth stack; asking for `VirtualRadio` does, and raises SettingsError
where Bumble is not installed: `pip install 'gattkeeper[bumble]'`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gattkeeper.errors import SettingsError

if TYPE_CHECKING:
    from gattkeeper.world.android import Android as Android
    from gattkeeper.world.android import Overlap as Overlap
    from gattkeeper.world.android import Statuses as Statuses
    from gattkeeper.world.bumble_corrections import quieten_bumble as quieten_bumble
    from gattkeeper.world.core_bluetooth import CoreBluetooth as CoreBluetooth
    from gattkeeper.world.personality import PersonalLink as PersonalLink
    from gattkeeper.world.radio import VirtualRadio as VirtualRadio
    from gattkeeper.world.radio_rules import Action as Action
    from gattkeeper.world.radio_rules import AnswerError as AnswerError
    from gattkeeper.world.radio_rules import AttOpcode as AttOpcode
    from gattkeeper.world.radio_rules import Delay as Delay
    from gattkeeper.world.radio_rules import Disconnect as Disconnect
    from gattkeeper.world.radio_rules import Drop as Drop
    from gattkeeper.world.radio_rules import Duplicate as Duplicate
    from gattkeeper.world.radio_rules import Garble as Garble
    from gattkeeper.world.radio_rules import Keep as Keep
    from gattkeeper.world.radio_rules import Match as Match
    from gattkeeper.world.radio_rules import Moment as Moment
    from gattkeeper.world.radio_rules import Replace as Replace
    from gattkeeper.world.radio_rules import Rule as Rule
    from gattkeeper.world.radio_rules import SilenceAdapter as SilenceAdapter
    from gattkeeper.world.radio_rules import UnplugAdapter as UnplugAdapter
    from gattkeeper.world.simulated_link import SimulatedLink as SimulatedLink
    from gattkeeper.world.simulated_log import Seen as Seen
    from gattkeeper.world.simulated_log import SeenKind as SeenKind
    from gattkeeper.world.simulated_log import SimulatedLog as SimulatedLog
    from gattkeeper.world.simulated_rules import Fail as Fail
    from gattkeeper.world.simulated_rules import Hang as Hang
    from gattkeeper.world.simulated_rules import LateRequest as LateRequest
    from gattkeeper.world.simulated_rules import LateResponse as LateResponse
    from gattkeeper.world.simulated_rules import LinkAction as LinkAction
    from gattkeeper.world.simulated_rules import LinkMatch as LinkMatch
    from gattkeeper.world.simulated_rules import LinkMoment as LinkMoment
    from gattkeeper.world.simulated_rules import LinkRule as LinkRule
    from gattkeeper.world.simulated_rules import LoseLink as LoseLink
    from gattkeeper.world.simulated_rules import LoseRequest as LoseRequest
    from gattkeeper.world.simulated_rules import LoseResponse as LoseResponse
    from gattkeeper.world.simulated_rules import Pretend as Pretend
    from gattkeeper.world.simulated_rules import Raise as Raise
    from gattkeeper.world.simulated_rules import Stubborn as Stubborn
    from gattkeeper.world.virtual_blind import VirtualBlind as VirtualBlind
    from gattkeeper.world.virtual_device import Advertised as Advertised
    from gattkeeper.world.virtual_device import Applied as Applied
    from gattkeeper.world.virtual_device import AppliedFile as AppliedFile
    from gattkeeper.world.virtual_device import AttError as AttError
    from gattkeeper.world.virtual_device import VirtualCharacteristic as VirtualCharacteristic
    from gattkeeper.world.virtual_device import VirtualDevice as VirtualDevice
    from gattkeeper.world.virtual_device import VirtualService as VirtualService
    from gattkeeper.world.virtual_time import VirtualTimeLoop as VirtualTimeLoop
    from gattkeeper.world.virtual_time import run_virtual as run_virtual

_HOMES = {
    "android": ("Android", "Overlap", "Statuses"),
    "bumble_corrections": ("quieten_bumble",),
    "core_bluetooth": ("CoreBluetooth",),
    "personality": ("PersonalLink",),
    "radio": ("VirtualRadio",),
    "radio_rules": (
        "Action",
        "AnswerError",
        "AttOpcode",
        "Delay",
        "Disconnect",
        "Drop",
        "Duplicate",
        "Garble",
        "Keep",
        "Match",
        "Moment",
        "Replace",
        "Rule",
        "SilenceAdapter",
        "UnplugAdapter",
    ),
    "simulated_link": ("SimulatedLink",),
    "simulated_log": ("Seen", "SeenKind", "SimulatedLog"),
    "simulated_rules": (
        "Fail",
        "Hang",
        "LateRequest",
        "LateResponse",
        "LinkAction",
        "LinkMatch",
        "LinkMoment",
        "LinkRule",
        "LoseLink",
        "LoseRequest",
        "LoseResponse",
        "Pretend",
        "Raise",
        "Stubborn",
    ),
    "virtual_blind": ("VirtualBlind",),
    "virtual_device": (
        "Advertised",
        "Applied",
        "AppliedFile",
        "AttError",
        "VirtualCharacteristic",
        "VirtualDevice",
        "VirtualService",
    ),
    "virtual_time": ("VirtualTimeLoop", "run_virtual"),
}


def __getattr__(name: str) -> Any:
    """Find a public name in its module, which is imported now."""
    home = next((module for module, names in _HOMES.items() if name in names), None)
    if home is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    try:
        return getattr(import_module(f"{__name__}.{home}"), name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "bumble":
            raise
        message = f"{name} needs Bumble, which is not installed: pip install 'gattkeeper[bumble]'"
        raise SettingsError(message) from error


def __dir__() -> list[str]:
    return [name for names in _HOMES.values() for name in names]
