"""The verbs of the command line that need no daemon: serve, demo, config.

Knows which function stands behind which verb. Parsing is `fronts.cli`'s business.
"""

import argparse
import sys
from pathlib import Path

from gattkeeper import __version__
from gattkeeper.daemon.settings import explain, find_settings, load_settings
from gattkeeper.errors import SettingsError
from gattkeeper.fronts.cli.main import run_local


def main(argv: list[str]) -> int:
    """Run one command line that no daemon answers; the exit code."""
    return run_local(argv, {"serve": _serve, "demo": _demo, "config": _config}, version=__version__)


def _settings_path(named: str | None) -> Path:
    path = Path(named) if named else find_settings()
    if path is None:
        raise SettingsError(
            "there is no settings file: name one with --config FILE, or make ./gattkeeper.toml "
            "(docs/settings.example.toml shows what may stand in it)"
        )
    return path


def _serve(args: argparse.Namespace) -> int:
    from gattkeeper.daemon.serve import serve  # noqa: PLC0415 - loads the whole keeper

    settings = load_settings(_settings_path(args.config))
    return serve(settings, socket_path=Path(args.socket) if args.socket else None, log_phases=args.log)


def _demo(args: argparse.Namespace) -> int:
    from gattkeeper.daemon.demo import run_demo  # noqa: PLC0415 - seldom needed

    return run_demo(stay=args.serve)


def _config(args: argparse.Namespace) -> int:
    path = _settings_path(args.config)
    sys.stdout.write(explain(load_settings(path)) + "\n")
    return 0
