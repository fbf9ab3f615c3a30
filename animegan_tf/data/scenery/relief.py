"""Terrain, as both arts show it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from animegan_tf.data.scenery.noise import fractal, mix, smooth_step
from animegan_tf.opencv import cv2


class Relief(NamedTuple):
    """Terrain seen from the ground. Fields of shape (steps, width) lie over distance and x."""

    step: np.ndarray  # (height, width): the step seen at a pixel; beyond the last is sky
    altitude: np.ndarray  # above water level, in picture heights
    slope: np.ndarray  # how far the ground turns toward the right
    steepness: np.ndarray
    distance: np.ndarray  # (steps, 1): 0 nearest, 1 at the horizon
    path: np.ndarray  # where a footpath runs
    sky: np.ndarray  # (height, width)

    def at(self, field: np.ndarray) -> np.ndarray:
        """Per pixel the value of a field of shape (steps, width, ...)."""
        return field[np.minimum(self.step, len(field) - 1), np.arange(field.shape[1])[None]]


class Profile(NamedTuple):
    """Altitude and roughness of a landscape, from the nearest to the farthest ground."""

    offset: tuple[float, ...]
    rough: tuple[float, ...]
    ridged: float = 0.0  # 0: rolling, 1: sharp crests


PROFILES = {
    "mountains": Profile((0.03, 0.03, 0.05, 0.16, 0.20), (0.01, 0.02, 0.06, 0.12, 0.14), 0.8),
    "lake": Profile((0.03, -0.06, -0.08, 0.05, 0.17), (0.025, 0.02, 0.03, 0.07, 0.12), 0.7),
    "hills": Profile((0.02, 0.04, 0.06, 0.08, 0.08), (0.015, 0.04, 0.06, 0.06, 0.05), 0.0),
    "sea": Profile((0.0, -0.06, -0.08, -0.07, -0.02), (0.05, 0.03, 0.03, 0.04, 0.05), 0.0),
    "meadow": Profile((0.02, 0.02, 0.02, 0.04, 0.06), (0.01, 0.01, 0.015, 0.03, 0.04), 0.2),
}


def cast_relief(
    rng: np.random.Generator,
    height: int,
    width: int,
    horizon: float,
    profile: Profile,
    octaves: int,
) -> Relief:
    """Casts all columns at once: farther ground shows only where it stands higher.

    Args:
        rng: decides the terrain.
        height, width: of the canvas, in pixels.
        horizon: above the bottom edge, in picture heights.
        profile: what kind of landscape.
        octaves: how fine the detail gets.
    """
    steps = int(height * 0.75)
    distance = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    knots = np.linspace(0, 1, len(profile.offset))
    offset = np.interp(distance, knots, profile.offset).astype(np.float32)
    rough = np.interp(distance, knots, profile.rough).astype(np.float32)
    noise = fractal(rng, steps, width, 2.5, octaves, stretch=0.8)
    crests = 1.2 - 1.8 * np.sqrt(0.03 + fractal(rng, steps, width, 2.5, octaves, 0.45) ** 2)
    noise = mix(noise, crests, profile.ridged * smooth_step(0.4, 0.7, distance))
    altitude = offset + rough * noise
    bends = rng.uniform(0.5, 2), rng.uniform(0, 6)
    middle = 0.5 + rng.uniform(0.05, 0.3) * np.sin(bends[0] * 6 * distance + bends[1])
    half = rng.uniform(0.03, 0.11) * (1 - distance) ** 2
    x = np.linspace(0, 1, width, dtype=np.float32)[None]
    path = (np.abs(x - middle) + 0.01 * noise * (1 - distance) < half) & (rng.random() < 0.5)
    # Steps crowd together toward the horizon, where a plane's rows do too.
    # The plane starts below the bottom edge, so that raised ground does not show its cut side.
    plane = horizon - (horizon + 0.12) * (1 - distance) ** 2
    top = np.maximum.accumulate(plane + np.maximum(altitude, 0), axis=0)
    rows = np.clip(np.ceil((1 - top) * height), 0, height).astype(np.int64)
    # step[y, x]: how many steps end below y.
    seen = np.bincount((rows * width + np.arange(width)).ravel(), minlength=(height + 1) * width)
    step = np.cumsum(seen.reshape(height + 1, width)[::-1], axis=0)[::-1][1:]
    smooth = cv2.GaussianBlur(noise, (0, 0), height / 250)
    slope = cv2.Sobel(smooth, cv2.CV_32F, 1, 0) * (height / 80)
    steepness = np.hypot(slope, cv2.Sobel(smooth, cv2.CV_32F, 0, 1) * (height / 80)) * rough * 12
    return Relief(step, altitude, slope, steepness, distance, path, step >= steps)
