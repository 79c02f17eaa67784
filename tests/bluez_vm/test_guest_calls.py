"""What the bus says of calls to BlueZ, counted."""

from collections import Counter

from bluez_vm.guest.calls import counted

LOUNGE, KITCHEN = "/org/bluez/hci0/dev_F0_00_00_00_00_01", "/org/bluez/hci0/dev_F0_00_00_00_00_02"
OTHER_ADAPTER = "/org/bluez/hci1/dev_F0_00_00_00_00_03"
HEADING = ["#type\ttimestamp\tserial\tsender\tdestination\tpath\tinterface\tmember", "#\t\t\t\t\tin_reply_to"]


def call(sender: str, serial: int, path: str, member: str) -> str:
    return f"mc\t1.5\t{serial}\t{sender}\torg.bluez\t{path}\torg.bluez.Device1\t{member}"


def answer(sender: str, serial: int, kind: str = "mr") -> str:
    return f"{kind}\t1.6\t99\t:1.0\t{sender}\t{serial}"


def count(*lines: str) -> Counter[str]:
    return counted([*HEADING, *lines])


def test_calls_one_after_the_other_are_no_overlap() -> None:
    connect = [call(":1.5", 1, LOUNGE, "Connect"), answer(":1.5", 1, "err"), call(":1.6", 1, LOUNGE, "Connect")]
    assert count(*connect) == Counter(calls=2)


def test_a_second_call_on_a_device_is_one_whoever_makes_it_and_whatever_it_is() -> None:
    write = call(":1.6", 1, f"{LOUNGE}/service0010/char0011", "WriteValue")
    assert count(call(":1.5", 1, LOUNGE, "Disconnect"), write) == Counter(calls=2, on_a_device=1)


def test_two_devices_may_be_asked_at_once_but_not_connected_by_one_adapter() -> None:
    connects = [call(":1.5", 1, LOUNGE, "Connect"), call(":1.6", 1, KITCHEN, "Connect")]
    assert count(*connects) == Counter(calls=2, connects=1)
    assert count(connects[0], call(":1.6", 1, KITCHEN, "Disconnect")) == Counter(calls=2)
    assert count(connects[0], call(":1.6", 1, OTHER_ADAPTER, "Connect")) == Counter(calls=2)


def test_a_link_that_is_up_is_in_no_other_connects_way_though_bluez_has_not_answered_yet() -> None:
    news = f"sig\t1.6\t98\t:1.0\t<none>\t{LOUNGE}\torg.freedesktop.DBus.Properties\tPropertiesChanged"
    connects = [call(":1.5", 1, LOUNGE, "Connect"), call(":1.6", 1, KITCHEN, "Connect")]
    assert count(connects[0], news, connects[1]) == Counter(calls=2)
    write = call(":1.6", 2, f"{LOUNGE}/service0010/char0011", "WriteValue")
    assert count(connects[0], news, write) == Counter(calls=2, on_a_device=1)


def test_an_answer_to_somebody_else_ends_nothing() -> None:
    assert count(call(":1.5", 1, LOUNGE, "Connect"), answer(":1.6", 1), call(":1.6", 2, LOUNGE, "Disconnect")) == (
        Counter(calls=2, on_a_device=1)
    )


def test_a_scan_counts_when_it_is_never_answered() -> None:
    scans = [call(f":1.{number}", 1, "/org/bluez/hci0", "StartDiscovery") for number in (5, 6)]
    assert count(*scans, answer(":1.6", 1), call(":1.6", 2, LOUNGE, "GetAll")) == Counter(unanswered_scans=1)
