"""Drawn scenes in pairs: the same place as a photo and as a cel, pixel on pixel.

Both arts of `scenery` draw the same layout: whatever is decided outside of a painting method
comes from one stream, and each call of a painting method has a stream of its own, the same for
both arts. What still differs is made to agree afterwards: the photo gets the cel's clouds,
and the cel gets the photo's colors, region by region. So the pair says "keep the color,
flatten, outline", and not "turn everything green".
"""

from __future__ import annotations

import numpy as np
from paint import expose

from animegan_tf.data.scenery.cel_art import CelArt
from animegan_tf.data.scenery.noise import fractal, rgb
from animegan_tf.data.scenery.photo_art import PhotoArt
from animegan_tf.data.scenery.scenes import SCENES
from animegan_tf.opencv import cv2

PAINTING = ("sky", "scenery", "land", "water", "tree", "shadow", "meadow", "finish")


def _own_streams(art_class):
    """A subclass in which each call of a painting method draws from a stream of its own."""

    class Paired(art_class):
        def __init__(self, seed, height, width):
            self.seed, self.calls, self.inside = seed, 0, 0
            super().__init__(np.random.default_rng(seed), height, width)

    def wrap(name):
        method = getattr(art_class, name)

        def painted(self, *args, **kwargs):
            outer = self.rng
            if not self.inside:
                self.calls += 1
            self.inside += 1
            # Sky and land lie inside of "scenery": they need streams by name, since the two
            # arts draw different numbers before them.
            seed = [self.seed, self.calls, PAINTING.index(name)]
            self.rng = _ByShape(seed) if name == "scenery" else np.random.default_rng(seed)
            try:
                return method(self, *args, **kwargs)
            finally:
                self.rng = outer
                self.inside -= 1

        return painted

    for name in PAINTING:
        setattr(Paired, name, wrap(name))
    return Paired


_PairedCel = _own_streams(CelArt)


_PairedPhoto = _own_streams(PhotoArt)


class _ByShape:
    """A random stream that draws each noise lattice from a stream of its own, by its shape.

    The two arts give their terrain different numbers of octaves. So the octaves that both have
    are the same, and what is drawn after them too.
    """

    def __init__(self, seed):
        self.seed, self.seen, self.rest = seed, {}, np.random.default_rng(seed)

    def standard_normal(self, shape, dtype=np.float32):
        self.seen[shape] = self.seen.get(shape, 0) + 1
        return np.random.default_rng([*self.seed, *shape, self.seen[shape]]).standard_normal(
            shape, dtype=dtype
        )

    def __getattr__(self, name):
        return getattr(self.rest, name)


def draw_pair(rng: np.random.Generator, height: int, width: int):
    """Draws one scene in both arts.

    Args:
        rng: decides everything; generators in equal states draw equal pairs.
        height, width: in pixels, 64 to 2048.

    Returns:
        (photo, cel), uint8 RGB, (height, width, 3) each.
    """
    seed = int(rng.integers(2**31))
    cel_art, photo_art = _PairedCel(seed, height, width), _PairedPhoto(seed, height, width)
    cel = _painted(cel_art, seed)
    photo = _painted(photo_art, seed)
    sky = cv2.resize(
        photo_art.is_sky.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA
    )
    photo = _with_clouds(rng, photo, cel, sky)
    photo = _in_another_season(rng, photo)
    return photo, _colored_as(photo, cel)


def _painted(art, seed):
    layout = np.random.default_rng([seed, 1])
    art.rng = layout
    scene = layout.choice(len(SCENES), p=list(SCENES.values()))
    painted_sky = type(art).sky

    def sky():
        painted_sky(art)
        art.before = art.canvas.copy()

    art.sky = sky
    list(SCENES)[scene](art)
    art.is_sky = (art.canvas == art.before).all(-1)
    return art.finish()


def _with_clouds(rng, photo, cel, sky):
    """Replaces the photo's sky by one with the cel's clouds, softened and torn at the rims."""
    height, width = sky.shape
    lab = cv2.cvtColor(cel.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    white = np.clip((lab[..., 0] - 60) / 30, 0, 1) * np.clip(1.4 - chroma / 22, 0, 1)
    torn = fractal(rng, height, width, 6, 6, 0.6) * height / 90
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    other = fractal(rng, height, width, 6, 6, 0.6) * height / 90
    soft = cv2.GaussianBlur(white, (0, 0), height / rng.uniform(70, 250))
    soft = cv2.remap(soft, x + torn, y + other, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    # A clear sky of the photo's colors: the middle of each row, smooth.
    seen = photo.astype(np.float32) * (sky > 0.99)[..., None]
    count = np.maximum((sky > 0.99).sum(1), 1)[:, None]
    rows = seen.sum(1) / count
    filled = np.where((sky > 0.99).sum(1)[:, None] > 0, rows, np.nan)
    for c in range(3):
        good = ~np.isnan(filled[:, c])
        if not good.any():
            return photo
        filled[:, c] = np.interp(np.arange(height), np.flatnonzero(good), filled[good, c])
    clear = filled[:, None].astype(np.float32).repeat(width, 1)
    clear = cv2.GaussianBlur(clear, (0, 0), height / 20)
    clear += rng.standard_normal((height, width, 1), dtype=np.float32) * 2
    warm = rgb(250, 246, 240) * rng.uniform(0.85, 1)
    lit = clear + (warm - clear) * (soft * rng.uniform(0.75, 0.98))[..., None]
    return np.clip(photo + (lit - photo) * sky[..., None], 0, 255).astype(np.uint8)


def _in_another_season(rng, photo):
    """Turns greens toward autumn or desert, and blues toward evening, now and then."""
    lab = cv2.cvtColor(photo.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    hue, chroma = np.arctan2(lab[..., 2], lab[..., 1]), np.hypot(lab[..., 1], lab[..., 2])
    for center, share, turns in ((1.9, 0.5, (-1.6, 0.2)), (-1.7, 0.35, (-0.5, 2.2))):
        if rng.random() < share:
            near = np.cos(np.clip((hue - center + np.pi) % (2 * np.pi) - np.pi, -1.4, 1.4) * 1.1)
            hue = hue + rng.uniform(*turns) * np.clip(near, 0, 1)
    chroma = chroma * rng.uniform(0.7, 1.5)
    lab[..., 1], lab[..., 2] = chroma * np.cos(hue), chroma * np.sin(hue)
    picture = np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), 0, 1)
    picture = picture ** rng.uniform(0.8, 1.5)
    return (picture * 255 + 0.5).astype(np.uint8)


def _guided(guide, field, radius, epsilon):
    """The field, smooth except where the guide has borders (He et al., 2010)."""

    def mean(a):
        return cv2.blur(a, (2 * radius + 1,) * 2)

    center = mean(guide)
    variance = mean(guide * guide) - center**2
    slope = (mean(guide * field) - center * mean(field)) / (variance + epsilon)
    return mean(slope) * guide + mean(mean(field) - slope * center)


def _colored_as(photo, cel):
    """The cel's shapes and tones with the photo's colors, livelier."""
    wanted = cv2.cvtColor(photo.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lab = cv2.cvtColor(cel.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    wanted[..., 0] = 100 * expose(wanted[..., 0] / 100)
    chroma = np.hypot(wanted[..., 1], wanted[..., 2])
    wanted[..., 1:] *= (1.1 + 0.7 * np.exp(-((chroma / 50) ** 2)))[..., None]
    guide = lab[..., 0] / 100
    radius = max(2, cel.shape[0] // 24)
    inked = np.clip(1.6 - np.abs(guide - cv2.medianBlur(cel, 5)[..., 1] / 255.0) * 4, 0.4, 1)
    for c, share in ((0, 0.4), (1, 1.0), (2, 1.0)):
        shift = _guided(guide, wanted[..., c] - lab[..., c], radius, 0.006)
        lab[..., c] += share * shift * (inked if c == 0 else 1)
    picture = np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), 0, 1)
    return (picture * 255 + 0.5).astype(np.uint8)
