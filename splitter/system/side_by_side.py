"""Does independent works beside one another, as many at once as there are cores.

Invariant: when `side_by_side` returns or raises, none of its works goes on, and nothing that they started runs.
"""

import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import TypeVar

from splitter.system.process import GRACE, family

Result = TypeVar("Result")


def side_by_side(works: Sequence[Callable[[], Result]]) -> list[Result]:
    """Results of the works, in their order.

    Raises what the first of them that fails raises, or what interrupts the wait; the others are ended then.
    """
    workers = min(len(works), os.cpu_count() or 1)
    if workers < 2:
        return [work() for work in works]
    with ThreadPoolExecutor(workers) as pool, family() as ours:
        futures = [pool.submit(copy_context().run, work) for work in works]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            failed = [future for future in futures if future in done and future.exception() is not None]
            return [future.result() for future in failed[:1] or futures]
        except BaseException:
            for future in futures:
                future.cancel()
            ours.end(signal.SIGTERM)
            wait(futures, timeout=GRACE)
            ours.end(signal.SIGKILL)
            raise
