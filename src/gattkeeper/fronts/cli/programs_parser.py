"""The options of the verbs that start somebody's program.

Knows spelling. What they do stands in `lock_verb`.
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
