"""Pictures to compare on and to calibrate quantisation with."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from animegan_tf import demo, images
from animegan_tf.errors import Finding, UserError

PARITY_SIZES = ((256, 256), (192, 256), (320, 240), (128, 384), (96, 96), (253, 187), (64, 48),
                (301, 217))
"""Height and width of the pictures that an export is compared on; some no multiple of 4."""


def load_photos(folder: str | os.PathLike | None, count: int) -> list[np.ndarray]:
    """Up to `count` photos, spread evenly over a folder; drawn ones if there is no folder.

    Returns:
        uint8 (H, W, 3) RGB, of their own sizes.

    Raises:
        UserError: the folder is missing or has no picture, or pictures can't be read.
    """
    if folder is None:
        rng = np.random.default_rng(0)
        return [demo.draw_photo(rng, 288, 384) for _ in range(count)]
    if not Path(folder).is_dir():
        raise UserError(Finding(f"--photos={folder}", "no such folder",
                                "Name a folder of photos, or leave it out"))
    paths = images.find_images(folder)
    if not paths:
        raise UserError(Finding(f"--photos={folder}", "no picture in it",
                                "Name a folder of photos, or leave it out"))
    chosen = [paths[i] for i in np.unique(np.linspace(0, len(paths) - 1, count).astype(int))]
    photos, findings = [], []
    for path in chosen:
        try:
            photos.append(images.read_rgb(path))
        except images.ImageError as error:
            findings.append(Finding(error.path, error.reason, "Remove or replace it"))
    if findings:
        raise UserError(findings)
    return photos


def fit(photo: np.ndarray, height: int, width: int) -> np.ndarray:
    """The largest centred part of that shape, scaled to height x width; uint8 (H, W, 3)."""
    rows, columns = photo.shape[:2]
    scale = min(rows / height, columns / width)
    crop_rows, crop_columns = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (rows - crop_rows) // 2, (columns - crop_columns) // 2
    return images.rescale(photo[top:top + crop_rows, left:left + crop_columns], height, width)
