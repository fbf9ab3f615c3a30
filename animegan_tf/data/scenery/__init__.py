"""Scenes drawn by code alone: photo-like ones and cel-like ones.

Both domains are made of the same things (skies, hills, mountains, water, trees, houses, streets),
put together by the same scene functions. What differs is the art: `PhotoArt` draws continuous
light, texture, haze and noise; `CelArt` draws flat tones, banded skies and dark outlines.

Coordinates are (x, y) in pixels of a canvas larger than the picture, float32 RGB in [0, 1].

    noise       smooth noise, and arithmetic on colors
    relief      terrain
    art         the canvas, and what both arts share
    photo_art   the photo-like art
    cel_art     the cel-like art
    scenes      landscape, street, skyline
"""

from __future__ import annotations

import numpy as np

from animegan_tf.data.scenery.cel_art import CelArt
from animegan_tf.data.scenery.photo_art import PhotoArt
from animegan_tf.data.scenery.scenes import draw


def draw_photo(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Draws a photo-like scene: continuous light, texture, haze, sensor noise.

    Args:
        rng: decides everything; generators in equal states draw equal pictures.
        height, width: in pixels, 64 to 2048.

    Returns:
        uint8 RGB, (height, width, 3).
    """
    return draw(PhotoArt(rng, height, width))


def draw_anime(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Draws a cel-like scene: flat tones, dark outlines. Otherwise as `draw_photo`."""
    return draw(CelArt(rng, height, width))
