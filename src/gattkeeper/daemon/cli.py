"""The verbs of the command line that no daemon answers: serve, demo, config, replay, doctor, audit, lock, run.

Knows which function stands behind which verb. Parsing is `fronts.cli`'s business.
"""

import argparse
import sys
from pathlib import Path

from gattkeeper import __version__
from gattkeeper.bleak.launching import RunCall, run_program
from gattkeeper.daemon.lock_command import run_lock
from gattkeeper.daemon.settings import explain, find_settings, load_settings
from gattkeeper.errors import SettingsError
from gattkeeper.fronts.cli.lock_verb import LockCall
from gattkeeper.fronts.cli.main import run_local
from gattkeeper.fronts.cli.style import terminal_here


def main(argv: list[str]) -> int:
    """Run one command line that no daemon answers; the exit code."""
    verbs = {
        "serve": _serve,
        "demo": _demo,
        "config": _config,
        "replay": _replay,
        "doctor": _doctor,
        "audit": _audit,
        "lock": _lock,
        "run": _run,
    }
    return run_local(argv, verbs, version=__version__)


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

    path = _settings_path(args.config)
    return serve(
        load_settings(path), path=path, socket_path=Path(args.socket) if args.socket else None, log_phases=args.log
    )


def _demo(args: argparse.Namespace) -> int:
    from gattkeeper.daemon.demo import run_demo  # noqa: PLC0415 - seldom needed

    return run_demo(stay=args.serve)


def _config(args: argparse.Namespace) -> int:
    path = _settings_path(args.config)
    sys.stdout.write(explain(load_settings(path)) + "\n")
    return 0


def _replay(args: argparse.Namespace) -> int:
    from gattkeeper.fronts.cli.replay import tell_replay  # noqa: PLC0415 - loads the core

    differs = False
    for line in tell_replay(Path(args.file), quiet=args.quiet):
        differs |= line.startswith("!")
        sys.stdout.write(line + "\n")
    return int(differs)


def _doctor(args: argparse.Namespace) -> int:
    from gattkeeper.daemon.doctor import telling  # noqa: PLC0415 - seldom needed
    from gattkeeper.daemon.doctor.examination import examine  # noqa: PLC0415 - the same

    findings = examine(Path(args.config) if args.config else None)
    terminal = terminal_here(columns_elsewhere=100)
    told = telling.as_json(findings) if args.json else telling.as_text(findings, terminal)
    sys.stdout.write(told + "\n")
    return telling.exit_code(findings)


def _audit(args: argparse.Namespace) -> int:
    from gattkeeper.daemon.audit import exporting, keys, querying, verifying  # noqa: PLC0415 - seldom needed

    if args.audit_verb == "verifier":
        return keys.tell_verifier()
    journal = Path(args.journal) if args.journal else load_settings(_settings_path(args.config)).keeper.journal
    if args.audit_verb == "key":
        return keys.tell_key(journal)
    tell = {"verify": verifying.tell_verification, "query": querying.tell_query, "export": exporting.tell_export}
    return tell[args.audit_verb](args, journal)


def _lock(args: argparse.Namespace) -> int:
    return run_lock(
        LockCall(command=args.command, adapter=args.adapter, wait_s=args.wait, limit_s=args.kill_after)
    )


def _run(args: argparse.Namespace) -> int:
    priority = args.priority.name.lower() if args.priority is not None else ""
    return run_program(
        RunCall(command=args.command, priority=priority, socket=args.socket or "", in_process=args.in_process)
    )
