"""One adapter, one name of its lock, however it is asked for."""

import struct

import pytest

from gattkeeper.runtime.adapter_key import address_in, address_of_adapter, lock_name

ADDRESS = "F4:4E:FC:00:00:0A"


def hci0_alone(number: int) -> str:
    return ADDRESS if number == 0 else ""


@pytest.mark.parametrize("adapter", ["hci0", ADDRESS])
def test_an_adapter_is_locked_by_its_address(adapter: str) -> None:
    assert lock_name(adapter, hci0_alone) == "adapter-F4-4E-FC-00-00-0A"


@pytest.mark.parametrize(
    ("adapter", "name"),
    [
        ("hci7", "adapter-hci7"),
        ("usb:0", "adapter-usb-0"),
        ("hci", "adapter-hci"),
        ("../x", "adapter----x"),
        ("0", "adapter-0"),
    ],
)
def test_one_without_an_address_is_locked_by_its_name(adapter: str, name: str) -> None:
    assert lock_name(adapter, hci0_alone) == name


def test_the_address_is_read_from_where_the_kernel_puts_it() -> None:
    info = struct.pack("=H8s6s", 0, b"hci0", bytes.fromhex(ADDRESS.replace(":", ""))[::-1]) + bytes(76)
    assert address_in(info) == ADDRESS
    assert address_in(bytes(92)) == ""


def test_an_adapter_that_is_not_there_has_no_address() -> None:
    assert address_of_adapter(65_000) == ""
    assert address_of_adapter(1_000_000) == ""
