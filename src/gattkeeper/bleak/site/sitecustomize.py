"""Runs in every Python that `gattkeeper run` starts, before the program: this folder is first on its PYTHONPATH.

Knows how gattkeeper is found from a Python that may not have it, and that the user may have a sitecustomize of
their own, which runs as well. Old Pythons understand it too: the seam tells them that they are old.
"""

import os
import sys
from importlib import import_module
from importlib.machinery import PathFinder

TYPE_CHECKING = False  # type checkers take it for true

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

ROOT_VARIABLE = "GATTKEEPER_ROOT"
"""The folder that the package `gattkeeper` lies in: the launcher's own, so that both speak alike."""

EXIT_USAGE = 2


class PackageFinder:
    """Finds the package `gattkeeper` in one folder, and nothing else there."""

    def __init__(self, root: str) -> None:
        self._root = root

    def find_spec(self, name: str, path: object = None, target: "ModuleType | None" = None) -> "ModuleSpec | None":
        """See importlib.abc.MetaPathFinder."""
        if name != "gattkeeper" or path is not None:
            return None
        return PathFinder.find_spec(name, [self._root], target)


def put_seam_in(root: str) -> None:
    """Ends the program when that cannot be done: by itself it would use the radio past the queue."""
    try:
        sys.meta_path.insert(0, PackageFinder(root))
        from gattkeeper.bleak import seam  # noqa: PLC0415 - found from the line above on

        seam.install()
    except Exception as error:  # noqa: BLE001 - Python itself would tell of it, and go on
        sys.stderr.write(f"gattkeeper run: cannot serve {sys.executable}: {error!r}\n")
        sys.stderr.flush()
        os._exit(EXIT_USAGE)  # an exception would be taken for a broken Python


def run_own(folder: str) -> None:
    """The user's own sitecustomize, if there is one. It takes our place, as if we had never been here."""
    sys.path[:] = [entry for entry in sys.path if entry != folder]
    ours = sys.modules.pop("sitecustomize")
    try:
        import_module("sitecustomize")
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        sys.modules.setdefault("sitecustomize", ours)


if __name__ == "sitecustomize" and ROOT_VARIABLE in os.environ:
    put_seam_in(os.environ[ROOT_VARIABLE])
    run_own(os.path.dirname(__file__))  # noqa: PTH120 - pathlib is slow to load
