"""Verifies a gattkeeper journal with nothing but Python's standard library: python3 verify.py JOURNAL ...

A second, independent reading of the journal's form, for people who would rather not run the program that wrote it:
it imports nothing of gattkeeper's, and may be copied to another machine. Checked are the files of a journal
(journal.db, journal-000002.db, ...; the first one finds the others), or a JSONL export, and signed checkpoints.

  --checkpoints FILE   lines of signed checkpoints; may come more than once; - is stdin
  --key KEY            the public key that `gattkeeper audit key` printed, 64 hex digits

Exit code 0: everything is as it was written. 1: not; the first bad row is named. 2: it cannot be read.

An export has two kinds of lines, JSON objects: {"segment": {number, first_seq, install_id, made_utc_us,
previous_hash, carried_hash}} at the beginning of each file of the journal, and then its rows: {seq, kind,
command_id, device, idempotency_key, utc_us, mono_us, boot_id, clock_synced, body, hash}. Hashes are hex digits,
`body` is the stored text as one string. What a file carries over from the one before is not in an export, and not
checked there. In a database only rows are checked, and what SQLite itself can say of the file: what its tables and
triggers are made of is for `gattkeeper audit verify`.
"""

import argparse
import contextlib
import hashlib
import json
import re
import sqlite3
import struct
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

COLUMNS = "seq, kind, command_id, device, idempotency_key, utc_us, mono_us, boot_id, clock_synced, body, hash"
SEGMENT = "number, first_seq, install_id, made_utc_us, previous_hash, carried_hash"
SIGNED = "install_id, segment, seq, hash, utc_us, mono_us, boot_id, clock_synced, key, next_key"
ZERO = bytes(32)


class FlawError(Exception):
    """The first thing that is not as it was written."""


# -- bytes


def packed(value: Any) -> bytes:
    """MessagePack in its shortest form (https://github.com/msgpack/msgpack/blob/master/spec.md)."""
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        return _packed_int(value)
    if isinstance(value, str):
        raw = value.encode()
        return (bytes([0xA0 | len(raw)]) if len(raw) < 32 else _sized(len(raw), 0xD9)) + raw
    if isinstance(value, bytes):
        return _sized(len(value), 0xC4) + value
    if not isinstance(value, tuple):
        raise FlawError(f"{value!r} is no value that was ever written")
    head = bytes([0x90 | len(value)]) if len(value) < 16 else b"\xdc" + struct.pack(">H", len(value))
    return head + b"".join(map(packed, value))


def _sized(length: int, code: int) -> bytes:
    for step, (form, limit) in enumerate((("B", 1 << 8), ("H", 1 << 16), ("I", 1 << 32))):
        if length < limit:
            return struct.pack(">B" + form, code + step, length)
    raise FlawError("a value is longer than any that was written")


def _packed_int(value: int) -> bytes:
    if -32 <= value < 128:
        return struct.pack(">b", value)
    for step, form in enumerate("BHIQ" if value > 0 else "bhiq"):
        with contextlib.suppress(struct.error):
            return struct.pack(">B" + form, (0xCC if value > 0 else 0xD0) + step, value)
    raise FlawError("a number is larger than any that was written")


def linked(previous: bytes, row: Iterable[Any]) -> bytes:
    """The hash of a row that follows the one with the hash `previous`."""
    return hashlib.sha256(previous + packed(tuple(row))).digest()


# -- Ed25519, RFC 8032, section 6: checking only

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT = pow(2, (P - 1) // 4, P)
Point = tuple[int, int, int, int]


def _added(a: Point, b: Point) -> Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(factor: int, point: Point) -> Point:
    total: Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            total = _added(total, point)
        point = _added(point, point)
        factor >>= 1
    return total


def _point(raw: bytes) -> Point | None:
    number = int.from_bytes(raw, "little")
    y, sign = number & ((1 << 255) - 1), number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if y >= P or (x * x - square) % P or (not x and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = _point((4 * pow(5, -1, P) % P).to_bytes(32, "little")) or (0, 0, 0, 0)


def is_signature(signature: bytes, content: bytes, public: bytes) -> bool:
    """Whether `signature` is one of `content` under the key `public`."""
    if len(signature) != 64 or len(public) != 32:
        return False
    key, nonce = _point(public), _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if key is None or nonce is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + content).digest(), "little") % L
    left, right = _times(s, BASE), _added(nonce, _times(h, key))
    return not (left[0] * right[2] - right[0] * left[2]) % P and not (left[1] * right[2] - right[1] * left[2]) % P


# -- rows


class Chain:
    """How far the rows go, over all files."""

    def __init__(self, wanted: set[int]) -> None:
        self._wanted = wanted
        self._kept_deletions: list[dict[str, Any]] = []
        self.first: dict[str, Any] | None = None
        self.seq = 0
        self.hash = ZERO
        self.hashes: dict[int, bytes] = {}  # of the rows that are wanted
        self.install_id = ""

    def begin(self, segment: dict[str, Any]) -> None:
        """A file of the journal begins."""
        before = (self.install_id, self.seq + 1, self.hash)
        if self.first is None:
            self.first, self.install_id = segment, segment["install_id"]
        elif before != (segment["install_id"], segment["first_seq"], segment["previous_hash"]):
            raise FlawError(
                f"row {segment['first_seq']}: its file does not go on from row {self.seq} of the one before"
            )
        fields = [segment[name] for name in SEGMENT.split(", ")]
        self.hash = hashlib.sha256(packed(("gattkeeper journal 3", *fields))).digest()
        self.seq = segment["first_seq"] - 1

    def add(self, row: tuple[Any, ...]) -> None:
        """The next row, with its hash at the end."""
        if self.first is None:
            raise FlawError("the rows have no beginning")
        self.seq += 1
        if row[0] != self.seq:
            raise FlawError(f"row {self.seq} is missing: row {row[0]!r} stands in its place")
        self.hash = linked(self.hash, row[:-1])
        if self.hash != row[-1]:
            raise FlawError(f"row {self.seq} is not as it was written, or a row before it was exchanged")
        if self.seq in self._wanted:
            self.hashes[self.seq] = self.hash
        if row[1] == "segment_deleted":
            self._kept_deletions.append(json.loads(row[9]))

    def end(self) -> None:
        """All files are read: those before the first must have been deleted by a row that is there."""
        first = self.first
        if first is None or first["number"] == 1:
            if first is not None and first["previous_hash"] != ZERO:
                raise FlawError("the first file goes on from another one")
            return
        for row in self._kept_deletions:
            said = (row["number"] + 1, row["last_seq"] + 1, row["last_hash"])
            if said == (first["number"], first["first_seq"], first["previous_hash"].hex()):
                return
        raise FlawError(f"rows up to {first['first_seq'] - 1} are missing, and no row says that they were deleted")


def files_of(journal: Path) -> list[Path]:
    """The journal and what goes on from it; a later file stands for itself and what follows."""
    later = re.compile(re.escape(journal.stem) + r"-([0-9]{6,})" + re.escape(journal.suffix))
    found = ((later.fullmatch(path.name), path) for path in journal.parent.iterdir())
    following = sorted((int(match[1]), path) for match, path in found if match)
    return ([journal] if journal.exists() else []) + [path for _, path in following]


def read_database(path: Path, chain: Chain) -> None:
    """Every row of one file."""
    sealed = "" if path.with_name(path.name + "-wal").exists() else "&immutable=1"
    uri = path.absolute().as_uri() + "?mode=ro" + sealed
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
        found = connection.execute(f"SELECT {SEGMENT} FROM segment").fetchone()  # noqa: S608 - ours
        if found is None:
            raise FlawError(f"{path}: its beginning is gone")
        segment: dict[str, Any] = dict(zip(SEGMENT.split(", "), found, strict=True))
        last = ZERO
        for row in connection.execute(f"SELECT {COLUMNS} FROM carried ORDER BY seq"):  # noqa: S608 - ours
            last = linked(last, row)
        keys = "SELECT idempotency_key, command_id, utc_us FROM carried_key ORDER BY idempotency_key"
        for row in connection.execute(keys):
            last = linked(last, row)
        if last != segment["carried_hash"]:
            raise FlawError(f"{path}: what it carries over from the file before is not as it was written")
        chain.begin(segment)
        for row in connection.execute(f"SELECT {COLUMNS} FROM journal ORDER BY seq"):  # noqa: S608 - ours
            chain.add(row)
        (sound,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if sound != "ok":
            raise FlawError(f"{path} is damaged: {sound}")


def read_export(path: Path, chain: Chain) -> None:
    """Every line of an export."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                found = json.loads(line)
                if "segment" in found:
                    segment = found["segment"]
                    for name in ("previous_hash", "carried_hash"):
                        segment[name] = bytes.fromhex(segment[name])
                    chain.begin(segment)
                else:
                    found |= {"body": found["body"].encode(), "hash": bytes.fromhex(found["hash"])}
                    chain.add(tuple(found[name] for name in COLUMNS.split(", ")))
            except (ValueError, KeyError, TypeError, AttributeError) as fault:
                raise FlawError(f"line {number} of {path} is damaged, after row {chain.seq}: {fault!r}") from fault


# -- checkpoints


def checkpoint_in(line: bytes) -> dict[str, Any]:
    """The checkpoint in a line, behind what a system's log puts before it. Raises ValueError for what is none."""
    checkpoint: dict[str, Any] = json.loads(line[line.index(b"{") :])
    if set(checkpoint) != {"checkpoint", "signature", *SIGNED.split(", ")} or checkpoint["checkpoint"] != 1:
        raise ValueError("its fields are not those of form 1")
    return checkpoint


def checkpoints_in(lines: Iterable[bytes]) -> list[dict[str, Any]]:
    """The checkpoints in the lines, by row, each with a signature that is right."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for number, line in enumerate(lines, start=1):
        if b"{" not in line:
            continue
        try:
            checkpoint = checkpoint_in(line)
            fields = tuple(checkpoint[name] for name in SIGNED.split(", "))
            signature, key = bytes.fromhex(checkpoint["signature"]), bytes.fromhex(checkpoint["key"])
            right = is_signature(signature, packed(("gattkeeper checkpoint 1", *fields)), key)
            found[fields] = checkpoint
        except (ValueError, TypeError) as fault:
            raise FlawError(f"line {number} of the checkpoints is damaged: {fault!r}") from fault
        if not right:
            raise FlawError(f"the checkpoint of row {checkpoint['seq']} has a wrong signature")
    return sorted(found.values(), key=lambda checkpoint: checkpoint["seq"])


def check_keys(checkpoints: list[dict[str, Any]], first: str) -> None:
    """Each key is vouched for by the one before, and not used after the next."""
    next_of: dict[str, str] = {}
    for checkpoint in checkpoints:
        if checkpoint["key"] in next_of:
            raise FlawError(
                f"the checkpoint of row {checkpoint['seq']} is signed with a key that was replaced before"
            )
        if checkpoint["next_key"]:
            next_of[checkpoint["key"]] = checkpoint["next_key"]
    vouched, key = {first}, first
    while next_of.get(key, key) not in vouched:
        key = next_of[key]
        vouched.add(key)
    for checkpoint in checkpoints:
        if checkpoint["key"] not in vouched:
            raise FlawError(
                f"the checkpoint of row {checkpoint['seq']} is signed with a key for which {first} does not vouch"
            )


def compare(checkpoints: list[dict[str, Any]], chain: Chain) -> int:
    """The rows are those that were signed; gives the newest one that is signed for, or 0."""
    begin = chain.first["first_seq"] if chain.first else 1
    agreed = begin - 1
    for checkpoint in checkpoints:
        seq = checkpoint["seq"]
        if seq < begin:
            continue
        if seq > chain.seq:
            newest = checkpoints[-1]["seq"]
            raise FlawError(
                f"rows {chain.seq + 1} to {newest} are missing: a checkpoint shows that they were written"
            )
        if (checkpoint["install_id"], checkpoint["hash"]) != (chain.install_id, chain.hashes[seq].hex()):
            raise FlawError(
                f"some row from {agreed + 1} to {seq} is not the one that was signed, or of another keeper"
            )
        agreed = seq
    return agreed if agreed >= begin else 0


# -- the program


def lines_of(names: list[str], journals: list[Path]) -> Iterator[bytes]:
    """Those that were named, and those beside the journals."""
    for beside in (journal.with_name(journal.name + ".checkpoints") for journal in journals):
        if beside.exists():
            yield from beside.read_bytes().splitlines()
    for name in names:
        yield from (sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()).splitlines()


def is_database(path: Path) -> bool:
    """Whether it is a file of a journal; else it is an export."""
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def verify(paths: list[Path], named: list[str], key: str) -> str:
    """Check everything; what to say about it. Raises FlawError, OSError or sqlite3.Error."""
    checkpoints = checkpoints_in(lines_of(named, paths))
    if key and not checkpoints:
        raise FlawError("there are no checkpoints, although there is a key")
    if checkpoints:
        check_keys(checkpoints, key or checkpoints[0]["key"])
    chain = Chain({checkpoint["seq"] for checkpoint in checkpoints})
    for path in paths:
        if path.exists() and not is_database(path):
            read_export(path, chain)
            continue
        for file in files_of(path) if len(paths) == 1 else [path]:
            read_database(file, chain)
    if chain.first is None:
        raise FileNotFoundError(f"there is no journal {paths[0]}")
    chain.end()
    signed = compare(checkpoints, chain)
    rows = f"every row from {chain.first['first_seq']} to {chain.seq} is as it was written"
    vouched = "the key that was given" if key else "nobody's word: give --key"
    return f"{rows}\n{len(checkpoints)} checkpoints agree, up to row {signed}, on {vouched}"


def main() -> NoReturn:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, nargs="+")
    parser.add_argument("--checkpoints", action="append", default=[], metavar="FILE")
    parser.add_argument("--key", default="")
    args = parser.parse_args()
    try:
        sys.stdout.write(verify(args.path, args.checkpoints, args.key.strip().lower()) + "\n")
    except (FlawError, sqlite3.DatabaseError) as fault:
        sys.exit(f"NOT as it was written: {fault}")
    except OSError as fault:
        sys.stderr.write(f"cannot be read: {fault}\n")
        sys.exit(2)
    sys.exit(0)


if __name__ == "__main__":
    main()
