"""The command line's thin path against the floor: a whole `gattkeeper status` and a bare `python -c pass`.

Both are run in turn, A B A B …, as whole processes; the ratio of the medians is the result, because it
holds while the speed of the machine drifts. Run it with `make bench`.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 60
GOAL = 2.0
"""A whole round trip through the installed command takes at most twice what starting Python takes."""

SETTINGS = """\
[keeper]
socket = "keeper.sock"
journal = "journal.db"
log_level = "warning"
[adapters.radio]
link = "virtual"
[devices.lounge]
address = "F0:00:00:00:00:01"
profile = "virtual_blind"
virtual = "blind"
"""


def timed(words: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def measure(floor: list[str], paths: dict[str, list[str]]) -> dict[str, float]:
    """The ratio of each path's median to the floor's."""
    times: dict[str, list[float]] = {name: [] for name in ("floor", *paths)}
    for done in range(ROUNDS):
        if sys.stderr.isatty():
            sys.stderr.write(f"\rround {done + 1} of {ROUNDS}")
        times["floor"].append(timed(floor))
        for name, words in paths.items():
            times[name].append(timed(words))
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    medians = {name: statistics.median(all_of) for name, all_of in times.items()}
    for name, all_of in times.items():
        print(
            f"{name:>10}: median {medians[name] * 1e3:6.1f} ms   "
            f"{min(all_of) * 1e3:.1f} to {max(all_of) * 1e3:.1f} ms   {medians[name] / medians['floor']:.2f}x"
        )
    return {name: medians[name] / medians["floor"] for name in paths}


def main() -> int:
    program = str(Path(sys.executable).with_name("gattkeeper"))
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "g.toml"
        settings.write_text(SETTINGS)
        there = ["--socket", f"{folder}/keeper.sock"]
        with subprocess.Popen([program, "serve", "--config", str(settings)]) as daemon:
            try:
                while subprocess.run([program, "status", *there], capture_output=True, check=False).returncode:
                    time.sleep(0.05)
                ratios = measure(
                    [sys.executable, "-c", "pass"],
                    {
                        "status": [program, "status", *there],
                        "act": [program, "act", "lounge", "set_position", "50", "--no-wait", *there],
                    },
                )
            finally:
                daemon.terminate()
    print(json.dumps({"thin_path": ratios, "goal": GOAL}))
    return int(any(ratio > GOAL for ratio in ratios.values()))


if __name__ == "__main__":
    sys.exit(main())
