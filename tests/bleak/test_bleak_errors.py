"""Our faults as Bleak's exceptions: classes and texts that programs and libraries look for."""

import pytest
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)

from gattkeeper.bleak.errors import connect_error, operation_error, scan_error
from gattkeeper.errors import QueueFullError, RefusedError, StoppedError, UnknownDeviceError, error_for
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.outcome import Cause, Outcome, Verdict

ADDRESS = "F0:00:00:00:00:01"


def ended(
    kind: FaultKind, *, stack: str = "hci", cause: Cause = Cause.FAILED, verdict=Verdict.NOT_DELIVERED, **said
):
    fault = Fault(kind=kind, ran=Ran.NO, stack=stack, **said)
    return error_for(Outcome(command_id="c-1", verdict=verdict, cause=cause, fault=fault))


EXPIRED = error_for(Outcome(command_id="c-1", verdict=Verdict.NOT_DELIVERED, cause=Cause.EXPIRED))


@pytest.mark.parametrize("kind", [FaultKind.NOT_FOUND, FaultKind.UNREACHABLE, FaultKind.STALE])
def test_nobody_there_is_a_device_not_found_or_a_time_out_of_one_that_was_heard(kind):
    unheard = connect_error(ended(kind), ADDRESS, sighted=False)
    assert isinstance(unheard, BleakDeviceNotFoundError)
    assert unheard.identifier == ADDRESS
    assert "not found" in str(unheard)
    assert isinstance(connect_error(ended(kind), ADDRESS, sighted=True), TimeoutError)


@pytest.mark.parametrize("sighted", [True, False])
def test_no_turn_in_time_is_a_time_out(sighted):
    assert isinstance(connect_error(EXPIRED, ADDRESS, sighted=sighted), TimeoutError)


def test_a_name_that_the_settings_do_not_have_is_a_device_not_found():
    error = connect_error(UnknownDeviceError("no device is called 'loung'"), "loung", sighted=True)
    assert isinstance(error, BleakDeviceNotFoundError)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (FaultKind.BUSY, "[org.bluez.Error.InProgress] Operation already in progress"),
        (FaultKind.TRANSIENT, "[org.bluez.Error.Failed] le-connection-abort-by-local"),
        (FaultKind.GENERIC, "[org.bluez.Error.Failed] le-connection-abort-by-local"),
        (FaultKind.LINK_LOST, "[org.bluez.Error.Failed] le-connection-abort-by-local"),
        (FaultKind.NEEDS_PAIRING, "[org.bluez.Error.AuthenticationFailed] Authentication Failed"),
        (FaultKind.PAIRING_FAILED, "[org.bluez.Error.AuthenticationFailed] Authentication Failed"),
    ],
)
def test_a_connection_that_failed_is_told_as_bluez_does(kind, text):
    error = connect_error(ended(kind), ADDRESS, sighted=True)
    assert isinstance(error, BleakDBusError)
    assert str(error) == text


def test_no_place_left_is_told_in_the_words_that_libraries_look_for():
    error = connect_error(ended(FaultKind.SLOTS_FULL), ADDRESS, sighted=True)
    assert isinstance(error, BleakError)
    assert "connection slot" in str(error)


@pytest.mark.parametrize("kind", [FaultKind.ADAPTER_GONE, FaultKind.STACK_GONE, FaultKind.WEDGED])
def test_no_adapter_is_bluetooth_not_available(kind):
    error = connect_error(ended(kind), ADDRESS, sighted=True)
    assert isinstance(error, BleakBluetoothNotAvailableError)
    assert error.reason is not None


@pytest.mark.parametrize("stack", ["att", "android"])
def test_what_a_device_refuses_keeps_its_code(stack):
    error = operation_error(ended(FaultKind.REJECTED, stack=stack, code=0x0D, cause=Cause.REJECTED))
    assert isinstance(error, BleakGATTProtocolError)
    assert error.code == 0x0D


@pytest.mark.parametrize(("text", "body"), [("Not Connected", ["Not Connected"]), ("", [])])
def test_what_was_said_on_d_bus_is_said_again(text, body):
    fault = {"stack": "bluez", "name": "org.bluez.Error.NotConnected", "text": text}
    error = operation_error(ended(FaultKind.LINK_LOST, **fault))
    assert isinstance(error, BleakDBusError)
    assert list(error.args) == ["org.bluez.Error.NotConnected", *body]


@pytest.mark.parametrize("kind", [FaultKind.LINK_LOST, FaultKind.ADAPTER_GONE, FaultKind.TIMED_OUT])
def test_what_a_broken_connection_took_with_it_is_disconnected(kind):
    error = operation_error(ended(kind), connected=False)
    assert type(error) is BleakError
    assert str(error).startswith("Disconnected: ")
    assert not str(operation_error(ended(kind))).startswith("Disconnected")


def test_what_may_have_happened_says_so():
    error = operation_error(
        ended(FaultKind.TIMED_OUT, stack="keeper", verdict=Verdict.UNKNOWN, cause=Cause.TIMED_OUT_IN_FLIGHT)
    )
    assert type(error) is BleakError
    assert "unknown (timed_out_in_flight)" in str(error)


@pytest.mark.parametrize("refused", [StoppedError("lamp is stopped"), QueueFullError("full")])
def test_what_is_not_taken_on_is_an_error_with_the_reason(refused):
    for error in (operation_error(refused), connect_error(refused, ADDRESS, sighted=False)):
        assert type(error) is BleakError
        assert str(error) == str(refused)


def test_a_scan_that_cannot_be_begun_is_bluetooth_not_available():
    assert isinstance(scan_error(RefusedError("no adapter")), BleakBluetoothNotAvailableError)
    assert type(scan_error(UnknownDeviceError("no adapter of that name"))) is BleakError
