"""Where the daemon's socket lies: one rule for the daemon and for all who call it.

Knows environment variables. Imports only what is loaded anyway: every start of the command line
passes here.
"""

import os


def default_socket_path() -> str:
    """$GATTKEEPER_SOCKET, else the user's runtime folder, else /run for root, else a private folder in /tmp."""
    named = os.environ.get("GATTKEEPER_SOCKET")
    if named:
        return named
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime:
        return f"{runtime}/gattkeeper/keeper.sock"
    if not hasattr(os, "geteuid"):  # Windows: no daemon runs there, but the settings have a default all the same
        return f"{os.environ.get('LOCALAPPDATA', '.')}/gattkeeper/keeper.sock"
    uid = os.geteuid()
    if uid == 0:
        return "/run/gattkeeper/keeper.sock"
    return f"/tmp/gattkeeper-{uid}/keeper.sock"  # noqa: S108 - whoever listens there checks whose folder it is
