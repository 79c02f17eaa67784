"""What a program of Bleak is told when something fails: our faults as the exceptions that Bleak raises.

Knows Bleak's exceptions, and the texts of BlueZ that programs and libraries look for. What a stack said in the
words of D-Bus is passed on in the same words. The exception's `__cause__` is ours, with its outcome.
"""

from collections.abc import Callable

from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)

from gattkeeper.errors import CommandError, GattkeeperError, RefusedError, UnknownDeviceError
from gattkeeper.model.fault import Fault, FaultKind
from gattkeeper.model.outcome import Cause

NOT_CONNECTED = "Not connected"
"""Bleak's own text for a call without a connection."""

_ATT_STACKS = ("att", "android")
"""Stacks whose codes Bleak has `BleakGATTProtocolError` for."""

_DBUS_NAMES = ("org.bluez.", "org.freedesktop.DBus.")
_FAILED = "org.bluez.Error.Failed"


def _failed(text: str) -> Callable[[Fault], Exception]:
    return lambda _fault: BleakDBusError(_FAILED, [text])


def _refused(name: str, text: str) -> Callable[[Fault], Exception]:
    return lambda _fault: BleakDBusError(f"org.bluez.Error.{name}", [text])


def _not_available(reason: BleakBluetoothNotAvailableReason) -> Callable[[Fault], Exception]:
    return lambda fault: BleakBluetoothNotAvailableError(str(fault), reason)


_CONNECTING: dict[FaultKind, Callable[[Fault], Exception]] = {
    FaultKind.BUSY: _refused("InProgress", "Operation already in progress"),
    FaultKind.TRANSIENT: _failed("le-connection-abort-by-local"),  # BlueZ says so whenever an LE connect fails
    FaultKind.GENERIC: _failed("le-connection-abort-by-local"),
    FaultKind.LINK_LOST: _failed("le-connection-abort-by-local"),
    FaultKind.SLOTS_FULL: lambda fault: BleakError(f"no available connection slot: {fault}"),
    FaultKind.NEEDS_PAIRING: _refused("AuthenticationFailed", "Authentication Failed"),
    FaultKind.PAIRING_FAILED: _refused("AuthenticationFailed", "Authentication Failed"),
    FaultKind.ADAPTER_GONE: _not_available(BleakBluetoothNotAvailableReason.POWERED_OFF),
    FaultKind.STACK_GONE: _not_available(BleakBluetoothNotAvailableReason.UNKNOWN),
    FaultKind.WEDGED: _not_available(BleakBluetoothNotAvailableReason.UNKNOWN),
}
"""A connection that was not made. Kinds that are not here are told in our own words."""

_NOT_THERE = (FaultKind.NOT_FOUND, FaultKind.UNREACHABLE, FaultKind.STALE)
"""Connecting: nobody answers, or BlueZ has no object of the device any more."""

_OPERATING: dict[FaultKind, Callable[[Fault], Exception]] = {
    FaultKind.NEEDS_PAIRING: _refused("NotPermitted", "Not paired"),
    FaultKind.PAIRING_FAILED: _refused("AuthenticationFailed", "Authentication Failed"),
}
"""An operation on a connection; the others are told in our own words."""


def connect_error(error: GattkeeperError, address: str, *, sighted: bool) -> Exception:
    """For `BleakClient.connect`. `sighted`: the program has heard the device; then a silent one is a time-out."""
    fault = _fault_of(error)
    silent = fault is not None and fault.kind in _NOT_THERE
    if isinstance(error, UnknownDeviceError) or (silent and not sighted):
        return BleakDeviceNotFoundError(address, f"Device with address {address} was not found.")
    if silent or (isinstance(error, CommandError) and error.outcome.cause is Cause.EXPIRED):
        return TimeoutError(f"{address} could not be connected in time: {error}")
    return _told(error, fault, _CONNECTING)


def operation_error(error: GattkeeperError, *, connected: bool = True) -> Exception:
    """For everything that is done on a connection. `connected`: whether it is still there."""
    told = _told(error, _fault_of(error), _OPERATING)
    return BleakError(f"Disconnected: {error}") if type(told) is BleakError and not connected else told


def scan_error(error: GattkeeperError) -> Exception:
    """For a scan that cannot be begun."""
    if isinstance(error, RefusedError):
        return BleakBluetoothNotAvailableError(str(error), BleakBluetoothNotAvailableReason.POWERED_OFF)
    return BleakError(str(error))


def _fault_of(error: GattkeeperError) -> Fault | None:
    return error.outcome.fault if isinstance(error, CommandError) else None


def _told(
    error: GattkeeperError, fault: Fault | None, table: dict[FaultKind, Callable[[Fault], Exception]]
) -> Exception:
    if fault is None:
        return BleakError(str(error))
    if fault.stack in _ATT_STACKS and fault.code is not None:
        return BleakGATTProtocolError(fault.code)
    if fault.name.startswith(_DBUS_NAMES):
        return BleakDBusError(fault.name, [fault.text] if fault.text else [])
    return table[fault.kind](fault) if fault.kind in table else BleakError(str(error))
