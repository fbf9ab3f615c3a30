"""Reading, the network, and writing side by side; and what can go wrong on the way."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import tensorflow as tf

from animegan_tf.errors import Finding
from animegan_tf.images import ImageError, TooLargeError
from animegan_tf.parallel import iterate_ahead
from animegan_tf.styling.video_files import WRITE_ERRORS
from animegan_tf.video import VideoError

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 2  # Items that wait before the network, and as many behind it.


@contextlib.contextmanager
def threads(count: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """An executor whose calls are finished at the end; after an error, only those that run."""
    executor = ThreadPoolExecutor(count, name)
    try:
        yield executor
    except BaseException:
        executor.shutdown(cancel_futures=True)
        raise
    executor.shutdown()


def run_in_order(
    items: Iterable[Item],
    process: Callable[[Item], Result],
    write: Callable[[Result], int],
    on_frames: Callable[[int], None],
) -> None:
    """Processes items here, while others are read ahead of it and written behind it.

    Reading and writing have one thread each: the order is kept, and few items are in memory.

    Args:
        items: are iterated over in the reading thread.
        process: called with each item.
        write: called in the writing thread; returns how many frames it has written.
        on_frames: called with that number.
    """
    pending: deque[Future[int]] = deque()

    def settle(limit):
        while len(pending) > limit:
            on_frames(pending.popleft().result())

    with threads(1, "read") as reading, threads(1, "write") as writing:
        for item in iterate_ahead(reading, items, _AHEAD):
            pending.append(writing.submit(write, process(item)))
            settle(_AHEAD)
        settle(0)


class NameTakenError(FileExistsError):
    """A result that was not there when the work was planned."""


@contextlib.contextmanager
def result_file(target: Path, replace: bool) -> Iterator[Path]:
    """Where to write a result: a hidden file beside the target that gets its name at the end.

    After an error there is no file, or the one that was there before.

    Args:
        target: the result; its folder is made.
        replace: an existing file may be replaced.

    Raises:
        NameTakenError: another program has written the target meanwhile.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f".{uuid.uuid4().hex}{target.suffix}"
    try:
        yield temporary
        if replace:
            os.replace(temporary, target)
        else:
            _take_free_name(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _take_free_name(temporary, target):
    try:
        os.link(temporary, target)  # Unlike a renaming, it fails where the name is taken.
    except FileExistsError:
        raise NameTakenError(target) from None
    except OSError:  # A file system without links.
        if os.path.lexists(target):
            raise NameTakenError(target) from None
        os.replace(temporary, target)


def explain(error: Exception, where: object) -> Finding:
    """What a single picture or video can fail of.

    Raises:
        Exception: the error itself, where it is a bug.
    """
    if isinstance(error, TooLargeError):
        return Finding(
            str(where),
            error.reason,
            "Raise --memory_limit, or make the picture smaller; JPEGs are read at a smaller scale "
            "with --max_side",
        )
    if isinstance(error, (ImageError, VideoError)):
        return Finding(str(where), error.reason, "Replace the file")
    if isinstance(error, NameTakenError):
        return Finding(
            str(where),
            "another program has written its result meanwhile, which is left as it is",
            "Give --overwrite to replace it",
        )
    if isinstance(error, WRITE_ERRORS):
        return Finding(
            str(where),
            f"the result can't be written ({getattr(error, 'strerror', None) or error})",
            "Make room there, or give another --output; nothing is left half-written",
        )
    if isinstance(error, (MemoryError, tf.errors.ResourceExhaustedError)):
        return Finding(str(where), "out of memory", "Use --memory_limit, --tile, or --max_side")
    if isinstance(error, ValueError):
        return Finding(str(where), str(error), "See --help")
    raise error
