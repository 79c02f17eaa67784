"""GATT procedures as data.

Knows what can be asked of a device. How a stack does it stands in `links`.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import get_args

from msgspec import Struct

from gattkeeper.model.gatt import CharacteristicRef


class WriteMode(Enum):
    """Whether the device acknowledges a write (ATT Write Request) or not (ATT Write Command)."""

    WITH_RESPONSE = "with_response"
    WITHOUT_RESPONSE = "without_response"


class SubscriptionKind(Enum):
    """How values are to be pushed: unacknowledged (notification) or acknowledged (indication)."""

    EITHER = "either"  # notifications where the characteristic has them, else indications
    NOTIFY = "notify"
    INDICATE = "indicate"


KIND_CONFLICT = "subscription_kind"
"""Name of the fault when a subscriber wants one kind while another one has the other."""


class Phy(Enum):
    """A way to modulate the radio, one per direction of a connection (Core Specification, Vol 6, Part A, 3)."""

    LE_1M = "1m"  # what every connection starts on
    LE_2M = "2m"  # twice as fast
    LE_CODED = "coded"  # slower, and heard from farther away


class Read(Struct, frozen=True, kw_only=True, tag="read"):
    """Read a characteristic's value."""

    target: CharacteristicRef


class Write(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="write"):
    """Write a characteristic's value."""

    target: CharacteristicRef
    payload: bytes
    mode: WriteMode = WriteMode.WITH_RESPONSE


class ReadDescriptor(Struct, frozen=True, kw_only=True, tag="read_descriptor"):
    """Read a descriptor of a characteristic."""

    target: CharacteristicRef
    descriptor: str


class WriteDescriptor(Struct, frozen=True, kw_only=True, tag="write_descriptor"):
    """Write a descriptor of a characteristic. The CCCD (2902) is left to Subscribe."""

    target: CharacteristicRef
    descriptor: str
    payload: bytes


class Subscribe(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="subscribe"):
    """Register for a characteristic's notifications or indications and enable them at the device."""

    target: CharacteristicRef
    kind: SubscriptionKind = SubscriptionKind.EITHER


class Unsubscribe(Struct, frozen=True, kw_only=True, tag="unsubscribe"):
    """Undo Subscribe."""

    target: CharacteristicRef


class RequestMtu(Struct, frozen=True, kw_only=True, tag="request_mtu"):
    """Ask for a larger ATT_MTU; the answer's value is the one agreed on, in bytes."""

    att_mtu: int = 517


class ReadRssi(Struct, frozen=True, kw_only=True, tag="read_rssi"):
    """Read the signal strength of the connection; the answer's value is in dBm."""


class DiscoverServices(Struct, frozen=True, kw_only=True, tag="discover_services"):
    """Discover the attribute table anew; the answer's value is the services."""


class Pair(Struct, frozen=True, kw_only=True, tag="pair"):
    """Pair with the device, so that later operations are encrypted."""


class Unpair(Struct, frozen=True, kw_only=True, tag="unpair"):
    """Forget our half of the bond with the device, and take the connection down. The device keeps its half."""


class ReadPhy(Struct, frozen=True, kw_only=True, tag="read_phy"):
    """Read which PHYs the connection is on; the answer's value is `outcome.Phys`."""


class SetPhy(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="set_phy"):
    """Ask for a PHY per direction, None for no preference; the answer's value is what is in force then."""

    tx: Phy | None = None  # towards the device
    rx: Phy | None = None  # from the device


class RequestConnectionParameters(Struct, frozen=True, kw_only=True, tag="request_connection_parameters"):
    """Ask for another pace of the connection; the answer's value is `outcome.ConnectionParameters`.

    Of the interval, from its least to its most, the adapter chooses. `latency` is how many connection events the
    device may sleep through. `problem_with_parameters` knows the limits.
    """

    interval_min_us: int
    interval_max_us: int
    latency: int = 0
    supervision_timeout_us: int = 5_000_000


class Connect(Struct, frozen=True, kw_only=True, tag="connect"):
    """Bring the connection up, nothing more."""


class Disconnect(Struct, frozen=True, kw_only=True, tag="disconnect"):
    """Cancel what waits for the device and take the connection down. Needs no place in the queue."""


Operation = (
    Read
    | Write
    | ReadDescriptor
    | WriteDescriptor
    | Subscribe
    | Unsubscribe
    | RequestMtu
    | ReadRssi
    | DiscoverServices
    | Pair
    | Unpair
    | ReadPhy
    | SetPhy
    | RequestConnectionParameters
    | Connect
    | Disconnect
)


Step = Read | Write | ReadDescriptor | WriteDescriptor
"""What a sequence is made of."""


class Sequence(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="sequence"):
    """Steps that run one after the other with nothing of anybody else's between them but an emergency stop.

    The first step that fails ends it. `undo` is written afterwards, as a command of its own, when anything may
    have been carried out and not everything was. `lease_us` bounds how long all steps together hold the device.
    """

    steps: tuple[Step, ...]
    undo: Write | None = None
    lease_us: int = 10_000_000


class LongWrite(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="long_write"):
    """Write a payload longer than one write carries: as several writes in a row, each as long as may be.

    The device's own protocol puts the chunks together. This is not the prepared write of ATT: no chunk waits for
    the last to be carried out. Between chunks a command of higher priority may run, unless `atomic`.
    """

    target: CharacteristicRef
    payload: bytes
    mode: WriteMode = WriteMode.WITH_RESPONSE
    atomic: bool = False


class WriteThenWait(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="write_then_wait"):
    """A write that the device answers with a notification: of `answer`, and beginning with `starts_with`.

    The device is subscribed to first, if need be. What arrives before the write is handed over is no answer to it.
    `timeout_us` counts from the moment at which the write was answered well. With an empty `starts_with` any value
    is the answer; then it does not prove a write that the stack gave no answer to.
    """

    write: Write
    answer: CharacteristicRef
    starts_with: bytes = b""
    timeout_us: int = 5_000_000


Composite = LongWrite | Sequence | WriteThenWait
"""What the scheduler takes apart: a link is handed the parts, one at a time."""

CONNECTION_PRIORITIES: Mapping[str, RequestConnectionParameters] = MappingProxyType(
    {
        "high": RequestConnectionParameters(interval_min_us=11_250, interval_max_us=15_000),
        "balanced": RequestConnectionParameters(interval_min_us=30_000, interval_max_us=50_000),
        "low_power": RequestConnectionParameters(interval_min_us=100_000, interval_max_us=125_000, latency=2),
    }
)
"""What Android's connection priorities stand for: the figures of AOSP's Bluetooth service (gatt_*_priority_* and
gatt_low_power_* in its config.xml; its GattService asks for a supervision time-out of 5 s)."""

_INTERVAL_UNIT_US = 1_250
_TIMEOUT_UNIT_US = 10_000
_LATENCY_MAX = 499
"""Units and limits of connection parameters (Core Specification, Vol 4, Part E, 7.8.18)."""

_STATE_CHANGING: frozenset[type] = frozenset({Write, WriteDescriptor, LongWrite, Sequence, WriteThenWait})
_HAVING_EFFECT: frozenset[type] = _STATE_CHANGING | {Pair, Unpair, SetPhy, RequestConnectionParameters}
_ONCE_ONLY: frozenset[type] = frozenset({Write, WriteDescriptor, Pair, LongWrite, Sequence, WriteThenWait})


def changes_state(operation: Operation | Composite) -> bool:
    """Whether it can change what the device does: such operations a stop and a latch hold back."""
    return type(operation) in _STATE_CHANGING


def has_effect(operation: Operation | Composite) -> bool:
    """Whether something may be in force after it: of one that got no clear answer nobody knows whether it is.

    Wider than `changes_state`: bonds, PHYs and the pace of a connection change nothing that a device does. A
    longer ATT_MTU and values that nobody listens to count as no effect.
    """
    return type(operation) in _HAVING_EFFECT


def is_idempotent(operation: Operation | Composite) -> bool:
    """Whether doing it twice is the same as once, whatever the device."""
    return type(operation) not in _ONCE_ONLY


def problem_with_parameters(wanted: RequestConnectionParameters) -> str:
    """What no adapter would accept, in a sentence; empty when all is well (Vol 4, Part E, 7.8.18)."""
    shortest, longest, timeout = wanted.interval_min_us, wanted.interval_max_us, wanted.supervision_timeout_us
    if not 7_500 <= shortest <= longest <= 4_000_000:
        return (
            f"a connection interval is from 7.5 ms to 4 s, the least first, not {_ms(shortest)} to {_ms(longest)}"
        )
    if shortest % _INTERVAL_UNIT_US or longest % _INTERVAL_UNIT_US:
        return f"a connection interval is a multiple of 1.25 ms, not {_ms(shortest)} to {_ms(longest)}"
    if not 0 <= wanted.latency <= _LATENCY_MAX:
        return f"a latency is from 0 to {_LATENCY_MAX} connection events, not {wanted.latency}"
    if not 100_000 <= timeout <= 32_000_000 or timeout % _TIMEOUT_UNIT_US:
        return f"a supervision time-out is from 100 to 32000 ms, a multiple of 10 ms, not {_ms(timeout)}"
    if timeout <= 2 * (1 + wanted.latency) * longest:
        least = _ms(2 * (1 + wanted.latency) * longest)
        return f"the supervision time-out must be longer than {least}: twice what the device may sleep"
    return ""


def _ms(length_us: int) -> str:
    return f"{length_us / 1000:.6g} ms"


def parts_of(operation: Operation | Composite) -> tuple[Operation, ...]:
    """Everything of it that a link may be handed; the chunks of a long write as one."""
    if isinstance(operation, LongWrite):
        return (Write(target=operation.target, payload=operation.payload, mode=operation.mode),)
    if isinstance(operation, Sequence):
        return (*operation.steps, operation.undo) if operation.undo is not None else operation.steps
    if isinstance(operation, WriteThenWait):
        return (Subscribe(target=operation.answer), operation.write)
    return (operation,)


def names_handle(operation: Operation | Composite) -> bool:
    """Whether it, or a part of it, points at a characteristic by handle."""
    target: CharacteristicRef | None = getattr(operation, "target", None)
    if target is not None:
        return target.handle != 0
    return any(part is not operation and names_handle(part) for part in parts_of(operation))


def kind_of(operation: Operation | Composite) -> str:
    """The operation's name on the wire, in the journal and in the settings."""
    return _KINDS[type(operation)]


_KINDS: dict[type, str] = {
    kind: str(kind.__struct_config__.tag) for kind in (*get_args(Operation), *get_args(Composite))
}
"""Kept, because msgspec makes a new description of a struct each time it is asked for one."""
