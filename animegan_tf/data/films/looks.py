"""What is seen of one frame: its light, its sharpness, strokes like those of letters."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from animegan_tf.data.films.luma import Planes
from animegan_tf.opencv import cv2

_STROKES_WIDTH = 640  # Pixels to which a frame is reduced before strokes are looked for.
_STROKE = 9  # Pixels: what is thinner than this, there.
_LINE = 15  # Pixels: what is longer than this, from left to right, is no letter's.
_STROKE_CONTRAST = 90  # By how much a stroke is brighter than what is around it.
_LETTER_GAP = np.ones((3, 11), np.uint8)  # Strokes that are nearer than this make one line.
_STILL = 0.6  # Of a field's strokes; of a dense pattern that moves, others fall into place.
_GRID = (32, 12)  # Fields of the lower third in which strokes are counted.

_FLAT = 24  # Between the 5th and the 95th percentile of the brightness.
_BLACK, _WHITE = 40, 225  # The 95th and the 5th percentile of it.
_CARD_SHARE = 0.7  # Of a card's pixels that have the brightness of its ground.
_CARD_STROKES = 0.12  # Of the pixels where its letters are densest.

FINGERPRINT = (16, 9)
_COPY_SHARE, _COPY_LEVELS = 0.12, 1.0  # Of the contrast, and gray levels beyond it.
_COPY_CHROMA = 3.0


@dataclass
class Look:
    """One frame, looked at closely.

    Attributes:
        time: seconds from the beginning of the film.
        frame: PyAV's; it is let go of where the look is kept for its figures alone.
        brightness: mean, 0 to 255.
        wrong: why it can't be a picture of the style, or None: "black", "white", "flat", "dark",
            "letters".
        sharpness: of horizontal and vertical detail above the lower third: how much of the
            contrast over some pixels there is between neighbors.
        strokes: uint8, 1 where the lower third has a thin bright stroke.
        letters: share of lines of strokes that hold still, in fields of the lower third; see
            `count_letters`.
    """

    time: float
    frame: Any
    brightness: float
    wrong: str | None
    sharpness: tuple[float, float]
    fingerprint: np.ndarray
    strokes: np.ndarray
    letters: np.ndarray = field(default_factory=lambda: np.zeros(_GRID[::-1], np.float32))


def look_at(time: float, frame: Any, planes: Planes, min_brightness: float) -> Look:
    """Looks at a frame whose planes these are."""
    luma = planes.luma
    lower_third = len(luma) * 2 // 3
    small = cv2.LUT(_small(luma), planes.levels)
    brightness = float(small.mean())
    levels = np.cumsum(cv2.calcHist([small], [0], None, [64], [0, 256]).ravel())
    low, high = (4 * int(np.searchsorted(levels, share * levels[-1])) for share in (0.05, 0.95))
    wrong = None
    if high < _BLACK:
        wrong = "black"
    elif low > _WHITE:
        wrong = "white"
    elif high - low < _FLAT:
        wrong = "flat"
    elif brightness < min_brightness:
        wrong = "dark"
    elif _is_card(levels, luma, planes.levels):
        wrong = "letters"
    return Look(
        time,
        frame,
        brightness,
        wrong,
        _sharpness(luma[:lower_third]),  # Letters would make it sharp.
        _fingerprint(small, planes),
        _strokes(luma[lower_third:]),
    )


def count_letters(look: Look, companies: Iterable[Sequence[Look]]) -> None:
    """Counts the strokes of a look that others of its shot have at the same place.

    Subtitles stand still while the camera moves, and what stands still with the camera is told
    from them by other frames of the shot, which lack them.

    Args:
        look: whose `letters` are set.
        companies: looks just before and after it; a stroke counts if all of one company have it.
    """
    still = np.zeros_like(look.strokes)
    for others in companies:
        still |= functools.reduce(np.bitwise_and, [other.strokes for other in others], look.strokes)
    moves = _fields(still) < _STILL * _fields(look.strokes)
    look.letters = _fields(cv2.morphologyEx(still, cv2.MORPH_CLOSE, _LETTER_GAP))
    look.letters[moves] = 0


def _fields(strokes):
    """What share of each field is strokes, together with the fields to its left and right."""
    fields = cv2.resize(strokes * np.float32(1), _GRID, interpolation=cv2.INTER_AREA)
    return cv2.blur(fields, (3, 1))


def is_copy(fingerprint: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which of other fingerprints (N, ...) belong to nearly the same picture: bool (N)."""
    difference = np.abs(others - fingerprint).mean(axis=(2, 3))  # (N, 3)
    contrast = fingerprint[0].std()
    return (difference[:, 0] < _COPY_LEVELS + _COPY_SHARE * contrast) & (
        difference[:, 1:].max(axis=1) < _COPY_CHROMA
    )


def _sharpness(luma):
    far = max(4, luma.shape[1] // 160)
    across = _contrast(luma[:, 1:], luma[:, :-1]) / _contrast(luma[:, far:], luma[:, :-far])
    down = _contrast(luma[1:], luma[:-1]) / _contrast(luma[far:], luma[:-far])
    return across, down


def _contrast(a, b):
    return cv2.norm(a, b, cv2.NORM_L2SQR) / a.size + 0.2  # No less than that of noise.


def _fingerprint(small, planes):
    """int16 (3, 9, 16): luma, Cb, Cr."""
    arrays = (small, _small(planes.cb), _small(planes.cr))
    return np.stack(
        [cv2.resize(array, FINGERPRINT, interpolation=cv2.INTER_AREA) for array in arrays]
    ).astype(np.int16)


def _small(plane):
    """uint8 (90, 160). A part of the pixels tells as much as all, in a part of the time."""
    down, across = (max(1, side // small) for side, small in zip(plane.shape, (180, 320)))
    picked = np.ascontiguousarray(plane[::down, ::across])
    return cv2.resize(picked, (160, 90), interpolation=cv2.INTER_AREA)


def _strokes(luma):
    """uint8 (H, W), 1 where a thin bright stroke is."""
    height, width = luma.shape
    scale = min(1.0, _STROKES_WIDTH / width)
    part = cv2.resize(luma, (round(width * scale), max(8, round(height * scale))))
    ground = cv2.morphologyEx(part, cv2.MORPH_OPEN, np.ones((_STROKE, _STROKE), np.uint8))
    strokes = (cv2.subtract(part, ground) > _STROKE_CONTRAST).astype(np.uint8)
    return strokes - cv2.morphologyEx(strokes, cv2.MORPH_OPEN, np.ones((1, _LINE), np.uint8))


def _is_card(levels, luma, table):
    """Whether letters stand on a ground of one brightness: titles, credits, logos."""
    near = 8  # Of 64 levels, so that a ground may have some shading.
    shares = levels[near:] - levels[:-near]
    if max(shares.max(), levels[near - 1]) < _CARD_SHARE * levels[-1]:
        return False
    dark_ground = levels[31] > levels[-1] / 2
    strokes = _strokes(luma if dark_ground else 255 - luma)
    height, width = strokes.shape
    size = (max(3, width // 10), max(3, height // 24))
    return cv2.blur(strokes * np.float32(1), size).max() > _CARD_STROKES
