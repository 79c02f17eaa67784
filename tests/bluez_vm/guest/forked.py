"""Programs of a case as processes of their own, forked: every library is loaded in all of them alike.

Knows processes and pipes. Must be used before an event loop runs: a child with a copy of one is no new program.
"""

import json
import os
import select
import signal
import time
import traceback
from collections.abc import Callable
from typing import Any


class Forked:
    """A function running in a process of its own, which gives back what is JSON."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.started_at = time.monotonic()
        reader, writer = os.pipe()
        self.process = os.fork()
        if self.process == 0:
            os.close(reader)
            _run(writer, function, arguments)
        os.close(writer)
        self._reader = reader

    def result(self, timeout_s: float) -> Any:
        """What it gave back. None when it gave nothing within this time of its start: it is killed then."""
        chunks = b""
        while True:
            left = self.started_at + timeout_s - time.monotonic()
            if left <= 0 or not select.select([self._reader], [], [], left)[0]:
                self.kill()
                return None
            chunk = os.read(self._reader, 65536)
            if not chunk:
                break
            chunks += chunk
        self._ended()
        return json.loads(chunks) if chunks else None

    def kill(self) -> None:
        """As power loss would end it."""
        os.kill(self.process, signal.SIGKILL)
        self._ended()

    def end(self) -> None:
        """SIGTERM, and wait for its end."""
        os.kill(self.process, signal.SIGTERM)
        self._ended()

    def _ended(self) -> None:
        os.waitpid(self.process, 0)
        os.close(self._reader)


def _run(writer: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    code = 1
    try:
        os.write(writer, json.dumps(function(*arguments)).encode())
        code = 0
    except BaseException:  # noqa: BLE001 - it must not go on as its parent
        traceback.print_exc()
    finally:
        os._exit(code)
