"""What happens to a picture besides the network: its size, its colors, its steadiness.

Pictures, videos, and the camera all go through `Process`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from animegan_tf import images
from animegan_tf.opencv import cv2
from animegan_tf.styling import colors
from animegan_tf.styling.options import Options
from animegan_tf.styling.temporal import TemporalFilter


def apply_effects(
    photo: np.ndarray,
    anime: np.ndarray,
    *,
    strength: float = 1.0,
    keep_color: bool = False,
    match_brightness: bool = False,
    match_color: bool = False,
    fit_colors: bool = False,
) -> np.ndarray:
    """Changes a result by its photo; both uint8 RGB (H, W, 3).

    Args:
        photo: what the network was given.
        anime: what it made of it.
        strength: 1 is the network's result, 0 the photo, between them a blend.
        keep_color: take the photo's chroma, pixel by pixel, with the result's luminance.
        match_brightness: make the result as bright as the photo, as the authors' option does.
        match_color: see `match_color`.
        fit_colors: see `colors.fit_colors`.
    """
    if match_brightness:
        anime = images.match_brightness(photo, anime)
    if match_color:
        anime = _match_color(photo, anime)
    if fit_colors:
        anime = colors.fit_colors(photo, anime)
    if keep_color:
        chroma = cv2.cvtColor(photo, cv2.COLOR_RGB2YCrCb)
        chroma[..., 0] = cv2.cvtColor(anime, cv2.COLOR_RGB2YCrCb)[..., 0]
        anime = cv2.cvtColor(chroma, cv2.COLOR_YCrCb2RGB)
    if strength < 1:
        anime = cv2.addWeighted(anime, strength, photo, 1 - strength, 0)
    return anime


def match_color(photo: np.ndarray, anime: np.ndarray) -> np.ndarray:
    """Moves a result's mean chroma (Cr and Cb) to that of its photo; both uint8 RGB (H, W, 3).

    The generator can't see a photo's mean color, because its first convolution is
    instance-normalized: a photo at sunset and the same photo at noon come out in one tint.
    Luminance and the differences between colors stay as they are, except where a color
    leaves the range of RGB.
    """
    result = cv2.cvtColor(anime, cv2.COLOR_RGB2YCrCb)
    wanted = cv2.cvtColor(photo, cv2.COLOR_RGB2YCrCb).mean(axis=(0, 1))
    shift = wanted - result.mean(axis=(0, 1))
    # OpenCV's types leave out that it adds a number to each channel, and clips.
    shifted = cv2.add(result, (0.0, shift[1], shift[2], 0.0))  # type: ignore[call-overload]
    return cv2.cvtColor(shifted, cv2.COLOR_YCrCb2RGB)


_match_color = match_color  # Where an argument has the same name.


def reduced_size(height: int, width: int, max_side: int) -> tuple[int, int]:
    """Height and width that fit into `max_side`, see `Options`."""
    if not max_side or max(height, width) <= max_side:
        return height, width
    scale = max_side / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def reduced(array: np.ndarray, max_side: int) -> np.ndarray:
    """An array (H, W) or (H, W, C) scaled down to fit into `max_side`."""
    height, width = array.shape[:2]
    return images.rescale(array, *reduced_size(height, width, max_side))


class Process:
    """Photos to what is shown or written: stylized, with effects, held steady, compared.

    Args:
        stylize: a `Stylizer`.
        options: what is done to each picture; `max_side` has been applied before.
        temporal: the pictures are consecutive frames, and flicker is filtered out of them.
    """

    def __init__(
        self, stylize: Callable[..., np.ndarray], options: Options, *, temporal: bool = False
    ):
        self._stylize = stylize
        self._options = options
        self._steady = TemporalFilter() if temporal else None

    def __call__(self, photos: np.ndarray) -> np.ndarray:
        """uint8 RGB (B, H, W, 3) to the same, or to (B, H, 2 * W, 3) with `compare`."""
        animes = self._stylize(photos, **self._options.effects)
        if self._steady:
            animes = self._steady(photos, animes)
        return np.concatenate([photos, animes], axis=2) if self._options.compare else animes
