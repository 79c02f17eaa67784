"""Notifications on their way to those who asked for them.

Knows readers and their bounded buffers. Subscribing at the device is a command like any other.
"""

import asyncio
from collections import deque
from typing import Protocol

from gattkeeper.model.fault import Fault
from gattkeeper.model.gatt import Characteristic, CharacteristicRef, matches

BUFFER_MAX = 1_000
"""Payloads a reader may lag behind. Then the oldest is dropped and counted: memory stays bounded."""


class Reader(Protocol):
    """Who gets what fits a target. All of it is called on the event loop, and must not block."""

    target: CharacteristicRef

    def push(self, payload: bytes) -> None:
        """One arrived."""

    def end(self, fault: Fault | None = None) -> None:
        """No more will come."""


class Notifications:
    """One reader's notifications: `async for payload in …`, in the order in which they arrived.

    Ends when the subscription ends; `dropped` counts payloads lost because the reader was too slow, and
    `fault` says why it ended when that was not the reader's own doing.
    """

    def __init__(self, target: CharacteristicRef, *, buffer_max: int = BUFFER_MAX) -> None:
        self.target = target
        self.dropped = 0
        self.fault: Fault | None = None
        self._buffer: deque[bytes] = deque(maxlen=buffer_max)
        self._news = asyncio.Event()
        self._ended = False

    def push(self, payload: bytes) -> None:
        """For the keeper: one arrived."""
        if len(self._buffer) == self._buffer.maxlen:
            self.dropped += 1
        self._buffer.append(payload)
        self._news.set()

    def end(self, fault: Fault | None = None) -> None:
        """For the keeper: no more will come."""
        self._ended = True
        self.fault = self.fault or fault
        self._news.set()

    def __aiter__(self) -> "Notifications":
        return self

    async def __anext__(self) -> bytes:
        while not self._buffer:
            if self._ended:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._buffer.popleft()


class NotificationHub:
    """Every reader of every device."""

    def __init__(self) -> None:
        self._readers: dict[str, list[Reader]] = {}

    def add(self, device: str, reader: Reader) -> None:
        """From now on the reader gets what fits its target."""
        self._readers.setdefault(device, []).append(reader)

    def remove(self, device: str, reader: Reader) -> bool:
        """No more for this reader. True when it was the last one of its target."""
        readers = self._readers.get(device, [])
        if reader in readers:
            readers.remove(reader)
        reader.end()
        return not any(other.target == reader.target for other in readers)

    def push(self, device: str, characteristic: Characteristic, payload: bytes) -> None:
        """One arrived: everyone who asked gets it."""
        for reader in tuple(self._readers.get(device, ())):  # what one does with it may end another
            if matches(reader.target, characteristic):
                reader.push(payload)

    def end(self, device: str, target: CharacteristicRef, fault: Fault) -> None:
        """The subscription is over without its readers' asking."""
        for reader in self._readers.get(device, ()):
            if reader.target == target:
                reader.end(fault)
