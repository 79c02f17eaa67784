"""The options of the verbs that start somebody's program.

Knows spelling. What they do stands in `lock_verb` and in `bleak.launching`.
"""

import argparse
from collections.abc import Callable


def add_lock(add_parser: Callable[..., argparse.ArgumentParser], seconds: Callable[[str], object]) -> None:
    """Give the command line its verb `lock`. `seconds` converts lengths of time."""
    lock = add_parser(
        "lock",
        help="run a command under the adapter's lock",
        usage="gattkeeper lock [--adapter A] [--wait S] [--kill-after S] -- CMD [ARG ...]",
        description="Run a command while no other one has the adapter; first come, first served. Exit codes: "
        "the command's own, 128 + n after signal n, 75 the wait ended without the lock, 126 or 127 the "
        "command cannot be run.",
    )
    lock.add_argument(
        "--adapter",
        metavar="A",
        help="of the settings, hci0, an address or a transport (default: that of the settings)",
    )
    lock.add_argument("--wait", type=seconds, metavar="S", help="for so many seconds at most (default: for ever)")
    lock.add_argument(
        "--kill-after", type=seconds, metavar="S", help="end the command and all it started after so many seconds"
    )
    lock.add_argument("command", metavar="CMD", nargs="+", help="the command with its arguments")


def add_run(
    add_parser: Callable[..., argparse.ArgumentParser], priority: Callable[[str], object], socket_help: str
) -> None:
    """Give the command line its verb `run`. `priority` converts the name of one."""
    run = add_parser(
        "run",
        help="run a program whose Bleak is served by the daemon",
        usage="gattkeeper run [--priority P] [--socket PATH | --in-process] -- CMD [ARG ...]",
        description="Run an unmodified Python program: its BleakClient and BleakScanner go through the daemon's "
        "queue, or with --in-process through its own. Exit codes: the program's own; before it starts 69 no "
        "daemon, 126 or 127 it cannot be run, 2 it cannot be served.",
    )
    run.add_argument("--priority", type=priority, metavar="P", help="urgent, interactive, normal or background")
    where = run.add_mutually_exclusive_group()
    where.add_argument("--socket", metavar="PATH", help=socket_help)
    where.add_argument(
        "--in-process",
        action="store_true",
        help="no daemon: the program has the adapter for itself, by the settings",
    )
    run.add_argument("command", metavar="CMD", nargs="+", help="the program with its arguments")
