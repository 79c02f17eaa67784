"""`gattkeeper demo`: the main job, end to end, on a radio in memory.

Four taps arrive at once from four programs. Two blinds must end where the newest taps say, every tap
must get its answer, and nothing else may have reached the blinds. Knows the story and what it promises.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from gattkeeper.world.virtual_device import Applied

SETTINGS = """\
[keeper]
socket = "keeper.sock"
journal = "journal.db"
log_level = "warning"

[adapters.radio]
link = "virtual"
connection_interval = 0.03
applied_log = "applied.jsonl"

[devices.lounge]
address = "F0:00:00:00:00:01"
profile = "virtual_blind"
virtual = "blind"

[devices.kitchen]
address = "F0:00:00:00:00:02"
profile = "virtual_blind"
virtual = "blind"
"""

TAPS = (("lounge", 73), ("lounge", 55), ("kitchen", 5), ("kitchen", 80))
"""The taps in the order in which they arrive; of each device's taps the last is meant."""

WANTED = {"lounge": 55, "kitchen": 80}
READY_TIMEOUT_S = 30.0
TAP_TIMEOUT_S = 60.0
MOVE_TIMEOUT_S = 30.0
_POLL_S = 0.05

_INDENT = "    "

_SUPERSEDED = 5  # exit code of a tap whose place a newer one took


class BrokenPromiseError(Exception):
    """The demo did not go as promised; the message says what is wrong."""


def run_demo(*, stay: bool = False) -> int:
    """Run the story; 0 when everything is as promised. With `stay` the daemon runs on until Ctrl-C."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # as Ctrl-C: nothing of the demo is left behind
    with tempfile.TemporaryDirectory(prefix="gattkeeper-demo-") as folder:
        home = Path(folder)
        (home / "gattkeeper.toml").write_text(SETTINGS)
        _say("Starting the daemon with a virtual adapter and two virtual blinds:")
        _say("a complete Bluetooth stack in memory.")
        try:
            with _daemon(home):
                _tap_all(home)
                _show_timeline(home)
                _wait_for_blinds(home)
                _check_applied(home)
                _say("\nAs promised: every tap has its answer, lounge stands at 55 and kitchen at 80,")
                _say("and nothing but the two newest taps ever reached a blind.")
                if stay:
                    _stay(home)
        except BrokenPromiseError as broken:
            sys.stderr.write(f"gattkeeper demo: not as promised: {broken}\n")
            return 1
        except KeyboardInterrupt:
            return 130
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _command(home: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "gattkeeper", *words, "--socket", str(home / "keeper.sock")]


def _ask(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - our own program
        _command(home, *words), capture_output=True, text=True, timeout=TAP_TIMEOUT_S, check=False
    )


@contextlib.contextmanager
def _daemon(home: Path) -> Iterator[None]:
    """The daemon as a process of its own; afterwards it must end by itself when asked to."""
    process = subprocess.Popen(  # noqa: S603 - our own program
        _command(home, "serve", "--config", str(home / "gattkeeper.toml")), start_new_session=True
    )
    try:
        _wait_until_ready(home, process)
        yield
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=READY_TIMEOUT_S)
        if code != 0:
            raise BrokenPromiseError(f"the daemon ended with exit code {code}")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _wait_until_ready(home: Path, process: "subprocess.Popen[bytes]") -> None:
    give_up_at = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < give_up_at:
        if process.poll() is not None:
            raise BrokenPromiseError(f"the daemon ended at once with exit code {process.returncode}")
        if (home / "keeper.sock").exists() and _ask(home, "status").returncode == 0:
            return
        time.sleep(_POLL_S)
    raise BrokenPromiseError(f"the daemon was not ready within {READY_TIMEOUT_S:g} s")


def _tap_all(home: Path) -> None:
    """Four programs, each started as soon as the one before it is accepted: they overlap, in this order."""
    _say("\nFour taps from four programs, overlapping in time:\n")
    columns = shutil.get_terminal_size().columns - len(_INDENT)
    running = []
    for count, (device, percent) in enumerate(TAPS, start=1):
        words = ("act", device, "target_percent", str(percent))
        process = subprocess.Popen(  # noqa: S603 - our own program
            _command(home, *words),
            stdin=subprocess.DEVNULL,  # with no terminal to ask, it keeps to the columns it is told
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "COLUMNS": str(columns)},
        )
        running.append((device, percent, process))
        _wait_until_accepted(home, count)
    for device, percent, process in running:
        out, err = process.communicate(timeout=TAP_TIMEOUT_S)
        _say(f"  $ gattkeeper act {device} target_percent {percent}")
        _say("\n".join(_INDENT + line for line in (out + err).splitlines()))
        wanted = 0 if WANTED[device] == percent else _SUPERSEDED
        if process.returncode != wanted:
            raise BrokenPromiseError(f"{device} {percent} ended with exit code {process.returncode}, not {wanted}")


def _wait_until_accepted(home: Path, count: int) -> None:
    give_up_at = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < give_up_at:
        answer = msgspec.json.decode(_ask(home, "status", "--json").stdout)
        if answer["accepted"] >= count:
            return
        time.sleep(_POLL_S / 10)
    raise BrokenPromiseError(f"tap {count} was not accepted within {READY_TIMEOUT_S:g} s")


def _wait_for_blinds(home: Path) -> None:
    _say("\nThe blinds move like motors:")
    give_up_at = time.monotonic() + MOVE_TIMEOUT_S
    shown = ""
    while time.monotonic() < give_up_at:
        places = {device: _position(home, device) for device in WANTED}
        line = "   ".join(f"{device} {position:3d} %" for device, position in places.items())
        if line != shown:
            _say(f"  {line}")
            shown = line
        if places == WANTED:
            return
        time.sleep(10 * _POLL_S)
    raise BrokenPromiseError(f"after {MOVE_TIMEOUT_S:g} s the blinds stand at {shown}")


def _position(home: Path, device: str) -> int:
    answer = _ask(home, "act", device, "position", "--json")
    if answer.returncode != 0:
        raise BrokenPromiseError(f"the position of {device} could not be read: {answer.stderr.strip()}")
    return int(msgspec.json.decode(answer.stdout)["text"].split()[0])


def _show_timeline(home: Path) -> None:
    _say("\nWho held the radio, and when:\n")
    _say(_ask(home, "timeline", "--last", str(len(TAPS))).stdout.rstrip())


def _check_applied(home: Path) -> None:
    """The blinds' own log, written on the far side of the radio, must show the newest taps and no other."""
    lines = (home / "applied.jsonl").read_bytes().splitlines()
    reached = [msgspec.json.decode(line, type=Applied) for line in lines]
    moves = {device: [one.payload[0] for one in reached if one.device == device] for device in WANTED}
    if moves != {device: [percent] for device, percent in WANTED.items()}:
        raise BrokenPromiseError(f"this is what reached the blinds: {moves}")


def _stay(home: Path) -> None:
    _say("\nThe daemon stays up. In another terminal:\n")
    _say(f"  export GATTKEEPER_SOCKET={home / 'keeper.sock'}")
    _say("  gattkeeper act lounge set_position 20")
    _say("  gattkeeper status\n\nCtrl-C ends it.")
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()
