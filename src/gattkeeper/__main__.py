"""`python -m gattkeeper`, and what the installed program runs.

Knows three ways: what a running daemon answers goes there without loading anything; verbs that start
programs load little; all else is parsed here.
"""

import sys

from gattkeeper.client import thin


def main(argv: list[str]) -> int:
    """Run one command line; the exit code."""
    try:
        code = thin.run(argv)
        if code is None and argv[:1] == ["lock"]:
            from gattkeeper.daemon.lock_command import run_quickly  # noqa: PLC0415 - only for this verb

            code = run_quickly(argv[1:])
        elif code is None and argv[:1] == ["run"]:
            from gattkeeper.bleak.launching import quick_call, run_program  # noqa: PLC0415 - the same

            call = quick_call(argv[1:])
            code = None if call is None else run_program(call)
        if code is not None:
            return code
        from gattkeeper.daemon.cli import main as run_locally  # noqa: PLC0415 - slow to load, seldom needed

        return run_locally(argv)
    except KeyboardInterrupt:
        return thin.EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
