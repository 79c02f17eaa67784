"""An adapter as data: how it is to be used. Which one it is stands in the settings, what it can do in `links`."""

from enum import Enum


class Serialization(Enum):
    """How many operations may be under way at once on one adapter."""

    DEVICE = "device"  # one for each device
    ADAPTER = "adapter"  # one on the whole adapter: the safest
    AUTO = "auto"  # one for each device, until that makes trouble: then one on the whole, for a while
