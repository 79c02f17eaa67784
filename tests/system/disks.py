"""Disks that fail as real ones do: file systems in files, for root on Linux only.

Knows how to make one, to break it (`fail`), and to mend it as a person does: taken out, repaired, put back, while
nobody has a file open there (`mend`). What a machine cannot do is left out by name.
"""

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

NEEDED = ("mkfs.ext4", "e2fsck", "mount", "umount", "losetup")


def run(*words: str | Path, codes: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run([str(word) for word in words], check=False, capture_output=True, text=True)
    assert done.returncode in codes, f"{words}: {done.stderr}"
    return done.stdout


@contextlib.contextmanager
def mounted(what: Path | str, where: Path, *options: str) -> Iterator[None]:
    """Skips the test where nobody may mount."""
    where.mkdir(exist_ok=True)
    if sys.platform != "linux" or os.geteuid() != 0 or not all(map(shutil.which, NEEDED)):
        pytest.skip(f"only root on Linux may mount a disk that fails, with {', '.join(NEEDED)}")
    if subprocess.run(["mount", *options, str(what), str(where)], check=False).returncode:
        pytest.skip("this machine lets nobody mount a file as a disk")
    try:
        yield
    finally:
        subprocess.run(["umount", str(where)], check=False, capture_output=True)


def image(path: Path, size: int, *options: str) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    run("mkfs.ext4", "-q", *options, path)
    return path


def repair(path: Path) -> None:
    run("e2fsck", "-y", path, codes=(0, 1))  # 1: something was repaired


class ReadOnlyDisk:
    """A file system with an error: the kernel lets nobody write there any more, as with an SD card at its end."""

    def __init__(self, folder: Path, where: Path) -> None:
        self._image = image(folder / "image", 16_000_000)
        self._where = where

    def mount(self) -> contextlib.AbstractContextManager[None]:
        return mounted(self._image, self._where, "-o", "loop,errors=remount-ro")

    def fail(self) -> None:
        trigger_error(self._where)

    def mend(self) -> None:
        run("umount", self._where)
        repair(self._image)
        run("mount", "-o", "loop,errors=remount-ro", self._image, self._where)


class DeadDisk:
    """A disk beneath the file system that answers every write with an I/O error: it lies on one that is read-only."""

    def __init__(self, folder: Path, where: Path) -> None:
        self._beneath_image = image(folder / "beneath.image", 40_000_000)
        self._beneath = folder / "beneath"
        self._where = where

    @contextlib.contextmanager
    def mount(self) -> Iterator[None]:
        with mounted(self._beneath_image, self._beneath, "-o", "loop,errors=remount-ro"):
            self._image = image(self._beneath / "image", 16_000_000, "-O", "^has_journal")
            with mounted(self._image, self._where, "-o", "loop,errors=continue"):
                yield

    def fail(self) -> None:
        run("sync", "-f", self._where)
        trigger_error(self._beneath)

    def mend(self) -> None:
        run("umount", self._where)
        run("umount", self._beneath)
        repair(self._beneath_image)
        run("mount", "-o", "loop,errors=remount-ro", self._beneath_image, self._beneath)
        repair(self._image)
        run("mount", "-o", "loop,errors=continue", self._image, self._where)


class ThinDisk:
    """A disk that promises more than there is beneath it: writes are taken, and the sync after them fails."""

    def __init__(self, folder: Path, where: Path) -> None:
        self._beneath = folder / "beneath"
        self._where = where

    @contextlib.contextmanager
    def mount(self) -> Iterator[None]:
        with mounted("tmpfs", self._beneath, "-t", "tmpfs", "-o", "size=4m"):
            self._image = image(self._beneath / "image", 8_000_000, "-O", "^has_journal")
            with mounted(self._image, self._where, "-o", "loop,errors=continue"):
                yield

    def fail(self) -> None:
        """Until `give_room`. Of the room above, only that is left beneath which there is none."""
        run("sync", "-f", self._where)
        with (self._beneath / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        unsynced = []
        with contextlib.suppress(OSError):
            for number in itertools.count():
                with (self._where / f"filler{number}").open("xb", buffering=0) as file:
                    file.write(bytes(4096))
                    try:
                        os.fsync(file.fileno())
                    except OSError:
                        unsynced.append(self._where / f"filler{number}")
        for filler in unsynced:
            filler.unlink()

    def give_room(self) -> None:
        (self._beneath / "filler").unlink()

    def mend(self) -> None:
        """What was not really on it is gone afterwards."""
        run("umount", self._where)
        run("mount", "-o", "loop,errors=continue", self._image, self._where)


def trigger_error(where: Path) -> None:
    """As if the kernel had found the file system damaged."""
    device = Path(run("findmnt", "-n", "-o", "SOURCE", where).strip())
    trigger = Path("/sys/fs/ext4") / device.name / "trigger_fs_error"
    if not trigger.exists():
        pytest.skip("this kernel has no way to have a file system fail")
    trigger.write_text("1")
