"""Ways from a host to a controller on a virtual radio that carry real bytes: TCP, a Unix socket, a serial port.

Knows H4 framing as Bumble has it. A wire can be cut, with everything that was on it, and laid again.
"""

import asyncio
import os
import tty
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from bumble.transport.common import ParserSource

from gattkeeper.world import VirtualRadio
from gattkeeper.world.bumble_corrections import CorrectedController

ADAPTER = "C0:00:00:00:00:02"


class Wire(Protocol):
    """One way to one controller."""

    greeting: bytes
    """What the controller says to every host that comes, before it is asked anything."""

    @property
    def name(self) -> str:
        """The transport's name for a host."""

    async def lay(self) -> None:
        """A host may come from now on; a fresh controller answers it."""

    async def cut(self) -> None:
        """Whoever is on it loses it, and nobody can come."""


class _Port(asyncio.Protocol, ParserSource):  # type: ignore[misc]  # Bumble is not typed strictly
    """The controller's end of one connection. A controller of its own: coming again is a power cycle."""

    def __init__(self, radio: VirtualRadio, greeting: bytes) -> None:
        super().__init__()
        self._controller = CorrectedController(ADAPTER, radio._air, public_address=ADAPTER)
        self._controller.host = self
        self._greeting = greeting
        self.set_packet_sink(self._controller)
        self.write: Callable[[bytes], object] = lambda _packet: None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.come(transport.write)

    def come(self, write: Callable[[bytes], object]) -> None:
        self.write = write
        if self._greeting:
            write(self._greeting)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.write = lambda _packet: None
        self._controller.leave()

    def on_packet(self, packet: bytes) -> None:
        """From the controller; the name is Bumble's."""
        self.write(packet)


class SocketWire:
    """A server on loopback: at a port, or at a path."""

    def __init__(self, radio: VirtualRadio, path: Path | None = None) -> None:
        self._radio = radio
        self._path = path
        self._number = 0
        self._ports: list[_Port] = []
        self._server: asyncio.Server | None = None
        self.greeting = b""

    @property
    def name(self) -> str:
        return f"unix:{self._path}" if self._path else f"tcp-client:127.0.0.1:{self._number}"

    async def lay(self) -> None:
        loop = asyncio.get_running_loop()
        if self._path:
            self._path.unlink(missing_ok=True)
            self._server = await loop.create_unix_server(self._port, self._path)
        else:
            self._server = await loop.create_server(self._port, "127.0.0.1", self._number, reuse_address=True)
            self._number = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for port in self._ports:
            port.transport.abort()
        self._ports.clear()
        await asyncio.sleep(0)

    def _port(self) -> _Port:
        self._ports.append(_Port(self._radio, self.greeting))
        return self._ports[-1]


class SerialWire:
    """A pair of terminals; the host's end has the same name each time it is laid."""

    def __init__(self, radio: VirtualRadio, path: Path) -> None:
        self._radio = radio
        self._path = path
        self._ends: tuple[int, int] | None = None
        self._port: _Port | None = None
        self.name = f"serial:{path},115200"
        self.greeting = b""

    async def lay(self) -> None:
        ours, theirs = os.openpty()
        tty.setraw(theirs)
        os.set_blocking(ours, False)
        self._path.unlink(missing_ok=True)
        self._path.symlink_to(os.ttyname(theirs))
        self._ends = (ours, theirs)
        self._port = port = _Port(self._radio, self.greeting)
        port.come(lambda packet: os.write(ours, packet))
        asyncio.get_running_loop().add_reader(ours, lambda: port.data_received(os.read(ours, 4096)))

    async def cut(self) -> None:
        if self._ends is not None and self._port is not None:
            asyncio.get_running_loop().remove_reader(self._ends[0])
            self._port.connection_lost(None)
            for end in self._ends:
                os.close(end)
            self._path.unlink()
            self._ends = None


@asynccontextmanager
async def laid(kind: str, radio: VirtualRadio, folder: Path) -> AsyncIterator[Wire]:
    """A wire of a kind: `tcp`, `unix` or `serial`."""
    wire: SocketWire | SerialWire
    if kind == "serial":
        wire = SerialWire(radio, folder / "port")
    else:
        wire = SocketWire(radio, folder / "socket" if kind == "unix" else None)
    await wire.lay()
    try:
        yield wire
    finally:
        await wire.cut()
