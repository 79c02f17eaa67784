"""What each verb of the command line does inside the daemon, as a stream of framed lines.

Knows parsed arguments and the keeper's public API. How the lines travel is `socket`'s business.
"""

import argparse
import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence

from msgspec import Struct

from gattkeeper.errors import CommandError, GattkeeperError, UsageError
from gattkeeper.fronts import answers
from gattkeeper.fronts.answers import EXIT_DONE, EXIT_GAVE_UP, EXIT_NOT_DELIVERED, EXIT_USAGE
from gattkeeper.fronts.cli import decisions, frames, texts
from gattkeeper.fronts.cli.detail import draw_detail
from gattkeeper.fronts.cli.lanes import draw_lanes
from gattkeeper.fronts.cli.pairing import Person, paired
from gattkeeper.fronts.cli.parsers import CommandLineError, HelpRequested, build_parser
from gattkeeper.fronts.cli.progress import progress_lines
from gattkeeper.fronts.cli.style import Terminal, clean
from gattkeeper.fronts.cli.together import Together
from gattkeeper.fronts.commands import (
    Options,
    act_command,
    act_commands,
    is_group,
    pair_command,
    read_command,
    unpair_command,
    write_command,
)
from gattkeeper.fronts.service import Service
from gattkeeper.model.command import Command, Origin
from gattkeeper.model.fault import Fault
from gattkeeper.model.outcome import Outcome, Resolution
from gattkeeper.model.status import DeviceStatus
from gattkeeper.runtime.durations import optional_us
from gattkeeper.runtime.handle import Handle
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import Sighting

SCAN_DEVICES_MAX = 1000
"""Most devices in the answer to one scan; further ones are not listed."""

Frames = AsyncGenerator[bytes, None]


class _Call(Struct, frozen=True, kw_only=True):
    """One command line on its way through a verb."""

    service: Service
    args: argparse.Namespace
    terminal: Terminal
    origin: Origin
    person: Person | None = None

    def command(self, command_id: str) -> Command | None:
        """A command that is still remembered."""
        known = self.service.timeline.of(command_id)
        return None if known is None else known.command


async def run_daemon_verb(
    service: Service, argv: Sequence[str], terminal: Terminal, origin: Origin, person: Person | None = None
) -> Frames:
    """Run one command line; the last frame carries the exit code. `person` is asked what the verb has to ask."""
    try:
        args = _parsed(argv)
        call = _Call(service=service, args=args, terminal=terminal, origin=origin, person=person)
        async for frame in _VERBS[args.verb](call):
            yield frame
    except HelpRequested as help_text:
        yield frames.out(str(help_text).rstrip())
        yield frames.exit_code(EXIT_DONE)
    except CommandLineError as error:
        for frame in _failure("usage", str(error), EXIT_USAGE, as_json="--json" in argv):
            yield frame
    except GattkeeperError as error:
        for frame in _failure(error.code, str(error), answers.exit_code_for(error), as_json="--json" in argv):
            yield frame


def _parsed(argv: Sequence[str]) -> argparse.Namespace:
    args = build_parser().parse_args(list(argv))
    if args.verb not in _VERBS:
        raise CommandLineError(f"{args.verb or 'nothing'} is no verb of the daemon (see `gattkeeper --help`)")
    return args


def _failure(code: str, message: str, exit_code: int, *, as_json: bool) -> list[bytes]:
    result = [frames.err(f"gattkeeper: {message}")]
    if as_json:
        result.append(frames.out_json(answers.error_answer(code, message)))
    return [*result, frames.exit_code(exit_code)]


async def _act(call: _Call) -> Frames:
    args = call.args
    book = call.service.keeper.book
    if is_group(book, args.device):
        commands = act_commands(book, args.device, args.action, args.argument, _options(call))
        frames_of_all = _fan_out(call, commands)
    else:
        frames_of_all = _submit(call, act_command(book, args.device, args.action, args.argument, _options(call)))
    async for frame in frames_of_all:
        yield frame


async def _fan_out(call: _Call, commands: Sequence[Command]) -> Frames:
    """A line for each device, and how far they were apart."""
    args = call.args
    fanout = await call.service.submissions.fanout(commands, args.gather)
    handles = list(fanout.handles.values())
    yield frames.accepted(" ".join(handle.id for handle in handles))
    together = Together(
        service=call.service,
        terminal=call.terminal,
        as_json=args.json,
        handles=handles,
        refused=fanout.refused,
    )
    async for frame in together.until_ended(0.0 if args.no_wait else args.wait):
        yield frame
    outcome = fanout.outcome
    words = "" if outcome is None else texts.spread_text(outcome)
    for frame in together.rest(answers.fanout_answer(fanout), words, waited=not args.no_wait):
        yield frame


async def _read(call: _Call) -> Frames:
    command = read_command(call.args.device, call.args.characteristic, _options(call))
    async for frame in _submit(call, command):
        yield frame


async def _write(call: _Call) -> Frames:
    args = call.args
    command = write_command(
        args.device,
        args.characteristic,
        args.payload,
        _options(call),
        response=not args.without_response,
        idempotent=args.idempotent,
        answer=args.answer,
        starts_with=args.starts_with,
        answer_timeout=args.answer_timeout,
    )
    async for frame in _submit(call, command):
        yield frame


async def _pair(call: _Call) -> Frames:
    command = pair_command(call.args.device, _options(call))
    answer = paired(call.service, command, call.person, lambda handle: _until_outcome(call, handle, None))
    async for frame in answer:
        yield frame


async def _unpair(call: _Call) -> Frames:
    async for frame in _submit(call, unpair_command(call.args.device, _options(call))):
        yield frame


def _options(call: _Call) -> Options:
    args = call.args
    return Options(
        priority=args.priority,
        attempt_timeout_us=optional_us("timeout", args.timeout),
        deadline_us=optional_us("deadline", args.deadline),
        idempotency_key=args.key,
        origin=call.origin,
    )


async def _submit(call: _Call, command: Command) -> Frames:
    handle = await call.service.submissions.submit(command)
    yield frames.accepted(handle.id)
    if call.args.no_wait:
        yield (
            frames.out_json({"accepted": handle.id})
            if call.args.json
            else frames.out(f"accepted {texts.what(handle.command)}  {handle.id}")
        )
        yield frames.exit_code(EXIT_DONE)
        return
    async for frame in _until_outcome(call, handle, call.args.wait):
        yield frame


async def _until_outcome(call: _Call, handle: Handle, wait_s: float | None) -> Frames:
    """Progress while waiting, then the outcome, or the word that the command goes on."""
    async for line in progress_lines(call.service.timeline, call.terminal, [handle], wait_s):
        if call.terminal.tty:
            yield frames.progress(line)
    if handle.outcome is None:
        yield (
            frames.out_json({"command_id": handle.id, "gave_up": True})
            if call.args.json
            else frames.err(texts.gave_up_text(handle.command, handle.id))
        )
        yield frames.exit_code(EXIT_GAVE_UP)
        return
    for frame in _ending(call, handle.command, handle.outcome, handle.resolution):
        yield frame


def _ending(call: _Call, command: Command, outcome: Outcome, resolution: Resolution | None = None) -> list[bytes]:
    book = call.service.keeper.book
    if call.args.json:
        shown = frames.out_json(answers.outcome_answer(book, command, outcome, resolution))
    else:
        by = call.command(outcome.by)
        text = texts.outcome_text(book, command, outcome, call.terminal, by=by, resolution=resolution)
        shown = frames.out(text) if outcome.succeeded else frames.err(text)
    return [shown, frames.exit_code(answers.exit_code_of(outcome))]


async def _stop(call: _Call) -> Frames:
    args = call.args
    handles = await call.service.submissions.stop(args.scope, latch=args.latch, origin=call.origin)
    if not handles:
        raise UsageError(f"{args.scope} has no devices: nothing was stopped")
    yield frames.accepted(" ".join(handle.id for handle in handles))
    stops = Together(service=call.service, terminal=call.terminal, as_json=args.json, handles=handles)
    async for frame in stops.until_ended(0.0 if args.no_wait else args.wait):
        yield frame
    again = _tried_again(call.service.keeper, handles)
    for device in again if not args.json else ():
        yield frames.err(texts.stop_persists_text(device))
    names = [device.name for device in again]
    for frame in stops.rest({"tried_again": names}, "", waited=not args.no_wait):
        yield frame


def _tried_again(keeper: Keeper, handles: Sequence[Handle]) -> list[DeviceStatus]:
    """The devices whose stop failed, and goes on as further stops."""
    failed = {one.command.device for one in handles if one.outcome is not None and not one.outcome.succeeded}
    return [device for device in keeper.status().devices if device.name in failed and device.stop_persists_us]


async def _resume(call: _Call) -> Frames:
    resumed = call.service.keeper.resume(call.args.scope, origin=call.origin)
    text = f"resumed {', '.join(resumed)}" if resumed else f"nothing was stopped in {call.args.scope}"
    yield frames.out_json({"resumed": list(resumed)}) if call.args.json else frames.out(text)
    yield frames.exit_code(EXIT_DONE)


async def _cancel(call: _Call) -> Frames:
    cancelled = call.service.keeper.cancel(call.args.id, origin=call.origin)
    if call.args.json:
        yield frames.out_json({"cancelled": cancelled})
    elif cancelled:
        yield frames.out(f"taking {call.args.id} back; `gattkeeper outcome {call.args.id}` says how it ends")
    else:
        yield frames.err(f"gattkeeper: {call.args.id} is not open: it has ended, or was never taken on")
    yield frames.exit_code(EXIT_DONE if cancelled else EXIT_NOT_DELIVERED)


async def _resolve(call: _Call) -> Frames:
    answer, words = await decisions.resolved(call.service.keeper, call.args, call.origin)
    yield frames.out_json(answer) if call.args.json else frames.out(words)
    yield frames.exit_code(EXIT_DONE)


async def _accept(call: _Call) -> Frames:
    answer, words = await decisions.accepted(call.service.keeper, call.args, call.origin)
    yield frames.out_json(answer) if call.args.json else frames.out(words)
    yield frames.exit_code(EXIT_DONE)


async def _outcome(call: _Call) -> Frames:
    handle = call.service.keeper.handle(call.args.id)
    known = call.service.timeline.of(call.args.id)
    if handle is not None:
        async for frame in _until_outcome(call, handle, call.args.wait or 0.0):
            yield frame
    elif known is not None and known.outcome is not None:
        for frame in _ending(call, known.command, known.outcome, known.resolution):
            yield frame
    else:
        raise UsageError(f"no command {call.args.id!r} is known here")


async def _status(call: _Call) -> Frames:
    status = call.service.keeper.status()
    if call.args.json:
        yield frames.out_json(answers.status_answer(status))
    else:
        yield frames.out(texts.status_text(status, call.terminal))
    yield frames.exit_code(EXIT_DONE)


async def _devices(call: _Call) -> Frames:
    book, status = call.service.keeper.book, call.service.keeper.status()
    if call.args.json:
        yield frames.out_json({"devices": answers.device_answers(book, status)})
    else:
        yield frames.out(texts.devices_text(book, status))
    yield frames.exit_code(EXIT_DONE)


async def _timeline(call: _Call) -> Frames:
    service, args = call.service, call.args
    if args.id:
        one = service.timeline.of(args.id)
        if one is None and service.keeper.handle(args.id) is not None:
            advice = f"`gattkeeper outcome {args.id}` says how it ended"
            raise UsageError(f"the timeline of {args.id} is not remembered any more; {advice}")
        if one is None:
            raise UsageError(f"no command {args.id!r} is known here")
        shown = [one]
    else:
        shown = service.timeline.newest(args.last)
    if args.json:
        yield frames.out_json({"timeline": [answers.timeline_answer(service.keeper.book, one) for one in shown]})
    else:
        now_us = service.now_us()
        lines = (
            draw_detail(shown[0], now_us, call.terminal)
            if args.id
            else draw_lanes(shown, service.timeline.changes(), now_us, call.terminal)
        )
        yield frames.out("\n".join(lines))
    yield frames.exit_code(EXIT_DONE)


async def _scan(call: _Call) -> Frames:
    heard: dict[str, Sighting] = {}
    async for sighting in call.service.keeper.scan(call.args.duration, adapter=call.args.adapter):
        address = sighting.address.spelled
        if address in heard or len(heard) < SCAN_DEVICES_MAX:
            heard[address] = sighting
        if call.terminal.tty:
            yield frames.progress(f"scanning: {len(heard)} devices heard")
    if call.args.json:
        yield frames.out_json({"sightings": [answers.sighting_answer(one) for one in heard.values()]})
    else:
        yield frames.out(texts.sightings_text(heard.values()))
    yield frames.exit_code(EXIT_DONE)


async def _subscribe(call: _Call) -> Frames:
    """A line for each notification: hex, or JSON. With --for and too few of --count: gave up waiting."""
    args = call.args
    seen = 0
    fault: Fault | None = None
    try:
        async with (
            asyncio.timeout(args.duration),
            call.service.keeper.device(args.device).subscribe(args.characteristic) as payloads,
        ):
            async for payload in payloads:
                yield frames.out_json({"notification": payload.hex()}) if args.json else frames.out(payload.hex())
                seen += 1
                if seen == args.count:
                    break
            else:
                fault = payloads.fault
    except TimeoutError:
        pass
    except CommandError as error:
        command = call.command(error.outcome.command_id)
        if command is None:
            raise
        for frame in _ending(call, command, error.outcome):
            yield frame
        return
    if fault is not None:
        message = f"the subscription ended: {clean(str(fault))}"
        for frame in _failure("subscription_ended", message, EXIT_NOT_DELIVERED, as_json=args.json):
            yield frame
        return
    enough = args.count is None or seen >= args.count
    yield frames.exit_code(EXIT_DONE if enough else EXIT_GAVE_UP)


_VERBS: dict[str, Callable[[_Call], Frames]] = {
    "act": _act,
    "read": _read,
    "write": _write,
    "subscribe": _subscribe,
    "pair": _pair,
    "unpair": _unpair,
    "stop": _stop,
    "resume": _resume,
    "cancel": _cancel,
    "resolve": _resolve,
    "audit accept": _accept,
    "outcome": _outcome,
    "status": _status,
    "devices": _devices,
    "timeline": _timeline,
    "scan": _scan,
}

DAEMON_VERBS = frozenset(_VERBS)
"""The verbs that the daemon answers; all others are the local program's."""
