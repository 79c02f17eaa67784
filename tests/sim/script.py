"""Random commands: what clients of a simulation ask for.

Knows how commands are made, and how their payloads name them. A new kind of command has its place in `KINDS`.
"""

import random
from collections.abc import Callable
from collections.abc import Sequence as Row
from itertools import count

from msgspec.structs import replace

from gattkeeper.model.command import Command, Priority, ReadBack
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import (
    Connect,
    Disconnect,
    DiscoverServices,
    LongWrite,
    Pair,
    Phy,
    Read,
    ReadPhy,
    ReadRssi,
    RequestConnectionParameters,
    RequestMtu,
    Sequence,
    SetPhy,
    Subscribe,
    Unpair,
    Unsubscribe,
    Write,
    WriteMode,
    WriteThenWait,
    kind_of,
)
from sim.facts import UNDO
from sim.scene import CLOSED, COUNTER, LONG, PUSHED, WRITABLE

WORDS_MAX = 200
"""Words of a long write: each has a number in one byte."""

_PUSHED = characteristic_ref(PUSHED)
_OTHERS = (
    Subscribe(target=_PUSHED),
    Subscribe(target=_PUSHED),
    Unsubscribe(target=_PUSHED),
    Connect(),
    Disconnect(),
    DiscoverServices(),
    RequestMtu(),
    RequestMtu(att_mtu=103),
    ReadRssi(),
    ReadPhy(),
    SetPhy(tx=Phy.LE_2M),
    RequestConnectionParameters(interval_min_us=15_000, interval_max_us=30_000),
    Pair(),
    Unpair(),
)


class Script:
    """Makes the commands of one run; no two of them write the same."""

    def __init__(self, devices: Row[str]) -> None:
        self.devices = devices
        self._numbers = count(1)
        self._keys = count(1)

    def command(self, dice: random.Random, device: str = "") -> Command:
        """Any command, with any wishes; for this device, or for any."""
        (kind,) = dice.choices([kind for _, kind in KINDS], weights=[weight for weight, _ in KINDS])
        command = kind(self, dice, device or dice.choice(self.devices))
        return replace(
            command,
            priority=dice.choice(list(Priority)),
            deadline_us=dice.choice((300_000, 3_000_000, 15_000_000, 30_000_000)),
            queue_timeout_us=dice.choice((None, None, None, 500_000)),
            attempt_timeout_us=dice.choice((None, None, 200_000)),
            idempotent=dice.random() < 0.4,
            survive_reconnect=dice.random() < 0.5,
        )

    def together(self, dice: random.Random) -> list[Command]:
        """One write for each of some devices: members of a fan-out."""
        devices = dice.sample(self.devices, k=dice.randint(1, len(self.devices)))
        common = {
            "priority": dice.choice((Priority.INTERACTIVE, Priority.NORMAL)),
            "deadline_us": dice.choice((3_000_000, 15_000_000, 30_000_000)),
            "survive_reconnect": dice.random() < 0.5,
            "idempotent": dice.random() < 0.4,
        }
        return [replace(self.write(device), **common) for device in devices]

    def key(self) -> str:
        """An idempotency key that nobody has used."""
        return f"key-{next(self._keys)}"

    def write(self, device: str, uuid: str = WRITABLE, *, length: int = 4) -> Command:
        """A plain write, which a read of the same characteristic proves."""
        operation = _write(uuid, _word(next(self._numbers), 0).ljust(length, b"\0"))
        proof = ReadBack(target=operation.target, expected=operation.payload, proves_absence=True)
        return Command(device=device, operation=operation, read_back=proof)

    def read_back(self, dice: random.Random, device: str) -> Command:
        """A write that only counts when a read proves it."""
        return replace(self.write(device), require_read_back=dice.random() < 0.8)

    def long_write(self, dice: random.Random, device: str) -> Command:
        """Words enough for several chunks."""
        number = next(self._numbers)
        payload = b"".join(_word(number, part) for part in range(dice.randint(5, WORDS_MAX)))
        mode = dice.choice((WriteMode.WITH_RESPONSE, WriteMode.WITH_RESPONSE, WriteMode.WITHOUT_RESPONSE))
        operation = LongWrite(
            target=characteristic_ref(LONG), payload=payload, mode=mode, atomic=dice.random() < 0.3
        )
        return Command(device=device, operation=operation)

    def write_then_wait(self, dice: random.Random, device: str) -> Command:
        """A write whose answer is a notification with the same payload."""
        command = self.write(device)
        operation = WriteThenWait(
            write=command.operation,
            answer=_PUSHED,
            starts_with=command.operation.payload if dice.random() < 0.8 else b"",
            timeout_us=dice.choice((300_000, 1_500_000)),
        )
        return replace(command, operation=operation)

    def sequence(self, dice: random.Random, device: str) -> Command:
        """Reads and writes, perhaps with an undo."""
        number = next(self._numbers)
        steps = tuple(
            Read(target=characteristic_ref(COUNTER))
            if dice.random() < 0.4
            else _write(dice.choice((WRITABLE, WRITABLE, CLOSED)), _word(number, part))
            for part in range(dice.randint(1, 5))
        )
        undo = _write(WRITABLE, _word(number, UNDO)) if dice.random() < 0.6 else None
        lease_us = dice.choice((500_000, 10_000_000))
        return Command(device=device, operation=Sequence(steps=steps, undo=undo, lease_us=lease_us))


def _word(number: int, part: int) -> bytes:
    return number.to_bytes(3, "big") + bytes([part])


def _write(uuid: str, payload: bytes) -> Write:
    return Write(target=characteristic_ref(uuid), payload=payload)


def _plain(script: Script, dice: random.Random, device: str) -> Command:
    return script.write(device)


def _closed(script: Script, dice: random.Random, device: str) -> Command:
    return script.write(device, CLOSED)


def _unacknowledged(script: Script, dice: random.Random, device: str) -> Command:
    command = script.write(device)
    return replace(command, operation=replace(command.operation, mode=WriteMode.WITHOUT_RESPONSE))


def _coalescing(script: Script, dice: random.Random, device: str) -> Command:
    return replace(script.write(device), coalesce_key=dice.choice(("level", "tilt")))


def _read(script: Script, dice: random.Random, device: str) -> Command:
    return Command(device=device, operation=Read(target=characteristic_ref(COUNTER)))


def _other(script: Script, dice: random.Random, device: str) -> Command:
    return Command(device=device, operation=dice.choice(_OTHERS))


KINDS: tuple[tuple[int, Callable[[Script, random.Random, str], Command]], ...] = (
    (25, _plain),
    (5, _closed),
    (8, _unacknowledged),
    (12, _coalescing),
    (20, _read),
    (12, _other),
    (4, Script.read_back),
    (6, Script.long_write),
    (8, Script.sequence),
    (6, Script.write_then_wait),
)
"""What clients ask for, and how often. A kind is a function that makes one command for a device."""


def step_of(command: Command) -> str:
    """What is being done, for the report: a kind of operation, or the stop."""
    operation = command.operation
    if command.stop:
        return "stop"
    if isinstance(operation, Write) and operation.mode is WriteMode.WITHOUT_RESPONSE:
        return "write without response"
    return kind_of(operation).replace("_", " ")
