"""What a result keeps of its photo, and the faults that generators are known for.

All on (H, W, 3) float32 RGB in [-1, 1]. Lightness is CIE L*, 0 to 100; one unit is about the
smallest difference that an eye sees.
"""

from __future__ import annotations

import numpy as np

from animegan_tf.opencv import cv2

FLAT = 2.0
"""Lightness that a 3x3 neighborhood may span and still count as flat."""
NEAR_EDGE = (7, 14)
"""Pixels from an edge of the photo between which ringing is looked for. Nearer, the outlines that
a style draws are no fault."""
BORDER = 6
"""Pixels from the picture's border within which stripes are looked for."""


def content_distance(photo_parts: np.ndarray, result_parts: np.ndarray) -> float:
    """The paper's content loss (its Eq. 3): mean absolute difference of two feature maps."""
    return float(np.abs(photo_parts - result_parts).mean())


def chroma_distance(photo: np.ndarray, result: np.ndarray) -> float:
    """Mean distance of the colors in the a*b* plane of CIE Lab, lightness left out."""
    difference = _lab(photo)[..., 1:] - _lab(result)[..., 1:]
    return float(np.hypot(difference[..., 0], difference[..., 1]).mean())


def flat_share(picture: np.ndarray) -> float:
    """The share of the picture without texture: large in cels, small in photos."""
    return float(_is_flat(_lab(picture)[..., 0]).mean())


def edge_strength(picture: np.ndarray) -> float:
    """Lightness from pixel to pixel at the edges: the 95th percentile of the slope."""
    lightness = _lab(picture)[..., 0]
    slope = np.hypot(cv2.Sobel(lightness, -1, 1, 0), cv2.Sobel(lightness, -1, 0, 1)) / 8
    return float(np.percentile(slope, 95))


def invented(photo: np.ndarray, result: np.ndarray) -> dict[str, float]:
    """Texture in the result where the photo is flat: what the generator has made up.

    Returns:
        By how much the lightness deviates from that of the neighborhood in the result more than
        in the photo, means by place: `ringing`, some pixels from the photo's edges; `stripes`, at
        the picture's borders; `texture`, elsewhere, such as worms in skies. Below 0 the result is
        smoother than its photo. NaN where the photo is nowhere flat.
    """
    lightness = _lab(photo)[..., 0]
    flat = _is_flat(lightness)
    busy = cv2.morphologyEx((~flat).astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    far = cv2.distanceTransform(1 - busy, cv2.DIST_L2, 5)
    inner = np.zeros(flat.shape, bool)
    inner[BORDER:-BORDER, BORDER:-BORDER] = True
    calm = far >= NEAR_EDGE[0]
    places = {
        "ringing": calm & inner & (far < NEAR_EDGE[1]),
        "stripes": calm & ~inner,
        "texture": inner & (far >= NEAR_EDGE[1]),
    }
    added = _deviation(_lab(result)[..., 0]) - _deviation(lightness)
    return {
        name: float(added[place].mean()) if place.any() else float("nan")
        for name, place in places.items()
    }


def _deviation(lightness):
    """From the neighborhood's mean. 9x9 pixels do not reach from a calm place to an edge."""
    return np.abs(lightness - cv2.GaussianBlur(lightness, (9, 9), 2))


def _lab(picture):
    return cv2.cvtColor((picture + 1) / 2, cv2.COLOR_RGB2LAB)


def _is_flat(lightness):
    square = np.ones((3, 3), np.uint8)
    return cv2.dilate(lightness, square) - cv2.erode(lightness, square) < FLAT
