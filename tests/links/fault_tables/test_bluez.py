"""Every row of the BlueZ table, as an exception handed in: what it means, written down a second time."""

import asyncio

import pytest
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakCharacteristicNotFoundError,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)
from dbus_fast.errors import InvalidMessageError

from gattkeeper.links.fault_tables import bluez as table
from gattkeeper.links.fault_tables.bluez import bluez_fault
from gattkeeper.model.fault import FaultKind as F
from gattkeeper.model.fault import Ran

BLUEZ = "org.bluez.Error."
BUS = "org.freedesktop.DBus.Error."
FAILED = BLUEZ + "Failed"

NO, REFUSED, MAYBE = Ran.NO, Ran.REFUSED, Ran.MAYBE

NAMES = [
    (BLUEZ + "InProgress", F.BUSY, NO, F.BUSY),
    (BLUEZ + "NotPermitted", F.REJECTED, REFUSED, F.REJECTED),
    (BLUEZ + "NotAuthorized", F.REJECTED, REFUSED, F.REJECTED),
    (BLUEZ + "NotSupported", F.REJECTED, REFUSED, F.REJECTED),
    (BLUEZ + "InvalidArguments", F.REJECTED, REFUSED, F.REJECTED),
    (BLUEZ + "ImproperlyConfigured", F.REJECTED, REFUSED, F.REJECTED),
    (BLUEZ + "NotAvailable", F.TRANSIENT, NO, F.TRANSIENT),
    (BLUEZ + "NotReady", F.ADAPTER_GONE, NO, F.ADAPTER_GONE),
    (BLUEZ + "NoSuchAdapter", F.ADAPTER_GONE, NO, F.ADAPTER_GONE),
    (BLUEZ + "Blocked", F.ADAPTER_GONE, NO, F.ADAPTER_GONE),
    (BLUEZ + "NotConnected", F.LINK_LOST, NO, F.LINK_LOST),
    (BLUEZ + "DoesNotExist", F.STALE, NO, F.NOT_FOUND),
    (BLUEZ + "AlreadyConnected", F.TRANSIENT, NO, F.TRANSIENT),
    (BLUEZ + "AlreadyExists", F.TRANSIENT, NO, F.TRANSIENT),
    (BLUEZ + "BREDR.ProfileUnavailable", F.REJECTED, NO, F.REJECTED),
    (BLUEZ + "AuthenticationFailed", F.PAIRING_FAILED, REFUSED, F.PAIRING_FAILED),
    (BLUEZ + "AuthenticationRejected", F.PAIRING_FAILED, REFUSED, F.PAIRING_FAILED),
    (BLUEZ + "AuthenticationTimeout", F.PAIRING_FAILED, REFUSED, F.PAIRING_FAILED),
    (BLUEZ + "AgentNotAvailable", F.PAIRING_FAILED, NO, F.PAIRING_FAILED),
    (BLUEZ + "AuthenticationCanceled", F.TRANSIENT, NO, F.TRANSIENT),
    (BLUEZ + "ConnectionAttemptFailed", F.TRANSIENT, NO, F.TRANSIENT),
    (BUS + "UnknownObject", F.STALE, NO, F.NOT_FOUND),
    (BUS + "UnknownMethod", F.STALE, NO, F.NOT_FOUND),
    (BUS + "UnknownInterface", F.STALE, NO, F.NOT_FOUND),
    (BUS + "ServiceUnknown", F.STACK_GONE, NO, F.STACK_GONE),
    (BUS + "NameHasNoOwner", F.STACK_GONE, NO, F.STACK_GONE),
    (BUS + "Spawn.ChildExited", F.STACK_GONE, NO, F.STACK_GONE),
    (BUS + "Spawn.ExecFailed", F.STACK_GONE, NO, F.STACK_GONE),
    (BUS + "Spawn.Failed", F.STACK_GONE, NO, F.STACK_GONE),
    (BUS + "NoReply", F.STACK_GONE, MAYBE, F.STACK_GONE),
    (BUS + "Timeout", F.WEDGED, MAYBE, F.WEDGED),
    (BUS + "TimedOut", F.WEDGED, MAYBE, F.WEDGED),
    (BUS + "Disconnected", F.STACK_GONE, MAYBE, F.STACK_GONE),
    (BUS + "LimitsExceeded", F.STACK_GONE, NO, F.STACK_GONE),
    (BUS + "AccessDenied", F.REJECTED, NO, F.REJECTED),
    (BUS + "AuthFailed", F.REJECTED, NO, F.REJECTED),
    ("com.example.Unheard", F.UNLISTED, MAYBE, F.UNLISTED),
]
"""D-Bus error name; kind and ran of an operation; kind while connecting."""

TEXTS = [
    (BLUEZ + "NotPermitted", "Not paired", F.NEEDS_PAIRING, REFUSED, F.NEEDS_PAIRING),
    (BLUEZ + "NotPermitted", "Write acquired", F.BUSY, NO, F.BUSY),
    (BLUEZ + "NotPermitted", "Notify acquired", F.BUSY, NO, F.BUSY),
    (BUS + "NoReply", "Did not receive a reply. Possible causes include", F.WEDGED, MAYBE, F.WEDGED),
    (BUS + "NoReply", "Message recipient disconnected from message bus", F.STACK_GONE, MAYBE, F.STACK_GONE),
    *[
        (FAILED, f"le-connection-{text}", kind, NO, kind)
        for text, kind in (
            ("abort-by-local", F.TRANSIENT),
            ("abort-by-remote", F.TRANSIENT),
            ("timeout", F.TRANSIENT),
            ("refused", F.TRANSIENT),
            ("link-layer-protocol-error", F.TRANSIENT),
            ("gatt-browsing", F.TRANSIENT),
            ("unknown", F.TRANSIENT),
            ("already-connected", F.TRANSIENT),
            ("busy", F.BUSY),
            ("concurrent-connection-limit", F.SLOTS_FULL),
            ("key-missing", F.PAIRING_FAILED),
            ("memory-allocation", F.WEDGED),
            ("create-socket", F.WEDGED),
            ("adapter-not-powered", F.ADAPTER_GONE),
            ("not-supported", F.REJECTED),
            ("invalid-arguments", F.REJECTED),
            ("bad-socket", F.REJECTED),
        )
    ],
    *[
        (FAILED, f"br-connection-{text}", kind, NO, kind)
        for text, kind in (
            ("canceled", F.TRANSIENT),
            ("busy", F.BUSY),
            ("key-missing", F.PAIRING_FAILED),
            ("concurrent-connection-limit", F.SLOTS_FULL),
            ("adapter-not-powered", F.ADAPTER_GONE),
            ("page-timeout", F.NOT_FOUND),
            ("sdp-search", F.TRANSIENT),
            ("refused", F.TRANSIENT),
            ("timeout", F.TRANSIENT),
            ("aborted-by-remote", F.TRANSIENT),
            ("aborted-by-local", F.TRANSIENT),
            ("lmp-protocol-error", F.TRANSIENT),
            ("unknown", F.TRANSIENT),
        )
    ],
    (FAILED, "Operation already in progress", F.BUSY, NO, F.BUSY),
    (FAILED, "Software caused connection abort", F.TRANSIENT, MAYBE, F.TRANSIENT),
    (FAILED, "Host is down", F.TRANSIENT, MAYBE, F.TRANSIENT),
    (FAILED, "Connection refused", F.TRANSIENT, MAYBE, F.TRANSIENT),
    (FAILED, "Connection timed out", F.TRANSIENT, MAYBE, F.TRANSIENT),
    (FAILED, "Connection reset by peer", F.LINK_LOST, MAYBE, F.TRANSIENT),
    (FAILED, "Input/output error", F.LINK_LOST, MAYBE, F.WEDGED),
    (FAILED, "Authentication Failed", F.UNLISTED, MAYBE, F.WEDGED),
    (FAILED, "Transport endpoint is not connected", F.LINK_LOST, MAYBE, F.TRANSIENT),
    (FAILED, "Bad address", F.STALE, MAYBE, F.STALE),
    (FAILED, "Not connected", F.LINK_LOST, NO, F.LINK_LOST),
    (FAILED, "Operation failed", F.LINK_LOST, MAYBE, F.LINK_LOST),
    (FAILED, "Failed to initiate write", F.LINK_LOST, NO, F.LINK_LOST),
    (FAILED, "Failed to send read request", F.LINK_LOST, NO, F.LINK_LOST),
    (FAILED, "No ATT transport", F.LINK_LOST, NO, F.LINK_LOST),
    (FAILED, "Failed to register notify session", F.LINK_LOST, NO, F.LINK_LOST),
    (FAILED, "Failed to subscribe", F.LINK_LOST, NO, F.LINK_LOST),
    (FAILED, "No discovery started", F.TRANSIENT, NO, F.TRANSIENT),
    (FAILED, "Not paired", F.PAIRING_FAILED, NO, F.PAIRING_FAILED),
    (FAILED, "Something BlueZ never said before", F.UNLISTED, MAYBE, F.UNLISTED),
]
"""The same with a text that decides."""

DBUS = [(name, "", *rest) for name, *rest in NAMES] + TEXTS


def not_available(reason: BleakBluetoothNotAvailableReason) -> BleakError:
    return BleakBluetoothNotAvailableError("no", reason)


REASON = BleakBluetoothNotAvailableReason

EXCEPTIONS = [
    (BleakDeviceNotFoundError("F0", "gone"), F.NOT_FOUND, NO, F.NOT_FOUND),
    (BleakCharacteristicNotFoundError("2a19"), F.STALE, NO, F.STALE),
    (KeyError("org.bluez.GattService1"), F.STALE, NO, F.STALE),
    (AssertionError(), F.LINK_LOST, MAYBE, F.LINK_LOST),
    (AttributeError("'NoneType' object has no attribute 'call'"), F.LINK_LOST, MAYBE, F.LINK_LOST),
    (EOFError(), F.LINK_LOST, MAYBE, F.LINK_LOST),
    (asyncio.CancelledError(), F.TRANSIENT, MAYBE, F.TRANSIENT),
    (FileNotFoundError(2, "no socket"), F.STACK_GONE, NO, F.STACK_GONE),
    (ConnectionRefusedError(111, "refused"), F.STACK_GONE, NO, F.STACK_GONE),
    (BrokenPipeError(32, "broken pipe"), F.STACK_GONE, MAYBE, F.STACK_GONE),
    (ConnectionResetError(104, "reset"), F.STACK_GONE, MAYBE, F.STACK_GONE),
    (TimeoutError(), F.TIMED_OUT, MAYBE, F.UNREACHABLE),
    (ValueError("Cannot write to CCCD (0x2902) directly."), F.REJECTED, NO, F.REJECTED),
    (InvalidMessageError("got unknown message type"), F.STACK_GONE, MAYBE, F.STACK_GONE),
    (RuntimeError("nobody knows"), F.UNLISTED, MAYBE, F.UNLISTED),
    (not_available(REASON.NO_BLUETOOTH), F.ADAPTER_GONE, NO, F.ADAPTER_GONE),
    (not_available(REASON.NO_BLE_CENTRAL_ROLE), F.ADAPTER_GONE, NO, F.ADAPTER_GONE),
    (not_available(REASON.POWERED_OFF), F.ADAPTER_GONE, NO, F.ADAPTER_GONE),
    (not_available(REASON.DENIED_BY_USER), F.REJECTED, NO, F.REJECTED),
    (not_available(REASON.DENIED_BY_SYSTEM), F.REJECTED, NO, F.REJECTED),
    (not_available(REASON.DENIED_BY_UNKNOWN), F.REJECTED, NO, F.REJECTED),
    (not_available(REASON.UNKNOWN), F.ADAPTER_GONE, NO, F.ADAPTER_GONE),
    *[
        (BleakError(text), kind, ran, kind)
        for text, kind, ran in (
            ("failed to discover services, device disconnected", F.TRANSIENT, NO),
            ("Not connected", F.LINK_LOST, NO),
            ("Service Discovery has not been performed yet", F.LINK_LOST, NO),
            ("disconnected", F.LINK_LOST, NO),
            ("Client is already connected", F.LINK_LOST, NO),
            ("adapter 'hci7' not found", F.ADAPTER_GONE, NO),
            ("device 'dev_F0_00_00_00_00_01' not found", F.NOT_FOUND, NO),
            ("Interface org.bluez.Device1 not found for device '/org/bluez/hci0/dev_F0'", F.NOT_FOUND, NO),
            ("Property 'Connected' not found for 'org.bluez.Device1' in '/org'", F.NOT_FOUND, NO),
            ("characteristic at /org/bluez not found, device may be disconnected", F.STALE, NO),
            ("Multiple Characteristics with this UUID, refer to your desired one", F.REJECTED, NO),
            ("Bleak requires BlueZ >= 5.55.", F.UNSUPPORTED, NO),
            ("passive scanning on Linux requires BlueZ >= 5.56", F.UNSUPPORTED, NO),
            ("never said before", F.UNLISTED, MAYBE),
        )
    ],
]
"""Exception; kind and ran of an operation; kind while connecting."""


@pytest.mark.parametrize(("name", "text", "kind", "ran", "connecting"), DBUS)
def test_a_dbus_error_has_its_row(name: str, text: str, kind: F, ran: Ran, connecting: F) -> None:
    error = BleakDBusError(name, [text] if text else [])
    fault = bluez_fault(error, phase="operation")
    assert (fault.kind, fault.ran) == (kind, ran)
    assert (fault.stack, fault.name, fault.text) == ("bluez", name, text)
    fault = bluez_fault(error, phase="connect")
    assert (fault.kind, fault.ran) == (connecting, NO)


@pytest.mark.parametrize(("error", "kind", "ran", "connecting"), EXCEPTIONS, ids=lambda value: repr(value)[:60])
def test_an_exception_has_its_row(error: BaseException, kind: F, ran: Ran, connecting: F) -> None:
    fault = bluez_fault(error, phase="operation")
    assert (fault.kind, fault.ran) == (kind, ran)
    assert fault.name == type(error).__name__
    fault = bluez_fault(error, phase="connect")
    assert (fault.kind, fault.ran) == (connecting, NO)


def test_no_row_is_without_a_case() -> None:
    assert set(table.NAMES) <= {name for name, *_ in NAMES}
    cases = [(name, text) for name, text, *_ in TEXTS]
    for row_name, beginning in table.TEXTS:
        assert any(name == row_name and text.startswith(beginning) for name, text in cases), beginning
    assert {kind for kind, _ in table.EXCEPTIONS} - {OSError} <= {type(error) for error, *_ in EXCEPTIONS}


def test_no_text_stands_in_the_shadow_of_a_shorter_one() -> None:
    rows = list(table.TEXTS)
    for place, (name, text) in enumerate(rows):
        assert not any(name == other and text.startswith(before) for other, before in rows[:place]), text


@pytest.mark.parametrize(("code", "kind", "ran"), [(0x0D, F.REJECTED, REFUSED), (0x81, F.REJECTED, REFUSED)])
def test_an_att_code_is_read_by_the_att_table(code: int, kind: F, ran: Ran) -> None:
    fault = bluez_fault(BleakGATTProtocolError(code), phase="operation")
    assert (fault.kind, fault.ran, fault.stack, fault.code) == (kind, ran, "att", code)


def test_the_code_that_bluez_makes_up_leaves_it_open_whether_it_ran() -> None:
    assert bluez_fault(BleakGATTProtocolError(0x0E), phase="operation").ran is MAYBE


def test_on_android_a_number_means_what_android_says_by_the_phase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table.sys, "platform", "android")
    error = BleakGATTProtocolError(8)
    connecting, running = bluez_fault(error, phase="connect"), bluez_fault(error, phase="operation")
    assert (connecting.kind, connecting.name, connecting.ran) == (F.LINK_LOST, "supervision_timeout", NO)
    assert (running.kind, running.name, running.stack) == (F.REJECTED, "insufficient_authorization", "android")
