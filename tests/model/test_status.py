"""The figures of a keeper survive the way to whoever asked for them."""

from hypothesis import given

from gattkeeper.model.status import DeviceStatus, KeeperStatus
from model.anything import anything, through_json


@given(anything(KeeperStatus))
def test_every_status_comes_back_from_json(status: KeeperStatus) -> None:
    assert through_json(status, KeeperStatus) == status


def test_a_device_where_nothing_goes_on_has_nothing_to_report() -> None:
    idle = DeviceStatus(name="lounge", connection="disconnected", waiting=0)
    assert (idle.in_flight, idle.in_flight_us, idle.oldest_waiting_us) == ("", 0, 0)
    assert (idle.stopped_by, idle.latched_by, idle.subscriptions) == ("", "", 0)
