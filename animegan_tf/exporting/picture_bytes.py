"""Encoded pictures inside a graph: refused by their header, decoded, and turned upright.

Everything here is standard TensorFlow operations on the bytes of one JPEG, PNG, GIF, or BMP file.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from animegan_tf.images.scans import MAX_SCANS
from animegan_tf.networks.padding import MINIMUM

_PNG, _GIF, _BMP, _JPEG = b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"\xff\xd8\xff"
# Blocks of a GIF that are looked at, each some microseconds: of 25 megapixels it has some 100,000,
# and few that are shorter than 128 bytes.
_MAX_BLOCKS, _SHORT_BLOCKS, _BLOCK = 200_000, 20_000, 128
_MAX_SEGMENTS = 5_000  # Of a JPEG, which has hundreds.
_ENDLESS = np.int64(2**62)
_PAST_THE_END = 32  # Zeros behind a file's bytes, so that reading its header never fails.
_ZERO = np.int64(0)
_EXIF_LIMIT = 65536  # EXIF is one JPEG segment.


def read_picture(contents: tf.Tensor, max_pixels: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes a picture, if its header says that it is small enough.

    Args:
        contents: string (), the bytes of a file.
        max_pixels: the most that decoding and the network may have to hold, all frames of a GIF
            together.

    Returns:
        The picture, upright, uint8 (H, W, 3), and "". Or an empty picture, and in words what is
        wrong with it.
    """
    size = tf.strings.as_string(tf.strings.length(contents))
    pixels = pixels_by_header(contents)
    empty = tf.zeros((0, 0, 3), tf.uint8)
    is_small = tf.logical_and(pixels > 0, pixels <= max_pixels)
    photo = tf.cond(is_small, lambda: _decode(contents), lambda: empty)
    too_large = tf.strings.join(
        ["is too large: ", tf.strings.as_string(pixels), f" pixels, the limit is {max_pixels}"]
    )
    unreadable = tf.strings.join(
        [
            "is not a readable picture (",
            size,
            " bytes): send the bytes of a JPEG, PNG, GIF or BMP file",
        ]
    )
    complaint = tf.where(
        pixels > max_pixels, too_large, tf.where(tf.size(photo) > 0, "", unreadable)
    )
    return tf.ensure_shape(photo, (None, None, 3)), complaint


def pixels_by_header(contents: tf.Tensor) -> tf.Tensor:
    """The pixels that a file's header promises, int64; 0 if it is of no format known here.

    All frames of a GIF count. Sides count as those that the network gets, 8 at least.
    """
    data = _Bytes(contents)
    height, width, more = tf.switch_case(
        tf.where(
            data.starts_with(_PNG),
            0,
            tf.where(
                data.starts_with(_JPEG),
                1,
                tf.where(data.starts_with(_GIF), 2, tf.where(data.starts_with(_BMP), 3, 4)),
            ),
        ),
        [
            lambda: (data.number(20, 4), data.number(16, 4), _ZERO),
            lambda: _jpeg_size(data),
            lambda: (data.number(8, 2, True), data.number(6, 2, True), _gif_pixels(data)),
            lambda: (_bmp_side(data, 22), _bmp_side(data, 18), _ZERO),
            lambda: (_ZERO, _ZERO, _ZERO),
        ],
    )
    known = tf.logical_and(height > 0, width > 0)
    # Sides of PNG and BMP have 32 bits: the product must not overflow.
    height, width = (tf.clip_by_value(side, MINIMUM, 2**31 - 1) for side in (height, width))
    return tf.where(known, tf.maximum(height * width, more), 0)


class _Bytes:
    """The bytes of a string as numbers; zeros follow them."""

    def __init__(self, contents):
        zeros = tf.zeros(_PAST_THE_END, tf.uint8)
        self._data = tf.concat([tf.io.decode_raw(contents, tf.uint8), zeros], axis=0)
        self.size = tf.strings.length(contents)

    def starts_with(self, start):
        return tf.reduce_all(self._data[: len(start)] == np.frombuffer(start, np.uint8))

    def number(self, offset, length, little_endian=False):
        """An unsigned number of so many bytes, int64."""
        offset = tf.minimum(offset, self.size)
        parts = tf.cast(self._data[offset : offset + length], tf.int64)
        places = 256 ** np.arange(length, dtype=np.int64)
        return tf.reduce_sum(parts * (places if little_endian else places[::-1]))

    def jpeg_markers(self):
        """Where markers may stand: neither escaped bytes of pixels nor restarts among them."""
        first, second = self._data[:-1], self._data[1:]
        is_marker = (first == 0xFF) & (second > 0) & (second < 0xFF) & (second // 8 != 0xD0 // 8)
        return tf.cast(tf.where(is_marker)[:, 0], tf.int32)


def _bmp_side(data, offset):
    """A side of a BMP; its sign says from where the rows count."""
    side = data.number(offset, 4, True)
    return tf.where(side >= 2**31, 2**32 - side, side)


def _jpeg_size(data):
    """Height and width in the frame header, zeros if none comes before the first scan; and pixels.

    Those are 0, or more than any limit if there are more scans than any encoder makes: each takes
    a pass over the whole picture, however short it is.
    """
    markers = tf.concat([data.jpeg_markers(), [data.size]], axis=0)
    offset, steps, scans = tf.constant(2), tf.constant(0), tf.constant(0)
    height, width, done = tf.zeros((), tf.int64), tf.zeros((), tf.int64), tf.constant(False)
    while not done and steps < _MAX_SEGMENTS:
        steps += 1
        offset = markers[tf.searchsorted(markers, [tf.minimum(offset, data.size)])[0]]
        marker = data.number(offset + 1, 1)
        if offset >= data.size or marker == 0xD9:
            done = True
        elif marker == 0x01 or marker == 0xD8:
            offset += 2  # Markers without a length.
        else:
            is_frame = marker >= 0xC0 and marker <= 0xCF and marker != 0xC4 and marker != 0xC8
            if is_frame and scans == 0 and height == 0:
                height, width = data.number(offset + 5, 2), data.number(offset + 7, 2)
            if marker == 0xDA:
                scans += 1
                done = height == 0 or scans > MAX_SCANS
            offset += 2 + tf.maximum(2, tf.cast(data.number(offset + 2, 2), tf.int32))
    is_endless = scans > MAX_SCANS or steps == _MAX_SEGMENTS
    return height, width, tf.where(is_endless, _ENDLESS, _ZERO)


def _gif_pixels(data):
    """Pixels of all frames: the decoder unpacks each of them. More than any limit if endless."""
    offset = tf.constant(10)
    pixels, steps, in_block = tf.zeros((), tf.int64), tf.constant(0), tf.constant(False)
    offset += 3 + _color_table(data.number(offset, 1))
    limit = tf.minimum(_MAX_BLOCKS, _SHORT_BLOCKS + data.size // _BLOCK)
    while offset < data.size and steps < limit:
        steps += 1
        first = tf.cast(data.number(offset, 1), tf.int32)
        if in_block:  # At a part of a block, which says its length; an empty one ends the block.
            offset += 1 + first
            in_block = first > 0
        elif first == 0x2C:  # A frame.
            pixels += data.number(offset + 5, 2, True) * data.number(offset + 7, 2, True)
            offset += 11 + _color_table(data.number(offset + 9, 1))
            in_block = tf.constant(True)
        elif first == 0x21:  # An extension.
            offset += 2
            in_block = tf.constant(True)
        else:
            offset = data.size
    return tf.where(steps < limit, pixels, _ENDLESS)


def _color_table(flags):
    """Bytes of a GIF's color table, by the flags before it."""
    entries = tf.bitwise.left_shift(2, tf.cast(flags % 8, tf.int32))
    return tf.where(flags >= 128, 3 * entries, 0)


def _decode(contents):
    """The picture, or an empty one if its decoder fails.

    The decoders' own errors would end the request and don't say which row was bad. A data set of
    one picture drops it when it fails, and what is missing can be reported.
    """
    options = tf.data.Options()
    # Each call would otherwise optimize this tiny pipeline anew.
    options.experimental_optimization.apply_default_optimizations = False
    options.autotune.enabled = False
    pictures = tf.data.Dataset.from_tensors(contents).map(_decode_image).ignore_errors()
    pictures = pictures.with_options(options)
    photo = pictures.reduce(tf.zeros((0, 0, 3), tf.uint8), lambda _, picture: picture)
    return _turn_upright(tf.ensure_shape(photo, (None, None, 3)), _exif_orientation(contents))


def _decode_image(contents):
    picture = tf.io.decode_image(contents, channels=3, expand_animations=False)
    return tf.ensure_shape(picture, (None, None, 3))


def _turn_upright(picture, orientation):
    transposed = tf.transpose(picture, (1, 0, 2))
    return tf.switch_case(
        orientation - 1,
        [
            lambda: picture,
            lambda: picture[:, ::-1],
            lambda: picture[::-1, ::-1],
            lambda: picture[::-1],
            lambda: transposed,
            lambda: transposed[:, ::-1],
            lambda: transposed[::-1, ::-1],
            lambda: transposed[::-1],
        ],
    )


def _exif_orientation(contents):
    """The orientation in a JPEG's EXIF header, 1 to 8; 1 where there is none.

    EXIF is a TIFF header after "Exif\\0\\0": byte order, the offset of a directory, and there
    entries of 12 bytes: tag, type, count, value. Orientation is tag 0x0112.
    """
    start = tf.strings.substr(contents, 0, _EXIF_LIMIT)
    data = tf.cast(tf.io.decode_raw(start, tf.uint8), tf.int32)
    marker = np.frombuffer(b"Exif\0\0", np.uint8).astype(np.int32)
    count = tf.size(data) - len(marker) + 1
    is_marker = tf.reduce_all(
        tf.stack([data[i : i + tf.maximum(count, 0)] == value for i, value in enumerate(marker)]),
        axis=0,
    )
    is_jpeg = tf.equal(tf.strings.substr(contents, 0, 2), b"\xff\xd8")
    starts = tf.where(is_marker)[:, 0]

    def read():
        tiff = data[tf.cast(starts[0], tf.int32) + len(marker) :]
        tiff = tf.concat([tiff, tf.zeros(16, tf.int32)], axis=0)
        little = tiff[0] == ord("I")

        def number(offset, length):
            offset = tf.clip_by_value(offset, 0, tf.size(tiff) - length)
            parts = tiff[offset : offset + length]
            parts = tf.cond(little, lambda: parts[::-1], lambda: parts)
            return tf.reduce_sum(parts * 256 ** np.arange(length)[::-1].astype(np.int32))

        directory = number(4, 4)
        found = tf.constant(1)
        for entry in tf.range(number(directory, 2)):
            offset = directory + 2 + 12 * entry
            if number(offset, 2) == 0x0112:
                found = number(offset + 8, 2)
        return found if found >= 1 and found <= 8 else tf.constant(1)

    return tf.cond(tf.logical_and(is_jpeg, tf.size(starts) > 0), read, lambda: tf.constant(1))
