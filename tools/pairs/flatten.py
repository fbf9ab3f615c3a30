"""A photo as an animation background would have it: flat areas, vivid color, ink at silhouettes.

The target of paired training on real photos. All by plain image processing: smooth areas with
sharp borders (L0 gradient minimization, Xu et al. 2011), a few soft steps of light, livelier
color, and dark lines where large areas meet.
"""

from __future__ import annotations

import numpy as np

from animegan_tf.opencv import cv2


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


def smooth_areas(picture, strength=0.01, growth=2.0):
    """The picture with as few changes of color as `strength` asks for.

    Alternates between keeping only the steps that pay for themselves and solving for the picture
    that has them, by cosine transform.

    Args:
        picture: (H, W, 3) float32 in [0, 1].
        strength: what a step costs; 0.005 keeps a lot, 0.03 very little.
        growth: factor on the weight of the kept steps, round by round.

    Returns:
        float32 of the same shape.
    """
    height, width = picture.shape[:2]
    # OpenCV's cosine transform wants even sides.
    x = cv2.copyMakeBorder(picture, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    change = np.add.outer(
        *(2 - 2 * np.cos(np.pi * np.arange(n, dtype=np.float32) / n) for n in x.shape[:2])
    )
    spectra = [cv2.dct(channel) for channel in cv2.split(x)]
    right, down = np.zeros_like(x), np.zeros_like(x)
    weight = 2 * strength
    while weight < 2e3:
        np.subtract(x[:, 1:], x[:, :-1], out=right[:, :-1])
        np.subtract(x[1:], x[:-1], out=down[:-1])
        small = np.einsum("hwc,hwc->hw", right, right) + np.einsum("hwc,hwc->hw", down, down)
        kept = (small >= strength / weight)[..., None]
        right *= kept
        down *= kept
        divergence = -right - down
        divergence[:, 1:] += right[:, :-1]
        divergence[1:] += down[:-1]
        x = cv2.merge(
            [
                cv2.idct(
                    (spectrum + weight * cv2.dct(np.ascontiguousarray(divergence[..., c])))
                    / (1 + weight * change)
                )
                for c, spectrum in enumerate(spectra)
            ]
        )
        weight *= growth
    return np.clip(x[:height, :width], 0, 1)


def soft_steps(light, count=8, sharpness=6.0):
    """Light (0 to 1) drawn towards `count` steps, with short ramps between."""
    t = light * count - 0.5
    edge = np.floor(t) + 0.5
    return (edge + 0.5 * np.tanh(sharpness * (t - edge)) / np.tanh(0.5 * sharpness) + 0.5) / count


def ink(light, sigma=0.8, threshold=0.016, sharpness=50.0, least=24):
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


def flatten(photo, strength=0.008, lines=0.8, vivid=1.45):
    """Photo to animation background: (H, W, 3) uint8 RGB to the same.

    Args:
        strength: as in `smooth_areas`.
        lines: how dark the ink is, 0 to 1.
        vivid: factor on the chroma of dull colors; strong colors gain less.
    """
    photo = photo.astype(np.float32) / 255
    calm = cv2.bilateralFilter(photo, -1, 0.08, min(photo.shape[:2]) / 110)
    lab = cv2.cvtColor(calm, cv2.COLOR_RGB2LAB)
    before = lab[..., 0] / 100
    light = expose(before)
    # Chroma follows light, else lifted shadows turn gray.
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    gain = 1 + (vivid - 1) * np.exp(-((chroma / 55) ** 2))
    gain = gain * np.clip(light / np.maximum(before, 0.02), 0.9, 1.25)
    lab[..., 0] = 100 * light
    lab[..., 1:] *= gain[..., None]
    even = np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), 0, 1)
    flat = smooth_areas(even, strength)
    bold = smooth_areas(flat, 4 * strength)
    marks = lines * ink(cv2.cvtColor(bold, cv2.COLOR_RGB2LAB)[..., 0] / 100)

    lab = cv2.cvtColor(flat, cv2.COLOR_RGB2LAB)
    light = lab[..., 0] / 100
    light = 0.5 * light + 0.5 * soft_steps(light, 8, 4.0)
    # Shadows lean to blue, lights to yellow, as painters have it.
    lab[..., 1] += 3 * (0.5 - light)
    lab[..., 2] -= 8 * np.clip(0.6 - light, -0.2, 0.5)
    lab[..., 0] = 100 * light * (1 - marks)
    lab[..., 1:] *= 1 - 0.5 * marks[..., None]
    return (np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), 0, 1) * 255 + 0.5).astype(np.uint8)
