"""A photo as an animation background would have it: brush strokes, vivid color, ink at silhouettes.

The target of paired training on real photos, by plain image processing: strokes of even color with
sharp borders, a few soft steps of light, livelier color, and dark lines where large areas meet.
But for the exposure, one curve for all pixels, each step looks at a few pixels around its own, so
that a convolutional network can learn it. From a target that depends on the whole picture (L0
gradient minimization was tried) a network that can't see why learns the mean of what might be: fog.
"""

from __future__ import annotations

import numpy as np

from animegan_tf.opencv import cv2

SECTORS = 8


def sectors(radius):
    """Weights of the sectors of a disk, which overlap a little: (2 * radius + 1)^2 float32 each."""
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    angle, squares = np.arctan2(y, x), x * x + y * y
    disk = np.exp(-squares / (2 * (0.45 * radius) ** 2)) * (squares <= radius**2 + 0.5)
    for number in range(SECTORS):
        away = np.angle(np.exp(1j * (angle - 2 * np.pi * number / SECTORS)))
        sector = np.clip(1 - np.abs(away) / (1.68 * np.pi / SECTORS), 0, 1)
        sector[radius, radius] = 0.35
        weights = disk * sector
        yield (weights / weights.sum()).astype(np.float32)


def brush(picture, radius):
    """Strokes of even color: each pixel gets the mean of the sectors around it that vary least.

    The generalized Kuwahara filter of Papari et al., *Artistic Edge and Corner Enhancing
    Smoothing* (2007).

    Args:
        picture: (H, W, 3) float32 in [0, 1].
        radius: of a stroke, in pixels.

    Returns:
        float32 of the same shape.
    """
    squares = np.einsum("hwc,hwc->hw", picture, picture)
    total, weights = np.zeros_like(picture), np.zeros_like(squares)
    for sector in sectors(radius):
        mean = cv2.filter2D(picture, -1, sector, borderType=cv2.BORDER_REFLECT_101)
        variance = cv2.filter2D(squares, -1, sector, borderType=cv2.BORDER_REFLECT_101)
        variance = np.maximum(variance - np.einsum("hwc,hwc->hw", mean, mean), 0)
        weight = (1e3 * (variance + 3e-5)) ** -4
        total += weight[..., None] * mean
        weights += weight
    return total / weights[..., None]


def expose(light: np.ndarray, middle: float = 0.6, share: float = 0.6) -> np.ndarray:
    """Light as a picture wants it, whatever the camera's exposure: levels, then a bright middle.

    Args:
        light: any shape, in [0, 1].
        middle: the mean that is aimed at.
        share: how much of the way to go, 0 to 1.
    """
    low, high = np.percentile(light, (0.5, 99.5))
    stretched = (light - 0.85 * low) / max(high - 0.85 * low, 0.2)
    light = np.clip(light + share * (stretched - light), 0, 1)
    mean = float(np.clip(light.mean(), 0.05, 0.95))
    wanted = mean + share * (middle - mean)
    return light ** float(np.clip(np.log(wanted) / np.log(mean), 0.5, 1.3))


def soft_steps(light, count=8, sharpness=6.0):
    """Light (0 to 1) drawn toward `count` steps, with short ramps between."""
    t = light * count - 0.5
    edge = np.floor(t) + 0.5
    return (edge + 0.5 * np.tanh(sharpness * (t - edge)) / np.tanh(0.5 * sharpness) + 0.5) / count


def ink(light, sigma=1.3, threshold=0.014, sharpness=45.0, least=30):
    """1 where a dark line belongs, 0 elsewhere: the dark side of long, strong borders.

    Args:
        light: (H, W) float32 in [0, 1] of a picture whose texture is gone.
        sigma: half the width of a line in pixels, about.
        least: a line of fewer pixels is a speck, and none.
    """
    fine = cv2.GaussianBlur(light, (0, 0), sigma)
    wide = cv2.GaussianBlur(light, (0, 0), sigma * 1.9)
    marks = np.clip((wide - fine - threshold) * sharpness, 0, 1)
    _, labels, stats, _ = cv2.connectedComponentsWithStats((marks > 0.3).astype(np.uint8))
    reach = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    kept = (stats[:, cv2.CC_STAT_AREA] >= least) & (reach >= least / 2)
    kept[0] = False
    near = cv2.dilate(kept[labels].astype(np.uint8), np.ones((3, 3), np.uint8))
    return marks * near


def paint(photo, radius=4, lines=0.9, vivid=1.45):
    """Photo to animation background: (H, W, 3) uint8 RGB to the same.

    Args:
        radius: of the strokes, in pixels of the photo.
        lines: how dark the ink is, 0 to 1.
        vivid: factor on the chroma of dull colors; strong colors gain less.
    """
    height, width = photo.shape[:2]
    calm = cv2.bilateralFilter(photo.astype(np.float32) / 255, -1, 0.07, 2.0)
    # At twice the size, so that borders and lines come out smooth.
    painted = cv2.resize(calm, (2 * width, 2 * height), interpolation=cv2.INTER_CUBIC)
    for _ in range(2):
        painted = brush(painted, 2 * radius)
    lab = cv2.cvtColor(np.clip(painted, 0, 1), cv2.COLOR_RGB2LAB)
    before = lab[..., 0] / 100
    light = expose(before)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    gain = 1 + (vivid - 1) * np.exp(-((chroma / 55) ** 2))
    # Chroma follows light, else lifted shadows turn gray.
    gain = gain * np.clip(light / np.maximum(before, 0.02), 0.9, 1.25)
    marks = lines * cv2.GaussianBlur(ink(light), (0, 0), 0.7)

    lab[..., 1:] *= gain[..., None]
    light = 0.5 * light + 0.5 * soft_steps(light, 9, 4.0)
    # Shadows lean to blue, lights to yellow, as painters have it.
    lab[..., 1] += 3 * (0.5 - light)
    lab[..., 2] -= 8 * np.clip(0.6 - light, -0.2, 0.5)
    lab[..., 0] = 100 * light * (1 - marks)
    lab[..., 1:] *= 1 - 0.5 * marks[..., None]
    painted = np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), 0, 1)
    painted = cv2.resize(painted, (width, height), interpolation=cv2.INTER_AREA)
    return (painted * 255 + 0.5).astype(np.uint8)
