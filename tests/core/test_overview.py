"""What there is at one moment."""

from core.drive import A_READ, S, write
from core.home import FIRST, SECOND, home
from gattkeeper.model.status import AdapterStatus, DeviceStatus, KeeperStatus


def test_figures_of_adapters_devices_and_queues() -> None:
    drive = home("a", "b")
    drive.submit("first", A_READ, "a")
    drive.connected("a")
    drive.submit("second", write(1), "a")
    drive.wait(1 * S)
    status = drive.scheduler.status(drive.now)
    assert status == KeeperStatus(
        adapters=(
            AdapterStatus(name=FIRST, up=True, connections=1, slots=5),
            AdapterStatus(name=SECOND, up=True, connections=0, slots=5),
        ),
        devices=(
            DeviceStatus(
                name="blind", connection="disconnected", waiting=0, adapter=FIRST, adapter_why="the settings"
            ),
            DeviceStatus(
                name="a",
                connection="connected",
                waiting=1,
                adapter=FIRST,
                adapter_why="first in the settings",
                in_flight="first",
                in_flight_us=1 * S,
                oldest_waiting_us=1 * S,
            ),
            DeviceStatus(
                name="b", connection="disconnected", waiting=0, adapter=FIRST, adapter_why="first in the settings"
            ),
        ),
        waiting=1,
        accepted=2,
        ended=0,
    )
