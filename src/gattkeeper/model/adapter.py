"""An adapter as data: how it is to be used. Which one it is stands in the settings, what it can do in `links`."""

from enum import Enum, StrEnum


class Serialization(Enum):
    """How many operations may be under way at once on one adapter."""

    DEVICE = "device"  # one for each device
    ADAPTER = "adapter"  # one on the whole adapter: the safest
    AUTO = "auto"  # one for each device, until that makes trouble: then one on the whole, for a while


class Rung(StrEnum):
    """What can be done about an adapter that does not work any more, from the mildest to the hardest.

    What stands behind each is the link's business; `docs/recovery.md` says it for every link.
    """

    DISCONNECT_DEVICE = "disconnect_device"
    FORGET_DEVICE = "forget_device"  # the stack's own object of a device that is not paired
    STOP_DISCOVERY = "stop_discovery"
    POWER_CYCLE = "power_cycle"
    HARD_RESET = "hard_reset"
    RESTART_SERVICE = "restart_service"
    FAIL_OVER = "fail_over"  # no link does it: devices that may use another adapter go on there


MILDEST = (Rung.DISCONNECT_DEVICE, Rung.FORGET_DEVICE)
"""Rungs that are about one device, and no other notices."""

CUTTING = frozenset({Rung.POWER_CYCLE, Rung.HARD_RESET, Rung.RESTART_SERVICE})
"""Rungs that take down every connection of the adapter."""
