"""Pictures to compare on and to calibrate quantization with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from animegan_tf import images
from animegan_tf.data.scenery import draw_photo
from animegan_tf.errors import Finding, UserError

PARITY_SIZES = (
    (256, 256),
    (192, 256),
    (320, 240),
    (128, 384),
    (96, 96),
    (253, 187),
    (64, 48),
    (301, 217),
)
"""Height and width of the pictures that an export is compared on; some no multiple of 4."""


def drawn_photos(count: int) -> list[np.ndarray]:
    """Photo-like pictures of the demo data set, uint8 (288, 384, 3)."""
    rng = np.random.default_rng(0)
    return [draw_photo(rng, 288, 384) for _ in range(count)]


def read_photos(paths: Sequence[Path], count: int) -> list[np.ndarray]:
    """Up to `count` photos, evenly spread over a list; uint8 (H, W, 3) of their own sizes.

    Raises:
        UserError: pictures can't be read.
    """
    photos, findings = [], []
    for path in split_evenly(paths, count)[0]:
        try:
            photos.append(images.read_rgb(path))
        except images.ImageError as error:
            findings.append(Finding(error.path, error.reason, "Remove or replace it"))
    if findings:
        raise UserError(findings)
    return photos


def split_evenly(items: Sequence, count: int) -> tuple[list, list]:
    """Up to `count` items, evenly spread over all, and the others."""
    chosen = set(np.linspace(0, len(items) - 1, count).astype(int).tolist())
    return (
        [item for i, item in enumerate(items) if i in chosen],
        [item for i, item in enumerate(items) if i not in chosen],
    )


def fit(photo: np.ndarray, height: int, width: int) -> np.ndarray:
    """The largest centered part of that shape, scaled to height x width; uint8 (H, W, 3)."""
    rows, columns = photo.shape[:2]
    scale = min(rows / height, columns / width)
    crop_rows, crop_columns = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (rows - crop_rows) // 2, (columns - crop_columns) // 2
    return images.rescale(photo[top : top + crop_rows, left : left + crop_columns], height, width)
