"""What a history of many targets takes: CPU, file size, and the time of each transaction::

    python -m tools.measure_history [--targets 5000] [--every 10] [--seconds 1200] [--speed 1]

The checks are made up: what is measured is the history alone. With ``--speed 10`` ten seconds of
checks are written within one.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from pathlib import Path

from tryconnect._model.reason import Reason
from tryconnect.web._history import HistoryStore, Keep
from tryconnect.web._history_queries import series, uptimes

TICK = 0.05


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("::")[0])
    parser.add_argument("--targets", type=int, default=5000)
    parser.add_argument("--every", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=1200.0)
    parser.add_argument("--speed", type=float, default=1.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        await measure(options, Path(folder) / "history.db")


async def measure(options: argparse.Namespace, file: Path) -> None:
    store = HistoryStore(file, keep=Keep())
    store.latencies = store.latencies.__class__(maxlen=1_000_000)
    store.start()
    began, cpu, start = time.monotonic(), time.process_time(), time.time()
    per_second = options.targets / options.every
    added = 0
    while (passed := (time.monotonic() - began) * options.speed) < options.seconds:
        while added < passed * per_second:
            reason = Reason.ok if random.random() > 0.01 else Reason.timeout  # noqa: S311
            taken = random.lognormvariate(-3, 1)
            now = start + added / per_second
            store.add(f"target {added % options.targets}", reason, taken, now)
            added += 1
        await asyncio.sleep(TICK)
    cpu = time.process_time() - cpu
    end = start + options.seconds
    asked = time.perf_counter()
    await store.read(lambda db: series(db, "target 7", since=end - 86_400, until=end, step=300))
    asked = time.perf_counter() - asked
    rolled = time.perf_counter()
    await store.read(lambda db: uptimes(db, "target 7", end))
    rolled = time.perf_counter() - rolled
    latencies = sorted(store.latencies)
    await store.aclose()
    size = sum(each.stat().st_size for each in file.parent.iterdir())
    print(f"{store.written:,} checks of {options.targets:,} targets in {options.seconds:.0f} s")
    print(f"CPU: {cpu / options.seconds:.2%} of one core, that of making them up included")
    print(f"file: {size / 1e6:.1f} MB, {size / store.written:.1f} bytes a check")
    print(
        f"{len(latencies):,} transactions: median {statistics.median(latencies) * 1000:.1f} ms, "
        f"99 % {latencies[int(len(latencies) * 0.99)] * 1000:.1f} ms, "
        f"longest {latencies[-1] * 1000:.1f} ms"
    )
    print(f"reading a series of 24 h: {asked * 1000:.0f} ms; uptimes: {rolled * 1000:.0f} ms")


if __name__ == "__main__":
    asyncio.run(main())
