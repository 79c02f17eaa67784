"""A seeded day of trouble on a complete stack: a real keeper over Bumble, on a virtual radio, in virtual time.

Knows the faults that need bytes, and some of the others on the air. Everything else is as in `simulation`; there is
one adapter, no crash, and faults always stop before the end.
"""

import asyncio
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.model.command import Priority
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.world import (
    Action,
    AnswerError,
    AttOpcode,
    Delay,
    Disconnect,
    Drop,
    Duplicate,
    Match,
    Moment,
    Replace,
    Rule,
    VirtualDevice,
    VirtualRadio,
    VirtualService,
    run_virtual,
)
from sim import calls
from sim.history import History
from sim.link_faults import ATT_CODES, ENDED_BY_DEVICE, ENDED_HERE, OUT_OF_SYNC, TIMED_OUT
from sim.radio_trust import RADIO_TRUST, pair_the_trusted
from sim.report import NOBODY
from sim.stage import Stage, some_devices
from sim.watched_link import WatchedLink

ADAPTER = "C0:00:00:00:00:01"
DEVICES_MAX = 3
CALM_S = 90.0
"""Longer than any deadline of a script, and than the 30 s after which ATT gives up."""

UNAWARE_S = 0.3
"""How long a device refuses what is meant for an old table: until its indication has certainly come."""

REQUESTS = (AttOpcode.WRITE_REQUEST, AttOpcode.READ_REQUEST, AttOpcode.EXCHANGE_MTU_REQUEST)
RESPONSES = (AttOpcode.WRITE_RESPONSE, AttOpcode.READ_RESPONSE, AttOpcode.EXCHANGE_MTU_RESPONSE)
DISCOVERY = (AttOpcode.READ_BY_GROUP_TYPE_REQUEST,)

STEPS = {
    AttOpcode.WRITE_REQUEST: "write",
    AttOpcode.WRITE_RESPONSE: "write",
    AttOpcode.WRITE_COMMAND: "write without response",
    AttOpcode.READ_REQUEST: "read",
    AttOpcode.READ_RESPONSE: "read",
    AttOpcode.EXCHANGE_MTU_REQUEST: "request mtu",
    AttOpcode.EXCHANGE_MTU_RESPONSE: "request mtu",
    AttOpcode.READ_BY_GROUP_TYPE_REQUEST: "discover services",
    AttOpcode.NOTIFICATION: "notification",
    AttOpcode.INDICATION: "notification",
    AttOpcode.CONFIRMATION: "notification",
    None: "connect",
}

MALFORMED = (b"\x01", b"\x01\x12", b"\xff\xff", b"\x1b\x03", b"\x03", b"\x1d")
"""PDUs that are too short, or of no kind."""

VALUE, ACKNOWLEDGEMENT, OTHER_HANDLE = b"\x0b\x01\x02\x03\x04", b"\x13", b"\xff\xff\x80"
NOT_FOR_A_WRITE = (VALUE, b"\x01\x0a\x01\x00\x05", b"\x01\x12" + OTHER_HANDLE)
NOT_FOR_A_READ = (ACKNOWLEDGEMENT, b"\x01\x12\x01\x00\x05", b"\x01\x0a" + OTHER_HANDLE)
"""Answers to what nobody asked: a value, an acknowledgement, an error for another request or another handle."""

FROM, TO = Moment.FROM_DEVICE, Moment.TO_DEVICE

RadioFault = tuple[str, Moment, tuple[AttOpcode | None, ...], tuple[Action, ...]]

RADIO_FAULTS: tuple[RadioFault, ...] = (
    ("F1", FROM, RESPONSES, (Drop(),)),
    ("F2", TO, (*REQUESTS, *DISCOVERY), (Drop(),)),
    ("F3", FROM, RESPONSES, (Delay(seconds=0.4), Delay(seconds=2.0))),
    ("F4", FROM, RESPONSES, (Delay(seconds=5.3), Delay(seconds=6.0), Delay(seconds=11.0))),
    ("F5", FROM, (AttOpcode.WRITE_RESPONSE,), tuple(Replace(pdu=pdu) for pdu in NOT_FOR_A_WRITE)),
    ("F5", FROM, (AttOpcode.READ_RESPONSE,), tuple(Replace(pdu=pdu) for pdu in NOT_FOR_A_READ)),
    ("F6", FROM, RESPONSES, (Duplicate(),)),
    ("F7", TO, (*REQUESTS, *DISCOVERY), tuple(AnswerError(code=code) for code in ATT_CODES)),
    ("F10", FROM, (AttOpcode.NOTIFICATION,), (Duplicate(),)),
    ("F13", TO, (AttOpcode.CONFIRMATION,), (Drop(),)),
    ("F13", FROM, RESPONSES, (Drop(),)),
    ("F14", TO, (AttOpcode.WRITE_COMMAND,), (Drop(),)),
    ("F20", TO, (*REQUESTS, *DISCOVERY), (Disconnect(reason=TIMED_OUT[0]),)),
    ("F21", FROM, RESPONSES, tuple(Disconnect(reason=reason) for reason in ENDED_BY_DEVICE)),
    ("F22", FROM, RESPONSES, tuple(Disconnect(reason=reason) for reason in ENDED_HERE)),
    ("F22", Moment.CONNECT_REQUEST, (None,), (Drop(),)),
    ("F40", Moment.ADVERTISEMENT, (None,), (Drop(),)),
    ("F48", FROM, (*RESPONSES, AttOpcode.NOTIFICATION), tuple(Replace(pdu=pdu) for pdu in MALFORMED)),
)
"""Number, moment, opcodes one of which is chosen, and actions one of which is taken."""


class NotedRule:
    """A rule of the radio that says what it hits: has `fires` and `action`, as `Rule` has."""

    def __init__(self, rule: Rule, note: Callable[[str, int | None], None]) -> None:
        self.action = rule.action
        self._rule = rule
        self._note = note

    def fires(self, moment: Moment, device: str, opcode: int | None, now: float, dice: random.Random) -> bool:
        fired = self._rule.fires(moment, device, opcode, now, dice)
        if fired:
            self._note(device, opcode)
        return fired


def simulate_radio(seed: int, recordings: Path | None = None) -> History:
    """Run the day of a seed; the same seed gives the same history."""

    async def run(folder: str) -> History:
        return await RadioSimulation(seed, Path(folder), recordings).run()

    with tempfile.TemporaryDirectory() as folder:
        return run_virtual(run(folder))


class RadioSimulation:
    """One seed on the radio, carried out."""

    def __init__(self, seed: int, folder: Path, recordings: Path | None) -> None:
        self._dice = dice = random.Random(f"radio {seed}")
        devices = some_devices(dice, DEVICES_MAX)
        self._radio = VirtualRadio(seed=seed, loss=dice.choice((0.0, 0.0, 0.05)))
        link = WatchedLink(BumbleLink(self._radio.adapter(ADAPTER), name="virtual"), devices)
        self._stage = stage = Stage(dice, folder, seed=seed, devices=devices, links={"adapter-1": link})
        self._link = link
        stage.keeper = Keeper(
            links=stage.links,
            book=stage.book,
            journal=stage.journal,
            limits=stage.limits,
            slots=stage.slots,
            serialization=stage.serialization,
            id_prefix="r",
            jitter=random.Random(seed).random,
            recording=recordings / "r.jsonl" if recordings is not None else None,
        )

    async def run(self) -> History:
        """One life of the keeper, and the calm after it."""
        stage, dice = self._stage, self._dice
        stage.loop.set_exception_handler(lambda _loop, _context: None)  # Bumble's parser, of malformed packets
        for device in stage.devices:
            await self._radio.add(device)
        await stage.keeper.start()
        await pair_the_trusted(stage)
        stage.until_s = stage.loop.time() + dice.uniform(10, 30)
        self._radio.rules[:] = self._some_rules()
        for number in range(dice.randint(1, 3)):
            stage.spawn(self._client(random.Random(f"radio client {number} {stage.seed}")))
        for device in stage.devices:
            stage.spawn(calls.listen(stage, device.name, dice.uniform(5, 30)))
        doubtful = stage.spawn(self._make_doubtful(random.Random(f"radio trust {stage.seed}")))
        await stage.spawn(self._make_trouble())
        await doubtful
        await asyncio.gather(*stage.tasks)
        self._radio.rules.clear()
        await asyncio.sleep(CALM_S)
        await self._probe()
        await stage.keeper.close()
        await self._radio.close()
        history, status = stage.history, stage.keeper.status()
        history.left = status.accepted - status.ended + status.waiting
        history.rows = stage.journal.rows
        history.seen, history.violations = self._link.log.seen, self._link.log.violations
        return history

    def _some_rules(self) -> list[NotedRule]:
        dice = self._dice
        rules = []
        for number, moment, opcodes, actions in dice.sample(RADIO_FAULTS, k=dice.randint(2, 8)):
            match = Match(
                moment=moment,
                opcode=dice.choice(opcodes),
                probability=dice.choice((0.05, 0.2, 0.5)),
                until_s=self._stage.until_s,
            )
            rules.append(NotedRule(Rule(match, dice.choice(actions)), self._noting(number)))
        return rules

    def _noting(self, number: str) -> Callable[[str, int | None], None]:
        stage = self._stage

        def note(device: str, opcode: int | None) -> None:
            in_flight = stage.status_of(device).in_flight
            said = "" if in_flight else NOBODY
            stage.fired(number, STEPS[opcode], device=device, command_id=in_flight, said=said)

        return note

    async def _client(self, dice: random.Random) -> None:
        stage = self._stage
        pace = dice.choice((0.1, 0.5))
        while (now := stage.loop.time()) < stage.until_s:
            await asyncio.sleep(min(dice.expovariate(1 / pace), stage.until_s - now))
            turn = dice.random()
            if turn < 0.92:
                work = stage.spawn(calls.submit(stage, stage.script.command(dice)))
                if dice.random() < 0.5:
                    await work
            elif turn < 0.94:
                await calls.stop(stage, dice.choice(stage.script.devices))
            elif turn < 0.97:
                calls.cancel(stage, dice)
            else:
                await calls.mend(stage, dice)

    async def _make_trouble(self) -> None:
        stage, dice = self._stage, self._dice
        while (now := stage.loop.time()) < stage.until_s:
            await asyncio.sleep(min(dice.uniform(0.1, 3), stage.until_s - now))
            device = dice.choice(stage.devices)
            turn = dice.random()
            if turn < 0.15:
                self._change_table(device)
            elif turn < 0.25:
                self._radio.take_away(device)
                await asyncio.sleep(dice.uniform(0, 3))
                self._radio.bring_back(device)
            else:
                stage.push(device)

    async def _make_doubtful(self, dice: random.Random) -> None:
        stage = self._stage
        while (now := stage.loop.time()) < stage.until_s:
            await asyncio.sleep(min(dice.uniform(1, 10), stage.until_s - now))
            await dice.choice(RADIO_TRUST)(stage, self._radio, dice)

    def _change_table(self, device: VirtualDevice) -> None:
        """A firmware update: the same characteristics, elsewhere, while nothing is on the air.

        Until it has said so, the device refuses what is meant for the old table, as with robust caching (Vol 3,
        Part G, 2.5.2.1); without that, nobody could tell a write to an old handle from one to the new attribute.
        """
        stage = self._stage
        at = stage.kind_in_flight(device.name)
        if at not in ("connected", "disconnected") or not self._link.is_idle(device.name, UNAWARE_S):
            return
        (service,) = device.services
        attributes = list(service.characteristics)
        self._dice.shuffle(attributes)
        stage.fired("F18", at, device=device.name, said=NOBODY)
        now = stage.loop.time()
        refusing = Match(moment=TO, device=device.name, from_s=now, until_s=now + UNAWARE_S)
        self._radio.rules.insert(0, Rule(refusing, AnswerError(code=OUT_OF_SYNC)))
        self._radio.change_services(device, (VirtualService(service.uuid, tuple(attributes)),))

    async def _probe(self) -> None:
        stage = self._stage
        stage.keeper.resume()
        await pair_the_trusted(stage)
        for command in stage.journal.unresolved():
            await calls.resolve(stage, command.id)
        already = len(stage.history.told)
        for name in stage.script.devices:
            command = stage.script.write(name)
            await calls.submit(stage, replace(command, priority=Priority.NORMAL, deadline_us=20_000_000))
        stage.history.probes = stage.history.told[already:]
