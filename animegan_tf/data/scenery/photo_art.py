"""The photo-like art."""

from __future__ import annotations

import numpy as np

from animegan_tf.data.scenery.art import Art
from animegan_tf.data.scenery.noise import fractal, jitter, mix, rgb, smooth_step
from animegan_tf.opencv import cv2


class PhotoArt(Art):
    """Continuous light, texture everywhere, haze, and a small camera's faults."""

    clear = 1.6
    oversize = 1.5
    moods = (
        dict(
            weight=6,
            zenith=rgb(0.15, 0.35, 0.68),
            low=rgb(0.64, 0.78, 0.90),
            sun=rgb(1, 0.95, 0.85),
            shade=rgb(0.36, 0.43, 0.55),
            haze=rgb(0.66, 0.75, 0.84),
            sun_height=0.34,
            cover=0.2,
        ),
        dict(
            weight=3,
            zenith=rgb(0.36, 0.50, 0.70),
            low=rgb(0.92, 0.84, 0.74),
            sun=rgb(1, 0.86, 0.66),
            shade=rgb(0.36, 0.40, 0.50),
            haze=rgb(0.82, 0.80, 0.78),
            sun_height=0.2,
            cover=0.1,
        ),
        dict(
            weight=2,
            zenith=rgb(0.26, 0.35, 0.55),
            low=rgb(0.97, 0.74, 0.48),
            sun=rgb(1, 0.70, 0.42),
            shade=rgb(0.30, 0.30, 0.40),
            haze=rgb(0.85, 0.68, 0.56),
            sun_height=0.08,
            cover=0.1,
        ),
        dict(
            weight=1.5,
            zenith=rgb(0.58, 0.62, 0.67),
            low=rgb(0.80, 0.82, 0.84),
            sun=rgb(0.8, 0.8, 0.79),
            shade=rgb(0.52, 0.54, 0.57),
            haze=rgb(0.74, 0.77, 0.79),
            sun_height=0.3,
            cover=-0.7,
        ),
    )

    def sky(self):
        """Light scattered toward the horizon, a sun glow, and clouds lit from the sun's side."""
        h, w, mood, rng = self.height, self.width, self.mood, self.rng
        y = np.arange(h, dtype=np.float32)[:, None] / self.horizon_row
        x = np.arange(w, dtype=np.float32)[None] / w
        t = np.clip(y, 0, 1)[..., None] ** 1.3
        sky = mix(mood["zenith"], mood["low"], t) * np.ones((1, w, 1), np.float32)
        reach = np.hypot(
            (x - self.sun_x) * w / h,
            y * (1 - self.horizon) - (1 - self.horizon) * (1 - 2 * mood["sun_height"]),
        )
        glow = 0.45 * np.exp(-reach / 0.22) + 0.8 * np.exp(-((reach / 0.035) ** 2))
        sky += glow[..., None] * mood["sun"]
        # Clouds lie on a plane overhead, so they crowd together toward the horizon.
        plane = fractal(rng, h, h, rng.uniform(3, 6), 7, 0.6)
        v = 1 / (np.clip(1 - y, 0, 1) + rng.uniform(0.2, 1.2))
        u = (x - 0.5) * v * rng.uniform(0.25, 0.4)
        v = np.broadcast_to(v * 0.36, u.shape)
        thick = cv2.remap(
            plane, (u + 0.5) * h, v * h, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        cover = mood["cover"] + rng.uniform(-0.7, 0.6)
        cloud = smooth_step(cover, cover + rng.uniform(0.5, 1.2), thick)
        soft = cv2.GaussianBlur(thick, (0, 0), h / 60)
        toward_sun = np.float32([[1, 0, self.sun_side * h / 30], [0, 1, -h / 40]])
        relief = soft - cv2.warpAffine(
            soft, toward_sun, (w, h), flags=cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
        )
        lit = np.clip(0.85 + 0.5 * relief - 0.25 * np.maximum(thick - cover - 0.7, 0), 0, 1)
        color = mix(
            mix(mood["shade"], mood["low"], np.float32(0.55)),
            np.minimum(mood["sun"] * 1.06 + 0.04, 1),
            lit[..., None],
        )
        sky += (color - sky) * (0.92 * cloud * smooth_step(1.0, 0.9, y))[..., None]
        self.canvas[:] = self.open_sky = sky

    def land(self, relief):
        """Grass, woods, rock and snow under one sun, fading into the air."""
        w, mood, rng = self.width, self.mood, self.rng
        distance, steps = relief.distance, len(relief.distance)
        patch = fractal(rng, steps, w, 4, 7, 0.6)
        grain = fractal(rng, steps, w, steps / 6, 3, 0.9)
        grass = mix(
            jitter(rng, rgb(0.26, 0.36, 0.12), 0.2),
            jitter(rng, rgb(0.50, 0.46, 0.24), 0.2),
            smooth_step(-1.2, 1.6, patch + rng.uniform(-0.6, 0.6))[..., None],
        )
        woods = jitter(rng, rgb(0.10, 0.17, 0.08), 0.3)
        rock = jitter(rng, rgb(0.42, 0.39, 0.36), 0.1)
        wooded = smooth_step(0.0, 0.35, fractal(rng, steps, w, 5, 6, 0.6) + 1.5 * (distance - 0.55))
        color = mix(grass, woods, (wooded * smooth_step(0.2, 0.5, distance))[..., None])
        high, snowline = relief.altitude + 0.05 * patch, rng.uniform(0.14, 0.32)
        bare = np.maximum(smooth_step(0.2, 0.3, high), smooth_step(0.035, 0.0, relief.altitude))
        color = mix(color, rock, bare[..., None])
        color[relief.path] = jitter(rng, rgb(0.56, 0.48, 0.38), 0.15)
        snow = smooth_step(snowline, snowline + 0.06, high - 0.05 * relief.steepness)
        snow = snow * smooth_step(0.6, 0.8, distance)
        color = mix(color, rgb(0.93, 0.95, 0.98), snow[..., None])
        light = 0.66 + 0.25 * self.sun_side * relief.slope + 0.25 * grain * (1 - snow)
        light = np.clip(
            light * (1 - 0.35 * smooth_step(0.2, 1.4, fractal(rng, steps, w, 3, 4))), 0, 1.3
        )
        color = color * mix(mood["shade"] * 0.8, mood["sun"] * 1.35, light[..., None])
        air = (1 - np.exp(-np.maximum(distance - 0.35, 0) * self.rng.uniform(0.5, 1.6)))[..., None]
        color = mix(color, mood["haze"], air)
        ground = ~relief.sky
        near = relief.at((1 - distance) ** 2 + np.zeros((1, w), np.float32))
        texture = (1 + (0.03 + 0.12 * near) * self.noise(30, 5, 0.9))[..., None]
        self.canvas[ground] = (relief.at(color) * texture)[ground]

    def water(self, relief, mask):
        """A mirror of what stands above it, broken by ripples that grow toward the viewer."""
        h, w, mood = self.height, self.width, self.mood
        shore = np.where(mask.any(0), mask.argmax(0), h).astype(np.float32)
        shore = cv2.GaussianBlur(shore[None], (0, 0), w / 100)
        y = np.arange(h, dtype=np.float32)[:, None]
        near = self.nearness(y)
        ripple = mix(self.noise(60, 3, 0.8, 0.1), self.noise(18, 4, 0.8, 0.15), near)
        mirrored = np.clip(2 * shore - y + ripple * h * (0.003 + 0.03 * near), 0, h - 1)
        x = np.broadcast_to(np.arange(w, dtype=np.float32), (h, w)) + ripple * h * 0.004
        picture = cv2.remap(
            self.canvas,
            x,
            mirrored.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        )
        deep = mix(rgb(0.05, 0.13, 0.16), mood["zenith"] * 0.5, np.float32(0.5))
        water = mix(picture * 0.92, deep, (0.15 + 0.5 * near)[..., None])
        glint = smooth_step(1.3, 2.4, ripple)[..., None] * mood["sun"] * 0.22
        self.canvas[mask] = (water + glint)[mask]

    def tree(self, x, y, size, distance):
        """Leaves as noise on a crown of blobs, brighter on the side of the sun."""
        rng, mood = self.rng, self.mood
        conifer = rng.random() < self.conifers
        left, top = int(x - size * 0.5), int(y - size)
        n = max(int(size), 4)
        grid = np.mgrid[0:n, 0:n].astype(np.float32) / n
        gy, gx = grid[0], grid[1]
        rough, leaves = fractal(rng, n, n, 7, 5, 0.75), fractal(rng, n, n, 16, 4, 0.8)
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
        alpha = smooth_step(0, 0.12, field)
        lit = 0.42 + 0.4 * self.sun_side * side + 0.1 * rough + 0.28 * leaves
        leaf = jitter(rng, rgb(0.10, 0.17, 0.09) if conifer else rgb(0.23, 0.31, 0.10), 0.3)
        lit = np.clip(lit, 0, 1.3)[..., None]
        crown = leaf * mix(mood["shade"] * 0.55, mood["sun"] * 1.5, lit)
        trunk_width = 0.02 + 0.015 * rng.random()
        trunk = (np.abs(gx - 0.5) < trunk_width) & (gy > 0.5)
        bark = rgb(0.22, 0.17, 0.13) * (1 + 0.3 * rough[..., None])
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
        return color * mix(self.mood["shade"], self.mood["sun"] * 1.1, np.float32(light))

    def meadow(self, ground):
        """Blades of grass in front."""
        h, w, rng, mood = self.height, self.width, self.rng, self.mood
        count = int(1500 * w / h)
        rows = np.sort(h - h * self.horizon * 0.75 * rng.random(count) ** 1.5)
        blade = jitter(rng, rgb(0.34, 0.42, 0.14), 0.25)
        for y, x, tone in zip(rows, rng.uniform(0, w, count), rng.uniform(0.15, 1.1, count)):
            size = self.unit * 0.06 * self.nearness(y)
            if size < 2 or not ground[int(y) - 1, int(x)]:
                continue
            tip = x + rng.normal(0, 0.35) * size, y - size * rng.uniform(0.5, 1)
            color = blade * mix(mood["shade"], mood["sun"] * 1.3, np.float32(tone))
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
        picture = mix(gray, picture, np.float32(rng.uniform(0.8, 1.05)))
        picture = picture * (1 + 0.03 * rng.standard_normal(3)) * rng.uniform(1.05, 1.35)
        picture = np.clip(picture, 0, None)
        picture = 1 - np.exp(-1.9 * picture**1.2)  # film's shoulder: highlights never clip hard
        grain = rng.standard_normal((height, width, 1), dtype=np.float32)
        grain = grain + 0.5 * rng.standard_normal((height, width, 3), dtype=np.float32)
        picture = picture + grain * rng.uniform(0.006, 0.014)
        return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
