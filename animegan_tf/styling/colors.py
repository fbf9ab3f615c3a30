"""Gives a result its photo's colors and light back, as `animegan_tf.colors` says."""

from __future__ import annotations

import numpy as np

from animegan_tf.colors import LUMA, color_map
from animegan_tf.opencv import cv2

_MEASURED_SIDE = 512


def fit_colors(photo: np.ndarray, anime: np.ndarray) -> np.ndarray:
    """The result with colors and exposure fitted to the photo's; both uint8 RGB (H, W, 3).

    The map of colors is measured on copies of at most 512 px.
    """
    matrix, offset = color_map(_NumPy, *moments(_reduced(photo), _reduced(anime)))
    return cv2.transform(anime, np.column_stack([matrix.T, 255 * offset.T]))


def moments(photo: np.ndarray, anime: np.ndarray) -> tuple[np.ndarray, ...]:
    """What `color_map` wants to know of two pictures, uint8 RGB (H, W, 3)."""
    x, y = (picture.reshape(-1, 3) / 255 for picture in (photo, anime))
    of_x, of_y = (z.mean(0, keepdims=True) for z in (x, y))
    x, y = x - of_x, y - of_y
    variance = np.mean((x @ LUMA.T) ** 2, keepdims=True)
    return of_x, of_y, variance, y.T @ x / len(x), y.T @ y / len(x)


class _NumPy:
    constant, log, exp = np.asarray, np.log, np.exp
    clip, concat = np.clip, np.concatenate


def _reduced(picture):
    scale = _MEASURED_SIDE / max(picture.shape[:2])
    if scale >= 1:
        return picture
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
