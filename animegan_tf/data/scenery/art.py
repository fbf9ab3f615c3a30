"""What both arts share: a canvas, light, and ways to paint surfaces."""

from __future__ import annotations

import math

import numpy as np

from animegan_tf.data.scenery.noise import fractal, mix
from animegan_tf.data.scenery.relief import PROFILES, cast_relief
from animegan_tf.opencv import cv2


class Art:
    """A canvas and the ways to paint on it. Subclasses say how things look."""

    moods: tuple[dict, ...]
    octaves = 9  # of terrain
    oversize = 2.0  # the canvas, in picture sizes
    clear: float  # how far one sees through the air

    def __init__(self, rng, height, width):
        self.rng = rng
        self.picture_size = height, width
        # Sizes are measured in the shorter side, as a photographer frames.
        scale = self.oversize if max(height, width) <= 1024 else 1
        self.height, self.width = round(height * scale), round(width * scale)
        self.unit = min(self.height, self.width)
        self.canvas = np.empty((self.height, self.width, 3), np.float32)
        weights = np.array([mood["weight"] for mood in self.moods])
        self.mood = {
            key: np.float32(value)
            for key, value in self.moods[
                rng.choice(len(weights), p=weights / weights.sum())
            ].items()
        }
        self.sun_side = 1 - 2 * int(rng.integers(2))
        self.sun_x = 0.5 + self.sun_side * rng.uniform(0.1, 0.6)
        self.horizon = rng.uniform(0.36, 0.52)  # above the bottom edge, in picture heights

        self.horizon_row = self.height * (1 - self.horizon)
        self.conifers = 0.0  # share of the trees

    def nearness(self, y):
        """0 at the horizon, 1 at the bottom edge."""
        return np.clip((y - self.horizon_row) / (self.height - self.horizon_row), 0, 1)

    def noise(self, cells, octaves=5, gain=0.5, stretch=1.0):
        return fractal(self.rng, self.height, self.width, cells, octaves, gain, stretch)

    def scenery(self, name):
        """Paints sky and land. Returns the relief, and where it lies under water."""
        relief = cast_relief(
            self.rng, self.height, self.width, self.horizon, PROFILES[name], self.octaves
        )
        self.sky()
        self.land(relief)
        return relief, ~relief.sky & (relief.at(relief.altitude) <= 0)

    def hazy(self, color, distance):
        """A color as it looks through so much air."""
        return mix(color, self.mood["haze"], 1 - math.exp(-distance / self.clear))

    def fill(self, polygons, color):
        cv2.fillPoly(self.canvas, fixed_point(polygons), color.tolist(), cv2.LINE_8, 4)

    def details(self, polygons, color, light, distance):
        """Surfaces of one color; `light` from 0, in shade, to 1, in the sun."""
        self.fill(polygons, self.hazy(self.tone(color, light), distance))

    def finish(self) -> np.ndarray:
        """The picture that the canvas holds, uint8 (height, width, 3)."""
        raise NotImplementedError

    def wall(self, polygon, color, light, distance):
        """A surface with a border of its own."""
        self.details([polygon], color, light, distance)


def fixed_point(polygons):
    """Points in sixteenths of a pixel, as OpenCV takes them."""
    return [np.round(np.asarray(polygon) * 16).astype(np.int32) for polygon in polygons]
