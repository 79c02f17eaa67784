"""Any number of seeds, on every core: `PYTHONPATH=src:tests python -m sim.soak 100000`. What `make soak` calls.

Stops at the first seed that breaks a promise: says what broke, leaves recordings of it, and says how to run it
again. Else it says how often each fault fired. Further words: the first seed, and the folder for recordings.

Knows processes and progress. What a run is, `replay` knows.
"""

import logging
import os
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path

from sim.checker import judge
from sim.replay import MODES, RADIO, run, save
from sim.report import Hit, hits

RADIO_SHARE = 10
"""Of so many seeds one is for the complete stack: that takes several times as long."""

NICENESS = 10

QUIETLY = 100
"""Runs between two lines of progress where nobody watches."""

Run = tuple[int, str]
"""A seed and its mode."""

Result = tuple[Run, list[str], Counter[Hit]]


def runs(seeds: range, radio_seeds: range) -> Iterator[Run]:
    """What these seeds stand for, the shorter list spread over the longer one."""
    for index, seed in enumerate(seeds):
        yield from ((seed, mode) for mode in MODES)
        share = slice(index * len(radio_seeds) // len(seeds), (index + 1) * len(radio_seeds) // len(seeds))
        yield from ((seed, RADIO) for seed in radio_seeds[share])


def one(run_: Run) -> Result:
    """Run and judge; whatever a run raises is a promise broken."""
    try:
        history = run(*run_)
        return run_, judge(history), hits(history)
    except Exception:  # noqa: BLE001 - the seed has to be named, whatever it was
        return run_, [traceback.format_exc()], Counter()


def soak(waiting: Iterator[Run], *, workers: int | None = None) -> Iterator[Result]:
    """Every run as it ends; few more are begun than are looked at."""
    with ProcessPoolExecutor(workers, initializer=_prepare) as pool:
        running: set[Future[Result]] = set()
        try:
            while True:
                while len(running) < 4 * (workers or os.cpu_count() or 1):
                    following = next(waiting, None)
                    if following is None:
                        break
                    running.add(pool.submit(one, following))
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            pool.shutdown(cancel_futures=True)


def _prepare() -> None:
    os.nice(NICENESS)
    logging.disable()


def main(count: str, start: str = "0", folder: str = ".seeds") -> int:
    """Soak with a progress line; 0 when every promise was kept."""
    seeds = range(int(start), int(start) + int(count))
    radio_seeds = range(seeds.start // RADIO_SHARE, seeds.stop // RADIO_SHARE)
    total = len(seeds) * len(MODES) + len(radio_seeds)
    counted: Counter[Hit] = Counter()
    for number, ((seed, mode), said, fired) in enumerate(soak(runs(seeds, radio_seeds)), start=1):
        if said:
            sys.stdout.write(f"\nseed {seed}, {mode}:\n" + "\n".join(said) + "\n")
            sys.stdout.write(f"run it again: {save(seed, mode, Path(folder))}\n")
            return 1
        counted += fired
        if number % (1 if sys.stderr.isatty() else QUIETLY) == 0 or number == total:
            sys.stderr.write(f"\r{number} of {total} runs, {counted.total()} faults")
            sys.stderr.flush()
    sys.stderr.write("\n")
    by_number = Counter({number: 0 for number, _, _ in counted})
    for (number, _, _), times in counted.items():
        by_number[number] += times
    for number, times in sorted(by_number.items(), key=lambda item: int(item[0][1:])):
        sys.stdout.write(f"{number:>4} {times:>10}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
