"""Where things are when nobody says otherwise.

Knows the environment and the folders of the XDG base directory specification. Makes no folder: whoever
puts a file there does, with the modes that the file needs. Loads nothing slow: every `gattkeeper lock` passes.
"""

import os

TYPE_CHECKING = False  # type checkers take it for true

if TYPE_CHECKING:
    from pathlib import Path

NAME = "gattkeeper"


def find_settings() -> "Path | None":
    """The settings file in force: $GATTKEEPER_SETTINGS whatever is there, else the first that exists."""
    from pathlib import Path  # noqa: PLC0415 - see above

    found = settings_file()
    return Path(found) if found is not None else None


def settings_file() -> str | None:
    """The same as text."""
    named = os.environ.get("GATTKEEPER_SETTINGS")
    if named:
        return named
    candidates = (
        "gattkeeper.toml",
        f"{_folder('XDG_CONFIG_HOME', '.config')}/{NAME}/settings.toml",
        f"/etc/{NAME}/settings.toml",
    )
    return next((path for path in candidates if os.path.isfile(path)), None)  # noqa: PTH113 - see above


def default_journal_path() -> "Path":
    """Where the journal is. Raises SettingsError for a user without a home."""
    from pathlib import Path  # noqa: PLC0415 - see above

    path = Path(_folder("XDG_STATE_HOME", ".local/state")) / NAME / "journal.db"
    if not path.is_absolute():
        from gattkeeper.errors import SettingsError  # noqa: PLC0415 - see above

        raise SettingsError("this user has no home folder: set XDG_STATE_HOME, or journal in [keeper]")
    return path


def _folder(variable: str, under_home: str) -> str:
    """A base folder; a relative one counts as not set, as the specification demands."""
    named = os.environ.get(variable, "")
    return named if os.path.isabs(named) else f"{os.path.expanduser('~')}/{under_home}"  # noqa: PTH111, PTH117 - see above
