"""Video files by OpenCV, where PyAV is missing: silent, at a constant frame rate."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from animegan_tf.opencv import cv2
from animegan_tf.styling.video_info import Frame, VideoInfo, cut_off, even
from animegan_tf.video import VideoError


class OpenCvReader:
    """`open_reader` by OpenCV: frames at a constant rate."""

    def __init__(self, path: Path, info: VideoInfo, start: Fraction, end: Fraction | None):
        self._capture = _capture(path)
        self._info, self._start, self._end = info, start, end
        self.damage: str | None = None
        self.offset: Fraction | None = None

    @staticmethod
    def probe(path: Path) -> VideoInfo:
        capture = _capture(path)
        try:
            read, frame = capture.read()
            if not read:
                raise VideoError(path, "OpenCV can read no video from it")
            rate = capture.get(cv2.CAP_PROP_FPS)
            rate = Fraction(rate).limit_denominator(1001) if rate > 0 else Fraction(25)
            count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        finally:
            capture.release()
        height, width = frame.shape[:2]
        return VideoInfo(
            width,
            height,
            rate,
            1 / rate,
            duration=float(count / rate) if count > 0 else None,
            exact_duration=count > 0,
        )

    def __iter__(self) -> Iterator[Frame]:
        rate = self._info.rate
        first = math.ceil(self._start * rate)
        count = 0
        while self._capture.grab():
            count += 1
            if count <= first:
                continue
            if self._end is not None and (count - 1) / rate >= self._end:
                return
            read, bgr = self._capture.retrieve()
            if not read:
                break
            self.offset = first / rate
            yield Frame((count - 1 - first) / rate, cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
        missing = (self._info.duration or 0) - float(count / rate)
        if missing > max(0.2, float(3 / rate)):
            self.damage = cut_off(float(count / rate), self._info.duration)

    def close(self) -> None:
        self._capture.release()


class OpenCvWriter:
    """Writes silent MPEG-4 (VP9 in .webm) at the source's average rate.

    Args:
        path: of the file to write; its extension decides on the format.
        info: of the source.

    Raises:
        OSError: the file can't be written.
    """

    def __init__(self, path: Path, info: VideoInfo):
        self._path, self._info = path, info
        self._writer: Any = None
        self._count = 0

    def write(self, time: Fraction, rgb: np.ndarray, offset: Fraction) -> None:
        """Appends a frame; its time is that of its number."""
        rgb = even(rgb, False)
        if self._writer is None:
            code = "VP90" if self._path.suffix == ".webm" else "mp4v"
            height, width = rgb.shape[:2]
            self._writer = cv2.VideoWriter(
                str(self._path),
                cv2.CAP_FFMPEG,
                cv2.VideoWriter.fourcc(*code),
                float(self._info.rate),
                (width, height),
            )
            if not self._writer.isOpened():
                raise OSError(f"OpenCV can't write {self._path.suffix} files here")
        self._writer.write(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        self._count += 1

    def close(self) -> None:
        """Completes the file, and reads it, since OpenCV doesn't say whether writing worked."""
        self.abandon()
        capture = cv2.VideoCapture(str(self._path))
        written = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        capture.release()
        if written < self._count:
            raise OSError(f"only {max(0, int(written))} of {self._count} frames arrived in it")

    def abandon(self) -> None:
        """Lets go of the file."""
        if self._writer:
            self._writer.release()
            self._writer = None


def _capture(path):
    capture = cv2.VideoCapture(str(path))
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # Not the default of every build.
    return capture
