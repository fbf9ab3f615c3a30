"""Arithmetic on pixels: gray, floats and back, sizes, brightness."""

from __future__ import annotations

import numpy as np

from animegan_tf.opencv import cv2


def gray_of(rgb: np.ndarray) -> np.ndarray:
    """The gray that OpenCV reads from a PNG file with these colors.

    uint8 (H, W, 3) to uint8 (H, W): (9797 R + 19234 G + 3737 B) >> 15, libpng's formula. It is one
    less than OpenCV's color conversion in half of the pixels.
    """
    weights = np.array([9797, 19234, 3737], np.float32)  # Sums stay below 2^24, so exact.
    gray = np.empty(rgb.shape[:2], np.uint8)
    rows = max(1, 1_000_000 // max(1, rgb.shape[1]))  # The floats of a whole picture are large.
    for top in range(0, len(rgb), rows):
        gray[top : top + rows] = (rgb[top : top + rows] @ weights).astype(np.int32) >> 15
    return gray


def to_float(pixels: np.ndarray) -> np.ndarray:
    """uint8 to float32 in [-1, 1]: x / 127.5 - 1."""
    values = pixels.astype(np.float32)
    values /= 127.5  # In place: fresh memory would cost more than the arithmetic.
    values -= 1
    return values


def to_uint8(values: np.ndarray) -> np.ndarray:
    """Float in [-1, 1] to uint8, clipped and truncated, as the authors save pictures."""
    scaled = values + 1
    scaled /= 2
    scaled *= 255
    return np.clip(scaled, 0, 255, out=scaled).astype(np.uint8)


def resize(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear resize of (H, W) or (H, W, C) as OpenCV's INTER_LINEAR: uint8 or float32.

    The authors resize the training pictures and their gray in uint8, test photos in float32.
    """
    resized = cv2.resize(array, (width, height), interpolation=cv2.INTER_LINEAR)
    return resized.reshape((height, width) + array.shape[2:])


def rescale(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """`resize` without aliasing: by pixel area where a side shrinks to less than half.

    A picture that already has this size is returned as it is.
    """
    if array.shape[:2] == (height, width):
        return array
    if array.shape[0] <= 2 * height and array.shape[1] <= 2 * width:
        return resize(array, height, width)
    return cv2.resize(array, (width, height), interpolation=cv2.INTER_AREA)


def authors_test_size(height: int, width: int) -> tuple[int, int]:
    """The size to which the authors' test script resizes a photo; the aspect ratio may change."""

    def fit(side):
        return 256 if side <= 256 else side - side % 32

    return fit(height), fit(width)


def match_brightness(photo: np.ndarray, generated: np.ndarray) -> np.ndarray:
    """Gives a generated picture the brightness of its photo; both uint8 RGB (H, W, 3).

    The authors' code, with its slip: the weights belong to BGR, so red weighs 0.114 and blue
    0.299. An entirely black picture stays black.
    """

    def brightness(rgb):
        red, green, blue = (rgb[..., channel].mean() for channel in range(3))
        return 0.114 * red + 0.587 * green + 0.299 * blue

    now = brightness(generated)
    if now == 0:
        return generated.copy()
    table = np.clip(np.arange(256) * (brightness(photo) / now), 0, 255).astype(np.uint8)
    return table[generated]
