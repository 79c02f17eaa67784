"""A kernel's management socket, played: this machine has no Bluetooth to reset.

Knows the packets of BlueZ's doc/mgmt-api.txt as they are on the wire. It answers what it is told to.
"""

import struct
from collections import deque

COMPLETE = 0x0001
STATUS = 0x0002
INDEX_LIST, INFO = 0x0003, 0x0004


class Kernel:
    """Implements `management.Channel`. `adapters` by index; `failing` are statuses by (opcode, parameters)."""

    def __init__(self, adapters: dict[int, str]) -> None:
        self.adapters = adapters
        self.failing: dict[tuple[int, bytes], int] = {}
        self.commands: list[tuple[int, int, bytes]] = []
        self.silent = False
        self.closed = False
        self._out: deque[bytes] = deque()

    def send(self, data: bytes) -> int:
        opcode, index, length = struct.unpack_from("<HHH", data)
        parameters = data[6:]
        assert len(parameters) == length
        self.commands.append((opcode, index, parameters))
        self._say(0x0006, index, b"\xd1\x00\x00\x00")  # New Settings: news for everybody
        self._say(COMPLETE, index, struct.pack("<HB", 0x0028, 0))  # the answer to somebody else's command
        status = self.failing.get((opcode, parameters), 0)
        if status:
            self._say(STATUS, index, struct.pack("<HB", opcode, status))
        else:
            self._say(COMPLETE, index, struct.pack("<HB", opcode, 0) + self._result(opcode, index))
        return len(data)

    def _result(self, opcode: int, index: int) -> bytes:
        if opcode == INDEX_LIST:
            return struct.pack(f"<H{len(self.adapters)}H", len(self.adapters), *self.adapters)
        if opcode == INFO:
            return bytes.fromhex(self.adapters[index].replace(":", ""))[::-1] + b"\x09" + bytes(270)
        return b""

    def _say(self, code: int, index: int, parameters: bytes) -> None:
        self._out.append(struct.pack("<HHH", code, index, len(parameters)) + parameters)

    def recv(self, size: int) -> bytes:
        if self.silent or not self._out:
            raise TimeoutError
        return self._out.popleft()[:size]

    def settimeout(self, seconds: float) -> None:
        assert seconds > 0

    def close(self) -> None:
        self.closed = True
