"""A guest with Debian's kernel and bluetoothd: started, asked to run cases, and ended.

Knows QEMU's command line, and lines of JSON over a virtual serial port. What a case does stands in
`guest`. Nothing that the guest writes is kept, and it has no network.
"""

import compileall
import contextlib
import json
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bluez_vm.build import first_files, kernel_image

HOME = Path(__file__).resolve().parents[2]
QEMU = "qemu-system-x86_64"
BLUETOOTHD = Path("/usr/libexec/bluetooth/bluetoothd")

BOOT_S = 180.0
"""How long booting may take, in seconds: 8 on a quiet machine, without hardware acceleration; a busy one needs 60."""

ANSWER_GRACE_S = 30.0
"""How much longer than a case itself its answer may take: the guest ends the case and collects its logs."""

_MEMORY_MB = "1024"
_KERNEL_WORDS = (
    *("console=ttyS0", "quiet", "loglevel=3", "panic=-1", "mitigations=off", "nokaslr", "tsc=reliable"),
    *("no_timer_check", "random.trust_cpu=on", "cryptomgr.notests", "audit=0", "selinux=0", "apparmor=0"),
    *("nowatchdog", "rcupdate.rcu_expedited=1", "raid=noautodetect"),
)
_CONSOLE_TAIL = 4000
_KERNEL_BROKE = ("kernel BUG at", "Kernel panic", "BUG: unable to handle", "BUG: kernel NULL pointer")
"""What a kernel writes on its console in its last moments, even where it is told to be quiet."""


class GuestTooSlowError(Exception):
    """It was not up in time: this machine is too slow for it."""


class GuestGoneError(Exception):
    """It ended, or answered no more, in the middle of a case; the message ends with its console.

    `kernel_broke`: its kernel says that it ended it, or may have: a BUG or a panic. Without that it may have been slow.
    """

    def __init__(self, message: str, *, kernel_broke: bool) -> None:
        super().__init__(message)
        self.kernel_broke = kernel_broke


def missing() -> str:
    """What this machine lacks for a guest; empty when nothing."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return f"the guest is a Linux on x86_64, this is {sys.platform} on {platform.machine()}"
    if shutil.which(QEMU) is None:
        return f"{QEMU} is missing (Debian: qemu-system-x86)"
    if not BLUETOOTHD.exists():
        return f"{BLUETOOTHD} is missing (Debian: bluez)"
    if shutil.which("dbus-daemon") is None:
        return "dbus-daemon is missing (Debian: dbus)"
    if not (kernel_image().exists() and first_files().exists()):
        return "the guest's kernel is not unpacked (make guest)"
    return ""


class Machine:
    """One running guest. Cases run one after the other."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: socket.socket, console: Path) -> None:
        self._process = process
        self._port = port
        self._console = console
        self._unread = b""
        self.boot_s = 0.0

    def run(self, case: str, *, timeout_s: float) -> dict[str, Any]:
        """Run a case, "module:function" of `guest`, and give what it found. Fails the test when it failed.

        What follows after more colons are its arguments, as strings.

        Raises GuestGoneError.
        """
        request = {"case": case, "timeout_s": timeout_s}
        try:
            self._port.sendall(json.dumps(request).encode() + b"\n")
            answer = self.read_line(timeout_s + ANSWER_GRACE_S)
        except (TimeoutError, OSError) as error:
            raise self.gone(f"{case}: {error or 'no answer'}") from error
        assert "found" in answer, f"{case}: {answer['error']}\n\n{answer['log']}"
        found: dict[str, Any] = answer["found"]
        return found

    def read_line(self, timeout_s: float) -> dict[str, Any]:
        """The next line from the guest. Raises TimeoutError, or OSError when it has ended."""
        give_up_at = time.monotonic() + timeout_s
        while b"\n" not in self._unread:
            left = give_up_at - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"nothing from the guest within {timeout_s:.0f} s")
            self._port.settimeout(left)
            chunk = self._port.recv(65536)
            if not chunk:
                raise OSError("the guest ended")
            self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        value: dict[str, Any] = json.loads(line)
        return value

    def gone(self, what: str) -> GuestGoneError:
        """What happened to it, with what its console says about that."""
        broke = any(sign in self._written() for sign in _KERNEL_BROKE)
        return GuestGoneError(f"{what}\n{self.console_tail()}", kernel_broke=broke)

    def console_tail(self) -> str:
        """The last of what the guest's kernel and its first programs wrote."""
        return "console: " + (self._written()[-_CONSOLE_TAIL:] or "nothing")

    def _written(self) -> str:
        try:
            return self._console.read_text(errors="replace")
        except OSError:
            return ""

    def end(self) -> None:
        """Switch it off at once."""
        self._process.kill()
        self._process.wait()
        self._port.close()


@contextlib.contextmanager
def running_machine() -> Iterator[Machine]:
    """A guest that is up; nothing of it is left afterwards. Raises GuestTooSlowError, GuestGoneError."""
    for folder in (HOME / "src", HOME / "tests" / "bluez_vm"):
        compileall.compile_dir(folder, quiet=2)  # the guest is twenty times slower at it, and cannot keep it
    with tempfile.TemporaryDirectory(prefix="gattkeeper-guest-") as scratch:
        console = Path(scratch) / "console.log"
        ours, theirs = socket.socketpair()
        started_at = time.monotonic()
        with theirs:
            process = subprocess.Popen(
                _command(console, theirs.fileno()), stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),)
            )
        machine = Machine(process, ours, console)
        try:
            _wait_until_up(machine)
            machine.boot_s = time.monotonic() - started_at
            yield machine
        finally:
            machine.end()


def _wait_until_up(machine: Machine) -> None:
    try:
        machine.read_line(BOOT_S)
    except TimeoutError as error:
        raise GuestTooSlowError(f"the guest was not up within {BOOT_S:.0f} s\n{machine.console_tail()}") from error
    except OSError as error:
        raise machine.gone("the guest did not come up") from error


def _command(console: Path, port: int) -> list[str]:
    told = {"GUEST_HOME": HOME, "GUEST_PYTHON": sys.executable}
    words = [*_KERNEL_WORDS, *(f'"{name}={value}"' for name, value in told.items())]
    return [
        *(QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-M", "q35,usb=off,vmport=off,smbus=off", "-smp", "2", "-m", _MEMORY_MB),
        *("-accel", "tcg,thread=multi,tb-size=512", "-cpu", "qemu64,+rdrand,+ssse3,+sse4.1,+sse4.2,+popcnt"),
        *("-kernel", str(kernel_image()), "-initrd", str(first_files()), "-append", " ".join(words)),
        *("-chardev", f"file,id=console,path={console}", "-serial", "chardev:console"),
        *("-virtfs", "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap"),
        *("-device", "virtio-serial-pci", "-chardev", f"socket,id=cases,fd={port}"),
        *("-device", "virtserialport,chardev=cases,name=cases"),
    ]
