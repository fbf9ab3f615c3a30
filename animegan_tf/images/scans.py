"""How many scans a JPEG has, by its markers alone.

A progressive JPEG brings its picture in about ten scans, and decoders go over all pixels for each.
A scan can be as short as 34 bytes: a megabyte of them keeps a decoder busy for hours.
"""

from __future__ import annotations

import re

MAX_SCANS = 64
"""More than encoders make; a file of 400 megapixels with as many takes half a minute."""

_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_WITHOUT_LENGTH = (0x01, 0xD8)
# Neither escaped 0xFF bytes of the pixels nor restart markers among them.
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


def count_scans(data: bytes) -> int:
    """Scans of the first picture in a JPEG file, or one more than `MAX_SCANS` if it has more."""
    at, scans = 2, 0
    while scans <= MAX_SCANS and (found := _MARKER.search(data, at)):
        marker, at = data[found.end() - 1], found.end()
        if marker == _END_OF_IMAGE:
            break
        scans += marker == _START_OF_SCAN
        if marker not in _WITHOUT_LENGTH:
            at += int.from_bytes(data[at : at + 2], "big")
    return scans
