"""A virtual device and its own log."""

import msgspec
import pytest

from gattkeeper.model.gatt import Property
from gattkeeper.model.identity import AddressKind
from gattkeeper.world import (
    Applied,
    AppliedFile,
    AttError,
    VirtualCharacteristic,
    VirtualDevice,
    VirtualService,
    run_virtual,
)

READ_WRITE = Property.READ | Property.WRITE


def device_with(*characteristics: VirtualCharacteristic, **settings) -> VirtualDevice:
    return VirtualDevice("lamp", "F0:00:00:00:00:07", (VirtualService("fe50", characteristics),), **settings)


def test_a_write_is_stored_and_logged_with_the_time_of_the_loop():
    async def scenario():
        level = VirtualCharacteristic("fe51", READ_WRITE, b"\x00")
        device = device_with(level)
        device.write(level, bytearray(b"\x2a"))
        assert device.read(level) == b"\x2a"
        assert device.applied == [Applied(at_s=0.0, device="lamp", characteristic=level.uuid, payload=b"\x2a")]

    run_virtual(scenario())


def test_a_refused_write_changes_nothing_and_is_not_logged():
    def refuse(_payload: bytes) -> None:
        raise AttError(0x80)

    async def scenario():
        level = VirtualCharacteristic("fe51", READ_WRITE, b"\x01", on_write=refuse)
        device = device_with(level)
        with pytest.raises(AttError, match="0x80"):
            device.write(level, b"\x02")
        assert device.read(level) == b"\x01"
        assert device.applied == []

    run_virtual(scenario())


@pytest.mark.parametrize(
    ("use", "code"),
    [
        (lambda device, closed: device.read(closed), 0x02),
        (lambda device, closed: device.write(closed, b"x"), 0x03),
    ],
    ids=["read", "write"],
)
def test_what_the_properties_do_not_allow_is_refused(use, code):
    closed = VirtualCharacteristic("fe52", Property.NOTIFY)
    with pytest.raises(AttError) as refused:
        use(device_with(closed), closed)
    assert refused.value.code == code


def test_a_value_longer_than_512_bytes_is_refused():
    level = VirtualCharacteristic("fe51", READ_WRITE)
    with pytest.raises(AttError) as refused:
        device_with(level).write(level, bytes(513))
    assert refused.value.code == 0x0D


def test_a_value_may_be_made_when_it_is_read():
    level = VirtualCharacteristic("fe51", READ_WRITE, b"stored", on_read=lambda: b"made")
    assert device_with(level).read(level) == b"made"


def test_a_characteristic_is_found_by_short_and_full_uuid():
    level = VirtualCharacteristic("FE51", READ_WRITE)
    device = device_with(level)
    assert device.characteristic("fe51") is device.characteristic(level.uuid) is level
    with pytest.raises(KeyError, match="lamp has no characteristic 2a19"):
        device.characteristic("2a19")


def test_connections_are_counted_and_their_end_is_handled():
    ends = []
    device = device_with(on_disconnected=lambda: ends.append("end"))
    device.connected()
    device.disconnected()
    device.connected()
    assert (device.connections, ends) == (2, ["end"])


def test_the_address_has_to_be_random_static():
    assert device_with().address.kind is AddressKind.RANDOM
    for text in ("00:11:22:33:44:55", "F0000000-0000-0000-0000-000000000000"):
        with pytest.raises(ValueError, match="random static"):
            VirtualDevice("lamp", text, ())


def test_the_log_is_in_its_file_before_the_write_is_over(tmp_path):
    async def scenario():
        path = tmp_path / "applied.jsonl"
        sink = AppliedFile(path)
        level = VirtualCharacteristic("fe51", READ_WRITE)
        device = device_with(level, applied_sink=sink)
        for payload in (b"\x01", b"\x02"):
            device.write(level, payload)
            lines = path.read_bytes().splitlines()
            assert [msgspec.json.decode(line, type=Applied) for line in lines] == device.applied
        sink.close()

    run_virtual(scenario())
