"""What BlueZ, Bleak and Python say when something fails, as kinds of fault.

Knows D-Bus error names with their texts, Bleak's exceptions, and the bare Python exceptions Bleak lets
through. Does not know ATT codes (`fault_tables.att`), Android's statuses (`fault_tables.android`), nor what to do
about a fault (`core.retry`).

Every row was read in BlueZ's or Bleak's source, or measured with Bleak 3.1 against a scripted BlueZ.
BlueZ gives most failures one name, `org.bluez.Error.Failed`, and tells them apart by text alone: only
there, and in Bleak's unnamed errors, a text is looked at.
"""

import asyncio
import re
import sys
from typing import Literal

from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakCharacteristicNotFoundError,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)
from msgspec.structs import replace

from gattkeeper.links.fault_tables.android import android_connect_fault, android_fault
from gattkeeper.links.fault_tables.att import att_fault
from gattkeeper.model.fault import Fault, FaultKind, Ran

StackPhase = Literal["connect", "operation"]
"""What was being asked: scanning and connecting, or something of a live connection."""

Row = tuple[FaultKind, Ran]

ATT_UNLIKELY = 0x0E
"""BlueZ answers a pending request with this code when the link drops and when its 30 s timer fires."""

_BLUEZ = "org.bluez.Error."
_BUS = "org.freedesktop.DBus.Error."
_LE = "le-connection-"
_BR = "br-connection-"

_BUSY_NO = (FaultKind.BUSY, Ran.NO)
_TRANSIENT_NO = (FaultKind.TRANSIENT, Ran.NO)
_LOST_NO = (FaultKind.LINK_LOST, Ran.NO)
_LOST_MAYBE = (FaultKind.LINK_LOST, Ran.MAYBE)
_KEYS_NO = (FaultKind.PAIRING_FAILED, Ran.NO)
_KEYS_REFUSED = (FaultKind.PAIRING_FAILED, Ran.REFUSED)
_REJECTED_NO = (FaultKind.REJECTED, Ran.NO)
_REJECTED = (FaultKind.REJECTED, Ran.REFUSED)
_ADAPTER = (FaultKind.ADAPTER_GONE, Ran.NO)
_STACK_NO = (FaultKind.STACK_GONE, Ran.NO)
_STACK_MAYBE = (FaultKind.STACK_GONE, Ran.MAYBE)
_WEDGED_NO = (FaultKind.WEDGED, Ran.NO)
_WEDGED_MAYBE = (FaultKind.WEDGED, Ran.MAYBE)
_SLOTS = (FaultKind.SLOTS_FULL, Ran.NO)
_STALE_NO = (FaultKind.STALE, Ran.NO)
_STALE_MAYBE = (FaultKind.STALE, Ran.MAYBE)
_NOT_FOUND = (FaultKind.NOT_FOUND, Ran.NO)
_UNLISTED = (FaultKind.UNLISTED, Ran.MAYBE)

NAMES: dict[str, Row] = {
    _BLUEZ + "InProgress": _BUSY_NO,
    _BLUEZ + "NotPermitted": _REJECTED,
    _BLUEZ + "NotAuthorized": _REJECTED,
    _BLUEZ + "NotSupported": _REJECTED,
    _BLUEZ + "InvalidArguments": _REJECTED,
    _BLUEZ + "ImproperlyConfigured": _REJECTED,
    _BLUEZ + "NotAvailable": _TRANSIENT_NO,
    _BLUEZ + "NotReady": _ADAPTER,
    _BLUEZ + "NoSuchAdapter": _ADAPTER,
    _BLUEZ + "Blocked": _ADAPTER,  # rfkill holds it off; 5.66 still says Failed
    _BLUEZ + "NotConnected": _LOST_NO,
    _BLUEZ + "DoesNotExist": _STALE_NO,
    _BLUEZ + "AlreadyConnected": _TRANSIENT_NO,  # a race; the next look finds the link
    _BLUEZ + "AlreadyExists": _TRANSIENT_NO,  # paired by someone else meanwhile
    _BLUEZ + "BREDR.ProfileUnavailable": _REJECTED_NO,  # asked over BR/EDR for what only LE has
    _BLUEZ + "AuthenticationFailed": _KEYS_REFUSED,
    _BLUEZ + "AuthenticationRejected": _KEYS_REFUSED,
    _BLUEZ + "AuthenticationTimeout": _KEYS_REFUSED,
    _BLUEZ + "AgentNotAvailable": _KEYS_NO,
    _BLUEZ + "AuthenticationCanceled": _TRANSIENT_NO,  # also: out of resources, or disconnected
    _BLUEZ + "ConnectionAttemptFailed": _TRANSIENT_NO,
    _BUS + "UnknownObject": _STALE_NO,
    _BUS + "UnknownMethod": _STALE_NO,  # the object is there no more, or not yet again
    _BUS + "UnknownInterface": _STALE_NO,
    _BUS + "ServiceUnknown": _STACK_NO,
    _BUS + "NameHasNoOwner": _STACK_NO,
    _BUS + "Spawn.ChildExited": _STACK_NO,
    _BUS + "Spawn.ExecFailed": _STACK_NO,
    _BUS + "Spawn.Failed": _STACK_NO,
    _BUS + "NoReply": _STACK_MAYBE,  # bluetoothd died during the call
    _BUS + "Timeout": _WEDGED_MAYBE,
    _BUS + "TimedOut": _WEDGED_MAYBE,
    _BUS + "Disconnected": _STACK_MAYBE,
    _BUS + "LimitsExceeded": _STACK_NO,  # the bus lets this user open no further connection
    _BUS + "AccessDenied": _REJECTED_NO,
    _BUS + "AuthFailed": _REJECTED_NO,
}
"""D-Bus error names, where the name says enough or its text is none of `TEXTS`."""

TEXTS: dict[tuple[str, str], Row] = {
    (_BLUEZ + "NotPermitted", "Not paired"): (FaultKind.NEEDS_PAIRING, Ran.REFUSED),
    (_BLUEZ + "NotPermitted", "Write acquired"): _BUSY_NO,
    (_BLUEZ + "NotPermitted", "Notify acquired"): _BUSY_NO,
    (_BUS + "NoReply", "Did not receive a reply"): _WEDGED_MAYBE,
    **{
        (_BLUEZ + "Failed", text): row
        for text, row in {
            _LE + "abort-by-local": _TRANSIENT_NO,  # BlueZ says so whenever an LE connect fails
            _LE + "abort-by-remote": _TRANSIENT_NO,
            _LE + "timeout": _TRANSIENT_NO,
            _LE + "refused": _TRANSIENT_NO,
            _LE + "link-layer-protocol-error": _TRANSIENT_NO,
            _LE + "gatt-browsing": _TRANSIENT_NO,
            _LE + "unknown": _TRANSIENT_NO,
            _LE + "already-connected": _TRANSIENT_NO,
            _LE + "busy": _BUSY_NO,
            _LE + "concurrent-connection-limit": _SLOTS,
            _LE + "key-missing": _KEYS_NO,
            _LE + "memory-allocation": _WEDGED_NO,
            _LE + "create-socket": _WEDGED_NO,
            _LE + "adapter-not-powered": _ADAPTER,
            _LE + "not-supported": _REJECTED_NO,
            _LE + "invalid-arguments": _REJECTED_NO,
            _LE + "bad-socket": _REJECTED_NO,
            _BR + "canceled": _TRANSIENT_NO,  # on LE too: somebody disconnects the device
            _BR + "busy": _BUSY_NO,
            _BR + "key-missing": _KEYS_NO,
            _BR + "concurrent-connection-limit": _SLOTS,
            _BR + "adapter-not-powered": _ADAPTER,
            _BR + "page-timeout": _NOT_FOUND,
            _BR + "sdp-search": _TRANSIENT_NO,
            _BR + "refused": _TRANSIENT_NO,
            _BR + "timeout": _TRANSIENT_NO,
            _BR + "aborted-by-remote": _TRANSIENT_NO,
            _BR + "aborted-by-local": _TRANSIENT_NO,
            _BR + "lmp-protocol-error": _TRANSIENT_NO,
            _BR + "unknown": _TRANSIENT_NO,
            "Operation already in progress": _BUSY_NO,  # a Connect that a killed program left behind
            "Software caused connection abort": (FaultKind.TRANSIENT, Ran.MAYBE),
            "Host is down": (FaultKind.TRANSIENT, Ran.MAYBE),
            "Connection refused": (FaultKind.TRANSIENT, Ran.MAYBE),
            "Connection timed out": (FaultKind.TRANSIENT, Ran.MAYBE),
            "Connection reset by peer": _LOST_MAYBE,
            "Input/output error": _LOST_MAYBE,
            "Transport endpoint is not connected": _LOST_MAYBE,
            "Bad address": _STALE_MAYBE,
            "Not connected": _LOST_NO,
            "Operation failed": _LOST_MAYBE,  # the transport died
            "Failed to initiate write": _LOST_NO,
            "Failed to send read request": _LOST_NO,
            "No ATT transport": _LOST_NO,
            "Failed to register notify session": _LOST_NO,
            "Failed to subscribe": _LOST_NO,
            "No discovery started": _TRANSIENT_NO,
            "Not paired": _KEYS_NO,
        }.items()
    },
}
"""Names whose text decides, by how the text begins."""

CONNECTING: dict[tuple[str, str], Row] = {
    (_BLUEZ + "Failed", "Input/output error"): _WEDGED_NO,  # the controller does not answer, or is off
    (_BLUEZ + "Failed", "Authentication Failed"): _WEDGED_NO,  # the kernel's time-out, by the number it has for it
    (_BLUEZ + "Failed", "Connection reset by peer"): _TRANSIENT_NO,
    (_BLUEZ + "Failed", "Transport endpoint is not connected"): _TRANSIENT_NO,
    (_BLUEZ + "DoesNotExist", ""): _NOT_FOUND,
    (_BUS + "UnknownObject", ""): _NOT_FOUND,
    (_BUS + "UnknownMethod", ""): _NOT_FOUND,
    (_BUS + "UnknownInterface", ""): _NOT_FOUND,
}
"""What means something else while connecting."""

BLEAK_TEXTS: tuple[tuple[str, Row], ...] = (
    (r"failed to discover services, device disconnected", _TRANSIENT_NO),
    (r"Not connected", _LOST_NO),
    (r"Service Discovery has not been performed yet", _LOST_NO),
    (r"disconnected", _LOST_NO),
    (r"Client is already connected", _LOST_NO),
    (r"adapter '.*' not found", _ADAPTER),
    (r"device '.*' not found", _NOT_FOUND),
    (r"Interface .* not found for device", _NOT_FOUND),
    (r"Property .* not found for", _NOT_FOUND),
    (r"(characteristic|descriptor) at .* not found, device may be disconnected", _STALE_NO),
    (r"Multiple Characteristics with this UUID", _REJECTED_NO),
    (r"Bleak requires BlueZ", (FaultKind.UNSUPPORTED, Ran.NO)),
    (r"passive scanning on Linux requires", (FaultKind.UNSUPPORTED, Ran.NO)),
)
"""Bleak's errors without a name of their own, by how the text begins."""

EXCEPTIONS: tuple[tuple[type[BaseException], Row], ...] = (
    (BleakDeviceNotFoundError, _NOT_FOUND),
    (BleakCharacteristicNotFoundError, _STALE_NO),
    (KeyError, _STALE_NO),  # Bleak's copy of BlueZ's objects lost the one it looked for
    (AssertionError, _LOST_MAYBE),  # Bleak was torn down under the call
    (AttributeError, _LOST_MAYBE),
    (EOFError, _LOST_MAYBE),
    (asyncio.CancelledError, (FaultKind.TRANSIENT, Ran.MAYBE)),  # not ours: something inside gave up
    (FileNotFoundError, _STACK_NO),  # no bus to connect to
    (ConnectionRefusedError, _STACK_NO),
    (TimeoutError, (FaultKind.TIMED_OUT, Ran.MAYBE)),  # before OSError, whose child it is
    (OSError, _STACK_MAYBE),
)
"""Exceptions that say enough by their class; the first that fits."""

_NOT_AVAILABLE: dict[BleakBluetoothNotAvailableReason, Row] = {
    BleakBluetoothNotAvailableReason.DENIED_BY_USER: _REJECTED_NO,
    BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM: _REJECTED_NO,
    BleakBluetoothNotAvailableReason.DENIED_BY_UNKNOWN: _REJECTED_NO,
}


def bluez_fault(exception: BaseException, *, phase: StackPhase) -> Fault:
    """What an exception out of Bleak means, with the stack's own name and text untouched.

    While connecting nothing was sent on anybody's behalf: `ran` is always NO there.
    """
    fault = _fault_of(exception, phase)
    return replace(fault, ran=Ran.NO) if phase == "connect" else fault


def _fault_of(exception: BaseException, phase: StackPhase) -> Fault:
    if isinstance(exception, BleakGATTProtocolError):
        return _protocol_fault(int(exception.code), phase)
    if isinstance(exception, BleakDBusError):
        name = exception.dbus_error
        text = str(exception.args[1]) if len(exception.args) > 1 else ""
        return _fault(_dbus_row(name, text, phase), "bluez", name, text)
    name = type(exception).__name__
    row = _exception_row(exception, phase)
    return _fault(row, "bleak" if isinstance(exception, BleakError) else "python", name, str(exception))


def _protocol_fault(code: int, phase: StackPhase) -> Fault:
    """Bleak has one exception for the numbers of all stacks. Android's while connecting are no ATT codes."""
    if sys.platform == "android":
        return android_connect_fault(code) if phase == "connect" else android_fault(code)
    fault = att_fault(code)
    return replace(fault, ran=Ran.MAYBE) if code == ATT_UNLIKELY else fault


def _fault(row: Row, stack: str, name: str, text: str) -> Fault:
    kind, ran = row
    return Fault(kind=kind, ran=ran, stack=stack, name=name, text=text)


def _dbus_row(name: str, text: str, phase: StackPhase) -> Row:
    tables = (CONNECTING, TEXTS) if phase == "connect" else (TEXTS,)
    for table in tables:
        for (row_name, beginning), row in table.items():
            if name == row_name and text.startswith(beginning):
                return row
    return NAMES.get(name, _UNLISTED)


def _exception_row(exception: BaseException, phase: StackPhase) -> Row:
    if isinstance(exception, BleakBluetoothNotAvailableError):
        return _NOT_AVAILABLE.get(exception.reason, _ADAPTER)
    if isinstance(exception, TimeoutError) and phase == "connect":
        return (FaultKind.UNREACHABLE, Ran.NO)
    for kind, row in EXCEPTIONS:
        if isinstance(exception, kind):
            return row
    if isinstance(exception, BleakError):
        for pattern, row in BLEAK_TEXTS:
            if re.match(pattern, str(exception)):
                return row
        return _UNLISTED
    return _bus_library_row(exception)


def _bus_library_row(exception: BaseException) -> Row:
    """Rows of the D-Bus library and of calls Bleak itself refuses."""
    if sys.platform == "linux":
        from dbus_fast.errors import DBusFastError  # noqa: PLC0415 - installed with Bleak on Linux only

        if isinstance(exception, DBusFastError):
            return _STACK_MAYBE  # a message the library cannot read: its connection is of no more use
    return _REJECTED_NO if isinstance(exception, ValueError) else _UNLISTED
