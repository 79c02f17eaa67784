"""The local side of the command line: help, completion, the verbs that need no daemon.

Knows parsers and exit codes. What the local verbs do is handed in from above, because a front does
not know the daemon.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping

import msgspec

from gattkeeper.client.socket_path import default_socket_path
from gattkeeper.errors import GattkeeperError
from gattkeeper.fronts.answers import (
    EXIT_DONE,
    EXIT_NO_DAEMON,
    EXIT_NOT_DELIVERED,
    EXIT_REFUSED,
    EXIT_USAGE,
    error_answer,
    exit_code_for,
)
from gattkeeper.fronts.cli.completion import completion_script
from gattkeeper.fronts.cli.daemon_verbs import DAEMON_VERBS
from gattkeeper.fronts.cli.parsers import CommandLineError, HelpRequested, build_parser

LocalVerb = Callable[[argparse.Namespace], int]
"""Runs one parsed verb; its exit code."""


def run_local(argv: list[str], verbs: Mapping[str, LocalVerb], *, version: str) -> int:
    """Run a command line that no daemon answered. `verbs`: serve, demo, config; the exit code."""
    try:
        code = _dispatch(argv, verbs, version)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the exit does not fail again
        return EXIT_NOT_DELIVERED
    return code


def _dispatch(argv: list[str], verbs: Mapping[str, LocalVerb], version: str) -> int:
    parser = build_parser()
    try:
        args = parser.parse_args(argv)
    except HelpRequested as help_text:
        sys.stdout.write(str(help_text))
        return EXIT_DONE
    except CommandLineError as error:
        return _fail("usage", str(error), EXIT_USAGE, as_json="--json" in argv)
    if args.version or args.verb is None:
        sys.stdout.write(f"gattkeeper {version}\n" if args.version else parser.format_help())
        return EXIT_DONE if args.version else EXIT_USAGE
    return _run(args, verbs)


def _run(args: argparse.Namespace, verbs: Mapping[str, LocalVerb]) -> int:
    if args.verb in DAEMON_VERBS:
        path = args.socket or default_socket_path()
        if _is_closed_to_us(path):
            message = f"you may not use {path}: ask the daemon's owner to list you in allow_users"
            return _fail("not_allowed", message, EXIT_REFUSED, as_json=args.json)
        message = f"no gattkeeper daemon answers at {path}: start one with `gattkeeper serve`, or name its socket"
        return _fail("no_daemon", message, EXIT_NO_DAEMON, as_json=args.json)
    if args.verb == "completion":
        sys.stdout.write(completion_script(args.shell))
        return EXIT_DONE
    try:
        return verbs[args.verb](args)
    except GattkeeperError as error:
        return _fail(error.code, str(error), exit_code_for(error), as_json=False)


def _is_closed_to_us(path: str) -> bool:
    try:
        os.stat(path)  # noqa: PTH116 - the path may hold anything
    except OSError as error:
        return isinstance(error, PermissionError)
    except ValueError:  # a NUL in it
        return False
    return not os.access(path, os.W_OK, effective_ids=True)


def _fail(code: str, message: str, exit_code: int, *, as_json: bool) -> int:
    sys.stderr.write(f"gattkeeper: {message}\n")
    if as_json:
        sys.stdout.write(msgspec.json.encode(error_answer(code, message)).decode() + "\n")
    return exit_code
