"""The cel-like art."""

from __future__ import annotations

import math

import numpy as np

from animegan_tf.data.scenery.art import Art, fixed_point
from animegan_tf.data.scenery.noise import fractal, jitter, mix, rgb
from animegan_tf.opencv import cv2


class CelArt(Art):
    """Two or three flat tones for each thing, dark ink around it, one vivid palette."""

    clear = 4.0
    octaves = 5
    ink = rgb(0.10, 0.11, 0.20)
    moods = (
        dict(
            weight=6,
            zenith=rgb(0.06, 0.36, 0.84),
            mid=rgb(0.20, 0.62, 0.95),
            water=rgb(0.04, 0.38, 0.74),
            low=rgb(0.60, 0.89, 0.98),
            haze=rgb(0.50, 0.80, 0.96),
            lit=rgb(1, 1, 1),
            middle=rgb(0.80, 0.91, 0.99),
            dark=rgb(0.55, 0.74, 0.94),
            tint=rgb(1, 1, 1),
            shade=rgb(0.50, 0.58, 0.82),
        ),
        dict(
            weight=2,
            zenith=rgb(0.14, 0.54, 0.86),
            mid=rgb(0.50, 0.82, 0.90),
            water=rgb(0.08, 0.46, 0.68),
            low=rgb(1, 0.95, 0.78),
            haze=rgb(0.72, 0.88, 0.90),
            lit=rgb(1, 1, 0.96),
            middle=rgb(0.98, 0.90, 0.82),
            dark=rgb(0.74, 0.78, 0.90),
            tint=rgb(1.02, 1, 0.92),
            shade=rgb(0.52, 0.58, 0.78),
        ),
        dict(
            weight=1.5,
            zenith=rgb(0.30, 0.28, 0.68),
            mid=rgb(0.88, 0.50, 0.66),
            water=rgb(0.34, 0.32, 0.68),
            low=rgb(1, 0.74, 0.44),
            haze=rgb(0.80, 0.54, 0.70),
            lit=rgb(1, 0.90, 0.70),
            middle=rgb(1, 0.66, 0.56),
            dark=rgb(0.62, 0.42, 0.68),
            tint=rgb(1.04, 0.88, 0.76),
            shade=rgb(0.48, 0.42, 0.72),
        ),
    )

    @property
    def line(self):
        return max(1, round(self.unit / 190))

    def faded_ink(self, distance):
        return mix(self.ink, self.mood["haze"], np.float32(min(distance / 5, 0.45)))

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
                color = mix(mood["low"], rgb(1, 1, 0.92), np.float32(share))
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
        """Overlapping balls, the lighter tones stepping toward the sun."""
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
        patch = fractal(rng, steps, w, 5, 3)
        wooded = fractal(rng, steps, w, 6, 4) + 2 * (distance - 0.6) > 0.3
        high = relief.altitude + 0.02 * patch
        material = np.where(wooded, 1, 0)
        material[(relief.altitude < 0.006) | relief.path] = 2
        material[high > 0.17] = 3
        material[(high > 0.27 - 0.03 * relief.slope) & (distance > 0.55)] = 4
        light = self.sun_side * relief.slope + 0.35 * patch
        tone = (light > -0.55).astype(np.int64) + (light > 0.75)
        palette = np.stack(
            [  # dark, middle, light of grass, wood, sand, rock, snow
                [rgb(0.16, 0.50, 0.26), rgb(0.36, 0.70, 0.24), rgb(0.60, 0.84, 0.30)],
                [rgb(0.06, 0.32, 0.27), rgb(0.12, 0.46, 0.28), rgb(0.26, 0.60, 0.28)],
                [rgb(0.76, 0.64, 0.46), rgb(0.93, 0.83, 0.60), rgb(1, 0.92, 0.72)],
                [rgb(0.28, 0.32, 0.50), rgb(0.42, 0.47, 0.62), rgb(0.60, 0.63, 0.72)],
                [rgb(0.60, 0.72, 0.92), rgb(0.86, 0.93, 1), rgb(1, 1, 1)],
            ]
        )
        palette = palette * mood["tint"]
        air = np.floor(np.clip(distance - 0.35, 0, 1) * 8) / 8
        color = mix(palette[material, tone], mood["haze"], air[..., None]).astype(np.float32)
        ground = ~relief.sky
        picture = cv2.medianBlur(relief.at(color), 5)
        self.canvas[ground] = picture[ground]
        self.ink_ridges(relief)

    def ink_ridges(self, relief):
        """Ink wherever the ground behind is much farther away, fainter in the distance."""
        deep = len(relief.distance) * 0.05
        index = relief.step + relief.sky * deep * 2  # so that the farthest ridge has ink too
        jump = np.zeros(index.shape, bool)
        jump[1:] = index[:-1] - index[1:] > deep
        jump[:, 1:] |= index[:, :-1] - index[:, 1:] > deep
        jump[:, :-1] |= index[:, 1:] - index[:, :-1] > deep
        jump = jump.astype(np.uint8)
        jump = cv2.dilate(jump, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (self.line + 1,) * 2))
        far = np.clip(index / len(relief.distance) - 0.3, 0, 1)[..., None] * 0.9
        ink = mix(self.ink, self.mood["zenith"] * 0.7, far).astype(np.float32)
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
        blue = mix(mood["low"], mood["water"], np.clip(0.35 + band, 0, 1))
        water = mix(blue, picture, np.float32(0.4)).astype(np.float32)
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
        bark = self.hazy(self.tone(rgb(0.46, 0.32, 0.24), 1), distance)
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
            (rgb(0.05, 0.34, 0.27), rgb(0.15, 0.54, 0.27), rgb(0.46, 0.76, 0.28)),
            (rgb(0.10, 0.38, 0.20), rgb(0.30, 0.62, 0.20), rgb(0.66, 0.84, 0.26)),
            (rgb(0.72, 0.34, 0.50), rgb(0.95, 0.60, 0.70), rgb(1, 0.82, 0.86)),
        )
        kind = rng.choice(3, p=(0.5, 0.42, 0.08))
        tones = [self.hazy(self.tone(jitter(rng, c), 1), distance) for c in greens[kind]]
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
            for c in (rgb(0.03, 0.27, 0.28), rgb(0.10, 0.46, 0.32))
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
            self.canvas, fixed_point(polygons), True, ink.tolist(), self.line, cv2.LINE_8, 4
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
        flower = (rgb(1, 0.95, 0.5), rgb(1, 1, 1), rgb(1, 0.55, 0.62))[rng.integers(3)]
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
