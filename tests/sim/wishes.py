"""What the clients of a simulation ask for, beside plain reads and writes.

Knows operations only.
"""

import random

from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import (
    Connect,
    Disconnect,
    DiscoverServices,
    Operation,
    Pair,
    ReadRssi,
    RequestMtu,
    Subscribe,
    Unsubscribe,
    Write,
    WriteThenWait,
)
from sim.scene import PUSHED


def waiting(write: object) -> WriteThenWait:
    """The same write, for a device that answers it with its own payload."""
    assert isinstance(write, Write)
    return WriteThenWait(
        write=write, answer=characteristic_ref(PUSHED), starts_with=write.payload, timeout_us=1_500_000
    )


def other(dice: random.Random) -> Operation:
    """Something that is neither a read nor a write."""
    target = characteristic_ref(PUSHED)
    return dice.choice(
        (
            Subscribe(target=target),
            Subscribe(target=target),
            Unsubscribe(target=target),
            Connect(),
            Disconnect(),
            DiscoverServices(),
            RequestMtu(),
            ReadRssi(),
            Pair(),
        )
    )
