"""The USB device behind an adapter, and its reset."""

from pathlib import Path

import pytest

from gattkeeper.privileged import usb
from gattkeeper.privileged.wire import RefusedError


def sysfs(folder: Path, *, busnum: str | None) -> Path:
    """As Linux lays it out: hci0/device is the interface, its parent the USB device."""
    interface = folder / "devices" / "usb1" / "1-2" / "1-2:1.0"
    interface.mkdir(parents=True)
    if busnum is not None:
        (interface.parent / "busnum").write_text(f"{busnum}\n")
        (interface.parent / "devnum").write_text("14\n")
    adapter = folder / "class" / "hci0"
    adapter.mkdir(parents=True)
    (adapter / "device").symlink_to(interface)
    return adapter.parent


def test_the_device_file_is_that_of_bus_and_number(tmp_path: Path) -> None:
    assert usb.node_of(0, sysfs=sysfs(tmp_path, busnum="1")) == Path("/dev/bus/usb/001/014")


@pytest.mark.parametrize("busnum", [None, "many"])
def test_an_adapter_on_a_uart_has_none(tmp_path: Path, busnum: str | None) -> None:
    with pytest.raises(RefusedError, match="hci0 is no USB adapter"):
        usb.node_of(0, sysfs=sysfs(tmp_path, busnum=busnum))


def test_an_adapter_that_is_not_there_has_none(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="hci7 is no USB adapter"):
        usb.node_of(7, sysfs=tmp_path)


def test_what_cannot_be_reset_is_said(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="No such file"):
        usb.reset(tmp_path / "014")
    plain = tmp_path / "plain"
    plain.touch()
    with pytest.raises(RefusedError, match="cannot be reset: Inappropriate ioctl"):
        usb.reset(plain)
