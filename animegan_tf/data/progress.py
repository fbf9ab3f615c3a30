"""Work on many files in threads, with a bar that shows how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tqdm import tqdm

from animegan_tf.parallel import map_ahead, worker_count

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    progress: str,
    workers: int | None = None,
) -> Iterator[Result]:
    """`map` in threads, in order, a few items ahead; the first exception ends it.

    A bar named `progress` shows on standard error, where that is a terminal.
    """
    workers = workers or worker_count()
    pool = ThreadPoolExecutor(workers)
    try:
        with tqdm(desc=progress, total=len(items), disable=None) as bar:
            for _, future in map_ahead(pool, function, items, workers + 2):
                yield future.result()
                bar.update()
    finally:
        pool.shutdown(cancel_futures=True)
