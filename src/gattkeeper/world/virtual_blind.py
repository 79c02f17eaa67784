"""A window blind with a motor, as a virtual device.

Knows how a blind moves. Does not know who moves it.
"""

import asyncio
from collections.abc import Callable

from gattkeeper.model.gatt import Property, normal_uuid
from gattkeeper.world.virtual_device import (
    INVALID_ATTRIBUTE_LENGTH,
    VALUE_NOT_ALLOWED,
    Applied,
    AttError,
    VirtualCharacteristic,
    VirtualDevice,
    VirtualService,
)

BLIND_SERVICE = "b11d0001-9f5c-4a64-8b5e-6d1f0c3a7e21"
BLIND_TARGET = "b11d0002-9f5c-4a64-8b5e-6d1f0c3a7e21"
BLIND_POSITION = "b11d0003-9f5c-4a64-8b5e-6d1f0c3a7e21"
BLIND_MOTOR = "b11d0004-9f5c-4a64-8b5e-6d1f0c3a7e21"
BLIND_LABEL = "b11d0005-9f5c-4a64-8b5e-6d1f0c3a7e21"
BATTERY_SERVICE = normal_uuid("180f")
BATTERY_LEVEL = normal_uuid("2a19")

MOTOR_STOP = b"\x00"

_OPEN_PERCENT = 100
_LABEL_LENGTH_MAX = 20  # what fits into one PDU of the smallest ATT_MTU
_NOTIFY_PERIOD_S = 0.1  # at most ten notifications a second: a slow radio still keeps up
_ROUNDING = 1e-6  # of a percent: a timer that fires at the very moment counts as being there


class VirtualBlind:
    """A blind: 100 is open, 0 is closed. `device` is what a radio or a simulated link carries.

    Characteristics of BLIND_SERVICE, each of the first three one byte:

    - BLIND_TARGET (read, write, write without response): 0 to 100, where it moves to.
    - BLIND_POSITION (read, notify): where it is, in percent.
    - BLIND_MOTOR (write, write without response): MOTOR_STOP stops it where it is.

    BLIND_LABEL (read, write, write without response) keeps what its owner calls it, 1 to 20 bytes.
    BATTERY_LEVEL of BATTERY_SERVICE (read) is a byte of percent. A value out of range is answered with ATT
    error 0x13, a wrong length with 0x0D. While it moves, the position is notified at most every 0.1 s,
    and once more where it stands still.

    `speed` is in percent per second. `stop_on_link_loss` gives it a dead-man function: it stops when
    the connection goes down. Raises ValueError for a speed or position that no blind has.
    """

    def __init__(
        self,
        name: str,
        address: str,
        *,
        position: int = _OPEN_PERCENT,
        speed: float = 20.0,
        battery: int = 87,
        stop_on_link_loss: bool = False,
        applied_sink: Callable[[Applied], None] = lambda _applied: None,
    ) -> None:
        if not speed > 0 or not 0 <= position <= _OPEN_PERCENT:
            message = f"a blind moves at more than 0 %/s and stands at 0 to 100 %, not at {speed} and {position}"
            raise ValueError(message)
        self.speed = speed
        self._from = self._to = self._notified = position
        self._started_at = 0.0
        self._timer: asyncio.TimerHandle | None = None  # set while the motor runs
        writable = Property.WRITE | Property.WRITE_WITHOUT_RESPONSE
        self._target = VirtualCharacteristic(
            BLIND_TARGET, Property.READ | writable, on_read=self._read_target, on_write=self._write_target
        )
        self._position = VirtualCharacteristic(
            BLIND_POSITION, Property.READ | Property.NOTIFY, on_read=self._read_position
        )
        motor = VirtualCharacteristic(BLIND_MOTOR, writable, on_write=self._write_motor)
        label = VirtualCharacteristic(BLIND_LABEL, Property.READ | writable, on_write=_check_label)
        level = VirtualCharacteristic(BATTERY_LEVEL, Property.READ, bytes([battery]))
        self.device = VirtualDevice(
            name,
            address,
            (
                VirtualService(BLIND_SERVICE, (self._target, self._position, motor, label)),
                VirtualService(BATTERY_SERVICE, (level,)),
            ),
            on_disconnected=self.stop if stop_on_link_loss else lambda: None,
            applied_sink=applied_sink,
        )

    @property
    def target(self) -> int:
        """Where it moves to, in percent."""
        return self._to

    @property
    def position(self) -> int:
        """Where it is now, in percent."""
        if self._timer is None:
            return self._to
        distance = abs(self._to - self._from)
        gone = int((_now() - self._started_at) * self.speed + _ROUNDING)
        return self._from + min(gone, distance) * (1 if self._to > self._from else -1)

    @property
    def moving(self) -> bool:
        """Whether the motor runs."""
        return self._timer is not None

    def move_to(self, target: int) -> None:
        """Start towards a target in percent, from wherever it is."""
        self._from, self._to, self._started_at = self._halt(), target, _now()
        if self._from != self._to:
            self._set_timer()

    def stop(self) -> None:
        """Stop where it is; that becomes the target."""
        if self._timer is not None:
            self._from = self._to = self._halt()
            self._notify()

    def _halt(self) -> int:
        """Switch the motor off and say where it stands."""
        position = self.position
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return position

    def _set_timer(self) -> None:
        """Wake at the next notification, or on arrival if that is sooner."""
        arrival = self._started_at + abs(self._to - self._from) / self.speed
        step = max(_NOTIFY_PERIOD_S, 1 / self.speed)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_at(min(arrival, loop.time() + step), self._on_timer)

    def _on_timer(self) -> None:
        if self.position == self._to:
            self._from = self._halt()
        else:
            self._set_timer()
        self._notify()

    def _notify(self) -> None:
        if self._notified != self.position:
            self._notified = self.position
            self.device.notify(self._position, self._read_position())

    def _read_target(self) -> bytes:
        return bytes([self._to])

    def _read_position(self) -> bytes:
        return bytes([self.position])

    def _write_target(self, payload: bytes) -> None:
        if len(payload) != 1:
            raise AttError(INVALID_ATTRIBUTE_LENGTH)
        if payload[0] > _OPEN_PERCENT:
            raise AttError(VALUE_NOT_ALLOWED)
        self.move_to(payload[0])

    def _write_motor(self, payload: bytes) -> None:
        if len(payload) != 1:
            raise AttError(INVALID_ATTRIBUTE_LENGTH)
        if payload != MOTOR_STOP:
            raise AttError(VALUE_NOT_ALLOWED)
        self.stop()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _check_label(payload: bytes) -> None:
    if not 1 <= len(payload) <= _LABEL_LENGTH_MAX:
        raise AttError(INVALID_ATTRIBUTE_LENGTH)
