"""Gives a result its photo's colors and light back, as one map of colors for the whole picture.

Each convolution of the generator is followed by an instance norm, the first one too. So the
generator can't see a photo's mean color, its exposure, its contrast, or how strong one axis of
color is against another; it has to guess them. They are known here. One map for all pixels changes
no shape and makes no seams.
"""

from __future__ import annotations

import numpy as np

from animegan_tf.opencv import cv2

VIVID = 1.3
"""How much livelier than the photo's the colors become; their mean gains half as much."""

_RIDGE = np.diag((50.0, 20.0, 20.0))
"""Variance in L, a, and b that counts as noise: a picture without color gives no evidence."""
_MEASURED_SIDE = 512
_STRIP_PIXELS = 2**18


def fit_colors(photo: np.ndarray, anime: np.ndarray) -> np.ndarray:
    """The result with colors and exposure fitted to the photo's; both uint8 RGB (H, W, 3).

    In CIE Lab: the colors (a, b) are what a linear regression of the photo's colors on the
    result's (L, a, b) says, made livelier by `VIVID`; the light (L) gets the mean and the contrast
    of the photo, well exposed (see `expose`). The map is measured on reduced copies.
    """
    light, colors = _measure(_lab(_reduced(photo)), _lab(_reduced(anime)))
    fitted = np.empty_like(anime)
    rows = max(1, _STRIP_PIXELS // anime.shape[1])
    for top in range(0, len(anime), rows):
        lab = _lab(anime[top : top + rows])
        mapped = np.concatenate([light(lab), colors(lab)], axis=-1).astype(np.float32)
        rgb = np.clip(cv2.cvtColor(mapped, cv2.COLOR_LAB2RGB), 0, 1)
        fitted[top : top + rows] = np.round(rgb * 255)
    return fitted


def expose(light: np.ndarray, middle: float = 0.6, share: float = 0.6) -> np.ndarray:
    """Light as a picture wants it, whatever the camera's exposure: levels, then a bright middle.

    Args:
        light: any shape, in [0, 1].
        middle: the mean that is aimed at.
        share: how much of the way to go, 0 to 1.
    """
    low, high = np.percentile(light, (0.5, 99.5))
    stretched = (light - 0.85 * low) / max(high - 0.85 * low, 0.2)
    light = np.clip(light + share * (stretched - light), 0, 1)
    mean = float(np.clip(light.mean(), 0.05, 0.95))
    wanted = mean + share * (middle - mean)
    return light ** float(np.clip(np.log(wanted) / np.log(mean), 0.5, 1.3))


def _measure(photo, anime):
    """The maps of light and of colors, from Lab (H, W, 3) to (H, W, 1) and (H, W, 2)."""
    mean = anime.mean((0, 1))
    colors = photo[..., 1:].reshape(-1, 2)
    wanted = colors.mean(0)
    centered = (anime - mean).reshape(-1, 3)
    # As if every color had been seen once more, with noise, and right: no evidence, no change.
    prior = _RIDGE[:, 1:] / VIVID
    fit = np.linalg.solve(
        centered.T @ centered / len(centered) + _RIDGE,
        centered.T @ (colors - wanted) / len(centered) + prior,
    )
    exposed = 100 * expose(photo[..., 0] / 100)
    gain = float(np.clip(exposed.std() / max(anime[..., 0].std(), 1.0), 0.7, 1.6))
    brightness = exposed.mean()

    def light(lab):
        return np.clip((lab[..., :1] - mean[0]) * gain + brightness, 0, 100)

    def color(lab):
        return (lab - mean) @ fit * VIVID + wanted * (1 + VIVID) / 2

    return light, color


def _lab(picture):
    return cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def _reduced(picture):
    scale = _MEASURED_SIDE / max(picture.shape[:2])
    if scale >= 1:
        return picture
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
