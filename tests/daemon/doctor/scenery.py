"""A machine for the doctor to look at: files below a folder, and little programs that print what real ones do.

Knows real file formats of /proc, /sys and main.conf. What must be found in them stands in the tests.
"""

from pathlib import Path

from gattkeeper.daemon.doctor.findings import Finding, Level
from gattkeeper.daemon.doctor.machine import Machine


class Scenery:
    """`machine` is what the doctor gets."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._programs = root / "programs"
        self._programs.mkdir()
        self.machine = Machine(root=root, programs=str(self._programs))

    def file(self, path: str, text: str) -> Path:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def link(self, path: str, target: str) -> None:
        """A symbolic link; a target that begins with a slash is below the root too."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if target.startswith("/"):
            (self.root / target[1:]).mkdir(parents=True, exist_ok=True)
            place.symlink_to(self.root / target[1:])
        else:
            place.symlink_to(target)

    def program(self, name: str, script: str) -> None:
        place = self._programs / name
        place.write_text(f"#!/bin/sh\n{script}\n")
        place.chmod(0o755)

    def says(self, name: str, text: str) -> None:
        """A program that prints this, whatever it is asked."""
        self.program(name, f"/bin/cat <<'END'\n{text}\nEND")


def levels(findings: list[Finding]) -> list[Level]:
    return [each.level for each in findings]


def told(findings: list[Finding]) -> str:
    return "\n".join(f"{each.what} | {each.cure}" for each in findings)
