"""Where things are when nobody says otherwise.

Knows the environment and the folders of the XDG base directory specification. Makes no folder: whoever
puts a file there does, with the modes that the file needs.
"""

import os
from pathlib import Path

from gattkeeper.errors import SettingsError

NAME = "gattkeeper"


def find_settings() -> Path | None:
    """The settings file in force: $GATTKEEPER_SETTINGS whatever is there, else the first that exists."""
    named = os.environ.get("GATTKEEPER_SETTINGS")
    if named:
        return Path(named)
    candidates = (
        Path("gattkeeper.toml"),
        _folder("XDG_CONFIG_HOME", ".config") / NAME / "settings.toml",
        Path("/etc") / NAME / "settings.toml",
    )
    return next((path for path in candidates if path.is_file()), None)


def default_journal_path() -> Path:
    """Where the journal is. Raises SettingsError for a user without a home."""
    path = _folder("XDG_STATE_HOME", ".local/state") / NAME / "journal.db"
    if not path.is_absolute():
        raise SettingsError("this user has no home folder: set XDG_STATE_HOME, or journal in [keeper]")
    return path


def _folder(variable: str, under_home: str) -> Path:
    """A base folder; a relative one counts as not set, as the specification demands."""
    named = Path(os.environ.get(variable, ""))
    return named if named.is_absolute() else Path(os.path.expanduser("~")) / under_home  # noqa: PTH111 - never raises
