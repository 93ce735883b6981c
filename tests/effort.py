"""What a piece of work costs, in measures that a slow or busy machine does not change."""

import gc
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

ENOUGH_SECONDS: Final = 20.0  # of processor time: who has not been quick by then never is


def grows_no_faster(cost: Callable[[int], object], short: int, long: int, *, times: float) -> bool:
    """Whether `cost(long)` takes at most `times` what `cost(short)` takes, in this thread's processor time.

    Others on the machine can make any one measurement several times too long, so the two are taken in turn until a
    pair shows it, or for as long as nobody has to wait who grows as he should.
    """
    cost(short)
    spent = 0.0
    while spent < ENOUGH_SECONDS:
        first, second = _seconds(lambda: cost(short)), _seconds(lambda: cost(long))
        if second <= times * first:
            return True
        spent += first + second
    return False


def calls_of(work: Callable[[], object]) -> int:
    """How many functions `work` calls in this thread when it is done for the second time, those in C among them."""
    count = 0

    def watch(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    work()
    before = sys.getprofile()
    with _without_collections():
        sys.setprofile(watch)
        try:
            work()
        finally:
            sys.setprofile(before)
    return count


def _seconds(work: Callable[[], object]) -> float:
    with _without_collections():
        started = time.thread_time()
        work()
        return time.thread_time() - started


@contextmanager
def _without_collections() -> Iterator[None]:
    """A collection's cost is that of everything that other tests have left in memory."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
