"""Runs cases by hand and prints what they found: `python -m bluez_vm cases_faults:bluetoothd_killed …`.

PYTHONPATH must have src and tests. The measurements of docs/bluez.md come from here.
"""

import json
import sys

from bluez_vm.machine import missing, running_machine


def main(cases: list[str]) -> int:
    """Boot once, run the cases, one JSON line each; 1 when one failed."""
    if reason := missing():
        sys.exit(reason)
    code = 0
    with running_machine() as machine:
        sys.stderr.write(f"up after {machine.boot_s:.1f} s\n")
        for case in cases:
            try:
                sys.stdout.write(f"{case} {json.dumps(machine.run(case, timeout_s=240))}\n")
            except AssertionError as error:
                sys.stdout.write(f"{error}\n")
                code = 1
            sys.stdout.flush()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
