"""Faults on the air, as data: when something happens, and what happens then.

Knows no Bluetooth stack. The radio asks the rules about every PDU; the first one that fires decides.
"""

import math
import random
from enum import Enum, IntEnum

from msgspec import Struct

from gattkeeper.world.firing import fires_now, must_be_possible

CONNECTION_TIMEOUT = 0x08
REMOTE_USER_TERMINATED = 0x13
LOCAL_HOST_TERMINATED = 0x16
FAILED_TO_BE_ESTABLISHED = 0x3E
"""HCI reasons for a disconnection (Core Specification, Vol 1, Part F, 2). Any other one may be given as well."""


class AttOpcode(IntEnum):
    """ATT opcodes that rules are often about (Core Specification, Vol 3, Part F, 3.4.8)."""

    ERROR_RESPONSE = 0x01
    EXCHANGE_MTU_REQUEST = 0x02
    EXCHANGE_MTU_RESPONSE = 0x03
    READ_BY_GROUP_TYPE_REQUEST = 0x10  # the first request of a service discovery
    READ_REQUEST = 0x0A
    READ_RESPONSE = 0x0B
    READ_BLOB_REQUEST = 0x0C  # the next part of a long value
    WRITE_REQUEST = 0x12
    WRITE_RESPONSE = 0x13
    PREPARE_WRITE_REQUEST = 0x16  # a part of a long value
    PREPARE_WRITE_RESPONSE = 0x17
    EXECUTE_WRITE_REQUEST = 0x18
    EXECUTE_WRITE_RESPONSE = 0x19
    NOTIFICATION = 0x1B
    INDICATION = 0x1D
    CONFIRMATION = 0x1E
    WRITE_COMMAND = 0x52


class Moment(Enum):
    """Where on the air a rule looks."""

    ADVERTISEMENT = "advertisement"  # of a device, while somebody scans or wants to connect
    CONNECT_REQUEST = "connect_request"  # of an adapter to a device
    TO_DEVICE = "to_device"  # an ATT PDU from the adapter
    FROM_DEVICE = "from_device"  # an ATT PDU from the device


class Drop(Struct, frozen=True, kw_only=True):
    """It never arrives.

    A dropped request is never carried out; a dropped response leaves the adapter waiting, and ATT gives up
    after 30 s. A dropped connect request is reported as connected, and six connection intervals later as
    lost with 0x3E. Dropped advertisements are a gap.
    """


class Keep(Struct, frozen=True, kw_only=True):
    """It never arrives, and the sender's controller never reports its place in the buffer as free again."""


class Delay(Struct, frozen=True, kw_only=True):
    """It is handed to the air so much later; PDUs sent in between overtake it."""

    seconds: float


class Duplicate(Struct, frozen=True, kw_only=True):
    """It arrives twice."""


class Garble(Struct, frozen=True, kw_only=True):
    """It arrives with every bit of one byte turned over: some stack made a mistake, for the radio itself checks.

    `index` counts from the opcode, which is 0; a negative one from the end. A PDU that is too short arrives as it
    is.
    """

    index: int = -1


class Replace(Struct, frozen=True, kw_only=True):
    """Another ATT PDU arrives in its place, as it is given: one that is malformed, or of another request."""

    pdu: bytes


class AnswerError(Struct, frozen=True, kw_only=True):
    """The request is not carried out, and answered with this ATT error code. TO_DEVICE only.

    What ATT never answers, a write without response or a confirmation, is lost instead.
    """

    code: int


class Disconnect(Struct, frozen=True, kw_only=True):
    """The connection breaks at this very PDU, which is lost; the adapter is told this HCI reason.

    TO_DEVICE: the request is never carried out. FROM_DEVICE: it is, but the response never comes.
    """

    reason: int = CONNECTION_TIMEOUT


class SilenceAdapter(Struct, frozen=True, kw_only=True):
    """The adapter stops answering its host, with this PDU, which is lost. The connection stays up."""


class UnplugAdapter(Struct, frozen=True, kw_only=True):
    """The adapter is pulled out, with this PDU, which is lost."""


Action = (
    Drop | Keep | Delay | Duplicate | Garble | Replace | AnswerError | Disconnect | SilenceAdapter | UnplugAdapter
)


class Match(Struct, frozen=True, kw_only=True):
    """What a rule is about. Times are on the running loop's clock, in seconds."""

    moment: Moment
    device: str = ""  # its name; empty: any
    opcode: int | None = None  # ATT opcode; None: any
    first: int = 1  # the rule starts with so many-th match
    times: int | None = None  # and fires so often; None: for ever
    probability: float = 1.0  # that it fires for a match, with the radio's dice
    from_s: float = 0.0
    until_s: float = math.inf


class Rule:
    """A fault: when, and what. `seen` counts the matches, `fired` how often something was done.

    Raises ValueError for an action that has no meaning at that moment.
    """

    def __init__(self, match: Match, action: Action) -> None:
        must_be_possible(action, match.moment.value, _POSSIBLE[match.moment])
        self.match = match
        self.action = action
        self.seen = 0
        self.fired = 0

    def fires(self, moment: Moment, device: str, opcode: int | None, now: float, dice: random.Random) -> bool:
        """Whether the rule is about this, and wants it to happen. Counts."""
        match = self.match
        fits = moment is match.moment and match.device in ("", device) and match.opcode in (None, opcode)
        return fits and fires_now(self, now, dice)


_ADAPTER = (SilenceAdapter, UnplugAdapter)
_POSSIBLE: dict[Moment, tuple[type[Action], ...]] = {
    Moment.ADVERTISEMENT: (Drop,),
    Moment.CONNECT_REQUEST: (Drop, *_ADAPTER),
    Moment.TO_DEVICE: (Drop, Keep, Delay, Duplicate, Garble, Replace, AnswerError, Disconnect, *_ADAPTER),
    Moment.FROM_DEVICE: (Drop, Keep, Delay, Duplicate, Garble, Replace, Disconnect, *_ADAPTER),
}
