"""Cases of a keeper that cannot start: what its owner is told.

Knows adapters that are missing or switched off, and a bus that lets this user not speak to BlueZ.
"""

import asyncio
import os
import pwd
import re
from pathlib import Path
from typing import Any

from bluez_vm.guest import bluez
from bluez_vm.guest.forked import Forked
from bluez_vm.guest.place import fresh_folder, place, settings
from gattkeeper.daemon.assembly import open_keeper
from gattkeeper.errors import SettingsError
from gattkeeper.links.bleak_link import BleakLink

_POLICY = Path("/etc/dbus-1/system.d/bluetooth.conf")
_EVERYBODY = re.compile('<policy context="default">.*?</policy>', re.DOTALL)


async def adapter_missing() -> dict[str, Any]:
    """The settings name an adapter that is not there."""
    async with place(devices=1) as at:
        at.adapters[0].unplug()
        return {"told": await _start(settings(fresh_folder(), devices=1))}


async def adapter_off() -> dict[str, Any]:
    """The adapter is switched off when the keeper starts."""
    async with place(devices=1):
        await bluez.power(False)
        return {"told": await _start(settings(fresh_folder(), devices=1))}


def not_allowed() -> dict[str, Any]:
    """A user whom the bus does not let speak to BlueZ: Debian's policy lets everybody, others that of upstream."""
    policy = _POLICY.read_text()
    _POLICY.write_text(_EVERYBODY.sub("", policy))
    asyncio.run(bluez.reload_bus())
    try:
        return {"told": Forked(_open_as_nobody).result(30.0)}
    finally:
        _POLICY.write_text(policy)
        asyncio.run(bluez.reload_bus())


def _open_as_nobody() -> str:
    user = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    return asyncio.run(_open())


async def _open() -> str:
    """Only the link: this user may not read all of the guest's Python."""
    link = BleakLink()
    try:
        await link.open(lambda _up, _fault: None)
    except SettingsError as error:
        return str(error)
    await link.close()
    return ""


async def _start(path: Path) -> str:
    """The sentence that it ends with."""
    try:
        async with open_keeper(path):
            return ""
    except SettingsError as error:
        return str(error)
