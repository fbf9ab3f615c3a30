"""Edge smoothing: anime pictures without clear edges, which the discriminator learns to refuse."""

from __future__ import annotations

import numpy as np

from animegan_tf.opencv import cv2

_GAUSSIAN = np.array([1, 4, 6, 4, 1], np.float32) / 16


def find_edges(gray: np.ndarray) -> np.ndarray:
    """Where a picture has edges, widened by two pixels: uint8 (H, W) to bool (H, W).

    Canny with thresholds 100 and 200, then a dilation by 5x5, as in the authors' code.
    """
    return cv2.dilate(cv2.Canny(gray, 100, 200), np.ones((5, 5), np.uint8)) > 0


def smooth_edges(rgb: np.ndarray, gray: np.ndarray) -> np.ndarray:
    """Blurs a picture along its edges (the paper's picture set E).

    At each pixel of `find_edges(gray)` the color becomes that of a 5x5 Gaussian over the picture,
    reflected at its border, truncated to bytes. Identical to the authors' tool to the byte.

    Args:
        rgb: uint8 (H, W, 3), both sides at least 3.
        gray: uint8 (H, W), the gray reading of the same file (`images.read_gray`), of the same
            size; edges are found in it.

    Returns:
        uint8 (H, W, 3), a new array.
    """
    # Sixteenths in float32 keep every sum exact; OpenCV's own 8-bit blur would round.
    blurred = cv2.sepFilter2D(
        rgb, cv2.CV_32F, _GAUSSIAN, _GAUSSIAN, borderType=cv2.BORDER_REFLECT_101
    ).astype(np.uint8)
    return cv2.copyTo(blurred, find_edges(gray).view(np.uint8), rgb.copy())
