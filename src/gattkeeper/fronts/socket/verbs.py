"""What each request of the socket does, as a stream of answers.

Knows the keeper's public API. Lines, limits and connections stand in `connection`.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, nullcontext
from functools import partial
from typing import assert_never

from gattkeeper.errors import CommandError, InvalidCommandError, UsageError
from gattkeeper.fronts import answers
from gattkeeper.fronts.answers import Answer
from gattkeeper.fronts.commands import (
    Options,
    act_command,
    act_commands,
    characteristic_from,
    is_group,
    pair_command,
    patience,
    payload_from_hex,
    read_command,
    write_command,
)
from gattkeeper.fronts.service import Service
from gattkeeper.fronts.socket import requests
from gattkeeper.fronts.socket.holding import Holdings, hold
from gattkeeper.model.command import Command, Origin, Priority
from gattkeeper.model.operation import Subscribe
from gattkeeper.runtime.asking import PairingAgent
from gattkeeper.runtime.durations import to_us
from gattkeeper.runtime.handle import Handle

TIMELINE_LAST_MAX = 100
"""Most commands in one answer about the timeline: it has to fit the output of one connection."""


def perform(  # noqa: C901, PLR0911, PLR0912 - a table of verbs
    service: Service,
    request: requests.Request,
    origin: Origin,
    held: Holdings,
    agent: PairingAgent | None = None,
) -> AsyncGenerator[Answer, None]:
    """The answers to one request, without its id; one command is submitted at once. Raises GattkeeperError.

    `held` is what its client holds; `agent` is asked while it pairs.
    """
    match request:
        case requests.Act() if is_group(service.keeper.book, request.device):
            return _act_together(service, request, origin)
        case requests.Act() | requests.Read() | requests.Write():
            return _submit(service, _command(service, request, origin), request.wait)
        case requests.Submit():
            command = requests.command_of(request, origin)
            held.check(command.lease)
            return _submit(service, command, request.wait)
        case requests.Pair():
            return _pair(service, request, origin, agent)
        case requests.Answer():
            raise UsageError("no pairing with this id is under way on this connection")
        case requests.Stop():
            return _stop(service, request, origin)
        case requests.Outcome():
            return _outcome(service, request)
        case requests.Scan():
            return _scan(service, request)
        case requests.Subscribe():
            return _subscribe(service, request, held)
        case requests.Hold():
            return hold(service.keeper, request, origin, held)
        case requests.Renew():
            return _renew(request, held)
        case requests.End():
            raise UsageError("no request with this id can be ended here")
        case requests.Resolve():
            return _resolve(service, request, origin)
        case requests.AcceptFlaws():
            return _accept_flaws(service, request, origin)
        case requests.Cli():
            raise UsageError("a command line needs a connection of its own")
        case _:
            return _one(service, request, origin)


async def _one(
    service: Service,
    request: requests.Resume | requests.Cancel | requests.Status | requests.Timeline | requests.Devices,
    origin: Origin,
) -> AsyncGenerator[Answer, None]:
    """Requests that are answered at once, by one answer."""
    keeper = service.keeper
    match request:
        case requests.Resume():
            yield {"resumed": list(keeper.resume(request.scope, origin=origin))}
        case requests.Cancel():
            yield {"cancelled": keeper.cancel(request.command, origin=origin)}
        case requests.Status():
            yield {"status": answers.status_answer(keeper.status())}
        case requests.Timeline():
            yield {"timeline": _timeline(service, request)}
        case requests.Devices():
            yield {"devices": answers.device_answers(keeper.book, keeper.status())}
        case _:
            assert_never(request)


def _command(service: Service, request: requests.Submitting, origin: Origin) -> Command:
    options = requests.options_of(request, origin)
    match request:
        case requests.Act():
            return act_command(service.keeper.book, request.device, request.action, request.argument, options)
        case requests.Read():
            return read_command(request.device, characteristic_from(request.characteristic), options)
        case requests.Write():
            return write_command(
                request.device,
                characteristic_from(request.characteristic),
                payload_from_hex(request.payload),
                options,
                response=request.response,
                idempotent=request.idempotent,
                answer=None if request.answer is None else characteristic_from(request.answer),
                starts_with=payload_from_hex(request.starts_with) if request.starts_with else b"",
                answer_timeout=request.answer_timeout,
            )
        case _:
            assert_never(request)


def _submit(service: Service, command: Command, wait: bool | float) -> AsyncGenerator[Answer, None]:  # noqa: FBT001
    """Submitted in this moment: nobody waits for a task to begin."""
    patience_s = patience(wait)
    handle = service.submissions.begin(command)

    async def told() -> AsyncGenerator[Answer, None]:
        await handle.taken_on()
        yield {"accepted": handle.id}
        if wait is not False:
            yield await _ending(service, handle, patience_s)

    return told()


def submit_owned(
    service: Service, request: requests.Submit, origin: Origin, held: Holdings
) -> tuple[AsyncGenerator[Answer, None], Callable[[], object]]:
    """The answers to a command of its client's own, submitted at once, and what takes it back. Raises as above."""
    command = requests.command_of(request, origin)
    held.check(command.lease)
    handle = service.submissions.begin(command)

    async def told() -> AsyncGenerator[Answer, None]:
        answer = await _ending(service, handle, None)
        if handle.error is not None:  # it ended because it could not be put on record
            raise handle.error
        yield answer

    return told(), partial(service.keeper.cancel, handle.id, origin=origin)


async def _pair(
    service: Service, request: requests.Pair, origin: Origin, agent: PairingAgent | None
) -> AsyncGenerator[Answer, None]:
    keeper = service.keeper
    options = Options(origin=origin, deadline_us=to_us("deadline", request.deadline))
    command = pair_command(request.device, options)
    with nullcontext() if agent is None else keeper.agents.on_behalf(keeper.book.name_of(request.device), agent):
        handle = await service.submissions.submit(command)
        try:
            yield {"accepted": handle.id}
            yield await _ending(service, handle, None)
        finally:
            keeper.cancel(handle.id, origin=origin)


async def _act_together(service: Service, request: requests.Act, origin: Origin) -> AsyncGenerator[Answer, None]:
    patience_s = patience(request.wait)
    options = requests.options_of(request, origin)
    commands = act_commands(service.keeper.book, request.device, request.action, request.argument, options)
    fanout = await service.submissions.fanout(commands, request.gather)
    handles = list(fanout.handles.values())
    yield {"accepted": [handle.id for handle in handles]}
    if request.wait is not False:
        async for answer in _endings(service, handles, patience_s):
            yield answer
    yield {**answers.fanout_answer(fanout), "done": True}


async def _endings(
    service: Service, handles: list[Handle], patience_s: float | None
) -> AsyncGenerator[Answer, None]:
    """The outcomes of all, for which there are `patience_s` seconds together."""
    deadline = None if patience_s is None else service.now_us() / 1e6 + patience_s
    for handle in handles:
        left = None if deadline is None else max(0.0, deadline - service.now_us() / 1e6)
        yield await _ending(service, handle, left)


async def _stop(service: Service, request: requests.Stop, origin: Origin) -> AsyncGenerator[Answer, None]:
    patience_s = patience(request.wait)
    handles = await service.submissions.stop(request.scope, latch=request.latch, origin=origin)
    yield {"accepted": [handle.id for handle in handles]}
    if request.wait is False:
        return
    async for answer in _endings(service, handles, patience_s):
        yield answer
    yield {"done": True}


async def _outcome(service: Service, request: requests.Outcome) -> AsyncGenerator[Answer, None]:
    patience_s = patience(request.wait)
    handle = service.keeper.handle(request.command)
    known = service.timeline.of(request.command)
    if handle is not None:
        yield await _ending(service, handle, 0.0 if request.wait is False else patience_s)
    elif known is not None and known.outcome is not None:
        yield {
            "outcome": answers.outcome_answer(service.keeper.book, known.command, known.outcome, known.resolution)
        }
    else:
        raise UsageError(f"no command {request.command!r} is known here; the journal may still have it")


async def _ending(service: Service, handle: Handle, patience_s: float | None) -> Answer:
    """The outcome; when it takes longer than `patience_s`, the word that the command goes on."""
    if handle.outcome is not None:
        outcome = handle.outcome
    elif patience_s == 0:
        return {"command": handle.id, "gave_up": True}
    else:
        try:
            outcome = await handle.wait(patience_s)
        except TimeoutError:
            return {"command": handle.id, "gave_up": True}
    return {"outcome": answers.outcome_answer(service.keeper.book, handle.command, outcome, handle.resolution)}


def _timeline(service: Service, request: requests.Timeline) -> list[Answer]:
    if request.command:
        known = service.timeline.of(request.command)
        if known is None:
            raise UsageError(f"no command {request.command!r} is known here; the journal may still have it")
        return [answers.timeline_answer(service.keeper.book, known)]
    if not 1 <= request.last <= TIMELINE_LAST_MAX:
        raise InvalidCommandError(f"last must be 1 to {TIMELINE_LAST_MAX}, not {request.last}")
    device = service.keeper.book.name_of(request.device) if request.device else ""
    newest = service.timeline.newest(request.last, device)
    return [answers.timeline_answer(service.keeper.book, known) for known in newest]


async def _scan(service: Service, request: requests.Scan) -> AsyncGenerator[Answer, None]:
    async with aclosing(service.keeper.scan(request.duration, adapter=request.adapter)) as sightings:
        async for sighting in sightings:
            yield {"sighting": answers.sighting_answer(sighting)}
    yield {"done": True}


async def _subscribe(
    service: Service, request: requests.Subscribe, held: Holdings
) -> AsyncGenerator[Answer, None]:
    target = characteristic_from(request.characteristic)
    device = service.keeper.device(request.device)
    if request.lease:
        lease = held.lease(request.lease)
        if lease.device.name != device.name:
            raise UsageError(f"{request.lease} holds {lease.device.name}, not {device.name}")
        device = lease.device
    priority = Priority[request.priority.upper()]
    try:
        async with device.subscribe(target, kind=request.kind, priority=priority) as payloads:
            yield {"subscribed": True}
            async for payload in payloads:
                yield {"notification": payload.hex()}
    except CommandError as error:
        subscribe = Command(device=device.name, operation=Subscribe(target=target), label="subscribe")
        yield {"outcome": answers.outcome_answer(service.keeper.book, subscribe, error.outcome)}
        return
    yield {"done": True}


async def _renew(request: requests.Renew, held: Holdings) -> AsyncGenerator[Answer, None]:
    held.lease(request.lease).renew()
    yield {"renewed": request.lease}


async def _resolve(service: Service, request: requests.Resolve, origin: Origin) -> AsyncGenerator[Answer, None]:
    if not request.why.strip():
        raise InvalidCommandError("a resolution needs a reason: say in `why` how it was found out")
    await service.keeper.resolve(
        request.command,
        applied=request.applied,
        who=request.who or origin.principal,
        why=request.why,
        origin=origin,
    )
    yield {"resolved": True}


async def _accept_flaws(
    service: Service, request: requests.AcceptFlaws, origin: Origin
) -> AsyncGenerator[Answer, None]:
    flaws = await service.keeper.accept_flaws(who=request.who, why=request.why, origin=origin)
    yield {"flaws_accepted": list(flaws)}
