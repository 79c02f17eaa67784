"""The seam in an unmodified program's Bleak: where it chooses its platform's classes, it gets the keeper's.

Knows the three functions of Bleak that choose, and how a module is changed in the moment it has been loaded.
Loads nothing of Bleak itself, so that programs without Bluetooth pay nothing. Old Pythons understand it too,
because they have to be told.
"""

import sys
from functools import update_wrapper
from importlib import import_module

from gattkeeper.bleak.versions import problem_with_bleak

TYPE_CHECKING = False  # type checkers take it for true

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec
    from types import ModuleType

PYTHON_MIN = (3, 11)
"""What gattkeeper itself needs."""

EXIT_USAGE = 2


def client_type() -> "tuple[type[object], str]":
    """The class of clients, and its name, as Bleak tells that of a class it was given."""
    found = import_module("gattkeeper.bleak").Client
    return found, found.__name__


def scanner_type() -> "tuple[type[object], str]":
    """The class of scanners, and its name."""
    found = import_module("gattkeeper.bleak").Scanner
    return found, found.__name__


def adapter_type() -> "tuple[type[object], str]":
    """Bleak's own base class, which says that there is none: what the system is connected to is not ours."""
    found = import_module("bleak.backends.adapter").BaseBleakAdapter
    return found, found.__name__


CHOICES: "dict[str, tuple[str, Callable[[], tuple[type[object], str]]]]" = {
    "bleak.backends.client": ("get_platform_client_backend_type", client_type),
    "bleak.backends.scanner": ("get_platform_scanner_backend_type", scanner_type),
    "bleak.backends.adapter": ("get_platform_adapter_backend_type", adapter_type),
}
"""module of Bleak: its function that chooses, and ours."""


def install() -> None:
    """From now on Bleak is changed as it is loaded. What is loaded already is changed at once."""
    sys.meta_path.insert(0, SeamFinder())
    if "bleak" in sys.modules:
        check_bleak()
        for name, (function, ours) in CHOICES.items():
            take_over(import_module(name))
            setattr(sys.modules["bleak"], function, ours)


def check_bleak() -> None:
    """Ends the program, with what to do, where the seam does not fit."""
    problem = problem_here()
    if problem:
        refuse(problem)


def problem_here() -> str:
    """Why this Python's Bleak cannot be served; empty when it can."""
    if sys.version_info < PYTHON_MIN:
        found = ".".join(map(str, sys.version_info[:2]))
        return f"{sys.executable} is Python {found}, and gattkeeper needs {'.'.join(map(str, PYTHON_MIN))}"
    from importlib import metadata, util  # noqa: PLC0415 - slow to load, and not every program has Bleak

    if util.find_spec("msgspec") is None:
        return f"gattkeeper needs msgspec in the program's Python: `{sys.executable} -m pip install msgspec`"
    try:
        version = metadata.version("bleak")
    except metadata.PackageNotFoundError:
        version = ""
    return problem_with_bleak(version)


def refuse(problem: str) -> None:
    """No exception that a program would catch: past the queue it must not go on."""
    sys.stderr.write(f"gattkeeper run: {problem}\n")
    raise SystemExit(EXIT_USAGE)


def take_over(module: "ModuleType") -> None:
    """Put our function in the place of Bleak's, which a keeper in this very process finds in its `__wrapped__`."""
    function, ours = CHOICES[module.__name__]
    if not hasattr(module, function):
        refuse(f"this Bleak has no {module.__name__}.{function}: the seam for it does not fit")
    own = getattr(module, function)
    if own is not ours:
        setattr(module, function, update_wrapper(ours, own, assigned=(), updated=()))


class SeamFinder:
    """Finds Bleak as everybody does, and is there when it has been loaded."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> "ModuleSpec | None":
        """See importlib.abc.MetaPathFinder."""
        if name != "bleak" and name not in CHOICES:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(name, path, target) for finder in others)  # type: ignore[arg-type]
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader = SeamLoader(spec.loader)  # type: ignore[assignment]
        return spec


class SeamLoader:
    """Loads a module as its own loader does, and leaves no trace of itself.

    Bleak itself is looked at before it is loaded, its parts are changed after.
    """

    def __init__(self, loader: "Loader") -> None:
        self._loader = loader

    def create_module(self, spec: "ModuleSpec") -> "ModuleType | None":
        """See importlib.abc.Loader."""
        return self._loader.create_module(spec)

    def exec_module(self, module: "ModuleType") -> None:
        """See importlib.abc.Loader."""
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        if module.__name__ == "bleak":
            check_bleak()
            self._loader.exec_module(module)
        else:
            self._loader.exec_module(module)
            take_over(module)
