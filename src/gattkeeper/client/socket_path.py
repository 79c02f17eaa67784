"""Where the daemon's socket and the adapters' locks lie: one rule for the daemon and for all who meet it.

Knows environment variables. Imports only what is loaded anyway: every start of the command line
passes here.
"""

import os


def default_socket_path() -> str:
    """$GATTKEEPER_SOCKET, else in the runtime folder."""
    return os.environ.get("GATTKEEPER_SOCKET") or f"{runtime_folder()}/keeper.sock"


def runtime_folder() -> str:
    """The user's runtime folder, else a service's own, else /run for root, else a private folder in /tmp."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime:
        return f"{runtime}/gattkeeper"
    if not hasattr(os, "geteuid"):  # Windows: no daemon runs there, but the settings have a default all the same
        return f"{os.environ.get('LOCALAPPDATA', '.')}/gattkeeper"
    service = os.environ.get("RUNTIME_DIRECTORY")  # made by systemd; of several, the first
    if service:
        return service.partition(":")[0]
    uid = os.geteuid()
    if uid == 0:
        return "/run/gattkeeper"
    return f"/tmp/gattkeeper-{uid}"  # noqa: S108 - whoever uses it checks whose folder it is
