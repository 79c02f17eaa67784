"""The link contract, held by BleakLink over the guest's own BlueZ.

Knows how the bench of the virtual radio is joined to the kernel, and what it cannot do there. The checks are those
of every link. Some of them run at once, each in a program of its own with an adapter of its own: most of their time
BlueZ waits before it disconnects.
"""

import asyncio
import time
import traceback
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any

import pytest

from bluez_vm.guest import bluez
from bluez_vm.guest.forked import Forked
from bluez_vm.guest.place import READY_S, adapter_address
from bluez_vm.guest.privileged import privileged_program
from bluez_vm.guest.storm import kernel_bugs
from bluez_vm.guest.supervisor import supervisor
from bluez_vm.guest.vhci import VhciAdapter
from gattkeeper.links.bleak_link import BleakLink
from gattkeeper.world import Drop, Match, Moment, Rule, quieten_bumble
from link_contract.bench import AdapterLog
from link_contract.bumble_bench import BumbleBench
from link_contract.contract import CHECKS, Check, name_of

CHECK_S = 60.0
"""How long one check may take: seconds, but for the one that climbs every rung."""

PROGRAMS = 3
"""So many checks at once."""

QUIET_S = 0.5
"""BlueZ asks its own questions of a device one after the other: no new one for so long, and they are over."""

_FIRST_ADAPTER = 0x20

Numbered = tuple[int, Check]


class VhciBench:
    """`link_contract.bench.LinkBench`: device and radio of another bench, an adapter and a link of its own."""

    patience_s = 2.0
    cannot: Mapping[str, str] = MappingProxyType(
        {
            "att_error": "BlueZ has one D-Bus error for three ATT codes, and answers 0x05 with pairing",
            "panel": "pairing with a person has cases of its own, in cases_pairing",
        }
    )

    def __init__(self, adapter: str) -> None:
        played = BumbleBench()
        self.played = played
        self.adapter = VhciAdapter(adapter, played.radio._air)
        self.link = BleakLink(adapter, restart_service=True)
        self.adapter_log = AdapterLog()
        self.address = played.address
        self.applied = played.applied
        self.until_applied = played.until_applied
        self.until_asked = played.until_asked
        self.until_connected = played.until_connected
        self.until_disconnected = played.until_disconnected
        self.notify = played.notify
        self.att_error = played.att_error
        self.lose_link = played.lose_link
        self.lose_link_in_discovery = played.lose_link_in_discovery
        self.stop_advertising = played.stop_advertising
        self.panel = played.panel
        self.heal = played.heal

    async def silence_responses(self) -> None:
        await self._quiet()
        await self.played.silence_responses()

    async def delay_responses(self, delay_s: float) -> None:
        await self._quiet()
        await self.played.delay_responses(delay_s)

    async def vanish_adapter(self) -> None:
        self.adapter.unplug()

    async def return_adapter(self) -> None:
        self.adapter.plug()
        await bluez.power(True, adapter=self.adapter.address)

    async def _quiet(self) -> None:
        """BlueZ has questions of its own to a device, also after it said that it has its services: let them pass."""
        questions = Rule(Match(moment=Moment.TO_DEVICE, probability=0.0), Drop())
        self.played.radio.rules.append(questions)
        seen = -1
        while seen != questions.seen:
            seen = questions.seen
            await asyncio.sleep(QUIET_S)
        self.played.radio.rules.remove(questions)


@asynccontextmanager
async def vhci_bench(number: int) -> AsyncIterator[VhciBench]:
    """A bench with its link open and its device on the air; BlueZ knows nothing of this adapter from before."""
    bench = VhciBench(adapter_address(_FIRST_ADAPTER + number))
    await bench.played.radio.add(bench.played.device)
    async with asyncio.timeout(READY_S):
        await bench.return_adapter()
    await bench.link.open(bench.adapter_log)
    try:
        yield bench
    finally:
        await bench.link.close()
        bench.adapter.unplug()
        await bench.played.radio.close()


def some_checks(*names: str) -> dict[str, Any]:
    """The same for some checks, one after the other."""
    numbered = [(number, check) for number, check in enumerate(CHECKS) if name_of(check) in names]
    return asyncio.run(_climbing(numbered))


def every_check() -> dict[str, Any]:
    """What became of each check, and why. `broke`: it failed in a guest whose kernel found its own data broken."""
    numbered = list(enumerate(CHECKS))
    climbs = [each for each in numbered if name_of(each[1]).endswith("each_rung_of_its_recovery")]
    others = [each for each in numbered if each not in climbs]
    programs = [Forked(_run, others[first::PROGRAMS]) for first in range(PROGRAMS)]
    found: dict[str, Any] = {}
    for program in programs:
        found |= program.result(CHECK_S * len(CHECKS)) or {}
    return found | asyncio.run(_climbing(climbs))  # alone: it restarts bluetoothd


def _run(numbered: list[Numbered]) -> dict[str, Any]:
    quieten_bumble()
    return asyncio.run(_every(numbered))


async def _climbing(numbered: list[Numbered]) -> dict[str, Any]:
    quieten_bumble()
    async with privileged_program(), supervisor():
        return await _every(numbered)


async def _every(numbered: list[Numbered]) -> dict[str, Any]:
    async with bluez.agent():
        return {name_of(check): await _became(number, check) for number, check in numbered}


async def _became(number: int, check: Check) -> dict[str, Any]:
    started_at = time.monotonic()
    became, why = "passed", ""
    try:
        async with asyncio.timeout(CHECK_S), vhci_bench(number) as bench:
            await check(bench)
    except pytest.skip.Exception as skipped:
        became, why = "skipped", str(skipped)
    except BaseException:  # noqa: BLE001 - whatever it ends with is its result
        became, why = "broke" if kernel_bugs() else "failed", traceback.format_exc()
    return {"became": became, "why": why, "took_s": round(time.monotonic() - started_at, 1)}
