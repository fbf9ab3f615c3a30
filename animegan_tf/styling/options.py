"""What can be asked for when pictures and videos are stylized."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "bmp": "BMP", "tif": "TIFF", "gif": "GIF"}
"""What `--format` may be."""

PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
"""What `--precision` may be, and the Keras dtype policy that it stands for."""

CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""Extensions of videos that can be written, and FFmpeg's names of their formats."""


class Codec(NamedTuple):
    """How a codec is used: FFmpeg's encoder and descriptor, quality, sizes, and its settings."""

    encoder: str
    name: str
    crf: int
    max_crf: int
    min_side: int
    odd_sizes: bool
    options: dict[str, str]


CODECS = {
    "h264": Codec("libx264", "h264", 18, 51, 1, False, {"preset": "medium"}),
    # x265 and SVT-AV1 damage the memory of the process where sides are far below 64.
    "h265": Codec(
        "libx265", "hevc", 21, 51, 64, False, {"preset": "medium", "x265-params": "log-level=error"}
    ),
    "vp9": Codec("libvpx-vp9", "vp9", 28, 63, 1, True, {"b": "0", "cpu-used": "3", "row-mt": "1"}),
    "av1": Codec("libsvtav1", "av1", 28, 63, 64, False, {"preset": "7"}),
}
"""What `--codec` may be. The given quality (CRF, lower is better) hardly differs from lossless."""


@dataclass(frozen=True)
class Options:
    """What is done to each picture or frame.

    Attributes:
        strength, keep_color, match_brightness, match_color, fit_colors: as in `Stylizer`.
        compare: the photo stands to the left of the result.
        max_side: larger photos are reduced first, to this longer side in pixels; 0 keeps them.
        quality: 1 to 100, of JPEG and WebP; videos have a quality of their own.
        stream_format: what standard output gets, a key of `FORMATS`.
    """

    strength: float = 1.0
    keep_color: bool = False
    match_brightness: bool = False
    match_color: bool = False
    fit_colors: bool = False
    compare: bool = False
    max_side: int = 0
    quality: int = 95
    stream_format: str = "png"

    @property
    def effects(self) -> dict[str, Any]:
        """The keyword arguments of a `Stylizer`."""
        return {
            "strength": self.strength,
            "keep_color": self.keep_color,
            "match_brightness": self.match_brightness,
            "match_color": self.match_color,
            "fit_colors": self.fit_colors,
        }


DEFAULTS = Options()
"""The network's results as they are."""
