"""How secure a connection over Bumble is: what its bond promises, and what encrypting with that proves.

Knows Bumble's keys and its Security Manager. Whether it is enough is a question to the model; bonds are made and
forgotten in `bumble_bonds`. Bumble calls every encrypted connection authenticated: only the bond tells.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from bumble.device import Connection
from bumble.keys import PairingKeys

from gattkeeper.errors import LinkError
from gattkeeper.links.bumble_bonds import identity
from gattkeeper.links.bumble_faults import as_link_errors
from gattkeeper.links.fault_tables.hci import MIC_FAILURE
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.security import KEY_SIZE_MIN, Demand, Proof, Security, SecurityLevel, shortfall
from gattkeeper.runtime.ports import ConnectionEvents

ENCRYPTION_S = 5.0
"""How long encrypting may take: some ten connection events, at the longest of the usual intervals, 0.5 s."""

ENCRYPTION_IN_HASTE_S = 1.0
"""The same where the connection is made in any case: an emergency stop waits for it."""

_ASKED_FOR = Demand(level=SecurityLevel.ENCRYPTED)
"""What a Security Request comes to."""


class BumbleTrust:
    """What one connection proves. `why_down` says how it ended, if it did."""

    def __init__(self, connection: Connection, why_down: Callable[[], Fault]) -> None:
        self._connection = connection
        self._why_down = why_down
        self._events: ConnectionEvents | None = None
        self._recorded = Security()
        self.turn = asyncio.Lock()  # of those that pair, or encrypt with a bond: one at a time
        connection.on(connection.EVENT_SECURITY_REQUEST, self._on_request)

    @property
    def proof(self) -> Proof:
        """What is in force, as far as it was asked for."""
        encrypted = bool(self._connection.is_encrypted)
        return Proof(proved=self._recorded if encrypted else Security(), recorded=self._recorded)

    @property
    def is_doubtful(self) -> bool:
        """Whether somebody answers for a device that has a bond, and proved nothing."""
        return self._recorded != Security() and self.proof.proved == Security()

    async def prove(self, demand: Demand, events: ConnectionEvents) -> None:
        """Encrypt with the bond that there is, if anything is demanded, and tell what that proved.

        Raises LinkError: it is not enough, or the connection ended.
        """
        if not demand.asks:
            return
        self._events = events
        connection = self._connection
        connection.on(connection.EVENT_CONNECTION_ENCRYPTION_CHANGE, self._tell)
        connection.on(connection.EVENT_PAIRING, self._paired)
        keys = await connection.device.keystore.get(identity(connection))
        self._recorded = Security() if keys is None else security_of(keys)
        why = await self._encrypt(demand) if self._recorded != Security() else ""
        self._tell()
        lacks = shortfall(demand, self.proof)
        if lacks and demand.strict:
            nothing_more = "its bond promises no more" if self._recorded != Security() else "pair with the device"
            raise LinkError(_unproved(f"{lacks}: {why or nothing_more}"))

    async def _encrypt(self, demand: Demand) -> str:
        """Why that was not to be had; empty when it was. Raises LinkError when the connection ended over it."""
        time_s = ENCRYPTION_S if demand.strict else ENCRYPTION_IN_HASTE_S
        try:
            async with asyncio.timeout(time_s), self.turn:
                if not self._connection.is_encrypted:
                    with as_link_errors(self._why_down):
                        await self._connection.encrypt()
        except TimeoutError:
            return f"who answered there did not encrypt within {time_s:g} s"
        except LinkError as error:
            fault = error.fault
            if fault.kind is not FaultKind.PAIRING_FAILED and fault.code != MIC_FAILURE:
                raise
            if fault.code == MIC_FAILURE:
                raise LinkError(_unproved("who answered there has another key than the bond on record")) from error
            return "who answered there does not have the keys of the bond on record"
        return ""

    def _on_request(self, _auth_req: int) -> None:
        """The device asks for security: it has that of the bond, and a bond is never made for the asking.

        Not while it comes about anyway (Core Specification, Vol 3, Part H, 2.4.6).
        """
        if not self.turn.locked() and not self._connection.is_encrypted:
            self._connection.cancel_on_disconnection(self._oblige())

    async def _oblige(self) -> None:
        keys = await self._connection.device.keystore.get(identity(self._connection))
        if keys is not None:
            with suppress(LinkError):  # the device says so itself, by refusing what it does not want to do without
                await self._encrypt(_ASKED_FOR)

    def _tell(self) -> None:
        if self._events is not None:
            self._events.proved(self.proof)

    def _paired(self, keys: PairingKeys) -> None:
        self._recorded = security_of(keys)
        self._tell()


def security_of(keys: PairingKeys) -> Security:
    """What a bond promises of connections that are encrypted with it. Its keys are whole: see `KeptSession`."""
    key = keys.ltk or keys.ltk_central
    if key is None:
        return Security()
    level = SecurityLevel.ENCRYPTED
    if key.authenticated:
        level = SecurityLevel.AUTHENTICATED if keys.ltk is None else SecurityLevel.SECURE_CONNECTIONS
    return Security(level=level, key_size=KEY_SIZE_MIN)


def _unproved(text: str) -> Fault:
    return Fault(kind=FaultKind.INSUFFICIENT_SECURITY, ran=Ran.NO, stack="keeper", name="unproved", text=text)
