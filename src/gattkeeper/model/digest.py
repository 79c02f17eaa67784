"""Payloads on record by length and SHA-256, without their bytes.

Knows where a command or an outcome holds bytes of a device. Whose bytes are kept all the same is for the settings.
"""

import hashlib
from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from gattkeeper.model.command import Command
from gattkeeper.model.operation import (
    Composite,
    LongWrite,
    Operation,
    Sequence,
    Step,
    Write,
    WriteDescriptor,
    WriteThenWait,
)
from gattkeeper.model.outcome import Outcome


class Digest(Struct, frozen=True, kw_only=True):
    """What is said of bytes that are not repeated. Few bytes can be guessed from it, by trying them all.

    `at` is where they belong. Of a command: `payload`; `starts_with` of an answer that is waited for; `steps.1`
    and so on, and `undo`, of a sequence; `expected` of a read-back. Of an outcome: `value`; `values.1` and so on.
    """

    at: str
    length: int  # bytes
    sha256: str  # hex digits


def digests_of(command: Command) -> tuple[Digest, ...]:
    """Of every payload in the command."""
    read_back = command.read_back
    expected = (("expected", read_back.expected),) if read_back is not None else ()
    return _digests((*_payloads(command.operation), *expected))


def without_payloads(command: Command) -> Command:
    """The command with nothing where its payloads were."""
    read_back = command.read_back
    return replace(
        command,
        operation=_emptied(command.operation),
        read_back=replace(read_back, expected=b"") if read_back is not None else None,
    )


def digests_in(outcome: Outcome) -> tuple[Digest, ...]:
    """Of every value that the outcome brought as bytes."""
    value = (("value", outcome.value),) if isinstance(outcome.value, bytes) else ()
    values = ((f"values.{number}", one) for number, one in enumerate(outcome.values, start=1) if one is not None)
    return _digests((*value, *values))


def without_values(outcome: Outcome) -> Outcome:
    """The outcome without the values that are bytes; numbers and tables stay."""
    value = None if isinstance(outcome.value, bytes) else outcome.value
    return replace(outcome, value=value, values=(None,) * len(outcome.values))


def same_request(one: Command, other: Command, digests: tuple[Digest, ...] | None = None) -> bool:
    """Whether two commands ask for the same thing: what an idempotency key promises.

    `digests` are of the payloads of `one`, where only they are left. Two that carry tokens never have the same
    payload: what was asked for is in their labels. Not every way in gives a label, so none is no other one.
    """
    if (one.device, one.priority, one.stop) != (other.device, other.priority, other.stop):
        return False
    if one.token and other.token:
        return one.label == other.label
    if one.label != other.label and one.label and other.label:
        return False
    if without_payloads(one).operation != without_payloads(other).operation:
        return False
    return _asked(digests_of(one) if digests is None else digests) == _asked(digests_of(other))


def _asked(digests: Iterable[Digest]) -> list[Digest]:
    """Of what is sent: how it is proved makes no other request."""
    return [digest for digest in digests if digest.at != "expected"]


def _digests(named: Iterable[tuple[str, bytes]]) -> tuple[Digest, ...]:
    return tuple(
        Digest(at=at, length=len(raw), sha256=hashlib.sha256(raw).hexdigest()) for at, raw in named if raw
    )


def _payloads(operation: Operation | Composite) -> Iterator[tuple[str, bytes]]:
    match operation:
        case Write() | WriteDescriptor() | LongWrite():
            yield "payload", operation.payload
        case WriteThenWait():
            yield "payload", operation.write.payload
            yield "starts_with", operation.starts_with
        case Sequence():
            for number, step in enumerate(operation.steps, start=1):
                for _, payload in _payloads(step):
                    yield f"steps.{number}", payload
            if operation.undo is not None:
                yield "undo", operation.undo.payload
        case _:
            pass


def _emptied(operation: Operation | Composite) -> Operation | Composite:
    match operation:
        case LongWrite():
            return replace(operation, payload=b"")
        case WriteThenWait():
            return replace(operation, write=replace(operation.write, payload=b""), starts_with=b"")
        case Sequence():
            undo = replace(operation.undo, payload=b"") if operation.undo is not None else None
            return replace(operation, steps=tuple(map(_emptied_step, operation.steps)), undo=undo)
        case Write() | WriteDescriptor():
            return _emptied_step(operation)
        case _:
            return operation


def _emptied_step(step: Step) -> Step:
    return replace(step, payload=b"") if isinstance(step, Write | WriteDescriptor) else step
