"""The settings on record: which file, by its SHA-256, and the names of keys that changed.

Knows names only. No value of a setting gets into the journal.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from gattkeeper.daemon.settings_model import Settings
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.record import SettingsRead

REFUSED_LENGTH_MAX = 500
"""Characters of the reason why settings were refused that go on record."""


def settings_row(
    path: Path | None, before: Settings, after: Settings, at_us: int, *, after_restart: Iterable[str] = ()
) -> SettingsRead:
    """The row of settings that came into force, but for those that only a restart brings about."""
    return SettingsRead(
        path=str(path or ""),
        sha256=file_digest(path),
        changed=tuple(differences(before, after)),
        at_us=at_us,
        after_restart=tuple(after_restart),
    )


def refusal_row(path: Path, why: str, at_us: int) -> SettingsRead:
    """The row of a file that changed nothing."""
    return SettingsRead(
        path=str(path), sha256=file_digest(path), changed=(), at_us=at_us, refused=why[:REFUSED_LENGTH_MAX]
    )


def file_digest(path: Path | None) -> str:
    """The SHA-256 of the file as it is now, in hex digits; empty where it cannot be read, or there is none."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path is not None else ""
    except OSError:
        return ""


def differences(before: object, after: object, at: str = "") -> Iterator[str]:
    """The keys at which two settings differ: `keeper.stop_grace`, `devices.lounge.address`, `profiles.lamp`."""
    if isinstance(before, Struct) and not isinstance(before, DeviceAddress) and type(before) is type(after):
        for name in before.__struct_fields__:
            yield from differences(getattr(before, name), getattr(after, name), f"{at}.{name}" if at else name)
    elif isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            if name not in before or name not in after:
                yield f"{at}.{name}"
            else:
                yield from differences(before[name], after[name], f"{at}.{name}")
    elif before != after:
        yield at
