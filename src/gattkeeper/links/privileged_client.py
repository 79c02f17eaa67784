"""Asks the privileged program, where it runs. One connection for each request."""

import asyncio
from pathlib import Path

from gattkeeper.errors import LinkError
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.privileged.wire import LINE_MAX, SOCKET, RefusedError, Request, decode_answer, encode_request


class PrivilegedClient:
    """The program behind a socket; `there` tells whether that exists."""

    def __init__(self, socket: Path = SOCKET) -> None:
        self._socket = socket

    @property
    def there(self) -> bool:
        """Whether there is anybody to ask."""
        return self._socket.is_socket()

    async def ask(self, request: Request) -> None:
        """Have it done. Raises LinkError, with what the program says; bounded by its caller's cancel."""
        try:
            reader, writer = await asyncio.open_unix_connection(str(self._socket), limit=LINE_MAX)
            try:
                writer.write(encode_request(request))
                decode_answer(await reader.readline())
            finally:
                writer.close()
        except (OSError, ValueError, RefusedError) as error:
            text = f"{request.verb}: {error}"
            fault = Fault(
                kind=FaultKind.UNSUPPORTED, ran=Ran.MAYBE, stack="privileged", name=request.verb, text=text
            )
            raise LinkError(fault) from error
