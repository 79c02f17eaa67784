"""Programs under `gattkeeper run`, and Pythons that they may be run by.

Knows how to start them. Where a daemon would answer, a socket listens: the launcher only looks whether one does.
"""

import os
import socket
import subprocess
import sys
from pathlib import Path

import bleak
import msgspec

SOURCE = Path(__file__).parents[2] / "src"

PROGRAM = """
import sys
import gattkeeper.bleak as drop_in

class Client:
    def __init__(self, *args, **more):
        self.address = args[0]

class Scanner:
    def __init__(self, *args, **more):
        pass

drop_in.Client, drop_in.Scanner = Client, Scanner

from bleak import BleakClient, BleakScanner
client, scanner = BleakClient("F0:00:00:00:00:01"), BleakScanner()
assert isinstance(client._backend, Client), client._backend
assert isinstance(scanner._backend, Scanner), scanner._backend
print("served", client.backend_id, scanner.backend_id, *sys.argv[1:])
"""
"""What an unmodified program does, after the classes that the seam puts in were replaced by some that tell."""


class Runs:
    """`gattkeeper run` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "k.sock"
        self.env = {**os.environ, "PYTHONPATH": str(SOURCE)}
        self.program = folder / "blind.py"
        self.program.write_text(PROGRAM)

    def listen(self) -> socket.socket:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(os.path.relpath(self.socket))  # a socket's path may have 107 bytes
        listening.listen()
        return listening

    def run(
        self, *command: str, options: tuple[str, ...] = (), **more: object
    ) -> "subprocess.CompletedProcess[str]":
        words = [sys.executable, "-m", "gattkeeper", "run", "--socket", str(self.socket), *options, "--", *command]
        return subprocess.run(words, env=self.env, capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload,no-any-return]

    def served(self, *command: str) -> str:
        """What the program says that is served."""
        done = self.run(*command)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout


def other_python(folder: Path, *packages: str) -> str:
    """A virtual environment without gattkeeper, with these of our packages."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    ours = Path(bleak.__file__).parents[1]
    for package in packages:
        for found in (ours / package, ours / f"{package}.py", *ours.glob(f"{package}-*.dist-info")):
            if found.exists():
                (site / found.name).symlink_to(found)
    assert Path(msgspec.__file__).parents[1] == ours
    return str(folder / "bin" / "python")


def fake_bleak(folder: Path, version: str, text: str = "") -> None:
    """A package that says it is Bleak of some version, in a folder that is to be on the path."""
    (folder / "bleak" / "backends").mkdir(parents=True)
    (folder / "bleak" / "__init__.py").write_text("print('bleak runs')\nimport bleak.backends.client\n")
    (folder / "bleak" / "backends" / "__init__.py").write_text("")
    (folder / "bleak" / "backends" / "client.py").write_text(text)
    info = folder / f"bleak-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: bleak\nVersion: {version}\n")
