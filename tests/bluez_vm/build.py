"""Makes what the guest boots from: Debian's kernel, unpacked, and a first file system with a few modules.

Knows Debian's packages and two file formats. The kernel is not installed on this machine. Run as
`python -m bluez_vm.build`; it keeps what it made, and says in one line why it could not.
"""

import io
import lzma
import os
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

MODULES = (
    *("virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay"),  # to reach the host's files and the tests
    *("hci_vhci", "cmac", "ecb", "algif_hash", "algif_skcipher"),  # Bluetooth, and the ciphers of its pairing
    *("sha256_generic", "sha512_generic", "hmac", "jitterentropy_rng", "drbg"),  # the dice of its key agreement
)
INIT = Path(__file__).parent / "guest" / "init"
BUSYBOX = Path("/bin/busybox")
_MAGIC_AT, _SETUP_SECTORS_AT, _PAYLOAD_AT = 0x202, 0x1F1, 0x248
"""Offsets in a bzImage (the kernel's Documentation/arch/x86/boot.rst)."""


class BuildError(Exception):
    """It cannot be made here; the message says why."""


def cache() -> Path:
    """Where it is kept: outside of the tree, which `make clean` may empty."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "gattkeeper" / "bluez_vm"


def kernel_image() -> Path:
    return cache() / "vmlinux"


def first_files() -> Path:
    return cache() / "initramfs.cpio"


def build() -> None:
    """Make what is missing. Raises BuildError."""
    folder = cache()
    newest = max(Path(__file__).stat().st_mtime, INIT.stat().st_mtime)
    if kernel_image().exists() and first_files().exists() and first_files().stat().st_mtime > newest:
        return
    if not BUSYBOX.exists():
        raise BuildError("busybox is missing (Debian: busybox-static)")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        root = _unpacked_kernel(Path(scratch))
        version = next((root / "lib" / "modules").iterdir()).name
        _run("depmod", "-b", str(root), version)
        image = _vmlinux((root / "boot" / f"vmlinuz-{version}").read_bytes())
        modules = list(_modules(root, version))
        _put(first_files(), _cpio(modules))
        _put(kernel_image(), image)


def _put(path: Path, content: bytes) -> None:
    """Whole or not at all: somebody may be booting from it."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)


def _run(*words: str, cwd: Path | None = None) -> str:
    program = shutil.which(words[0], path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if program is None:
        raise BuildError(f"{words[0]} is missing")
    done = subprocess.run([program, *words[1:]], capture_output=True, text=True, check=False, cwd=cwd, timeout=600)
    if done.returncode != 0:
        raise BuildError(f"{' '.join(words)} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _unpacked_kernel(scratch: Path) -> Path:
    """Debian's kernel package, the one that its name without a version stands for."""
    depends = _run("apt-cache", "depends", "linux-image-amd64")
    names = [line.split()[-1] for line in depends.splitlines() if "Depends: linux-image-" in line]
    if not names:
        raise BuildError("apt knows no package linux-image-amd64 (sudo apt-get update)")
    _run("apt-get", "download", "-qq", names[0], cwd=scratch)
    (package,) = scratch.glob("*.deb")
    root = scratch / "root"
    _run("dpkg-deb", "-x", str(package), str(root))
    return root


def _vmlinux(image: bytes) -> bytes:
    """The kernel itself out of a bzImage: an emulated processor would be long unpacking it at each boot."""
    if image[_MAGIC_AT : _MAGIC_AT + 4] != b"HdrS":
        raise BuildError("the kernel package holds no bzImage")
    start = ((image[_SETUP_SECTORS_AT] or 4) + 1) * 512
    offset, length = struct.unpack_from("<II", image, _PAYLOAD_AT)
    packed = image[start + offset : start + offset + length]
    if packed.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMADecompressor().decompress(packed)
    if packed.startswith(b"\x1f\x8b"):
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(packed)
    raise BuildError(f"the kernel is packed in a way that is not known here ({packed[:4].hex()})")


def _modules(root: Path, version: str) -> Iterator[Path]:
    """Module files in the order in which they load; what is built in has none."""
    seen = set[Path]()
    for name in MODULES:
        for line in _run("modprobe", "-d", str(root), "-S", version, "--show-depends", name).splitlines():
            action, _, rest = line.partition(" ")
            path = Path(rest.split()[0]) if action == "insmod" else None
            if path is not None and path not in seen:
                seen.add(path)
                yield path


def _cpio(modules: list[Path]) -> bytes:
    """The first file system: busybox, /init, and the modules with their order."""
    out = io.BytesIO()
    for number, folder in enumerate(("bin", "dev", "proc", "sys", "modules", "lower", "upper", "new")):
        _entry(out, number, folder, stat.S_IFDIR | 0o755, b"")
    files = {"init": INIT.read_bytes(), "bin/busybox": BUSYBOX.read_bytes()}
    files |= {f"modules/{each.name}": each.read_bytes() for each in modules}
    files["modules/order"] = "".join(f"{each.name}\n" for each in modules).encode()
    for number, (name, content) in enumerate(files.items(), start=100):
        _entry(out, number, name, stat.S_IFREG | 0o755, content)
    _entry(out, 0, "TRAILER!!!", 0, b"")
    return out.getvalue()


def _entry(out: io.BytesIO, number: int, name: str, mode: int, content: bytes) -> None:
    """One entry of the newc format (the kernel's Documentation/driver-api/early-userspace/buffer-format.rst)."""
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    out.write(b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0")
    out.write(bytes(-out.tell() % 4) + content)
    out.write(bytes(-out.tell() % 4))


if __name__ == "__main__":
    try:
        build()
    except BuildError as error:
        sys.stdout.write(f"tests against a real BlueZ will be left out: {error}\n")
