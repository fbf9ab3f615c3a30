"""Animated GIFs, written frame by frame: however long they are, one frame is in memory."""

from __future__ import annotations

import io
import struct
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image as PillowImage

_MAX_SIDE = 65535
_MAX_DELAY = 65535  # Hundredths of a second.
_EXTENSION, _IMAGE = 0x21, 0x2C
_GRAPHIC_CONTROL = 0xF9
_LOOP = b"!\xff\x0bNETSCAPE2.0\x03\x01"
_CLEAR = 2  # How a frame is disposed of so that nothing shows through the next one.


class GifWriter:
    """Writes an animated GIF.

    Equal frames in a row become one that is shown for the sum of their times.

    Args:
        file: where to; it is not closed.
        loop: how often the animation runs: 0 forever; None leaves it unsaid (players then run
            it once).
    """

    def __init__(self, file: BinaryIO, loop: int | None):
        self._file, self._loop = file, loop
        self._pending: tuple[np.ndarray, int] | None = None  # The next frame decides on its end.
        self._began = False

    def add(self, frame: np.ndarray, duration: int) -> None:
        """Appends a frame.

        Args:
            frame: uint8 (H, W, 3) or (H, W, 4), all of one size.
            duration: ms that it is shown; GIF counts in steps of 10.

        Raises:
            ValueError: too large for the format.
            OSError: it can't be written.
        """
        if max(frame.shape[:2]) > _MAX_SIDE:
            height, width = frame.shape[:2]
            raise ValueError(f"{width}x{height} pixels: GIF ends at {_MAX_SIDE} a side")
        if self._pending is None:
            self._pending = frame, duration
        elif np.array_equal(frame, self._pending[0]):
            self._pending = frame, self._pending[1] + duration
        else:
            self._write(*self._pending, before=frame)
            self._pending = frame, duration

    def close(self) -> None:
        """Writes what is left."""
        assert self._pending is not None, "a GIF needs at least one frame"
        self._write(*self._pending, before=None)
        self._file.write(b";")

    def _write(self, frame, duration, before):
        height, width = frame.shape[:2]
        if not self._began:
            self._began = True
            self._file.write(b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0))
            if self._loop is not None:
                self._file.write(_LOOP + struct.pack("<HB", self._loop, 0))
        picture = _encoded(frame)
        clear = before is not None and before.shape[-1] == 4
        flags = (_CLEAR << 2 if clear else 0) | (picture.transparent is not None)
        self._file.write(
            struct.pack(
                "<BBBBHBB",
                _EXTENSION,
                _GRAPHIC_CONTROL,
                4,
                flags,
                min(round(duration / 10), _MAX_DELAY),
                picture.transparent or 0,
                0,
            )
        )
        size = len(picture.colors) // 3
        flags = 0x80 | (size.bit_length() - 2) | (0x40 if picture.interlaced else 0)
        self._file.write(struct.pack("<BHHHHB", _IMAGE, 0, 0, width, height, flags))
        self._file.write(picture.colors + picture.data)


class _Encoded(NamedTuple):
    """A picture's parts: 2 to 256 colors, the compressed pixels, the number of no color."""

    colors: bytes
    data: bytes
    interlaced: bool
    transparent: int | None


def _encoded(frame: np.ndarray) -> _Encoded:
    """Has Pillow choose colors and compress, and takes its file apart."""
    file = io.BytesIO()
    PillowImage.fromarray(np.ascontiguousarray(frame)).save(file, "GIF")
    content = file.getvalue()
    at, colors = 13, b""
    if content[10] & 0x80:
        length = 3 << ((content[10] & 7) + 1)
        colors, at = content[at : at + length], at + length
    transparent = None
    while content[at] == _EXTENSION:
        if content[at + 1] == _GRAPHIC_CONTROL and content[at + 3] & 1:
            transparent = content[at + 6]
        at = _after_blocks(content, at + 2)
    flags = content[at + 9]
    at += 10
    if flags & 0x80:
        length = 3 << ((flags & 7) + 1)
        colors, at = content[at : at + length], at + length
    return _Encoded(
        colors, content[at : _after_blocks(content, at + 1)], bool(flags & 0x40), transparent
    )


def _after_blocks(content, at):
    """Where a series of blocks ends, each of which begins with its length; the last one's is 0."""
    while content[at]:
        at += content[at] + 1
    return at + 1
