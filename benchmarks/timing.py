"""What the benchmarks share: CPU seconds over interleaved rounds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def timed(functions: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median CPU seconds of each function over interleaved rounds; the first two are not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for index in range(rounds + 2):
        for name, function in functions.items():
            start = time.process_time()
            function()
            if index >= 2:
                seconds[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}
