"""Which of BlueZ's adapters is ours: the one with our address, whatever its number; never one that shares it.

Knows addresses and object paths. Cheap adapters leave the factory with one address for all of them: two that are
plugged in at once cannot be told apart once both have been away.
"""

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gattkeeper.links.bluez_watch import BluezAdapter  # needs D-Bus, which is on Linux only

_log = logging.getLogger(__name__)


class FollowedAdapter:
    """One adapter, from the moment it was chosen."""

    def __init__(self, wanted: str, chosen: "BluezAdapter") -> None:
        self.address = chosen.address
        self.present: BluezAdapter | None = chosen  # as it is now; None while it is away
        self._path = chosen.path  # it had last
        self._twins: set[str] = set()  # paths of others with its address
        if wanted != chosen.address:
            _log.info("adapter %s is %s: it is followed by that address", wanted or chosen.hci, chosen.address)

    @property
    def text(self) -> str:
        """What it is called where it is missing, and who is not taken for it."""
        twins = ", ".join(sorted(path.rpartition("/")[2] for path in self._twins))
        return f"the adapter {self.address}" + (f" (not {twins}, which shares its address)" if twins else "")

    def look(self, adapters: "tuple[BluezAdapter, ...]") -> None:
        """Find it among those that are there now."""
        alike = {each.path: each for each in adapters if each.address == self.address}
        self._twins &= alike.keys()
        if self._path not in alike:
            moved = sorted(alike.keys() - self._twins)
            self._path = moved[0] if moved else self._path
        self.present = alike.get(self._path)
        if self.present is None:
            return
        for path in sorted(alike.keys() - self._twins - {self._path}):
            _log.error(
                "adapter %s has the address %s of %s, which is in use: it is refused; unplug it, or give it an"
                " address of its own (btmgmt public-addr)",
                alike[path].hci,
                self.address,
                self.present.hci,
            )
            self._twins.add(path)
