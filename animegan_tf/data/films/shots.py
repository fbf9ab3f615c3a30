"""Where shots begin, and which frames lie in a fade or cross-fade.

A library such as PySceneDetect decodes the film by itself and converts each frame to RGB, which
takes 1.5 times as long as decoding alone; this looks at small pictures of frames that are decoded
for other reasons, too, and tells cross-fades apart, which pictures of a style must not come from.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from animegan_tf.opencv import cv2

_NEAR = 3  # Frames before and after a cut whose change is compared with it.
_CHANGE = 5.0  # Mean change of a glance, of 255, below which nothing is a cut.
_RATIO = 2.5  # By how much a cut exceeds the changes near it...
_LARGE_CHANGE, _LARGE_RATIO = 20.0, 1.6  # ... and where it is large in itself.

_REACHES = (0.12, 0.25, 0.5)  # Seconds to both sides over which a fade is looked for.
_FADE_CHANGE = 4.0  # Mean change over that time.
_FADE_RESIDUE = 0.2  # Of it: how far the frame between may lie from the mean of both ends.
_DIMMED = 0.75  # What is left of the distance from black or white over that time, at most.
_BLACK, _WHITE = 16, 235  # As most films store them.
_FADE_SHARE = 0.8  # Of the reach: how much around such a frame is taken for faded, too.


class Verdict(NamedTuple):
    """What a frame is: the first of a shot; part of a fade."""

    begins: bool
    fades: bool


class ShotFinder:
    """Takes glances at a film in order, and judges each about a second later.

    A cut is a change that stands out from those around it: motion changes every frame. In a fade
    each frame is the mean of those before and after it, although these differ; where things move
    it is not. To black or white the light changes steadily as well.

    Args:
        rate: glances a second.
    """

    def __init__(self, rate: float):
        self._reaches = sorted({max(2, round(rate * reach)) for reach in _REACHES})
        self._lag = 2 * self._reaches[-1] + _NEAR
        self._glances: deque[np.ndarray] = deque(maxlen=self._lag + 1)
        self._changes: deque[float] = deque(maxlen=self._lag + _NEAR + 1)
        self._count = 0  # Frames taken.
        self._judged = 0
        self._cuts: set[int] = set()
        self._faded: set[int] = set()

    def add(self, glance: np.ndarray) -> Iterator[Verdict]:
        """Takes a frame; yields the verdicts that are certain by now, in order."""
        before = self._glances[-1] if self._glances else glance
        self._changes.append(_difference(before, glance))
        self._glances.append(glance)
        self._count += 1
        self._find_cut(self._count - 1 - _NEAR)
        for reach in self._reaches:
            self._find_fade(self._count - 1 - _NEAR - reach, reach)
        while self._judged < self._count - self._lag:
            yield self._judge()

    def finish(self) -> Iterator[Verdict]:
        """The verdicts on the last frames."""
        for number in range(self._count - _NEAR, self._count):
            self._find_cut(number)
        for reach in self._reaches:
            for number in range(self._count - _NEAR - reach, self._count - reach):
                self._find_fade(number, reach)
        while self._judged < self._count:
            yield self._judge()

    def _judge(self):
        number = self._judged
        self._judged += 1
        begins = number in self._cuts or not number
        fades = number in self._faded
        self._cuts.discard(number - self._lag)
        self._faded.discard(number)
        return Verdict(begins, fades)

    def _change(self, number):
        """Of a frame from the one before it; 0 where it is not known."""
        place = number - self._count + len(self._changes)
        return self._changes[place] if 0 <= place < len(self._changes) else 0.0

    def _find_cut(self, number):
        change = self._change(number)
        if number <= 0 or change < _CHANGE:
            return
        around = max(self._change(number + step) for step in range(-_NEAR, _NEAR + 1) if step)
        if change >= _RATIO * around or (
            change >= _LARGE_CHANGE and change >= _LARGE_RATIO * around
        ):
            self._cuts.add(number)

    def _find_fade(self, number, reach):
        if number < reach or any(
            cut in self._cuts for cut in range(number - reach + 1, number + reach + 1)
        ):
            return
        first = self._count - len(self._glances)
        before, middle, after = (
            self._glances[number + step - first] for step in (-reach, 0, reach)
        )
        if _lies_between(before, middle, after) or _dims(before, middle, after):
            around = round(_FADE_SHARE * reach)
            self._faded.update(range(number - around, number + around + 1))


def _lies_between(before, middle, after):
    """Whether a frame is nearly the mean of two that differ."""
    change = _difference(before, after)
    if change < _FADE_CHANGE:
        return False
    mean = cv2.addWeighted(before, 0.5, after, 0.5, 0)
    return _difference(middle, mean) <= _FADE_RESIDUE * change


def _dims(before, middle, after):
    """Whether all that is seen nears black or white steadily, also where things move."""
    (first, spread), (between, _), (last, end_spread) = (
        _light(glance) for glance in (before, middle, after)
    )
    if abs(between - (first + last) / 2) > _FADE_RESIDUE * abs(last - first):
        return False
    for color in (_BLACK, _WHITE):  # The contrast changes as the distance from it does.
        ends = abs(first - color), abs(last - color)
        if min(ends) > _DIMMED * max(ends):
            continue
        share = ends[1] / max(ends[0], 1)
        if abs(end_spread - share * spread) <= _FADE_RESIDUE * max(end_spread, share * spread):
            return True
    return False


def _light(glance):
    """Mean and deviation of the luma in a glance."""
    mean, deviation = cv2.meanStdDev(glance[: len(glance) * 2 // 3])
    return mean[0, 0], deviation[0, 0]


def _difference(a, b):
    return cv2.norm(a, b, cv2.NORM_L1) / a.size
