"""Every row of every fault table, as data, with the test in which a stack brings it about.

Knows the tables and where they are provoked. The tests are parametrised over these rows, so that a new row has to
be provoked; docs/stack_faults.md is drawn from them. What no stack can be made to say here stands in `UNPROVOKED`.
"""

from collections.abc import Iterator, Mapping

from bleak.exc import BleakBluetoothNotAvailableReason
from msgspec import Struct

from gattkeeper.links.fault_tables import android, att, bluez, hci
from gattkeeper.links.fault_tables.android import android_connect_fault, android_fault, android_lost_fault
from gattkeeper.links.fault_tables.att import att_fault
from gattkeeper.links.fault_tables.hci import hci_fault, hci_lost_fault
from gattkeeper.model.fault import Fault, FaultKind, Ran

UNKNOWN_CODE = 0x7F
"""A number that no table has."""


class FaultRow(Struct, frozen=True, kw_only=True):
    """One row: what the stack says, and what it means."""

    table: str
    said: str  # number with name, or D-Bus error with text, for people
    code: int = 0
    name: str = ""
    text: str = ""
    kind: FaultKind
    ran: Ran

    @property
    def id(self) -> str:
        return f"{self.table}: {self.said}"


PROVOKED: Mapping[str, str] = {
    "ATT": "test_provoked_att.py::test_a_device_answers_it",
    "HCI status": "test_provoked_hci.py::test_an_adapter_refuses_to_connect_with_it",
    "HCI reason": "test_provoked_hci.py::test_a_connection_ends_with_it",
    "Android, connecting": "test_provoked_android.py::test_an_attempt_ends_with_it",
    "Android, connected": "test_provoked_android.py::test_a_connection_ends_with_it",
    "Android, any other callback": "test_provoked_android.py::test_an_operation_ends_with_it",
    "BlueZ": "test_provoked_bluez.py::test_bluez_answers_it",
    "BlueZ, connecting": "test_provoked_bluez.py::test_bluez_answers_a_connection_with_it",
    "Bleak's texts": "test_provoked_bleak.py::test_bleak_raises_it",
    "exceptions": "test_provoked_bleak.py::test_bleak_raises_it",
    "no Bluetooth": "test_provoked_bleak.py::test_bleak_raises_it",
}
"""Table: the test that provokes each of its rows, in this folder."""

_APPLE = "only Bleak's backend for macOS raises it"

UNPROVOKED: Mapping[str, str] = {
    "Bleak's texts: disconnected": _APPLE,
    "no Bluetooth: denied by user": "only Bleak's backends for macOS and Android raise it",
    "no Bluetooth: denied by unknown": _APPLE,
    "no Bluetooth: unknown": _APPLE,
    "exceptions: AttributeError": "Bleak 3.1 asserts before it uses what is gone; others of its versions need not",
}
"""A row's id: why no stack can be made to say it here."""


def all_rows() -> list[FaultRow]:
    """Every row, in the order of the tables."""
    return [*_numbered(), *_of_bluez(), *_of_bleak()]


def rows_of(table: str) -> list[FaultRow]:
    """The rows that are to be provoked."""
    return [row for row in all_rows() if row.table == table and row.id not in UNPROVOKED]


def _numbered() -> Iterator[FaultRow]:
    applications = (att._APPLICATION_ERRORS[0], att._APPLICATION_ERRORS[-1])
    for code in (*att._TABLE, *applications, UNKNOWN_CODE):
        yield _of_number("ATT", att_fault(code))
    for code in (*hci._TABLE, UNKNOWN_CODE):
        yield _of_number("HCI status", hci_fault(code))
    for code in (*hci._TABLE, UNKNOWN_CODE):
        yield _of_number("HCI reason", hci_lost_fault(code))
    for status in (*android._CONNECTING, *android._OWN):
        yield _of_number("Android, connecting", android_connect_fault(status))
    for status in (*android._CONNECTING, *android._OWN):
        yield _of_number("Android, connected", android_lost_fault(status))
    for status in android._OWN:
        yield _of_number("Android, any other callback", android_fault(status))


def _of_number(table: str, fault: Fault) -> FaultRow:
    code = fault.code or 0
    number = f"{code}" if table.startswith("Android") else f"{code:#04x}"
    said = f"{number} {fault.name or 'any other'}"
    return FaultRow(table=table, said=said, code=code, kind=fault.kind, ran=fault.ran)


def _of_bluez() -> Iterator[FaultRow]:
    for name, row in bluez.NAMES.items():
        yield _of_dbus("BlueZ", name, "", row)
    for (name, text), row in bluez.TEXTS.items():
        yield _of_dbus("BlueZ", name, text, row)
    yield _of_dbus("BlueZ", "com.example.Unheard", "", bluez._UNLISTED)
    for (name, text), row in bluez.CONNECTING.items():
        yield _of_dbus("BlueZ, connecting", name, text, row)


def _of_dbus(table: str, name: str, text: str, row: bluez.Row) -> FaultRow:
    said = f"{name.removeprefix('org.')}{': ' if text else ''}{text}"
    return FaultRow(table=table, said=said, name=name, text=text, kind=row[0], ran=row[1])


def _of_bleak() -> Iterator[FaultRow]:
    for text, row in bluez.BLEAK_TEXTS:
        yield FaultRow(table="Bleak's texts", said=text, text=text, kind=row[0], ran=row[1])
    yield FaultRow(table="Bleak's texts", said="any other", kind=bluez._UNLISTED[0], ran=bluez._UNLISTED[1])
    for exception, row in bluez.EXCEPTIONS:
        yield _of_exception(exception.__name__, row)
    yield _of_exception("TimeoutError, connecting", (FaultKind.UNREACHABLE, Ran.NO))
    yield _of_exception("DBusFastError", bluez._STACK_MAYBE)
    yield _of_exception("ValueError", bluez._REJECTED_NO)
    for reason in BleakBluetoothNotAvailableReason:
        kind, ran = bluez._NOT_AVAILABLE.get(reason, bluez._ADAPTER)
        said = reason.name.lower().replace("_", " ")
        yield FaultRow(table="no Bluetooth", said=said, name=said, kind=kind, ran=ran)


def _of_exception(name: str, row: bluez.Row) -> FaultRow:
    return FaultRow(table="exceptions", said=name, name=name, kind=row[0], ran=row[1])
