"""Black bars around a film's picture: the same crop for the whole film, by a vote."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from animegan_tf.data.films.luma import NOTHING, Crop, planes_of
from animegan_tf.opencv import cv2
from animegan_tf.video import VideoSource

_DISTANCE = 3  # Seconds between the places where frames are looked at...
_PLACES = 8, 40  # ... which are so many.
_STEPS = 3  # Frames decoded at a place whose keyframe has been seen.
_ENOUGH = 4  # Votes; from fewer nothing is concluded.
_DARK = 24  # Mean brightness of a frame that could be black where there is no bar.
_BLACK_MEAN, _BLACK_MAX = 6, 32  # Of a row or column of a bar, with its noise.
_LARGEST = 0.35  # Of the height or width, on one side.
_MARGIN = 2  # Pixels, where there is a bar: its edge is soft.


def find_bars(path: str | os.PathLike, start: Fraction, length: Fraction) -> Crop:
    """What to cut off so that no black bar is left.

    Looks at some frames spread over the film, and takes on each side the width of bar that most
    of them have at least. Dark frames have no vote.

    Args:
        path: a film.
        start: seconds at which the part that matters begins, in the file's own time.
        length: seconds.

    Raises:
        VideoError: it can't be opened.
    """
    votes = []
    for frame in _some_frames(path, start, length):
        planes = planes_of(frame)
        luma = cv2.LUT(np.ascontiguousarray(planes.luma), planes.levels)
        if luma.mean() >= _DARK:
            votes.append(_bars_of(luma))
    if len(votes) < _ENOUGH:
        return NOTHING
    # The median would fail where few more than half of the frames agree and others vary.
    least = np.sort(np.array(votes), axis=0)[len(votes) * 2 // 5]
    return Crop(*(int(side) + _MARGIN if side else 0 for side in least))


def _some_frames(path: str | os.PathLike, start: Fraction, length: Fraction) -> Iterator[Any]:
    """Frames at places spread over the film: keyframes, where there are enough of them."""
    source = VideoSource(path)
    with contextlib.closing(source):
        source.stream.thread_type = "SLICE"  # With frame threads each seek would decode many more.
        seen = set()
        places = int(np.clip(length / _DISTANCE, *_PLACES))
        for number in range(places):
            source.seek(start + length * (2 * number + 1) / (2 * places))
            for frame in itertools.islice(source.frames(), _STEPS):
                if frame.pts not in seen:
                    seen.add(frame.pts)
                    yield frame
                    break


def _bars_of(luma):
    """Widths of the black bars: top, bottom, left, right."""
    height, width = luma.shape
    sides = []
    for lines, size in ((luma, height), (luma.T, width)):
        black = (lines.mean(axis=1) <= _BLACK_MEAN) & (lines.max(axis=1) <= _BLACK_MAX)
        for order in (black, black[::-1]):
            count = int(np.argmin(order)) if not order.all() else size
            sides.append(count if count <= _LARGEST * size else 0)
    return sides
