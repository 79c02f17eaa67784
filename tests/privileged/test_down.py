"""An adapter switched off without asking it: which request reaches the kernel, and what its refusals become."""

import socket

import pytest

from gattkeeper.privileged.down import switch_off
from gattkeeper.privileged.wire import RefusedError


@pytest.fixture
def some_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any socket will do: not every kernel has Bluetooth."""
    plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    monkeypatch.setattr("socket.socket", lambda *_: plain)


@pytest.mark.usefixtures("some_socket")
def test_the_kernel_is_asked_to_close_the_adapter_with_this_number() -> None:
    asked: list[tuple[int, int]] = []

    def ioctl(_descriptor: int, request: int, index: int) -> int:
        asked.append((request, index))
        return 0

    switch_off(3, ioctl)
    assert asked == [(0x400448CA, 3)]


@pytest.mark.usefixtures("some_socket")
def test_a_refusal_names_the_adapter() -> None:
    def ioctl(*_: int) -> int:
        raise OSError(19, "No such device")

    with pytest.raises(RefusedError, match="hci3 cannot be switched off: No such device"):
        switch_off(3, ioctl)


def test_without_bluetooth_in_the_kernel_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_family(*_: object) -> None:
        raise OSError(97, "Address family not supported by protocol")

    monkeypatch.setattr("socket.socket", no_such_family)
    with pytest.raises(RefusedError, match="Address family not supported"):
        switch_off(0)
