"""A transport's name leads to an adapter, or the answer says what to write."""

import pytest

from gattkeeper.links.bumble_names import EXAMPLES, transport_problem


@pytest.mark.parametrize(
    "name",
    [
        "usb:0",
        "usb:12",
        "usb:0a12:0001",
        "usb:0A12:1#2",
        "usb:0b05:17cb/00E04C239987",
        "usb:0b05:17cb!",
        "usb:0+sco=5",
        "usb:1-1.4.2",
        "usb:[driver=rtk]0",
        "pyusb:0",
        "serial:/dev/ttyACM0",
        "serial:/dev/ttyACM0,1000000",
        "serial:/dev/serial/by-id/usb-ZEPHYR_Zephyr_HCI-if00,115200,rtscts,dsrdtr,delay,resync",
        "serial:COM3",
        "tcp-client:192.0.2.7:1234",
        "tcp-client:localhost:65535",
        "tcp-client:::1:1234",
        "unix:/run/controller.sock",
        "unix-client:@controller",
        "ws-client:ws://192.0.2.7:7681/v1/websocket/bt",
        "hci-socket",
        "hci-socket:",
        "hci-socket:0",
        "hci-socket:15",
        "android-netsim",
        "android-emulator:127.0.0.1:8554",
    ],
)
def test_a_name_that_leads_to_an_adapter_is_no_problem(name: str) -> None:
    assert transport_problem(name) == ""


@pytest.mark.parametrize(
    "name", ["tcp-server:_:1234", "ws-server:_:1", "unix-server:/x", "pty", "udp:a", "file:/x", "vhci"]
)
def test_what_bumble_opens_and_is_no_adapter_is_answered_with_what_is(name: str) -> None:
    assert transport_problem(name).startswith(f"{name!r} is the way to no adapter: ")


def test_the_way_in_for_controllers_is_told_from_the_kernels_adapters() -> None:
    assert transport_problem("vhci:/dev/vhci").endswith("for an adapter that the kernel has, write hci-socket:0")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("hci0", "write hci-socket:0"),
        ("/dev/ttyACM0", "write serial:/dev/ttyACM0"),
        ("COM3", "write serial:COM3"),
        ("0", "write usb:0"),
        ("tcp:192.0.2.7:1234", "did you mean tcp-client? "),
        ("Serial:/dev/ttyACM0", "did you mean serial? "),
        ("hci:0", "did you mean hci-socket? "),
        ("", f"write for example {EXAMPLES}"),
        ("bluetooth", f"write for example {EXAMPLES}"),
    ],
)
def test_a_name_that_is_none_is_answered_with_what_was_meant(name: str, meant: str) -> None:
    assert transport_problem(name).startswith(f"{name!r} is no transport: {meant}")


@pytest.mark.parametrize(
    "name", ["usb", "usb:", "pyusb:", "serial", "serial:", "tcp-client", "unix:", "ws-client:"]
)
def test_a_name_without_a_place_says_what_comes_after_it(name: str) -> None:
    assert transport_problem(name).startswith(f"{name!r} does not say which one: after {name.rstrip(':')}: comes ")


@pytest.mark.parametrize(
    "name",
    [
        "usb:first",
        "usb:0a12",
        "usb:0a12:0001:0002",
        "usb:-1",
        "usb:0[driver]",
        "serial:/dev/ttyACM0,fast",
        "serial:/dev/ttyACM0,",
        "serial:/dev/ttyACM0,-1",
        "tcp-client:192.0.2.7",
        "tcp-client:192.0.2.7:port",
        "tcp-client:192.0.2.7:0",
        "tcp-client:192.0.2.7:65536",
        "tcp-client::1234",
        "tcp-client:[::1]:1234",
        "ws-client:192.0.2.7:1234",
        "hci-socket:hci0",
        "hci-socket:[driver=rtk]0",
        "hci-socket:-1",
    ],
)
def test_a_place_that_is_none_is_answered_with_an_example(name: str) -> None:
    scheme = name.partition(":")[0]
    assert transport_problem(name).startswith(f"{name!r} cannot be read: after {scheme}: comes ")
