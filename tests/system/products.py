"""Two products of the shops as virtual devices, as far as the libraries that drive them look.

Knows their bytes: a SwitchBot Curtain answers each command by a notification, a Motionblinds motor takes encrypted
commands that nothing acknowledges, and tells where it is by encrypted notifications.
"""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from gattkeeper.model.gatt import Property
from gattkeeper.world import VirtualCharacteristic, VirtualDevice, VirtualService

CURTAIN_SERVICE = "cba20d00-224d-11e6-9fb8-0002a5d5c51b"
CURTAIN_COMMAND = "cba20002-224d-11e6-9fb8-0002a5d5c51b"
CURTAIN_ANSWER = "cba20003-224d-11e6-9fb8-0002a5d5c51b"

MOTOR_SERVICE = "d973f2e0-b19e-11e2-9e96-0800200c9a66"
MOTOR_TELLS = "d973f2e1-b19e-11e2-9e96-0800200c9a66"
MOTOR_COMMAND = "d973f2e2-b19e-11e2-9e96-0800200c9a66"

_DONE, _REFUSED = b"\x01", b"\x02"
_BATTERY = 87
_FIRMWARE = 42
_CALIBRATED = 0x04
_BOTH_ENDS_SET = 0x0C
_NO_FAVOURITE = b"\xff\xff"


class Curtain:
    """A SwitchBot Curtain: 0 is open, 100 is closed, as its bytes have it."""

    def __init__(self, name: str, address: str, *, position: int = 0) -> None:
        self.position = position
        self.moves: list[int] = []
        self._answer = VirtualCharacteristic(CURTAIN_ANSWER, Property.NOTIFY)
        command = VirtualCharacteristic(
            CURTAIN_COMMAND, Property.WRITE | Property.WRITE_WITHOUT_RESPONSE, on_write=self._take
        )
        self.device = VirtualDevice(name, address, (VirtualService(CURTAIN_SERVICE, (command, self._answer)),))

    def _take(self, payload: bytes) -> None:
        if payload[:2] == b"\x57\x02":
            state = bytes([_BATTERY, _FIRMWARE, 1, 0, _CALIBRATED, self.position, 0])
            self.device.notify(self._answer, _DONE + state)
        elif payload[:5] in (b"\x57\x0f\x45\x01\x01", b"\x57\x0f\x45\x01\x05") and payload[-1] <= 100:
            self.position = payload[-1]
            self.moves.append(self.position)
            self.device.notify(self._answer, _DONE)
        else:
            self.device.notify(self._answer, _REFUSED)


class Motor:
    """A Motionblinds motor: 0 is open, 100 is closed."""

    def __init__(self, name: str, address: str, *, position: int = 0) -> None:
        self.position = position
        self.moves: list[int] = []
        self._tells = VirtualCharacteristic(MOTOR_TELLS, Property.NOTIFY)
        command = VirtualCharacteristic(
            MOTOR_COMMAND, Property.WRITE | Property.WRITE_WITHOUT_RESPONSE, on_write=self._take
        )
        self.device = VirtualDevice(name, address, (VirtualService(MOTOR_SERVICE, (command, self._tells)),))

    def _take(self, payload: bytes) -> None:
        command = decrypted(payload)
        if command.startswith(bytes.fromhex("03050f02")):
            head = bytes([0x12, 0x04, 0x0F, 0x02, _BOTH_ENDS_SET, 0, self.position, 0])
            self._tell(head + bytes([0, 0, 0, 0, 1, 0]) + _NO_FAVOURITE + bytes([0, _BATTERY]))
        elif command.startswith(bytes.fromhex("05020440")):
            self._move_to(command[4])
        elif command.startswith(bytes.fromhex("03020301")):
            self._move_to(0)
        elif command.startswith(bytes.fromhex("03020302")):
            self._move_to(100)

    def _move_to(self, position: int) -> None:
        self.position = position
        self.moves.append(position)
        self._tell(bytes([0x07, 0x04, 0x04, 0x02, _BOTH_ENDS_SET, 0, position, 0]))

    def _tell(self, message: bytes) -> None:
        self.device.notify(self._tells, encrypted(message))


_CIPHER = Cipher(algorithms.AES(b"a3q8r8c135sqbn66"), modes.ECB())  # noqa: S305 - the product's choice


def encrypted(message: bytes) -> bytes:
    """As the motor's app sends it."""
    padder, cipher = PKCS7(128).padder(), _CIPHER.encryptor()
    return cipher.update(padder.update(message) + padder.finalize()) + cipher.finalize()


def decrypted(payload: bytes) -> bytes:
    """What the motor's app meant."""
    cipher, unpadder = _CIPHER.decryptor(), PKCS7(128).unpadder()
    return unpadder.update(cipher.update(payload) + cipher.finalize()) + unpadder.finalize()
