"""Runs cases inside the guest: reads which one, runs it in a process of its own, answers with what it found.

Knows lines of JSON over a virtual serial port, and where the logs are. Every library a case needs is
loaded before: a guest without hardware acceleration takes seconds to import Bleak and Bumble.
"""

import asyncio
import contextlib
import ctypes
import importlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any, BinaryIO

LOADED = (
    *("bleak.backends.bluezdbus.client", "bleak.backends.bluezdbus.scanner"),
    *("gattkeeper.daemon.serve", "gattkeeper.links.bleak_link", "gattkeeper.client.thin"),
    *("bluez_vm.guest.place", "bluez_vm.guest.storm"),
)
PORTS = Path("/sys/class/virtio-ports")
BLUETOOTHD_LOG = Path("/run/bluetoothd.log")
_TAIL = 6000
_PR_SET_CHILD_SUBREAPER = 36


def serve(port: BinaryIO) -> None:
    """Say that the guest is up, then run cases for ever."""
    _answer(port, {"up": True})
    while line := port.readline():
        request = json.loads(line)
        _answer(port, run_apart(request["case"], request["timeout_s"]))


def _answer(port: BinaryIO, value: dict[str, Any]) -> None:
    line = json.dumps(value).encode() + b"\n"
    while line:  # the port takes what it has room for
        line = line[port.write(line) :]


def run_apart(case: str, timeout_s: float) -> dict[str, Any]:
    """Run a case in a process of its own, and end whatever it leaves behind."""
    output = Path("/run/case.log")
    result = Path("/run/case.json")
    result.unlink(missing_ok=True)
    before = _Logs()
    process = os.fork()
    if process == 0:
        os.setsid()
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(descriptor, stream)
        _run_here(case, result)
        os._exit(0)
    ended = _wait(process, timeout_s)
    _end_all_in_session(process)
    if result.exists():
        answer: dict[str, Any] = json.loads(result.read_text())
    else:
        answer = {"error": "the case ended without a result" if ended else f"not done within {timeout_s:.0f} s"}
    return answer if "found" in answer else answer | {"log": before.since(output)}


def _run_here(case: str, result: Path) -> None:
    module, function, *arguments = case.split(":")
    try:
        found = getattr(importlib.import_module(f"bluez_vm.guest.{module}"), function)(*arguments)
        answer = {"found": asyncio.run(found) if asyncio.iscoroutine(found) else found}
    except BaseException:  # noqa: BLE001 - whatever a case ends with is its result
        answer = {"error": traceback.format_exc()}
    sys.stdout.flush()
    result.with_suffix(".new").write_text(json.dumps(answer))
    result.with_suffix(".new").rename(result)


def _wait(process: int, timeout_s: float) -> bool:
    give_up_at = time.monotonic() + timeout_s
    while time.monotonic() < give_up_at:
        if os.waitpid(process, os.WNOHANG) != (0, 0):
            return True
        time.sleep(0.05)
    return False


def _end_all_in_session(leader: int) -> None:
    """The case, and what it started: all of it is in the case's session."""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            session = int((entry / "stat").read_text().rpartition(")")[2].split()[3])
            if session == leader:
                os.kill(int(entry.name), signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


class _Logs:
    """How far the guest's logs are, and what came after."""

    def __init__(self) -> None:
        self._kernel, self._bluetoothd = len(_kernel_log()), len(_bluetoothd_log())

    def since(self, output: Path) -> str:
        """What was written since, with the case's own output first."""
        texts = {
            "case": output.read_text(errors="replace"),
            "kernel": _kernel_log()[self._kernel :],
            "bluetoothd": _bluetoothd_log()[self._bluetoothd :],
        }
        return "\n".join(f"-- {name}\n{text[-_TAIL:]}" for name, text in texts.items())


def _kernel_log() -> str:
    return subprocess.run(["dmesg"], capture_output=True, text=True, check=False).stdout


def _bluetoothd_log() -> str:
    return BLUETOOTHD_LOG.read_text(errors="replace") if BLUETOOTHD_LOG.exists() else ""


def cases_port() -> Path:
    """The virtual serial port that leads to the tests."""
    for entry in PORTS.iterdir():
        if (entry / "name").read_text().strip() == "cases":
            return Path("/dev") / entry.name
    raise FileNotFoundError("there is no port named cases")


if __name__ == "__main__":
    for name in LOADED:
        importlib.import_module(name)
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)  # processes that lose their parent come to us
    with cases_port().open("r+b", buffering=0) as port:
        serve(port)
