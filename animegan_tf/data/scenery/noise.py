"""Smooth noise, and arithmetic on colors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from animegan_tf.opencv import cv2


def fractal(
    rng: np.random.Generator,
    height: int,
    width: int,
    cells: float,
    octaves: int = 6,
    gain: float = 0.5,
    stretch: float = 1.0,
) -> np.ndarray:
    """Smooth noise of a mean of about 0 and a deviation of about 1, float32 (height, width).

    Args:
        rng: decides the noise.
        height, width: in pixels.
        cells: cells of the coarsest lattice over the height.
        octaves: lattices, each twice as fine as the one before.
        gain: how strong each lattice is, in parts of the one before.
        stretch: cells across for each cell down, at equal sides.
    """
    total: Any = np.zeros((1, 1), np.float32)
    power = 0.0
    for octave in range(octaves):
        rows = cells * 2**octave
        columns = rows * stretch * width / height
        if octave and max(rows / height, columns / width) > 1:
            break
        lattice = rng.standard_normal((int(rows) + 2, int(columns) + 2), dtype=np.float32)
        total = cv2.resize(total, lattice.shape[::-1], interpolation=cv2.INTER_CUBIC)
        total += gain**octave * lattice
        power += gain ** (2 * octave)
    total = cv2.resize(total, (width, height), interpolation=cv2.INTER_CUBIC)
    total *= 1.3 / math.sqrt(power)
    return total


def smooth_step(low: float, high: float, values: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, and a smooth rise between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def mix(a: Any, b: Any, t: Any) -> Any:
    """From `a`, where `t` is 0, to `b`, where it is 1."""
    return a + (b - a) * t


def rgb(*values: float) -> np.ndarray:
    """A color: red, green and blue from 0 to 1."""
    return np.array(values, np.float32)


def jitter(rng: np.random.Generator, color: np.ndarray, amount: float = 0.05) -> np.ndarray:
    """The color, a little lighter or darker, and a little off in hue."""
    shade = rng.uniform(-1, 1) + 0.4 * rng.uniform(-1, 1, 3)
    return np.clip(color * (1 + amount * shade.astype(np.float32)), 0, 1)
