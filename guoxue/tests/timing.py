"""Times work for tests of how its cost grows: the least of three runs, with no garbage collection within."""

import gc
import time
from collections.abc import Callable


def least_cpu_seconds(work: Callable[[], object]) -> float:
    """Run the work three times and return the least CPU time; a whole test run's garbage is none of its cost."""
    times = []
    gc.disable()
    try:
        for _ in range(3):
            started = time.process_time()
            work()
            times.append(time.process_time() - started)
    finally:
        gc.enable()
    return min(times)
