"""Bleak programs under the keeper's queue: `BleakClient(device, backend=gattkeeper.bleak.Client)`.

    from bleak import BleakClient, BleakScanner
    import gattkeeper.bleak

    device = await BleakScanner.find_device_by_name("Lounge", backend=gattkeeper.bleak.Scanner)
    async with BleakClient(device, backend=gattkeeper.bleak.Client) as client: ...

They work through the daemon where one runs, else through a keeper of this process: docs/bleak.md. Every name is
loaded when it is first used.
"""

TYPE_CHECKING = False  # type checkers take it for true; see `gattkeeper`

if TYPE_CHECKING:
    from gattkeeper.bleak.client import Client as Client
    from gattkeeper.bleak.finding import serve as serve
    from gattkeeper.bleak.hints import hint as hint
    from gattkeeper.bleak.scanner import Scanner as Scanner

_HOMES = (("client", "Client"), ("finding", "serve"), ("hints", "hint"), ("scanner", "Scanner"))


def __getattr__(name: str) -> object:
    """Load a public name from its file. Raises ImportError for a Bleak that is not supported, with what to do."""
    from importlib import import_module  # noqa: PLC0415 - only who uses a name pays for it

    for home, known in _HOMES:
        if name == known:
            _check_bleak()
            return getattr(import_module(f"gattkeeper.bleak.{home}"), name)
    raise AttributeError(f"module 'gattkeeper.bleak' has no attribute {name!r}")


def _check_bleak() -> None:
    from importlib import metadata  # noqa: PLC0415 - slow to load

    from gattkeeper.bleak.versions import problem_with_bleak  # noqa: PLC0415 - as above

    problem = problem_with_bleak(metadata.version("bleak"))
    if problem:
        raise ImportError(problem)


def __dir__() -> list[str]:
    return [name for _, name in _HOMES]
