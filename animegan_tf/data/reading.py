"""Training pictures, decoded within a memory budget that all reading threads share."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from animegan_tf.images import Limits, PictureFile
from animegan_tf.memory import MemoryBudget, return_freed_memory

MAX_TRAINING_PIXELS = 100_000_000
"""Larger JPEGs are decoded at reduced scale; other pictures above it are refused."""

_BUDGET = MemoryBudget(1e9)
_LARGE = 100e6


@contextlib.contextmanager
def open_training_picture(
    source: str | os.PathLike | bytes, at_least: int
) -> Iterator[PictureFile]:
    """A picture to decode and scale down in a `with` block, at whose end its memory is free again.

    The block waits until large pictures of other threads are done.

    Args:
        source: a path, or the bytes of a file.
        at_least: the side that it is scaled to.

    Raises:
        ImageError: as `images.read_image`.
    """
    file = PictureFile(source, Limits(max_pixels=MAX_TRAINING_PIXELS, at_least=at_least))
    try:
        with _BUDGET.hold(file.memory):
            yield file
    finally:
        if file.memory > _LARGE:
            return_freed_memory()
