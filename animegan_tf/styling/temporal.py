"""Less flicker in videos, for any network."""

from __future__ import annotations

import numpy as np

from animegan_tf.opencv import cv2

KEEP = 0.8
"""How much of the frame before stays where nothing has changed."""

TOLERANCE = 6.0
"""Change of the source, in gray levels, at which that share has fallen to 1/e."""

_BLUR = 1.5  # Pixels; compression and sensor noise are no change.


class TemporalFilter:
    """A recursive filter over time that holds still what holds still in the source.

    The network redraws strokes at the least noise in its input. Where the source hardly differs
    from what the kept result was drawn from, most of that result is kept; where it does differ,
    the new frame is taken as it is, so that neither motion nor a scene cut leaves a trail. The
    source is filtered with the same weights: slow changes add up and are not held back.

    Smoothing the InstanceNorm statistics over frames instead changes next to nothing: the
    statistics of a whole frame hardly fluctuate. `benchmarks/temporal.py` measures both.

    Frames have to come in order; a new video needs a new filter.
    """

    def __init__(self):
        self._source = self._result = None

    def __call__(self, photos: np.ndarray, animes: np.ndarray) -> np.ndarray:
        """Filters the next frames.

        Args:
            photos: uint8 (B, H, W, 3), consecutive frames of the source.
            animes: uint8 (B, H, W, 3), their results.

        Returns:
            uint8 (B, H, W, 3).
        """
        return np.stack([self._filter(*pair) for pair in zip(photos, animes)])

    def _filter(self, photo, anime):
        source = cv2.GaussianBlur(photo, (0, 0), _BLUR).astype(np.float32)
        result = anime.astype(np.float32)
        if self._source is not None:
            change = np.abs(source - self._source).max(axis=-1, keepdims=True)
            keep = KEEP * np.exp(-((change / TOLERANCE) ** 2))
            source += keep * (self._source - source)
            result += keep * (self._result - result)
        self._source, self._result = source, result
        return (result + 0.5).astype(np.uint8)
