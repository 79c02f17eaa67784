"""What callers of a device write, as the model spells it: pointers, names and seconds become operations.

Knows spelling and limits, and raises InvalidCommandError. What is done with an operation is `device`'s business.
"""

import asyncio
from enum import Enum
from typing import Protocol, TypeVar

from gattkeeper.errors import InvalidCommandError, InvariantViolation, error_for
from gattkeeper.model.command import Command, Origin
from gattkeeper.model.gatt import CharacteristicRef, characteristic_ref
from gattkeeper.model.operation import (
    CONNECTION_PRIORITIES,
    Phy,
    RequestConnectionParameters,
    RequestMtu,
    SetPhy,
    Write,
    WriteMode,
    problem_with_parameters,
)
from gattkeeper.model.outcome import AnswerValue, Outcome
from gattkeeper.model.status import AdvertisedRssi
from gattkeeper.runtime.asking import AgentDesk
from gattkeeper.runtime.durations import to_us
from gattkeeper.runtime.handle import Handle
from gattkeeper.runtime.notifications import Notifications
from gattkeeper.runtime.ports import DeviceBook

Pointer = str | int | tuple[str, str] | CharacteristicRef
"""A characteristic: UUID ("2a19"), (service, characteristic), or a handle of the current connection."""

E = TypeVar("E", bound=Enum)
T = TypeVar("T")


class Hub(Protocol):
    """What a reader of notifications needs: see `notifications.NotificationHub`."""

    def add(self, device: str, reader: Notifications) -> None:
        """From now on the reader gets what fits its target."""

    def remove(self, device: str, reader: Notifications) -> bool:
        """No more for this reader. True when it was the last one of its target."""


class DeviceKeeper(Protocol):
    """What a device needs of its keeper."""

    @property
    def book(self) -> DeviceBook:
        """Devices, groups and actions by name."""

    @property
    def hub(self) -> Hub:
        """Where readers of notifications are known."""

    @property
    def agents(self) -> AgentDesk:
        """Who is asked while a device pairs."""

    @property
    def closing(self) -> bool:
        """Whether the keeper shuts down."""

    async def submit(self, command: Command) -> Handle:
        """See `Keeper.submit`."""

    def advertised_rssi(self, device: str) -> AdvertisedRssi | None:
        """See `Keeper.advertised_rssi`."""

    def cancel(self, command_id: str, *, origin: Origin | None = None) -> bool:
        """See `Keeper.cancel`."""


def target_of(pointer: Pointer) -> CharacteristicRef:
    """The characteristic a caller points at."""
    try:
        return characteristic_ref(pointer)
    except ValueError as error:
        raise InvalidCommandError(str(error)) from None


def mode_of(*, response: bool) -> WriteMode:
    """Whether the device is to acknowledge a write."""
    return WriteMode.WITH_RESPONSE if response else WriteMode.WITHOUT_RESPONSE


def write_of(characteristic: Pointer, payload: bytes, *, response: bool) -> Write:
    """A write; the payload is copied now."""
    return Write(target=target_of(characteristic), payload=bytes(payload), mode=mode_of(response=response))


def member(kind: type[E], name: str, value: E | str) -> E:
    """A member of an enum, or its value as text; `name` is the argument's."""
    try:
        return kind(value)
    except ValueError:
        names = " or ".join(str(each.value) for each in kind)
        raise InvalidCommandError(f"{name} is {names}, not {value!r}") from None


def mtu_request(att_mtu: int) -> RequestMtu:
    """An ATT_MTU of 23 to 517 bytes."""
    if not 23 <= att_mtu <= 517:
        raise InvalidCommandError(f"att_mtu must be from 23 to 517 bytes, not {att_mtu}")
    return RequestMtu(att_mtu=att_mtu)


def phy_request(tx: Phy | str | None, rx: Phy | str | None) -> SetPhy:
    """A PHY per direction; None for no preference."""
    return SetPhy(
        tx=None if tx is None else member(Phy, "tx", tx), rx=None if rx is None else member(Phy, "rx", rx)
    )


def pace_request(
    *, interval_min: float, interval_max: float, latency: int, supervision_timeout: float
) -> RequestConnectionParameters:
    """Connection parameters; lengths of time are seconds."""
    wanted = RequestConnectionParameters(
        interval_min_us=to_us("interval_min", interval_min),
        interval_max_us=to_us("interval_max", interval_max),
        latency=latency,
        supervision_timeout_us=to_us("supervision_timeout", supervision_timeout),
    )
    problem = problem_with_parameters(wanted)
    if problem:
        raise InvalidCommandError(problem)
    return wanted


def priority_request(priority: str) -> RequestConnectionParameters:
    """The connection parameters that Android has under this name."""
    if priority not in CONNECTION_PRIORITIES:
        names = " or ".join(CONNECTION_PRIORITIES)
        raise InvalidCommandError(f"a connection priority is {names}, not {priority!r}")
    return CONNECTION_PRIORITIES[priority]


async def success_of(keeper: DeviceKeeper, handle: Handle) -> Outcome:
    """Wait for the outcome of a caller's own command; raise unless it succeeded, and cancel it with its caller."""
    try:
        outcome = await handle.wait()
    except asyncio.CancelledError:
        keeper.cancel(handle.id, origin=handle.command.origin)
        raise
    if not outcome.succeeded:
        raise error_for(outcome)
    return outcome


def answer_of(kind: type[T], value: AnswerValue) -> T:
    """An answer of the kind its operation promises; InvariantViolation for another."""
    if not isinstance(value, kind):
        raise InvariantViolation(f"a link answered with {type(value).__name__} where {kind.__name__} belongs")
    return value
