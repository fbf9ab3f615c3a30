"""What readers and writers of video files have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from animegan_tf.video import BT709, UNSPECIFIED

_MIN_INTERVALS = 20  # Fewer don't tell whether a rate is constant.
_GAPS = 0.02  # Of all intervals, if the rate is constant.


class Color(NamedTuple):
    """FFmpeg's code points of the YUV matrix, the primaries and the transfer curve."""

    matrix: int = BT709
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED


_UNKNOWN_COLOR = Color()


class Chapter(NamedTuple):
    """A part of a film, from and to, in seconds of the source, and its title."""

    start: Fraction
    end: Fraction
    title: str


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video before it is read.

    Attributes:
        width, height: of the upright picture, in pixels.
        rate: frames a second; the average, where it varies.
        time_base: unit of the frames' times, in seconds.
        origin: the file's own time, in seconds, that counts as 0 here.
        duration: seconds, or None.
        exact_duration: the file itself states `duration`; a shorter one is cut off.
        sound: codecs of the sound tracks.
        quarter_turns: how often the stored picture is turned left to stand upright.
        pixel_aspect: width of an upright pixel by its height.
        color: of the YUV values.
        notes: what is lost in any case, one line each.
        subtitles: codecs of the subtitle tracks.
        interlaced: its frames are made of two halves, taken one after the other.
        metadata: such as title and artist, as (name, value).
        chapters: those of the file.
        frame_count: how many frames a complete file has, where its format states that reliably.
    """

    width: int
    height: int
    rate: Fraction
    time_base: Fraction
    origin: Fraction = Fraction(0)
    duration: float | None = None
    exact_duration: bool = False
    sound: tuple[str, ...] = ()
    quarter_turns: int = 0
    pixel_aspect: Fraction = Fraction(1)
    color: Color = _UNKNOWN_COLOR
    notes: tuple[str, ...] = ()
    subtitles: tuple[str, ...] = ()
    interlaced: bool = False
    metadata: tuple[tuple[str, str], ...] = ()
    chapters: tuple[Chapter, ...] = ()
    frame_count: int | None = None


class Frame(NamedTuple):
    """A picture, uint8 RGB (H, W, 3), and when it is shown, in seconds from the beginning."""

    time: Fraction
    rgb: np.ndarray


def cut_off(seen: float, duration: float | None) -> str:
    """Says that a file ends after `seen` of its `duration` seconds."""
    whole = f" of {duration:.1f} s" if duration else ""
    return f"the file is cut off: only {seen:.1f} s{whole} could be read"


def missing_frames(intervals: Mapping[int, int]) -> int:
    """How many frames are missing where a constant rate has gaps; 0 where the rate varies.

    Args:
        intervals: how often each interval between two frames occurs, in units of their times.
    """
    count = sum(intervals.values())
    if count < _MIN_INTERVALS:
        return 0
    usual = max(intervals, key=lambda interval: intervals[interval])
    gaps = {interval: n for interval, n in intervals.items() if 2 * interval >= 3 * usual}
    regular = sum(n for interval, n in intervals.items() if abs(interval - usual) <= 1)
    # Where frames that are equal were left out on purpose there are more of them.
    if regular + sum(gaps.values()) < count or sum(gaps.values()) > max(1, _GAPS * count):
        return 0
    return sum((round(interval / usual) - 1) * n for interval, n in gaps.items())


def even_size(width: int, height: int, odd_sizes: bool) -> tuple[int, int]:
    """The size that is stored: even, unless the codec has odd sizes."""
    return (width, height) if odd_sizes else (width + width % 2, height + height % 2)


def even(rgb: np.ndarray, odd_sizes: bool) -> np.ndarray:
    """Repeats the last column or row of odd sizes, for codecs that store even ones only."""
    height, width = rgb.shape[:2]
    even_width, even_height = even_size(width, height, odd_sizes)
    return np.pad(rgb, ((0, even_height - height), (0, even_width - width), (0, 0)), mode="edge")
