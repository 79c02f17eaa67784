"""The daemon at its start on a BlueZ that it cannot use, or only in part: the sentence a person reads, and the exit.

The daemon is a process of its own; D-Bus is a real one, and the BlueZ on it is scripted.
"""

import asyncio
import os
import stat
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self

import pytest

from fake_bluez.fixtures import bluez, system_bus
from fake_bluez.stack import ADAPTER_ADDRESS, FakeBluez, Step

__all__ = ["bluez", "system_bus"]

pytestmark = [pytest.mark.asyncio, pytest.mark.system]

LIMIT_S = 60.0
USAGE = 2
SECOND = "F4:4E:FC:00:00:02"
DENIED = "org.freedesktop.DBus.Error.AccessDenied"

SETTINGS = """\
[keeper]
socket = "keeper.sock"
journal = "journal.db"

[adapters.radio]
link = "bluez"
"""


class Daemon:
    """One start of the daemon; what it says, line by line."""

    def __init__(self, folder: Path, settings: str, **environment: str) -> None:
        self._settings = folder / "gattkeeper.toml"
        self._settings.write_text(settings)
        self._environment = os.environ | environment

    async def __aenter__(self) -> Self:
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gattkeeper", "serve", "--config", str(self._settings)),
            env=self._environment,
            stderr=asyncio.subprocess.PIPE,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process.returncode is None:
            self.process.terminate()
        await self.process.communicate()

    async def until_said(self, text: str) -> str:
        """The first line with this text."""
        assert self.process.stderr is not None
        async with asyncio.timeout(LIMIT_S):
            while text not in (line := (await self.process.stderr.readline()).decode()):
                assert line, f"it ended without a word of {text!r}"
        return line

    async def to_its_end(self) -> tuple[int, str]:
        async with asyncio.timeout(LIMIT_S):
            _, said = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, said.decode()


async def as_it_is(bluez: FakeBluez) -> None:
    """Nothing is wrong with BlueZ."""


async def no_bluez(bluez: FakeBluez) -> None:
    await bluez.crash()


async def no_adapter(bluez: FakeBluez) -> None:
    bluez.remove_adapter()


async def adapter_off(bluez: FakeBluez) -> None:
    bluez.power(on=False)


async def forbidden(bluez: FakeBluez) -> None:
    bluez.always["GetManagedObjects"] = Step(refuse=DENIED, text="Rejected send message")


async def confined(bluez: FakeBluez) -> None:
    bluez.always["GetManagedObjects"] = Step(refuse=DENIED, text=APPARMOR)


APPARMOR = "An AppArmor policy prevents this sender from sending this message to this recipient"
NO_SERVICE = "The name org.bluez was not provided by any .service files"

CASES: list[tuple[str, Callable[[FakeBluez], Awaitable[None]], str, str]] = [
    (
        "no BlueZ",
        no_bluez,
        SETTINGS,
        f"the Bluetooth service does not run ({NO_SERVICE}); start it: sudo systemctl start bluetooth",
    ),
    (
        "no adapter",
        no_adapter,
        SETTINGS,
        "there is no adapter hci0; BlueZ has none at all",
    ),
    (
        "another adapter",
        as_it_is,
        SETTINGS + 'adapter = "hci7"\n',
        f"there is no adapter hci7; BlueZ has hci0 ({ADAPTER_ADDRESS})",
    ),
    (
        "adapter off",
        adapter_off,
        SETTINGS,
        (
            f"the adapter hci0 ({ADAPTER_ADDRESS}) is powered off; switch it on: bluetoothctl power on "
            "(if that is refused: rfkill unblock bluetooth)"
        ),
    ),
    (
        "no permission",
        forbidden,
        SETTINGS,
        (
            "D-Bus forbids this user to speak to the Bluetooth service (Rejected send message); "
            "add it to the group bluetooth"
        ),
    ),
    (
        "confined by AppArmor",
        confined,
        SETTINGS,
        (
            f"AppArmor forbids this program to speak to the Bluetooth service ({APPARMOR}); let its profile send "
            "to org.bluez on the system bus, or start the container with --security-opt apparmor=unconfined"
        ),
    ),
    (
        "malformed address",
        as_it_is,
        SETTINGS + '\n[devices.lounge]\naddress = "F0:00:00:00:01"\n',
        "'F0:00:00:00:01' is not a Bluetooth address: six hex pairs are expected, as in F0:00:00:00:00:01",
    ),
    (
        "malformed adapter address",
        as_it_is,
        SETTINGS + 'adapter = "F4:4E:FC:00:00"\n',
        "gattkeeper.toml:7: adapter takes a name such as hci0, or an adapter's address, not 'F4:4E:FC:00:00'",
    ),
]


@pytest.mark.parametrize(
    ("happens", "settings", "says"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
async def test_it_refuses_with_a_sentence_and_exits(
    bluez: FakeBluez,
    tmp_path: Path,
    happens: Callable[[FakeBluez], Awaitable[None]],
    settings: str,
    says: str,
) -> None:
    await happens(bluez)
    async with Daemon(tmp_path, settings) as daemon:
        code, said = await daemon.to_its_end()
    assert code == USAGE
    assert said.startswith("gattkeeper: ")
    assert said.endswith(f"{says}\n"), said
    assert said.count("\n") == 1


async def test_without_a_bus_it_says_where_it_looked_and_exits(tmp_path: Path) -> None:
    nowhere = f"unix:path={tmp_path}/nowhere"
    async with Daemon(tmp_path, SETTINGS, DBUS_SYSTEM_BUS_ADDRESS=nowhere) as daemon:
        code, said = await daemon.to_its_end()
    assert code == USAGE
    assert said == (
        f"gattkeeper: no system D-Bus at DBUS_SYSTEM_BUS_ADDRESS={nowhere} ([Errno 2] No such file or directory); "
        "start it (sudo systemctl start dbus), in a container mount the host's "
        "(--volume /var/run/dbus:/var/run/dbus), or correct that variable\n"
    )


async def test_a_bus_that_lets_this_user_not_in_is_told_as_such(bluez: FakeBluez, tmp_path: Path) -> None:
    async with Daemon(tmp_path, SETTINGS, BLEAK_DBUS_AUTH_UID="54321") as daemon:
        code, said = await daemon.to_its_end()
    assert code == USAGE
    assert "does not let this user in" in said
    assert said.endswith("see its policy, and in a container with other user ids BLEAK_DBUS_AUTH_UID\n")


async def test_a_bluez_that_is_too_old_is_named_with_the_version_that_is_needed(
    bluez: FakeBluez, tmp_path: Path
) -> None:
    program = tmp_path / "bin" / "bluetoothctl"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'bluetoothctl: 5.50'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    async with Daemon(tmp_path, SETTINGS, PATH=f"{program.parent}:{os.environ['PATH']}") as daemon:
        code, said = await daemon.to_its_end()
    assert code == USAGE
    assert said.endswith(
        "gattkeeper: BlueZ 5.50 is too old: Bleak makes no connection with one before 5.55 "
        "(`bluetoothctl --version`, or `bluetoothd --version` where that is missing); update the package bluez\n"
    )


async def test_an_adapter_that_is_missing_does_not_keep_the_other_ones_devices_waiting(
    bluez: FakeBluez, tmp_path: Path
) -> None:
    second = f'\n[adapters.second]\nlink = "bluez"\nadapter = "{SECOND}"\n'
    async with Daemon(tmp_path, SETTINGS + second) as daemon:
        line = await daemon.until_said("adapter second")
        assert line.endswith(
            "adapter second cannot be used, and is tried again every 5 s: "
            f"there is no adapter {SECOND}; BlueZ has hci0 ({ADAPTER_ADDRESS})\n"
        )
        assert "is ready" in await daemon.until_said("is ready")
        bluez.add_adapter("/org/bluez/hci1", SECOND)
        assert await daemon.until_said(f"adapter second is there now ({SECOND})")
    assert daemon.process.returncode == 0
