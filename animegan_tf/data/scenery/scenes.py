"""What a picture shows: a landscape, a street, or a skyline, in whichever art."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from animegan_tf.data.scenery.art import Art
from animegan_tf.data.scenery.noise import jitter, mix, rgb
from animegan_tf.data.scenery.relief import PROFILES

WALLS = (
    rgb(0.86, 0.80, 0.70),
    rgb(0.78, 0.66, 0.54),
    rgb(0.92, 0.90, 0.86),
    rgb(0.68, 0.72, 0.74),
    rgb(0.80, 0.56, 0.46),
    rgb(0.62, 0.50, 0.44),
    rgb(0.88, 0.78, 0.58),
)
ROOFS = (
    rgb(0.58, 0.26, 0.18),
    rgb(0.36, 0.30, 0.30),
    rgb(0.28, 0.36, 0.46),
    rgb(0.46, 0.34, 0.24),
)
PAINTS = (
    rgb(0.80, 0.20, 0.18),
    rgb(0.20, 0.36, 0.62),
    rgb(0.90, 0.90, 0.90),
    rgb(0.92, 0.72, 0.22),
    rgb(0.24, 0.52, 0.42),
)
GLASS = rgb(0.20, 0.27, 0.36)
STONE = rgb(0.62, 0.60, 0.57)
ASPHALT = rgb(0.44, 0.44, 0.46)


def _any_of(art, colors, amount=0.15):
    return jitter(art.rng, colors[art.rng.integers(len(colors))], amount)


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
    part(rgb(0.92, 0.91, 0.88), 0.9, (0.02, 0.18), (0.42, 0.2), (0.02, 1))
    part(rgb(0.92, 0.91, 0.88), 0.3, (-0.04, 0.2), (-0.34, 0.2), (-0.04, 0.85))


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
    color, glass = _any_of(art, WALLS), jitter(art.rng, GLASS, 0.3)
    floors = max(2, int(tall / art.rng.uniform(1.0, 1.4)))

    def face(start, end, light, shop):
        def quad(u0, v0, u1, v1):
            return [
                camera(mix(start[0], end[0], u), v * tall, mix(start[1], end[1], u))
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
    """One-point perspective: a road between two rows of buildings, trees along the curb."""
    rng = art.rng
    art.sky()
    camera = Camera(art.width * rng.uniform(0.35, 0.65), art.horizon_row, art.unit * 0.55)
    road = rng.uniform(1.6, 2.6)
    curb, walk = road, road + 0.7
    art.wall(camera.floor(-90, 90), STONE, 0.6, 0)
    art.wall(camera.floor(-curb, curb), ASPHALT, 0.6, 0)
    shade = [art.sun_side * x for x in (road * rng.uniform(-0.3, 0.6), curb, walk)]
    art.details([camera.floor(*shade[:2])], ASPHALT, 0.2, 0)
    art.details([camera.floor(*shade[1:])], STONE, 0.2, 0)
    art.details(
        [camera.floor(-0.05, 0.05, z, z + 1) for z in np.arange(1.0, 30, 2.0)],
        rgb(0.9, 0.9, 0.88),
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
                *camera(side * (curb + 0.35), 0, z),
                camera.focal * rng.uniform(1.6, 2.8) / z,
                z / 30,
            )
    for z in np.sort(rng.uniform(1.6, 16, rng.integers(0, 5)))[::-1]:
        _car(art, camera, road * rng.choice((-0.5, 0.5)), z)
    if rng.random() < 0.7:
        _poles(art, camera, rng.choice((-1, 1)) * (curb + 0.25))


def _car(art, camera, x, z):
    """Seen from behind: wheels, a cabin with its rear window, a body, lights."""

    def quad(left, bottom, right, top, taper=0.0):
        return camera.upright(x + left, bottom, x + right, top, z, taper)

    paint, far = _any_of(art, PAINTS, 0.2), z / 30
    art.details(
        [quad(-0.5, 0, -0.28, 0.25), quad(0.28, 0, 0.5, 0.25)], rgb(0.08, 0.08, 0.1), 0.6, far
    )
    art.wall(quad(-0.46, 0.45, 0.46, 0.95, 0.1), paint, 0.8, far)
    art.details([quad(-0.38, 0.55, 0.38, 0.88, 0.07)], GLASS, 0.8, far)
    art.wall(quad(-0.55, 0.12, 0.55, 0.52), paint, 0.6, far)
    art.details(
        [quad(-0.52, 0.32, -0.36, 0.46), quad(0.36, 0.32, 0.52, 0.46)],
        rgb(0.9, 0.12, 0.1),
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
                hang = mix(y0, y1, t) + camera.focal * 0.5 / z * t * (1 - t)
                wire = np.stack([mix(x0, x1, t), hang], 1)
                art.details(
                    [np.concatenate([wire, wire[::-1] + (0, thick)])],
                    rgb(0.12, 0.13, 0.18),
                    0.6,
                    z / 30,
                )
        pole = [
            camera.upright(x - 0.05, 0, x + 0.05, 4, z),
            camera.upright(x - 0.5, 3.55, x + 0.5, 3.63, z),
        ]
        art.details(pole, rgb(0.34, 0.31, 0.32), 0.6, z / 30)


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


def draw(art: Art) -> np.ndarray:
    """Draws one of the scenes, chosen by the art's own generator: uint8 RGB."""
    scene = art.rng.choice(len(SCENES), p=list(SCENES.values()))
    list(SCENES)[scene](art)
    return art.finish()
