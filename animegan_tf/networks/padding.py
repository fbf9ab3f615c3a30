"""Sizes that the generator takes, and pictures mirrored up to them.

The generator halves a picture twice, so sides are multiples of four; reflection padding inside it
needs at least two pixels at a quarter of the size, hence eight.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

MULTIPLE = 4
MINIMUM = 8


def padded_size(height: int, width: int) -> tuple[int, int]:
    """The smallest height and width that the generator takes and that hold a picture."""
    return _padded(height), _padded(width)


def _padded(side):
    return max(MINIMUM, side + -side % MULTIPLE)


def mirror_up(pictures: np.ndarray, size: tuple[int, int] | None = None) -> np.ndarray:
    """Mirrors the right and bottom border until the generator takes the pictures.

    Crop results with `[..., :height, :width, :]`.

    Args:
        pictures: (..., H, W, C), any dtype; sides smaller than the border are mirrored again.
        size: height and width to reach; None: `padded_size`.

    Returns:
        (..., H', W', C); the same array where nothing is to be added.
    """
    height, width = pictures.shape[-3:-1]
    target = size or padded_size(height, width)
    if target == (height, width):
        return pictures
    border = [(0, 0)] * (pictures.ndim - 3)
    border += [(0, target[0] - height), (0, target[1] - width), (0, 0)]
    return np.pad(pictures, border, mode="reflect")


def mirror_up_in_graph(picture: tf.Tensor) -> tf.Tensor:
    """As `mirror_up`, for one picture (H, W, C) whose size is known only when the graph runs."""
    rows, columns = (_mirrored(tf.shape(picture)[axis]) for axis in (0, 1))
    return tf.gather(tf.gather(picture, rows, axis=0), columns, axis=1)


def _mirrored(side):
    """Indices 0..side-1, then back and forth without repeating the border, up to `_padded`.

    A side of 1 repeats.
    """
    target = tf.maximum(MINIMUM, (side + MULTIPLE - 1) // MULTIPLE * MULTIPLE)
    period = tf.maximum(1, 2 * (side - 1))
    index = tf.range(target) % period
    return tf.minimum(index, period - index) * tf.cast(side > 1, tf.int32)
