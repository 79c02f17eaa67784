"""Management commands as packets, and what the kernel's answers mean."""

import pytest

from gattkeeper.privileged.management import ANSWER_S, NO_INDEX, Management, open_channel, packet
from gattkeeper.privileged.wire import RefusedError
from privileged.kernel import Kernel

FIRST, SECOND = "F4:4E:FC:00:00:01", "F4:4E:FC:00:00:02"
SET_POWERED, DISCONNECT = 0x0005, 0x0014


def kernel() -> Kernel:
    return Kernel({0: FIRST, 1: SECOND})


def not_needed(_index: int) -> None:
    raise AssertionError("it let itself be switched off")


def test_a_packet_is_opcode_index_and_length_in_little_endian() -> None:
    assert packet(0x0005, 1, b"\x01") == bytes.fromhex("0500 0100 0100 01")
    assert packet(0x0003, NO_INDEX) == bytes.fromhex("0300 ffff 0000")


def test_an_adapter_is_found_by_its_address_whatever_its_number() -> None:
    management = Management(kernel())
    assert management.index_of(SECOND) == 1
    with pytest.raises(RefusedError, match="there is no adapter F4:4E:FC:00:00:03"):
        management.index_of("F4:4E:FC:00:00:03")


def test_a_reset_is_off_and_on() -> None:
    played = kernel()
    Management(played).reset(1, not_needed)
    assert played.commands == [(SET_POWERED, 1, b"\x00"), (SET_POWERED, 1, b"\x01")]


def test_an_adapter_that_does_not_answer_is_switched_off_without_asking_it() -> None:
    played, forced = kernel(), list[int]()
    played.failing[SET_POWERED, b"\x00"] = 0x05
    Management(played).reset(1, forced.append)
    assert forced == [1]
    assert played.commands == [(SET_POWERED, 1, b"\x00"), (SET_POWERED, 1, b"\x01")]


def test_an_adapter_that_cannot_be_switched_off_is_switched_on_all_the_same() -> None:
    def refuse(index: int) -> None:
        raise RefusedError(f"hci{index} cannot be switched off: No such device")

    played = kernel()
    played.failing[SET_POWERED, b"\x00"] = 0x03
    with pytest.raises(RefusedError, match="No such device"):
        Management(played).reset(0, refuse)
    assert played.commands[-1] == (SET_POWERED, 0, b"\x01")


def test_a_link_is_cut_by_address_and_kind() -> None:
    played = kernel()
    Management(played).cut_link(0, "F0:00:00:00:00:01", "random")
    assert played.commands == [(DISCONNECT, 0, bytes.fromhex("0100000000f0 02"))]


@pytest.mark.parametrize(
    ("status", "text"),
    [(0x05, "did not answer"), (0x12, "rfkill"), (0x14, "CAP_NET_ADMIN"), (0x77, "the kernel says 0x77")],
)
def test_a_refusal_is_said_in_words(status: int, text: str) -> None:
    played = kernel()
    played.failing[SET_POWERED, b"\x01"] = status
    with pytest.raises(RefusedError, match=text):
        Management(played).reset(0, not_needed)


def test_a_kernel_that_does_not_answer_is_given_up() -> None:
    played = kernel()
    played.silent = True
    with pytest.raises(RefusedError, match="did not answer within 8 s"):
        Management(played).index_of(FIRST)


def test_news_that_never_ends_is_no_answer() -> None:
    moments = iter([0.0, 1.0, ANSWER_S])
    with pytest.raises(RefusedError, match="did not answer"):
        Management(kernel(), now=lambda: next(moments)).index_of(FIRST)


def test_without_bluetooth_in_the_kernel_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_family(*_: object) -> None:
        raise OSError(97, "Address family not supported by protocol")

    monkeypatch.setattr("socket.socket", no_such_family)
    with pytest.raises(RefusedError, match="no Bluetooth in this kernel"):
        open_channel()


def test_a_socket_that_may_not_be_bound_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket  # noqa: PLC0415

    plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # bind of a Bluetooth address fails on it
    monkeypatch.setattr("socket.socket", lambda *_: plain)
    with pytest.raises(RefusedError, match="CAP_NET_ADMIN"):
        open_channel()
    assert plain.fileno() == -1
