"""One map of colors for a whole picture: gives a result its photo's colors and light back.

Each convolution of the generator is followed by an instance norm, the first one too. So the
generator can't see a photo's mean color, its exposure, its contrast, or how strong one axis of
color is against another; it has to guess them. They are known here. One map for all pixels changes
no shape and makes no seams.

`color_map` is written once for NumPy, for TensorFlow graphs, and for ONNX: it needs only `@`,
arithmetic, and the few functions of `Functions`.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

VIVID = 1.3
"""How much livelier than the photo's the colors become; their mean gains half as much."""

_MIDDLE = 0.56
"""The mean luma that is aimed at."""
_SHARE = 0.6
"""How much of the way to go, to the middle and to the full range of luma."""

# Luma, blue-yellow, and red-green of BT.601, each in units of what counts as noise in it: a
# picture without color gives no evidence of where its colors should go.
_NOISE = np.array([0.07, 0.0175, 0.0175])
LUMA = np.array([[0.299, 0.587, 0.114]])
_TO_AXES = np.array([*LUMA, [-0.169, -0.331, 0.5], [0.5, -0.419, -0.081]]).T / _NOISE
_FROM_AXES = np.linalg.inv(_TO_AXES)
_ROWS = np.eye(3)[:, None]
_CHROMA = np.eye(3)[:, 1:]
_NEXT, _AFTER_NEXT = np.roll(np.eye(3), 1, 0), np.roll(np.eye(3), 2, 0)


class Functions(Protocol):
    """What a library of arrays must offer besides arithmetic."""

    def constant(self, value: np.ndarray) -> Any: ...
    def log(self, x: Any) -> Any: ...
    def exp(self, x: Any) -> Any: ...
    def clip(self, x: Any, low: float, high: float) -> Any: ...
    def concat(self, parts: list[Any], axis: int) -> Any: ...


def color_map(f: Functions, photo: Any, anime: Any, variance: Any, across: Any, own: Any) -> Any:
    """The map that fits a result's colors to its photo's.

    The colors are what a linear regression of the photo's on the result's says, made livelier by
    `VIVID`; the luma gets the photo's mean and contrast, well exposed (see `_expose`).

    Args:
        f: functions of the library that the arrays are of.
        photo, anime: mean colors, (..., 1, 3) RGB in [0, 1].
        variance: of the photo's luma, (..., 1, 1).
        across: covariance of the result's colors with the photo's, (..., 3, 3).
        own: covariance of the result's colors, (..., 3, 3).

    Returns:
        Matrix (..., 3, 3) and offset (..., 1, 3): `colors @ matrix + offset` are the fitted colors.
    """
    to_axes, turned = f.constant(_TO_AXES), f.constant(_TO_AXES.T)
    chroma = f.constant(_CHROMA)
    own, across = turned @ own @ to_axes, turned @ across @ to_axes
    # As if every color had been seen once more, with noise, and right: no evidence, no change.
    seen = own + f.constant(np.eye(3))
    fit = _inverse(f, seen) @ (across @ chroma + f.constant(_CHROMA / VIVID)) * VIVID

    mean, deviation = _expose(f, photo @ f.constant(LUMA.T), _sqrt(f, variance))
    first = f.constant(np.eye(3)[:, :1])
    contrast = _sqrt(f, f.constant(np.eye(3)[:1]) @ own @ first) * float(_NOISE[0])
    gain = f.clip(deviation / f.clip(contrast, 0.01, 1.0), 0.7, 1.6)
    matrix = to_axes @ f.concat([first * gain, fit], -1) @ f.constant(_FROM_AXES)
    middle = f.concat([mean / float(_NOISE[0]), photo @ to_axes @ chroma * ((1 + VIVID) / 2)], -1)
    return matrix, middle @ f.constant(_FROM_AXES) - anime @ matrix


def _expose(f, mean, deviation):
    """Mean and deviation of luma as a picture wants them, whatever the camera's exposure was.

    First levels, which stretch luma toward the full range; then a gamma curve, which brings the
    mean toward the middle. Its slope at the mean stands for the whole curve.
    """
    low = f.clip(mean - deviation * 2.3, 0.0, 1.0) * 0.85
    high = f.clip(mean + deviation * 2.3, 0.0, 1.0)
    room = f.clip(high - low, 0.2, 1.0)
    deviation = deviation * (1 / room * _SHARE + (1 - _SHARE))
    mean = f.clip(mean * (1 - _SHARE) + (mean - low) / room * _SHARE, 0.05, 0.95)
    gamma = f.clip(f.log(mean * (1 - _SHARE) + _MIDDLE * _SHARE) / f.log(mean), 0.5, 1.3)
    curved = f.exp(gamma * f.log(mean))
    return curved, deviation * gamma * curved / mean


def _inverse(f, symmetric):
    """Of symmetric matrices (..., 3, 3), by cross products: not every library has a solver."""
    a, b, c = (f.constant(row) @ symmetric for row in _ROWS)
    rows = [_cross(f, b, c), _cross(f, c, a), _cross(f, a, b)]
    determinant = (a * rows[0]) @ f.constant(np.ones((3, 1)))
    return f.concat(rows, -2) / determinant


def _cross(f, a, b):
    one, two = f.constant(_NEXT), f.constant(_AFTER_NEXT)
    return (a @ one) * (b @ two) - (a @ two) * (b @ one)


def _sqrt(f, x):
    return f.exp(f.log(f.clip(x, 1e-9, 1e9)) * 0.5)
