"""The air between virtual controllers: connection events, loss, range, and the faults of the rules.

Knows PDUs and when they arrive. Overrides the three methods of Bumble's LocalLink that everything on the air
goes through; controllers, hosts, L2CAP and ATT above it are the real ones.

A PDU crosses at the next connection event, so a request and its response take two connection intervals, as
with a device that does not answer within the event. Not modelled: LL fragmentation, channels, clock drift.
"""

import asyncio
import math
import random
import struct
from collections import deque
from collections.abc import Callable

from bumble import att, hci, ll
from bumble.controller import Connection, Controller
from bumble.core import PhysicalTransport
from bumble.link import LocalLink

from gattkeeper.world.bumble_corrections import CorrectedController
from gattkeeper.world.radio_rules import (
    CONNECTION_TIMEOUT,
    FAILED_TO_BE_ESTABLISHED,
    LOCAL_HOST_TERMINATED,
    Action,
    AnswerError,
    AttOpcode,
    Delay,
    Disconnect,
    Drop,
    Duplicate,
    Garble,
    Keep,
    Moment,
    Replace,
    Rule,
    SilenceAdapter,
    UnplugAdapter,
)

_EVENTS_TO_ESTABLISH = 6
"""Connection events without a packet after which a new connection counts as failed (Vol 6, Part B, 4.5.2)."""

_COMMAND_FLAG = 0x40  # in the opcode: never answered (Vol 3, Part F, 3.3.1)
_L2CAP_HEADER = struct.Struct("<HH")  # length, channel
_ROUNDING = 1e-6  # of a connection interval: an event that is now is over


class _Lane:
    """One direction of a connection: PDUs in the order in which they were sent."""

    def __init__(self) -> None:
        self.waiting: deque[Callable[[], None]] = deque()
        self.event = 0  # of the last one in line
        self.used = 0  # PDUs in that event

    def arrive(self) -> None:
        """The next one in line is there: timers of one event may come in any order, PDUs may not."""
        self.waiting.popleft()()


class _Connection:
    """A connection on the air, with Bumble's object for each end."""

    def __init__(self, central: Connection, device: Connection, interval_s: float) -> None:
        self.central = central
        self.device = device
        self.interval_s = interval_s
        self.anchor_s = asyncio.get_running_loop().time()
        self.up = True
        self.lanes = {Moment.TO_DEVICE: _Lane(), Moment.FROM_DEVICE: _Lane()}

    @property
    def ends(self) -> tuple[Connection, Connection]:
        return self.central, self.device

    def has(self, end: Connection) -> bool:
        return end is self.central or end is self.device

    def other(self, end: Connection) -> Connection:
        return self.device if end is self.central else self.central

    def direction(self, sender: Connection) -> Moment:
        return Moment.TO_DEVICE if sender is self.central else Moment.FROM_DEVICE


class _Frame:
    """One L2CAP frame on its way from one end of a connection; `crossed` makes room in the sender's buffer."""

    def __init__(
        self, connection: _Connection, sender: Connection, data: bytes, crossed: Callable[[], None]
    ) -> None:
        self.connection = connection
        self.sender = sender
        self.data = data
        self.crossed = crossed

    def arrive(self) -> None:
        self.crossed()
        self.deliver()

    def deliver(self) -> None:
        receiver = self.connection.other(self.sender)
        receiver.controller.on_link_acl_data(self.sender.self_address, PhysicalTransport.LE, self.data)


class RadioAir(LocalLink):  # type: ignore[misc]  # Bumble is not typed strictly
    """What all virtual controllers of one radio share.

    `loss` is the probability that a PDU misses an event; the link layer sends it again at the next one, and gives
    the connection up with 0x08 after `supervision_timeout_s` of that. `names` holds the name of each device by
    address, for the rules.
    """

    def __init__(
        self,
        *,
        connection_interval_s: float,
        loss: float,
        supervision_timeout_s: float,
        pdus_per_event: int,
        rules: list[Rule],
        dice: random.Random,
    ) -> None:
        super().__init__()
        self.connection_interval_s = connection_interval_s
        self.loss = loss
        self.supervision_timeout_s = supervision_timeout_s
        self.pdus_per_event = pdus_per_event
        self.rules = rules
        self.dice = dice
        self.names: dict[hci.Address, str] = {}
        self.away: set[Controller] = set()  # out of everybody's reach
        self._present: list[
            CorrectedController
        ] = []  # in order: a set has none, and no two runs would be the same
        self._connections: dict[tuple[hci.Address, hci.Address], _Connection] = {}  # both ways round

    # Controllers

    def add_controller(self, controller: CorrectedController) -> None:
        """Called by a controller when it is made."""
        self._present.append(controller)

    def remove_controller(self, controller: CorrectedController) -> None:
        """Take a controller off the air."""
        self._present.remove(controller)

    def is_advertising(self, address: hci.Address) -> bool:
        """Whether somebody within reach advertises on this address now."""
        return self._advertiser(address) is not None

    def _advertiser(self, address: hci.Address) -> CorrectedController | None:
        for controller in self._present:
            advertisers = (controller.le_legacy_advertiser, *controller.advertising_sets.values())
            if controller not in self.away and any(a.enabled and a.address == address for a in advertisers):
                return controller
        return None

    # The three ways of Bumble's LocalLink

    def send_advertising_pdu(self, sender: CorrectedController, packet: ll.AdvertisingPdu) -> None:
        """Advertisements reach those that scan or want to connect; a connect request its device, at once."""
        if isinstance(packet, ll.ConnectInd):
            self._connect(sender, packet)
            return
        listeners = [c for c in self._present if c is not sender and _listens(c, packet) and c not in self.away]
        if sender in self.away or not listeners:
            return
        if self._fault(Moment.ADVERTISEMENT, packet.advertiser_address, None) is not None:
            return
        for controller in listeners:
            if self.dice.random() >= self.loss:
                asyncio.get_running_loop().call_soon(controller.on_ll_advertising_pdu, packet)

    def send_acl_data(
        self,
        sender: CorrectedController,
        destination_address: hci.Address,
        transport: PhysicalTransport,
        data: bytes,
    ) -> None:
        """Send one L2CAP frame, from the address that its connection was made with.

        Bumble takes the controller's current random address, which may have changed since.
        """
        end = sender.le_connections.get(destination_address)
        connection = None if end is None else self._find(end)
        if connection is None:
            return
        del transport  # LE is all there is here
        crossed = sender.take_frame(end)
        action = None
        if len(data) > _L2CAP_HEADER.size and _L2CAP_HEADER.unpack_from(data)[1] == att.ATT_CID:
            address = connection.device.self_address
            action = self._fault(connection.direction(end), address, data[_L2CAP_HEADER.size])
        if isinstance(action, Garble):
            data, action = _garbled(data, action.index), None
        self._act(action, _Frame(connection, end, data, crossed))

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        """Send one PDU of the link layer's own."""
        connection = self._connections.get((sender_address, receiver_address))
        if connection is None:
            return
        sender = connection.central if connection.central.self_address == sender_address else connection.device
        receiver = connection.other(sender)
        self._send(connection, sender, lambda: receiver.controller.on_ll_control_pdu(sender_address, packet))

    # Connections

    def _connect(self, sender: CorrectedController, packet: ll.ConnectInd) -> None:
        central = sender.le_connections[packet.advertiser_address]
        action = self._fault(Moment.CONNECT_REQUEST, packet.advertiser_address, None)
        advertiser = self._advertiser(packet.advertiser_address)
        if action is not None or advertiser is None:
            if isinstance(action, SilenceAdapter | UnplugAdapter):
                _fail_adapter(action, central)
            later = _EVENTS_TO_ESTABLISH * self.connection_interval_s
            asyncio.get_running_loop().call_later(later, _tell, central, FAILED_TO_BE_ESTABLISHED)
            return
        advertiser.on_ll_advertising_pdu(packet)
        device = advertiser.le_connections[packet.initiator_address]
        connection = _Connection(central, device, self.connection_interval_s)
        for end in connection.ends:
            self._connections[end.self_address, end.peer_address] = connection

    def _find(self, end: Connection) -> _Connection | None:
        connection = self._connections.get((end.self_address, end.peer_address))
        return connection if connection is not None and connection.has(end) else None

    def break_link(self, controller: Controller, reason: int) -> None:
        """Break every connection of a device's controller now; the adapter is told the reason, the device 0x08."""
        for connection in list(self._connections.values()):
            if connection.up and connection.device.controller is controller:
                self._break(connection, reason)

    def _break(self, connection: _Connection, reason: int) -> None:
        self._forget(connection)
        _tell(connection.central, reason)
        _tell(connection.device, CONNECTION_TIMEOUT)

    def _forget(self, connection: _Connection) -> None:
        connection.up = False
        for end in connection.ends:
            self._connections.pop((end.self_address, end.peer_address), None)

    def _fade(self, connection: _Connection) -> None:
        """Nothing crosses any more; the ends find out after the supervision time-out."""
        self._forget(connection)
        for end in connection.ends:
            asyncio.get_running_loop().call_later(self.supervision_timeout_s, _tell, end, CONNECTION_TIMEOUT)

    def fall_silent(self, controller: Controller) -> None:
        """End the connections of a controller without a word: the other ends find out."""
        for connection in list(self._connections.values()):
            if connection.up and any(end.controller is controller for end in connection.ends):
                self._fade(connection)

    def terminate(self, end: Connection, reason: int) -> None:
        """Take a connection down in good order: the other end hears the reason, this one 0x16."""
        connection = self._find(end)
        if connection is None:
            _tell(end, LOCAL_HOST_TERMINATED)
            return

        def terminated() -> None:
            self._forget(connection)
            _tell(connection.other(end), reason)
            _tell(end, LOCAL_HOST_TERMINATED)

        self._send(connection, end, terminated)

    # Time

    def _send(self, connection: _Connection, sender: Connection, arrive: Callable[[], None]) -> None:
        """Let something arrive at the other end, at the connection event that it gets."""
        if not connection.up:
            return
        lane = connection.lanes[connection.direction(sender)]
        at = self._event(connection, lane)
        if at is None:
            self._fade(connection)
            return
        lane.waiting.append(lambda: arrive() if connection.up else None)
        asyncio.get_running_loop().call_at(at, lane.arrive)

    def _event(self, connection: _Connection, lane: _Lane) -> float | None:
        """When the next PDU of a lane crosses; None when it is lost for longer than supervision allows."""
        interval = connection.interval_s
        now = asyncio.get_running_loop().time()
        event = math.floor((now - connection.anchor_s) / interval + _ROUNDING) + 1
        lost = 0
        while self.loss and self.dice.random() < self.loss:
            lost += 1
            if lost * interval > self.supervision_timeout_s:
                return None
        event = max(event + lost, lane.event)
        if event == lane.event and lane.used >= self.pdus_per_event:
            event += 1
        lane.used = lane.used + 1 if event == lane.event else 1
        lane.event = event
        return connection.anchor_s + event * interval

    # Faults

    def _refuse(self, frame: _Frame, code: int) -> None:
        """Answer in the place of the other end, which never gets the frame."""
        frame.crossed()
        answer = _error_response(frame.data, code)
        if answer:
            receiver = frame.connection.other(frame.sender)
            self._act(None, _Frame(frame.connection, receiver, answer, _nothing_to_free))

    def _fault(self, moment: Moment, device_address: hci.Address, opcode: int | None) -> Action | None:
        """What the first rule that fires wants to happen."""
        now = asyncio.get_running_loop().time()
        name = self.names.get(device_address, "")
        for rule in self.rules:
            if rule.fires(moment, name, opcode, now, self.dice):
                return rule.action
        return None

    def _act(self, action: Action | None, frame: _Frame) -> None:
        """Send a frame, or do to it what a rule says."""
        connection, sender = frame.connection, frame.sender
        match action:
            case None:
                self._send(connection, sender, frame.arrive)
            case Drop():
                frame.crossed()
            case Keep():
                pass
            case Delay(seconds=seconds):
                asyncio.get_running_loop().call_later(seconds, self._send, connection, sender, frame.arrive)
            case Duplicate():
                self._send(connection, sender, frame.arrive)
                self._send(connection, sender, frame.deliver)
            case Replace(pdu=pdu):
                garbled = _L2CAP_HEADER.pack(len(pdu), att.ATT_CID) + pdu
                self._send(connection, sender, _Frame(connection, sender, garbled, frame.crossed).arrive)
            case AnswerError(code=code):
                self._send(connection, sender, lambda: self._refuse(frame, code))
            case Disconnect(reason=reason):
                self._send(connection, sender, lambda: self._break(connection, reason))
            case SilenceAdapter() | UnplugAdapter():
                _fail_adapter(action, connection.central)


def _nothing_to_free() -> None:
    """A frame that was in nobody's buffer."""


def _listens(controller: CorrectedController, packet: ll.AdvertisingPdu) -> bool:
    """Whether a controller scans, or wants to connect to this advertiser."""
    pending = controller.pending_le_connection
    return controller.le_scan_enable or (pending is not None and pending.peer_address == packet.advertiser_address)


def _tell(end: Connection, reason: int) -> None:
    """Report the end of a connection, unless it was reported before."""
    if end.controller.le_connections.get(end.peer_address) is end:
        end.controller.on_le_disconnected(end, reason)


def _fail_adapter(action: SilenceAdapter | UnplugAdapter, central: Connection) -> None:
    if isinstance(action, SilenceAdapter):
        central.controller.silent = True
    else:
        central.controller.unplug()


def _garbled(frame: bytes, index: int) -> bytes:
    """The L2CAP frame with one byte of its PDU turned over."""
    pdu = bytearray(frame[_L2CAP_HEADER.size :])
    if -len(pdu) <= index < len(pdu):
        pdu[index] ^= 0xFF
    return frame[: _L2CAP_HEADER.size] + bytes(pdu)


def _error_response(request: bytes, code: int) -> bytes:
    """The ATT Error Response to a request, as an L2CAP frame (Vol 3, Part F, 3.4.1.1); empty for what has none."""
    pdu = request[_L2CAP_HEADER.size :]
    if pdu[0] & _COMMAND_FLAG or pdu[0] == AttOpcode.CONFIRMATION:
        return b""
    handle = struct.unpack_from("<H", pdu, 1)[0] if len(pdu) >= 3 else 0
    answer = struct.pack("<BBHB", AttOpcode.ERROR_RESPONSE, pdu[0], handle, code)
    return _L2CAP_HEADER.pack(len(answer), att.ATT_CID) + answer
