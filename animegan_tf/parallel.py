"""Results computed in threads before they are asked for.

Threads suffice: decoders, encoders, OpenCV, and NumPy release the interpreter's lock.
"""

from __future__ import annotations

import collections
import itertools
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_END: Any = object()


def worker_count() -> int:
    """How many threads read files: one a processor, from 2 to 8."""
    return max(2, min(8, os.cpu_count() or 1))


def map_ahead(
    executor: Executor, function: Callable[[Item], Result], items: Iterable[Item], ahead: int
) -> Iterator[tuple[Item, Future[Result]]]:
    """`map` by an executor, in order, without starting everything at once.

    Args:
        executor: where the function runs.
        function: called once for each item.
        items: taken one by one, as the results are.
        ahead: how many calls are submitted beyond the one that is yielded.

    Yields:
        (item, future). Whoever takes them decides what a failure means for the others. When the
        iterator is closed, calls that have not begun are canceled.
    """
    pending: collections.deque[tuple[Item, Future[Result]]] = collections.deque()
    try:
        for item in items:
            pending.append((item, executor.submit(function, item)))
            if len(pending) > ahead:
                yield pending.popleft()
        while pending:
            yield pending.popleft()
    finally:
        for _, future in pending:
            future.cancel()


def iterate_ahead(executor: Executor, items: Iterable[Item], ahead: int) -> Iterator[Item]:
    """The items, each taken from its iterator by the executor before it is asked for.

    Args:
        executor: of one thread, since an iterator can be asked by one at a time.
        items: what to iterate over.
        ahead: how many items are taken beyond the one that is yielded.

    Raises:
        Exception: whatever the iterator raises, at its place in the order.
    """
    iterator = iter(items)
    taken = map_ahead(executor, lambda _: next(iterator, _END), itertools.repeat(None), ahead)
    for _, future in taken:
        item = future.result()
        if item is _END:
            return
        yield item


class ReadAhead:
    """Computes function(k), function(k + 1), ... in threads before they are asked for.

    Any order of asking is right, since the function is pure; ascending order is fast.

    Args:
        function: takes a number; equal numbers give equal results.
        workers: threads; None: `worker_count`.
    """

    def __init__(self, function: Callable[[int], Any], workers: int | None = None):
        self._function = function
        self._workers = workers or worker_count()
        self._pool = ThreadPoolExecutor(self._workers)
        self._lock = threading.Lock()
        self._waiting: dict[int, Future] = {}

    def __call__(self, number: int, end: int) -> Any:
        """The result for `number`; nothing from `end` on is computed."""
        window = range(number, min(number + self._workers + 3, end))
        with self._lock:
            for other in [n for n in self._waiting if n not in window]:
                self._waiting.pop(other).cancel()
            for wanted in window:
                if wanted not in self._waiting:
                    self._waiting[wanted] = self._pool.submit(self._function, wanted)
            future = self._waiting.pop(number)
        return future.result()
