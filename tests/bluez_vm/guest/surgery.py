"""`gattkeeper doctor` in the guest, while something is the matter with it."""

import asyncio
from pathlib import Path

from gattkeeper.daemon.doctor.examination import examine
from gattkeeper.daemon.doctor.findings import Level


async def doctor_says(*areas: str, settings: Path | None = None) -> list[str]:
    """What it finds, in these areas or in all: "area: level: what". In a thread: it may take seconds."""
    found = await asyncio.to_thread(examine, settings)
    return [
        f"{each.area}: {each.level.value}: {each.what}"
        + (f" -> {each.cure}" if each.level is not Level.OK else "")
        for each in found
        if not areas or each.area in areas
    ]
