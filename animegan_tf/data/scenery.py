"""Scenes drawn by code alone: photo-like ones and cel-like ones.

Both domains are made of the same things (skies, hills, mountains, water, trees, houses, streets),
put together by the same scene functions. What differs is the art: `_Photo` draws continuous
light, texture, haze and noise; `_Cel` draws flat tones, banded skies and dark outlines.

Coordinates are (x, y) in pixels of a canvas larger than the picture, float32 RGB in [0, 1].
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from animegan_tf.opencv import cv2

# Noise and color ---------------------------------------------------------------------------


def _fractal(rng, height, width, cells, octaves=6, gain=0.5, stretch=1.0):
    """Smooth noise, about mean 0 and deviation 1; `cells` lattice cells over the height."""
    total, power = np.zeros((1, 1), np.float32), 0.0
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


def _step(low, high, values):
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _mix(a, b, t):
    return a + (b - a) * t


def _rgb(*values):
    return np.array(values, np.float32)


def _jitter(rng, color, amount=0.05):
    """The color, a little lighter or darker, and a little off in hue."""
    shade = rng.uniform(-1, 1) + 0.4 * rng.uniform(-1, 1, 3)
    return np.clip(color * (1 + amount * shade.astype(np.float32)), 0, 1)


# Geometry that both arts share --------------------------------------------------------------


class Relief(NamedTuple):
    """Terrain seen from the ground. Fields of shape (steps, width) lie over distance and x."""

    index: np.ndarray  # (height, width): the step seen at a pixel; beyond the last is sky
    altitude: np.ndarray  # above water level, in picture heights
    slope: np.ndarray  # how far the ground turns towards the right
    steepness: np.ndarray
    distance: np.ndarray  # (steps, 1): 0 nearest, 1 at the horizon
    path: np.ndarray  # where a footpath runs
    sky: np.ndarray  # (height, width)

    def at(self, field):
        """Per pixel the value of a field of shape (steps, width, ...)."""
        return field[np.minimum(self.index, len(field) - 1), np.arange(field.shape[1])[None]]


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


def _relief(rng, height, width, horizon, profile, octaves):
    """Casts all columns at once: the farther ground shows only where it stands higher."""
    steps = int(height * 0.75)
    distance = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    knots = np.linspace(0, 1, len(profile.offset))
    offset = np.interp(distance, knots, profile.offset).astype(np.float32)
    rough = np.interp(distance, knots, profile.rough).astype(np.float32)
    noise = _fractal(rng, steps, width, 2.5, octaves, stretch=0.8)
    crests = 1.2 - 1.8 * np.sqrt(0.03 + _fractal(rng, steps, width, 2.5, octaves, 0.45) ** 2)
    noise = _mix(noise, crests, profile.ridged * _step(0.4, 0.7, distance))
    altitude = offset + rough * noise
    bends = rng.uniform(0.5, 2), rng.uniform(0, 6)
    middle = 0.5 + rng.uniform(0.05, 0.3) * np.sin(bends[0] * 6 * distance + bends[1])
    half = rng.uniform(0.03, 0.11) * (1 - distance) ** 2
    x = np.linspace(0, 1, width, dtype=np.float32)[None]
    path = (np.abs(x - middle) + 0.01 * noise * (1 - distance) < half) & (rng.random() < 0.5)
    # Steps crowd together towards the horizon, where a plane's rows do too.
    # It starts under the bottom edge: raised ground there shall not show its cut side.
    plane = horizon - (horizon + 0.12) * (1 - distance) ** 2
    top = np.maximum.accumulate(plane + np.maximum(altitude, 0), axis=0)
    rows = np.clip(np.ceil((1 - top) * height), 0, height).astype(np.int64)
    # index[y, x] = how many steps end below y.
    seen = np.bincount((rows * width + np.arange(width)).ravel(), minlength=(height + 1) * width)
    index = np.cumsum(seen.reshape(height + 1, width)[::-1], axis=0)[::-1][1:]
    smooth = cv2.GaussianBlur(noise, (0, 0), height / 250)
    slope = cv2.Sobel(smooth, cv2.CV_32F, 1, 0) * (height / 80)
    steepness = np.hypot(slope, cv2.Sobel(smooth, cv2.CV_32F, 0, 1) * (height / 80)) * rough * 12
    return Relief(index, altitude, slope, steepness, distance, path, index >= steps)


# The two arts -------------------------------------------------------------------------------


class _Art:
    """A canvas and the ways to paint on it. Subclasses say how things look."""

    moods: tuple[dict, ...]
    octaves = 9  # of terrain
    oversize = 2.0

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
        return _fractal(self.rng, self.height, self.width, cells, octaves, gain, stretch)

    def scenery(self, name):
        """Paints sky and land. Returns the relief, and where it lies under water."""
        relief = _relief(
            self.rng, self.height, self.width, self.horizon, PROFILES[name], self.octaves
        )
        self.sky()
        self.land(relief)
        return relief, ~relief.sky & (relief.at(relief.altitude) <= 0)

    def hazy(self, color, distance):
        return _mix(color, self.mood["haze"], 1 - math.exp(-distance / self.clear))

    def fill(self, polygons, color):
        cv2.fillPoly(self.canvas, _fixed_point(polygons), color.tolist(), cv2.LINE_8, 4)

    def details(self, polygons, color, light, distance):
        """Surfaces of one color; `light` from 0, in shade, to 1, in the sun."""
        self.fill(polygons, self.hazy(self.tone(color, light), distance))

    def wall(self, polygon, color, light, distance):
        """A surface with a border of its own."""
        self.details([polygon], color, light, distance)


def _fixed_point(polygons):
    """Points in sixteenths of a pixel, as OpenCV takes them."""
    return [np.round(np.asarray(polygon) * 16).astype(np.int32) for polygon in polygons]


class _Photo(_Art):
    """Continuous light, texture everywhere, haze, and a small camera's faults."""

    clear = 1.6
    oversize = 1.5
    moods = (
        dict(
            weight=6,
            zenith=_rgb(0.15, 0.35, 0.68),
            low=_rgb(0.64, 0.78, 0.90),
            sun=_rgb(1, 0.95, 0.85),
            shade=_rgb(0.36, 0.43, 0.55),
            haze=_rgb(0.66, 0.75, 0.84),
            sun_height=0.34,
            cover=0.2,
        ),
        dict(
            weight=3,
            zenith=_rgb(0.36, 0.50, 0.70),
            low=_rgb(0.92, 0.84, 0.74),
            sun=_rgb(1, 0.86, 0.66),
            shade=_rgb(0.36, 0.40, 0.50),
            haze=_rgb(0.82, 0.80, 0.78),
            sun_height=0.2,
            cover=0.1,
        ),
        dict(
            weight=2,
            zenith=_rgb(0.26, 0.35, 0.55),
            low=_rgb(0.97, 0.74, 0.48),
            sun=_rgb(1, 0.70, 0.42),
            shade=_rgb(0.30, 0.30, 0.40),
            haze=_rgb(0.85, 0.68, 0.56),
            sun_height=0.08,
            cover=0.1,
        ),
        dict(
            weight=1.5,
            zenith=_rgb(0.58, 0.62, 0.67),
            low=_rgb(0.80, 0.82, 0.84),
            sun=_rgb(0.8, 0.8, 0.79),
            shade=_rgb(0.52, 0.54, 0.57),
            haze=_rgb(0.74, 0.77, 0.79),
            sun_height=0.3,
            cover=-0.7,
        ),
    )

    def sky(self):
        """Light scattered towards the horizon, a sun glow, and clouds lit from the sun's side."""
        h, w, mood, rng = self.height, self.width, self.mood, self.rng
        y = np.arange(h, dtype=np.float32)[:, None] / self.horizon_row
        x = np.arange(w, dtype=np.float32)[None] / w
        t = np.clip(y, 0, 1)[..., None] ** 1.3
        sky = _mix(mood["zenith"], mood["low"], t) * np.ones((1, w, 1), np.float32)
        reach = np.hypot(
            (x - self.sun_x) * w / h,
            y * (1 - self.horizon) - (1 - self.horizon) * (1 - 2 * mood["sun_height"]),
        )
        glow = 0.45 * np.exp(-reach / 0.22) + 0.8 * np.exp(-((reach / 0.035) ** 2))
        sky += glow[..., None] * mood["sun"]
        # Clouds lie on a plane overhead, so they crowd together towards the horizon.
        plane = _fractal(rng, h, h, rng.uniform(3, 6), 7, 0.6)
        v = 1 / (np.clip(1 - y, 0, 1) + rng.uniform(0.2, 1.2))
        u = (x - 0.5) * v * rng.uniform(0.25, 0.4)
        v = np.broadcast_to(v * 0.36, u.shape)
        thick = cv2.remap(
            plane, (u + 0.5) * h, v * h, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        cover = mood["cover"] + rng.uniform(-0.7, 0.6)
        cloud = _step(cover, cover + rng.uniform(0.5, 1.2), thick)
        soft = cv2.GaussianBlur(thick, (0, 0), h / 60)
        towards_sun = np.float32([[1, 0, self.sun_side * h / 30], [0, 1, -h / 40]])
        relief = soft - cv2.warpAffine(
            soft, towards_sun, (w, h), flags=cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
        )
        lit = np.clip(0.85 + 0.5 * relief - 0.25 * np.maximum(thick - cover - 0.7, 0), 0, 1)
        color = _mix(
            _mix(mood["shade"], mood["low"], np.float32(0.55)),
            np.minimum(mood["sun"] * 1.06 + 0.04, 1),
            lit[..., None],
        )
        sky += (color - sky) * (0.92 * cloud * _step(1.0, 0.9, y))[..., None]
        self.canvas[:] = self.open_sky = sky

    def land(self, relief):
        """Grass, woods, rock and snow under one sun, fading into the air."""
        w, mood, rng = self.width, self.mood, self.rng
        distance, steps = relief.distance, len(relief.distance)
        patch = _fractal(rng, steps, w, 4, 7, 0.6)
        grain = _fractal(rng, steps, w, steps / 6, 3, 0.9)
        grass = _mix(
            _jitter(rng, _rgb(0.26, 0.36, 0.12), 0.2),
            _jitter(rng, _rgb(0.50, 0.46, 0.24), 0.2),
            _step(-1.2, 1.6, patch + rng.uniform(-0.6, 0.6))[..., None],
        )
        woods = _jitter(rng, _rgb(0.10, 0.17, 0.08), 0.3)
        rock = _jitter(rng, _rgb(0.42, 0.39, 0.36), 0.1)
        wooded = _step(0.0, 0.35, _fractal(rng, steps, w, 5, 6, 0.6) + 1.5 * (distance - 0.55))
        color = _mix(grass, woods, (wooded * _step(0.2, 0.5, distance))[..., None])
        high, snowline = relief.altitude + 0.05 * patch, rng.uniform(0.14, 0.32)
        bare = np.maximum(_step(0.2, 0.3, high), _step(0.035, 0.0, relief.altitude))
        color = _mix(color, rock, bare[..., None])
        color[relief.path] = _jitter(rng, _rgb(0.56, 0.48, 0.38), 0.15)
        snow = _step(snowline, snowline + 0.06, high - 0.05 * relief.steepness)
        snow = snow * _step(0.6, 0.8, distance)
        color = _mix(color, _rgb(0.93, 0.95, 0.98), snow[..., None])
        light = 0.66 + 0.25 * self.sun_side * relief.slope + 0.25 * grain * (1 - snow)
        light = np.clip(light * (1 - 0.35 * _step(0.2, 1.4, _fractal(rng, steps, w, 3, 4))), 0, 1.3)
        color = color * _mix(mood["shade"] * 0.8, mood["sun"] * 1.35, light[..., None])
        air = (1 - np.exp(-np.maximum(distance - 0.35, 0) * self.rng.uniform(0.5, 1.6)))[..., None]
        color = _mix(color, mood["haze"], air)
        ground = ~relief.sky
        near = relief.at((1 - distance) ** 2 + np.zeros((1, w), np.float32))
        texture = (1 + (0.03 + 0.12 * near) * self.noise(30, 5, 0.9))[..., None]
        self.canvas[ground] = (relief.at(color) * texture)[ground]

    def water(self, relief, mask):
        """A mirror of what stands above it, broken by ripples that grow towards the viewer."""
        h, w, mood = self.height, self.width, self.mood
        shore = np.where(mask.any(0), mask.argmax(0), h).astype(np.float32)
        shore = cv2.GaussianBlur(shore[None], (0, 0), w / 100)
        y = np.arange(h, dtype=np.float32)[:, None]
        near = self.nearness(y)
        ripple = _mix(self.noise(60, 3, 0.8, 0.1), self.noise(18, 4, 0.8, 0.15), near)
        mirrored = np.clip(2 * shore - y + ripple * h * (0.003 + 0.03 * near), 0, h - 1)
        x = np.broadcast_to(np.arange(w, dtype=np.float32), (h, w)) + ripple * h * 0.004
        picture = cv2.remap(
            self.canvas,
            x,
            mirrored.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        )
        deep = _mix(_rgb(0.05, 0.13, 0.16), mood["zenith"] * 0.5, np.float32(0.5))
        water = _mix(picture * 0.92, deep, (0.15 + 0.5 * near)[..., None])
        glint = _step(1.3, 2.4, ripple)[..., None] * mood["sun"] * 0.22
        self.canvas[mask] = (water + glint)[mask]

    def tree(self, x, y, size, distance):
        """Leaves as noise on a crown of blobs, brighter on the side of the sun."""
        rng, mood = self.rng, self.mood
        conifer = rng.random() < self.conifers
        left, top = int(x - size * 0.5), int(y - size)
        n = max(int(size), 4)
        grid = np.mgrid[0:n, 0:n].astype(np.float32) / n
        gy, gx = grid[0], grid[1]
        rough, leaves = _fractal(rng, n, n, 7, 5, 0.75), _fractal(rng, n, n, 16, 4, 0.8)
        if conifer:
            tiers = 0.7 + 0.3 * (gy * 8 + 0.15 * rough) % 1
            field = (0.25 * gy * tiers - np.abs(gx - 0.5) + 0.012 * rough - 0.01) * 7
            field[gy > 0.93] = -1
            side = (gx - 0.5) * 3
        else:
            field = np.full((n, n), -1, np.float32)
            for _ in range(7):
                r = rng.uniform(0.15, 0.25)
                cx, cy = np.clip(rng.normal((0.5, 0.4), 0.13), r + 0.02, 0.98 - r)
                field = np.maximum(field, 1 - ((gx - cx) ** 2 + (gy - cy) ** 2) / r**2)
            field += 0.3 * np.minimum(rough, 1) - 0.2
            side = (gx - 0.5) * 1.6 + (0.42 - gy) * 1.8 * self.sun_side
        alpha = _step(0, 0.12, field)
        lit = 0.42 + 0.4 * self.sun_side * side + 0.1 * rough + 0.28 * leaves
        leaf = _jitter(rng, _rgb(0.10, 0.17, 0.09) if conifer else _rgb(0.23, 0.31, 0.10), 0.3)
        lit = np.clip(lit, 0, 1.3)[..., None]
        crown = leaf * _mix(mood["shade"] * 0.55, mood["sun"] * 1.5, lit)
        trunk_width = 0.02 + 0.015 * rng.random()
        trunk = (np.abs(gx - 0.5) < trunk_width) & (gy > 0.5)
        bark = _rgb(0.22, 0.17, 0.13) * (1 + 0.3 * rough[..., None])
        color = np.where((alpha > 0.4)[..., None], crown, bark)
        alpha = np.maximum(alpha, trunk)[..., None]
        self._paste(left, top, self.hazy(color, distance), alpha)

    def _paste(self, left, top, color, alpha):
        h, w = alpha.shape[:2]
        y0, y1 = max(top, 0), min(top + h, self.height)
        x0, x1 = max(left, 0), min(left + w, self.width)
        if y0 < y1 and x0 < x1:
            here = self.canvas[y0:y1, x0:x1]
            cut = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
            here += (color[cut] - here) * alpha[cut]

    def shadow(self, ellipses):
        """Soft shadows on the ground; (x, y, half width, half height) each."""
        mask = np.zeros((self.height, self.width), np.float32)
        for x, y, a, b in ellipses:
            cv2.ellipse(mask, (int(x), int(y)), (int(a) + 1, int(b) + 1), 0, 0, 360, 0.5, -1)
        mask = cv2.GaussianBlur(mask, (0, 0), self.unit / 120)
        self.canvas *= 1 - mask[..., None] * (1 - self.mood["shade"] * 0.6)

    def tone(self, color, light):
        return color * _mix(self.mood["shade"], self.mood["sun"] * 1.1, np.float32(light))

    def meadow(self, ground):
        """Blades of grass in front."""
        h, w, rng, mood = self.height, self.width, self.rng, self.mood
        count = int(1500 * w / h)
        rows = np.sort(h - h * self.horizon * 0.75 * rng.random(count) ** 1.5)
        blade = _jitter(rng, _rgb(0.34, 0.42, 0.14), 0.25)
        for y, x, tone in zip(rows, rng.uniform(0, w, count), rng.uniform(0.15, 1.1, count)):
            size = self.unit * 0.06 * self.nearness(y)
            if size < 2 or not ground[int(y) - 1, int(x)]:
                continue
            tip = x + rng.normal(0, 0.35) * size, y - size * rng.uniform(0.5, 1)
            color = blade * _mix(mood["shade"], mood["sun"] * 1.3, np.float32(tone))
            cv2.line(self.canvas, (int(x), int(y)), (int(tip[0]), int(tip[1])), color.tolist())

    def finish(self):
        """What a small camera adds: contrast, vignette, softness, sensor noise."""
        rng, (height, width) = self.rng, self.picture_size
        solid = (self.canvas[..., 0] != self.open_sky[..., 0]) * np.float32(0.035)
        surface = 1 + solid * self.noise(70, 3, 0.9)
        self.canvas *= surface[..., None]
        picture = cv2.resize(self.canvas, (width, height), interpolation=cv2.INTER_AREA)
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.35, 0.6) * min(height, 512) / 256)
        y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        picture *= (1 - rng.uniform(0.1, 0.25) * (x**2 + y**2) / 2)[..., None].astype(np.float32)
        gray = picture.mean(-1, keepdims=True)
        picture = _mix(gray, picture, np.float32(rng.uniform(0.8, 1.05)))
        picture = picture * (1 + 0.03 * rng.standard_normal(3)) * rng.uniform(1.05, 1.35)
        picture = np.clip(picture, 0, None)
        picture = 1 - np.exp(-1.9 * picture**1.2)  # film's shoulder: highlights never clip hard
        grain = rng.standard_normal((height, width, 1), dtype=np.float32)
        grain = grain + 0.5 * rng.standard_normal((height, width, 3), dtype=np.float32)
        picture = picture + grain * rng.uniform(0.006, 0.014)
        return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)


class _Cel(_Art):
    """Two or three flat tones a thing, dark ink around it, one vivid palette."""

    clear = 4.0
    octaves = 5
    ink = _rgb(0.10, 0.11, 0.20)
    moods = (
        dict(
            weight=6,
            zenith=_rgb(0.06, 0.36, 0.84),
            mid=_rgb(0.20, 0.62, 0.95),
            water=_rgb(0.04, 0.38, 0.74),
            low=_rgb(0.60, 0.89, 0.98),
            haze=_rgb(0.50, 0.80, 0.96),
            lit=_rgb(1, 1, 1),
            middle=_rgb(0.80, 0.91, 0.99),
            dark=_rgb(0.55, 0.74, 0.94),
            tint=_rgb(1, 1, 1),
            shade=_rgb(0.50, 0.58, 0.82),
        ),
        dict(
            weight=2,
            zenith=_rgb(0.14, 0.54, 0.86),
            mid=_rgb(0.50, 0.82, 0.90),
            water=_rgb(0.08, 0.46, 0.68),
            low=_rgb(1, 0.95, 0.78),
            haze=_rgb(0.72, 0.88, 0.90),
            lit=_rgb(1, 1, 0.96),
            middle=_rgb(0.98, 0.90, 0.82),
            dark=_rgb(0.74, 0.78, 0.90),
            tint=_rgb(1.02, 1, 0.92),
            shade=_rgb(0.52, 0.58, 0.78),
        ),
        dict(
            weight=1.5,
            zenith=_rgb(0.30, 0.28, 0.68),
            mid=_rgb(0.88, 0.50, 0.66),
            water=_rgb(0.34, 0.32, 0.68),
            low=_rgb(1, 0.74, 0.44),
            haze=_rgb(0.80, 0.54, 0.70),
            lit=_rgb(1, 0.90, 0.70),
            middle=_rgb(1, 0.66, 0.56),
            dark=_rgb(0.62, 0.42, 0.68),
            tint=_rgb(1.04, 0.88, 0.76),
            shade=_rgb(0.48, 0.42, 0.72),
        ),
    )

    @property
    def line(self):
        return max(1, round(self.unit / 190))

    def faded_ink(self, distance):
        return _mix(self.ink, self.mood["haze"], np.float32(min(distance / 5, 0.45)))

    def tone(self, color, light):
        """Lit or in shade: nothing between."""
        return np.clip(color * self.mood["tint" if light > 0.5 else "shade"], 0, 1)

    def sky(self):
        """Bands from zenith to horizon, the sun as a disc, cumulus standing on the horizon."""
        h, w, mood, rng = self.height, self.width, self.mood, self.rng
        bands = int(rng.integers(6, 9))
        wave = cv2.resize(
            rng.standard_normal((1, 5)).astype(np.float32), (w, 1), interpolation=cv2.INTER_CUBIC
        )
        y = np.arange(h, dtype=np.float32)[:, None] / self.horizon_row + 0.015 * wave
        band = np.clip(np.clip(y, 0, 1) ** 1.2 * bands, 0, bands - 1).astype(np.int64)
        stops = np.stack([mood["zenith"], mood["mid"], mood["low"]])
        at = np.linspace(0, 2, bands)
        tones = np.stack([np.interp(at, range(3), stops[:, c]) for c in range(3)], 1)
        self.canvas[:] = tones.astype(np.float32)[band]
        if rng.random() < 0.35:
            spot = int(self.sun_x * w), int(self.horizon_row * rng.uniform(0.2, 0.8))
            for radius, share in ((0.085, 0.35), (0.06, 0.7), (0.04, 1.0)):
                color = _mix(mood["low"], _rgb(1, 1, 0.92), np.float32(share))
                cv2.circle(self.canvas, spot, int(radius * self.unit), color.tolist(), -1)
        for _ in range(int(rng.integers(0, 4))):
            self._wisp(rng.uniform(0, w), self.horizon_row * rng.uniform(0.08, 0.6))
        for nearness in np.sort(rng.random(int(rng.integers(2, 7)))):
            base = self.horizon_row * (1.02 - 0.62 * nearness)
            self._cumulus(rng.uniform(0, w), base, self.unit * (0.10 + 0.22 * nearness))

    def _wisp(self, x, y):
        for _ in range(6):
            length = self.unit * self.rng.uniform(0.05, 0.2)
            at = (
                int(x + self.rng.normal(0, 0.12) * self.unit),
                int(y + self.rng.normal(0, 0.02) * self.unit),
            )
            cv2.ellipse(
                self.canvas,
                at,
                (int(length), max(1, int(length * 0.05))),
                0,
                0,
                360,
                self.mood["middle"].tolist(),
                -1,
            )

    def _cumulus(self, x, base, size):
        rng, mood = self.rng, self.mood
        tall, wide = rng.uniform(0.5, 1.3), rng.uniform(0.9, 1.8)
        peak = rng.uniform(-0.4, 0.4)
        circles = []
        for i in range(40):
            body = i < 18  # large balls fill the dome, small ones crimp its edge
            across = i / 8.5 - 1 if body else rng.uniform(-0.95, 0.95)
            dome = tall * math.exp(-3 * (across - peak) ** 2) * (1 - 0.5 * abs(across)) + 0.08
            dome *= rng.uniform(0.75, 1.1)
            radius = max(0.12, 0.48 * dome) if body else rng.uniform(0.07, 0.15)
            rise = dome - radius if body else dome * rng.uniform(0.6, 0.95)
            circles.append((x + across * wide * size, base - rise * size, radius * size))
        sky = self.canvas[: max(int(base), 1)]
        self.puffs(sky, circles, (mood["dark"], mood["middle"], mood["lit"]))

    def puffs(self, canvas, circles, tones, ink=None):
        """Overlapping balls, the lighter tones stepping towards the sun."""
        if ink is not None:
            for x, y, r in circles:
                cv2.circle(canvas, (int(x), int(y)), int(r) + self.line, ink.tolist(), -1)
        for i, tone in enumerate(tones):
            for x, y, r in circles:
                center = int(x + self.sun_side * 0.16 * i * r), int(y - 0.24 * i * r)
                cv2.circle(canvas, center, max(int(r * (1 - 0.17 * i)), 1), tone.tolist(), -1)

    def land(self, relief):
        """Every material in three tones; ink where near ground hides far ground."""
        w, mood, rng = self.width, self.mood, self.rng
        distance, steps = relief.distance, len(relief.distance)
        patch = _fractal(rng, steps, w, 5, 3)
        wooded = _fractal(rng, steps, w, 6, 4) + 2 * (distance - 0.6) > 0.3
        high = relief.altitude + 0.02 * patch
        material = np.where(wooded, 1, 0)
        material[(relief.altitude < 0.006) | relief.path] = 2
        material[high > 0.17] = 3
        material[(high > 0.27 - 0.03 * relief.slope) & (distance > 0.55)] = 4
        light = self.sun_side * relief.slope + 0.35 * patch
        tone = (light > -0.55).astype(np.int64) + (light > 0.75)
        palette = np.stack(
            [  # dark, middle, light of grass, wood, sand, rock, snow
                [_rgb(0.16, 0.50, 0.26), _rgb(0.36, 0.70, 0.24), _rgb(0.60, 0.84, 0.30)],
                [_rgb(0.06, 0.32, 0.27), _rgb(0.12, 0.46, 0.28), _rgb(0.26, 0.60, 0.28)],
                [_rgb(0.76, 0.64, 0.46), _rgb(0.93, 0.83, 0.60), _rgb(1, 0.92, 0.72)],
                [_rgb(0.28, 0.32, 0.50), _rgb(0.42, 0.47, 0.62), _rgb(0.60, 0.63, 0.72)],
                [_rgb(0.60, 0.72, 0.92), _rgb(0.86, 0.93, 1), _rgb(1, 1, 1)],
            ]
        )
        palette = palette * mood["tint"]
        air = np.floor(np.clip(distance - 0.35, 0, 1) * 8) / 8
        color = _mix(palette[material, tone], mood["haze"], air[..., None]).astype(np.float32)
        ground = ~relief.sky
        picture = cv2.medianBlur(relief.at(color), 5)
        self.canvas[ground] = picture[ground]
        self.ink_ridges(relief)

    def ink_ridges(self, relief):
        """Ink wherever the ground behind is much farther away, fainter in the distance."""
        deep = len(relief.distance) * 0.05
        index = relief.index + relief.sky * deep * 2  # so that the farthest ridge has ink too
        jump = np.zeros(index.shape, bool)
        jump[1:] = index[:-1] - index[1:] > deep
        jump[:, 1:] |= index[:, :-1] - index[:, 1:] > deep
        jump[:, :-1] |= index[:, 1:] - index[:, :-1] > deep
        jump = jump.astype(np.uint8)
        jump = cv2.dilate(jump, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (self.line + 1,) * 2))
        far = np.clip(index / len(relief.distance) - 0.3, 0, 1)[..., None] * 0.9
        ink = _mix(self.ink, self.mood["zenith"] * 0.7, far).astype(np.float32)
        where = (jump > 0) & ~relief.sky
        self.canvas[where] = ink[where]

    def water(self, relief, mask):
        """Flat bands of blue, the shore mirrored in one tone deeper, white dashes of light."""
        h, w, mood = self.height, self.width, self.mood
        shore = np.where(mask.any(0), mask.argmax(0), h).astype(np.float32)
        shore = cv2.GaussianBlur(shore[None], (0, 0), w / 60)
        y = np.arange(h, dtype=np.float32)[:, None]
        near = self.nearness(y)
        ripple = np.round(self.noise(24, 2, 0.5, 0.1) * 1.5)
        ripple = cv2.GaussianBlur(ripple, (0, 0), h / 256)
        mirrored = np.clip(2 * shore - y, 0, h - 1).astype(np.float32)
        x = np.arange(w, dtype=np.float32) + ripple * h * 0.02 * near
        picture = cv2.remap(
            self.canvas,
            x.astype(np.float32),
            mirrored,
            cv2.INTER_NEAREST,
            borderMode=cv2.BORDER_REFLECT,
        )
        band = np.floor(near * 4 + 0.15 * ripple)[..., None] / 4
        blue = _mix(mood["low"], mood["water"], np.clip(0.35 + band, 0, 1))
        water = _mix(blue, picture, np.float32(0.4)).astype(np.float32)
        water[self.noise(34, 2, 0.5, 0.06) > 2.1 - 0.4 * near] = mood["lit"]
        self.canvas[mask] = water[mask]
        edge = mask & ~cv2.erode(mask.astype(np.uint8), np.ones((self.line + 1, 1))).astype(bool)
        self.canvas[edge] = mood["lit"]

    def tree(self, x, y, size, distance):
        """A crown of balls on a trunk, inked around; now and then a cherry in bloom."""
        rng = self.rng
        if size < self.unit * 0.02:
            return
        width = max(1.0, size * 0.03)
        ink = self.faded_ink(distance)
        bark = self.hazy(self.tone(_rgb(0.46, 0.32, 0.24), 1), distance)
        trunk = [
            (x - width, y),
            (x + width, y),
            (x + width * 0.7, y - size * 0.6),
            (x - width * 0.7, y - size * 0.6),
        ]
        self.fill([trunk], bark)
        self.outline([trunk], ink)
        if rng.random() < self.conifers:
            return self._conifer(x, y, size, distance, ink)
        greens = (
            (_rgb(0.05, 0.34, 0.27), _rgb(0.15, 0.54, 0.27), _rgb(0.46, 0.76, 0.28)),
            (_rgb(0.10, 0.38, 0.20), _rgb(0.30, 0.62, 0.20), _rgb(0.66, 0.84, 0.26)),
            (_rgb(0.72, 0.34, 0.50), _rgb(0.95, 0.60, 0.70), _rgb(1, 0.82, 0.86)),
        )
        kind = rng.choice(3, p=(0.5, 0.42, 0.08))
        tones = [self.hazy(self.tone(_jitter(rng, c), 1), distance) for c in greens[kind]]
        circles = [
            (
                x + rng.normal(0, 0.15) * size,
                y - size * rng.uniform(0.45, 0.82),
                size * rng.uniform(0.10, 0.19),
            )
            for _ in range(14)
        ]
        circles.sort(key=lambda c: c[1])
        self.puffs(self.canvas, circles, tones, ink)

    def _conifer(self, x, y, size, distance, ink):
        """Tiers with toothed hems, lit on the side of the sun."""
        dark, middle = (
            self.hazy(self.tone(c, 1), distance)
            for c in (_rgb(0.03, 0.27, 0.28), _rgb(0.10, 0.46, 0.32))
        )
        for i in range(4):
            low, top = y - size * (0.12 + 0.2 * i), y - size * (0.52 + 0.16 * i)
            half = size * (0.24 - 0.045 * i)
            teeth = [
                (x + half * t, low + (0.05 * size if k % 2 else 0))
                for k, t in enumerate(np.linspace(1, -1, 7))
            ]
            tier = [(x, top)] + teeth
            self.fill([tier], dark)
            sunny = [x + self.sun_side * half * t for t in (0.1, 0.85)]
            self.fill([[(x, top), (sunny[0], low), (sunny[1], low)]], middle)
            self.outline([tier], ink)

    def outline(self, polygons, ink):
        cv2.polylines(
            self.canvas, _fixed_point(polygons), True, ink.tolist(), self.line, cv2.LINE_8, 4
        )

    def shadow(self, ellipses):
        mask = np.zeros((self.height, self.width), np.uint8)
        for x, y, a, b in ellipses:
            cv2.ellipse(mask, (int(x), int(y)), (int(a) + 1, int(b) + 1), 0, 0, 360, 1, -1)
        self.canvas[mask > 0] *= self.mood["shade"]

    def wall(self, polygon, color, light, distance):
        super().wall(polygon, np.clip(color * 1.15 + 0.05, 0, 1), light, distance)
        if np.ptp(polygon, 0).min() > 5 * self.line:  # ink would drown anything smaller
            self.outline([polygon], self.faded_ink(distance))

    def meadow(self, ground):
        """Tufts one tone darker than the ground, and flowers."""
        h, w, rng = self.height, self.width, self.rng
        flower = (_rgb(1, 0.95, 0.5), _rgb(1, 1, 1), _rgb(1, 0.55, 0.62))[rng.integers(3)]
        for _ in range(int(90 * w / h)):
            x, y = rng.uniform(0, w), h - h * self.horizon * 0.8 * rng.random()
            row, column, size = int(y) - 1, int(x), self.unit * 0.05 * self.nearness(y)
            if not ground[row, column]:
                continue
            if rng.random() < 0.35:
                cv2.circle(self.canvas, (column, row), int(size * 0.2) + 1, flower.tolist(), -1)
            else:
                self.fill(
                    [
                        [
                            (x + (k - 0.3) * size * 0.3, y),
                            (x + (k + 0.3) * size * 0.3, y),
                            (x + k * size * 0.5, y - size),
                        ]
                        for k in (-1, 0, 1)
                    ],
                    self.canvas[row, column] * 0.72,
                )

    def finish(self):
        height, width = self.picture_size
        picture = cv2.resize(self.canvas, (width, height), interpolation=cv2.INTER_AREA)
        return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)


# Scenes -------------------------------------------------------------------------------------


WALLS = (
    _rgb(0.86, 0.80, 0.70),
    _rgb(0.78, 0.66, 0.54),
    _rgb(0.92, 0.90, 0.86),
    _rgb(0.68, 0.72, 0.74),
    _rgb(0.80, 0.56, 0.46),
    _rgb(0.62, 0.50, 0.44),
    _rgb(0.88, 0.78, 0.58),
)
ROOFS = (
    _rgb(0.58, 0.26, 0.18),
    _rgb(0.36, 0.30, 0.30),
    _rgb(0.28, 0.36, 0.46),
    _rgb(0.46, 0.34, 0.24),
)
PAINTS = (
    _rgb(0.80, 0.20, 0.18),
    _rgb(0.20, 0.36, 0.62),
    _rgb(0.90, 0.90, 0.90),
    _rgb(0.92, 0.72, 0.22),
    _rgb(0.24, 0.52, 0.42),
)
GLASS = _rgb(0.20, 0.27, 0.36)
STONE = _rgb(0.62, 0.60, 0.57)
ASPHALT = _rgb(0.44, 0.44, 0.46)


def _any_of(art, colors, amount=0.15):
    return _jitter(art.rng, colors[art.rng.integers(len(colors))], amount)


def _landscape(art):
    """Mountains, a lake, hills, the sea or a meadow, with trees, houses and boats."""
    rng = art.rng
    name = rng.choice(list(PROFILES))
    art.conifers = {"mountains": 0.8, "lake": 0.7}.get(name, 0.15)
    relief, wet = art.scenery(name)
    if wet.any():
        art.water(relief, wet)
    dry = ~wet & ~relief.sky
    art.meadow(dry)

    depth = art.height - art.horizon_row
    if name in ("sea", "lake"):
        for near in np.sort(rng.uniform(0.06, 0.4, rng.integers(0, 4))):
            x, y = rng.uniform(0.1, 0.9) * art.width, art.horizon_row + near * depth
            if wet[int(y), int(x)]:
                _boat(art, x, y, art.unit * (0.03 + 0.3 * near))

    village, nearest = rng.choice((0.05, 0.2, 0.6)), rng.choice((0.25, 0.5, 0.8))
    clumps = rng.uniform(0, art.width, 4)
    things = []
    for near in np.sort(0.04 + nearest * rng.random(rng.integers(6, 40)) ** 2):
        x, y = rng.choice(clumps) + rng.normal(0, 0.09) * art.width, art.horizon_row + near * depth
        size = art.unit * (0.85 * near + 0.03) * rng.uniform(0.6, 1.0)
        if size >= 6 and dry[int(y), int(np.clip(x, 0, art.width - 1))]:
            things.append((x, y, size, 0.06 / (0.85 * near + 0.03)))
    art.shadow(
        [(x - art.sun_side * size * 0.15, y, size * 0.35, size * 0.06) for x, y, size, _ in things]
    )
    for x, y, size, distance in things:
        if rng.random() < village and size < art.unit * 0.35:
            _house(art, x, y, size * 0.5, distance)
        else:
            art.tree(x, y, size, distance)


def _house(art, x, y, size, distance):
    """A gabled house seen across its corner."""
    rng = art.rng
    wall, roof = _any_of(art, WALLS, 0.05), _any_of(art, ROOFS)
    flip = rng.choice((-1, 1))
    front, side = (0.9, 0.25) if flip * art.sun_side < 0 else (0.35, 0.9)

    def face(color, light, *points):
        polygon = [(x + flip * px * size, y - py * size) for px, py in points]
        art.wall(polygon, color, light, distance)

    face(wall, side, (0, 0), (1.1, 0.08), (1.1, 0.65), (0, 0.6))
    face(wall, front, (-0.7, 0.05), (0, 0), (0, 0.6), (-0.35, 1.08), (-0.7, 0.62))
    face(roof, side, (0.06, 0.55), (1.18, 0.61), (0.8, 1.1), (-0.35, 1.1))
    face(roof, front, (-0.76, 0.56), (-0.7, 0.56), (-0.34, 1.05), (-0.35, 1.14))
    for px in (0.25, 0.62):
        face(GLASS, 0.7, (px, 0.25), (px + 0.2, 0.265), (px + 0.2, 0.46), (px, 0.445))
    face(roof * 0.6, front, (-0.45, 0.03), (-0.24, 0.015), (-0.24, 0.4), (-0.45, 0.41))


def _boat(art, x, y, size):
    def part(color, light, *points):
        art.wall([(x + px * size, y - py * size) for px, py in points], color, light, 0.3)

    part(_any_of(art, PAINTS), 0.8, (-0.5, 0.12), (-0.35, 0), (0.35, 0), (0.55, 0.14))
    part(_rgb(0.92, 0.91, 0.88), 0.9, (0.02, 0.18), (0.42, 0.2), (0.02, 1))
    part(_rgb(0.92, 0.91, 0.88), 0.3, (-0.04, 0.2), (-0.34, 0.2), (-0.04, 0.85))


class Camera(NamedTuple):
    """Stands at height 1 and looks straight ahead."""

    x: float
    row: float
    focal: float

    def __call__(self, x, y, z):
        return self.x + self.focal * x / z, self.row - self.focal * (y - 1) / z

    def upright(self, x0, y0, x1, y1, z, taper=0.0):
        return [self(x0, y0, z), self(x1, y0, z), self(x1 - taper, y1, z), self(x0 + taper, y1, z)]

    def floor(self, x0, x1, z0=0.5, z1=60):
        return [self(x0, 0, z0), self(x1, 0, z0), self(x1, 0, z1), self(x0, 0, z1)]


def _building(art, camera, x0, x1, z0, z1, tall, distance, shop=None):
    """A box with rows of windows on its visible faces; with a shop's color, shops below."""
    color, glass = _any_of(art, WALLS), _jitter(art.rng, GLASS, 0.3)
    floors = max(2, int(tall / art.rng.uniform(1.0, 1.4)))

    def face(start, end, light, shop):
        def quad(u0, v0, u1, v1):
            return [
                camera(_mix(start[0], end[0], u), v * tall, _mix(start[1], end[1], u))
                for u, v in ((u0, v0), (u1, v0), (u1, v1), (u0, v1))
            ]

        art.wall(quad(0, 0, 1, 1), color, light, distance)
        art.wall(quad(0, 0.97, 1, 1), color * 0.75, light, distance)
        columns = max(2, int(math.dist(start, end) / 0.9))
        pitch_u, pitch_v = 1 / columns, 0.95 / floors
        panes = [], [], []
        for i in range(columns):
            for j in range(0 if shop is None else 1, floors):
                panes[art.rng.integers(3)].append(
                    quad(
                        (i + 0.25) * pitch_u,
                        (j + 0.3) * pitch_v,
                        (i + 0.75) * pitch_u,
                        (j + 0.8) * pitch_v,
                    )
                )
        for polygons, gloss in zip(panes, (0.75, 1.0, 1.6)):
            art.details(polygons, glass * gloss, light, distance)
        if shop is not None:
            art.details([quad(0.06, 0, 0.94, 0.62 * pitch_v)], glass * 1.3, light, distance)
            art.wall(quad(0.02, 0.62 * pitch_v, 0.98, 0.95 * pitch_v), shop, light, distance)

    side = x0 if x0 > 0 else x1
    if side * x0 > 0:
        face((side, z0), (side, z1), 0.9 if art.sun_side * side < 0 else 0.2, shop)
    face((x0, z0), (x1, z0), 0.55, None)


def _street(art):
    """One-point perspective: a road between two rows of buildings, trees along the kerb."""
    rng = art.rng
    art.sky()
    camera = Camera(art.width * rng.uniform(0.35, 0.65), art.horizon_row, art.unit * 0.55)
    road = rng.uniform(1.6, 2.6)
    kerb, walk = road, road + 0.7
    art.wall(camera.floor(-90, 90), STONE, 0.6, 0)
    art.wall(camera.floor(-kerb, kerb), ASPHALT, 0.6, 0)
    shade = [art.sun_side * x for x in (road * rng.uniform(-0.3, 0.6), kerb, walk)]
    art.details([camera.floor(*shade[:2])], ASPHALT, 0.2, 0)
    art.details([camera.floor(*shade[1:])], STONE, 0.2, 0)
    art.details(
        [camera.floor(-0.05, 0.05, z, z + 1) for z in np.arange(1.0, 30, 2.0)],
        _rgb(0.9, 0.9, 0.88),
        0.8,
        0,
    )

    things = []
    for side in (-1, 1):
        z = rng.uniform(0.8, 1.6)
        while z < 34:
            depth = rng.uniform(1.5, 4)
            things.append((z, side, depth, rng.uniform(2.5, 7)))
            if rng.random() < 0.5:
                things.append((z - 0.01, side, 0, 0))
            z += depth + rng.choice((0, 0, 0.8))
    for z, side, depth, tall in sorted(things, reverse=True):
        if tall:
            x0, x1 = sorted((side * walk, side * (walk + 6)))
            _building(art, camera, x0, x1, z, z + depth, tall, z / 30, _any_of(art, PAINTS))
        else:
            art.tree(
                *camera(side * (kerb + 0.35), 0, z),
                camera.focal * rng.uniform(1.6, 2.8) / z,
                z / 30,
            )
    for z in np.sort(rng.uniform(1.6, 16, rng.integers(0, 5)))[::-1]:
        _car(art, camera, road * rng.choice((-0.5, 0.5)), z)
    if rng.random() < 0.7:
        _poles(art, camera, rng.choice((-1, 1)) * (kerb + 0.25))


def _car(art, camera, x, z):
    """Seen from behind: wheels, a cabin with its rear window, a body, lights."""

    def quad(left, bottom, right, top, taper=0.0):
        return camera.upright(x + left, bottom, x + right, top, z, taper)

    paint, far = _any_of(art, PAINTS, 0.2), z / 30
    art.details(
        [quad(-0.5, 0, -0.28, 0.25), quad(0.28, 0, 0.5, 0.25)], _rgb(0.08, 0.08, 0.1), 0.6, far
    )
    art.wall(quad(-0.46, 0.45, 0.46, 0.95, 0.1), paint, 0.8, far)
    art.details([quad(-0.38, 0.55, 0.38, 0.88, 0.07)], GLASS, 0.8, far)
    art.wall(quad(-0.55, 0.12, 0.55, 0.52), paint, 0.6, far)
    art.details(
        [quad(-0.52, 0.32, -0.36, 0.46), quad(0.36, 0.32, 0.52, 0.46)],
        _rgb(0.9, 0.12, 0.1),
        0.8,
        far,
    )


def _poles(art, camera, x):
    """Utility poles along a road, and the wires between them."""
    spots = np.arange(30, 1, -3.2)
    t = np.linspace(0, 1, 12)
    thick = max(art.unit / 400, 1)
    for z, beyond in zip(spots, [None, *spots]):
        if beyond is not None:
            for reach in (-0.4, 0.0, 0.4):
                (x0, y0), (x1, y1) = camera(x + reach, 3.6, beyond), camera(x + reach, 3.6, z)
                hang = _mix(y0, y1, t) + camera.focal * 0.5 / z * t * (1 - t)
                wire = np.stack([_mix(x0, x1, t), hang], 1)
                art.details(
                    [np.concatenate([wire, wire[::-1] + (0, thick)])],
                    _rgb(0.12, 0.13, 0.18),
                    0.6,
                    z / 30,
                )
        pole = [
            camera.upright(x - 0.05, 0, x + 0.05, 4, z),
            camera.upright(x - 0.5, 3.55, x + 0.5, 3.63, z),
        ]
        art.details(pole, _rgb(0.34, 0.31, 0.32), 0.6, z / 30)


def _skyline(art):
    """Towers behind a row of trees, with water or a park in front; the farther the paler."""
    rng = art.rng
    relief, wet = art.scenery(rng.choice(("sea", "meadow")))
    camera = Camera(art.width / 2, art.horizon_row, art.unit * 0.9)
    for z in np.sort(rng.uniform(9, 34, rng.integers(14, 26)))[::-1]:
        x = rng.uniform(-0.6, 0.6) * z * art.width / art.unit
        tall = rng.uniform(2, 4.5) + rng.random() ** 3 * 7
        _building(art, camera, x, x + rng.uniform(1.2, 2.6), z, z + 2, tall, z / 26)
    bank = art.horizon_row + art.unit * 0.1
    quay = [
        (-9, bank),
        (art.width + 9, bank),
        (art.width + 9, bank + art.unit * 0.025),
        (-9, bank + art.unit * 0.025),
    ]
    for x in np.arange(-0.05, 1.05, 0.045) * art.width:
        art.tree(x, bank + art.unit * 0.005, art.unit * rng.uniform(0.06, 0.13), 0.2)
    art.wall(quay, STONE, 0.6, 0.1)
    below = np.arange(art.height)[:, None] > bank + art.unit * 0.025
    if (wet & below).any():
        art.water(relief, wet & below)
    art.meadow(~wet & below)


SCENES = {_landscape: 0.7, _street: 0.15, _skyline: 0.15}


def _draw(art):
    scene = art.rng.choice(len(SCENES), p=list(SCENES.values()))
    list(SCENES)[scene](art)
    return art.finish()


def draw_photo(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Draws a photo-like scene: continuous light, texture, haze, sensor noise.

    Args:
        rng: decides everything; generators in equal states draw equal pictures.
        height, width: in pixels, 64 to 2048.

    Returns:
        uint8 RGB, (height, width, 3).
    """
    return _draw(_Photo(rng, height, width))


def draw_anime(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Draws a cel-like scene: flat tones, dark outlines. Otherwise as `draw_photo`."""
    return _draw(_Cel(rng, height, width))
