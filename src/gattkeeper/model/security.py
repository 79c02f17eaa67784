"""How secure a connection is, has to be, and once was: levels, key sizes, and what one lacks of another.

Knows the levels of LE Security Mode 1 (Core Specification, Vol 3, Part C, 10.2.1). How a connection proves its
level is the link's business; what follows when it proves too little is decided in `core.trust`.
"""

from enum import Enum

from msgspec import Struct

KEY_SIZE_MIN = 16
"""Bytes of a key, wherever anything is demanded: fewer can be tried out (Vol 3, Part H, 2.3.4: 7 to 16)."""


class SecurityLevel(Enum):
    """What a connection is protected by; each one includes those before it."""

    NONE = "none"  # level 1
    ENCRYPTED = "encrypted"  # level 2: a key that nobody compared while it was agreed
    AUTHENTICATED = "authenticated"  # level 3: agreed under the eyes of a person, or out of band
    SECURE_CONNECTIONS = "secure_connections"  # level 4: the same, and by elliptic curves

    def includes(self, other: "SecurityLevel") -> bool:
        """Whether this is at least the other."""
        levels = list(SecurityLevel)
        return levels.index(self) >= levels.index(other)


class Security(Struct, frozen=True, kw_only=True):
    """The protection of a connection, or of the one a bond was made on. `key_size` in bytes, 0 without a key."""

    level: SecurityLevel = SecurityLevel.NONE
    key_size: int = 0


class Proof(Struct, frozen=True, kw_only=True):
    """What a link knows of a connection: what is in force, and what a bond on record promises (none: nothing)."""

    proved: Security = Security()
    recorded: Security = Security()


class Demand(Struct, frozen=True, kw_only=True):
    """What a connection has to prove before anything of the device is read or changed.

    `recorded`: also at least what the bond on record promises. Without `strict` a link tries to prove it, and
    goes on when it cannot: somebody else then decides what may be done on such a connection.
    """

    level: SecurityLevel = SecurityLevel.NONE
    recorded: bool = False
    strict: bool = True

    @property
    def asks(self) -> bool:
        """Whether it demands anything at all."""
        return self.recorded or self.level is not SecurityLevel.NONE


NO_DEMAND = Demand()
"""Any connection will do."""


def shortfall(demand: Demand, proof: Proof) -> str:
    """What a connection lacks, as a sentence for people; empty when it proves enough."""
    proved, recorded = proof.proved, proof.recorded
    if not proved.level.includes(demand.level):
        return f"the connection is {_words(proved.level)}, and {demand.level.value} is demanded"
    if demand.recorded and not proved.level.includes(recorded.level):
        return f"the connection is {_words(proved.level)}, and the bond on record was {_words(recorded.level)}"
    if demand.recorded and proved.key_size < recorded.key_size:
        return f"its key has {proved.key_size} bytes, and that of the bond on record had {recorded.key_size}"
    encrypted = proved.level is not SecurityLevel.NONE
    if demand.asks and encrypted and proved.key_size < KEY_SIZE_MIN:
        return f"its key has {proved.key_size} bytes, and {KEY_SIZE_MIN} are demanded"
    return ""


def cannot_prove(device: str, level: SecurityLevel) -> str:
    """What is wrong with a demand on a link that does not know how secure its connections are."""
    return (
        f"{device} demands security {level.value!r}, and nobody can tell how secure a connection of this stack is:"
        ' reach it through an adapter of gattkeeper\'s own (link = "bumble"), or set security = "none"'
    )


def _words(level: SecurityLevel) -> str:
    return "not encrypted" if level is SecurityLevel.NONE else level.value
