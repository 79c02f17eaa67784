"""What a person decides on the command line, on record with who and why: `resolve` and `audit accept`.

Knows the words. What a decision needs, and what follows from it, is the keeper's to say.
"""

import argparse

from gattkeeper.errors import InvalidCommandError
from gattkeeper.fronts.answers import Answer
from gattkeeper.model.command import Origin
from gattkeeper.runtime.keeper import Keeper


async def resolved(keeper: Keeper, args: argparse.Namespace, origin: Origin) -> tuple[Answer, str]:
    """Record what was found out; the answer, and its words. Raises GattkeeperError."""
    if not args.why.strip():
        raise InvalidCommandError("a resolution needs a reason: say after --why how it was found out")
    who = args.who or origin.principal
    await keeper.resolve(args.id, applied=args.applied, who=who, why=args.why, origin=origin)
    found = "applied" if args.applied else "not applied"
    return {"resolved": True}, f"recorded: {args.id} was {found}"


async def accepted(keeper: Keeper, args: argparse.Namespace, origin: Origin) -> tuple[Answer, str]:
    """Take the journal as it is; the answer, and its words. Raises GattkeeperError."""
    flaws = await keeper.accept_flaws(who=args.who, why=args.why, origin=origin)
    words = "\n".join(f"recorded: {args.who} accepts that {flaw}" for flaw in flaws)
    return {"flaws_accepted": list(flaws)}, words
