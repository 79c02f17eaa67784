"""Raw HCI sockets and programs on the bus."""

from scenery import Scenery, levels, told

from gattkeeper.daemon.doctor.findings import Level
from gattkeeper.daemon.doctor.hci_sockets import inodes_in, look_at_hci_sockets, users_on_bus

TABLE = """\
sk               RefCnt Rmem   Wmem   User   Inode  Parent
0000000000000000 2      0      0      0      18201  0
0000000000000000 2      0      0      1000   22417  0
"""


def process(scenery: Scenery, pid: int, name: str, *sockets: int) -> None:
    scenery.file(f"proc/{pid}/comm", f"{name}\n")
    scenery.link(f"proc/{pid}/fd/0", "/dev/null")
    for number, inode in enumerate(sockets, start=3):
        scenery.link(f"proc/{pid}/fd/{number}", f"socket:[{inode}]")


def test_the_inodes_of_the_table_are_read():
    assert inodes_in(TABLE) == ["18201", "22417"]
    assert inodes_in("") == []


def test_a_program_that_goes_past_bluez_is_named(scenery: Scenery):
    scenery.file("proc/net/hci", TABLE)
    process(scenery, 612, "bluetoothd", 18201, 99999)
    process(scenery, 871, "node", 22417)
    process(scenery, 5, "idle")
    (finding,) = look_at_hci_sockets(scenery.machine)
    assert finding.level is Level.WARNING
    assert finding.what.startswith("node (process 871) talks")


def test_bluez_alone_is_fine_and_hidden_processes_are_told(scenery: Scenery):
    assert levels(look_at_hci_sockets(scenery.machine)) == [Level.OK]
    scenery.file("proc/net/hci", TABLE)
    assert "2 HCI sockets" in told(look_at_hci_sockets(scenery.machine))
    process(scenery, 612, "bluetoothd", 18201, 22417)
    assert told(look_at_hci_sockets(scenery.machine)) == "no program but BlueZ holds a raw HCI socket | "


def test_a_table_that_cannot_be_read_is_told(scenery: Scenery):
    (scenery.root / "proc/net/hci").mkdir(parents=True)
    assert levels(look_at_hci_sockets(scenery.machine)) == [Level.NOTE]


def test_programs_on_the_bus_are_named_when_they_are_known_for_bluetooth_and_not_ours(scenery: Scenery):
    for pid, name in (
        (10, "python3"),
        (11, "python3"),
        (12, "systemd-logind"),
        (13, "blueman-tray"),
        (15, "node"),
    ):
        process(scenery, pid, name)
        scenery.file(f"proc/{pid}/cmdline", f"{name}\0-u\0blinds/lounge.py\0" + "73\0")
    process(scenery, 16, "python3")
    scenery.file(
        "proc/16/cmdline", "/usr/bin/python3\0/usr/share/unattended-upgrades/unattended-upgrade-shutdown\0"
    )
    process(scenery, 17, "node")  # a command line that nobody tells
    assert users_on_bus(scenery.machine, [*range(10, 18)], ours=[11]) == [
        "python3 blinds/lounge.py (process 10)",
        "blueman-tray (process 13)",
        "node blinds/lounge.py (process 15)",
    ]
