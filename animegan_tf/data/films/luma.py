"""The brightness and color of a decoded frame, without copying them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from animegan_tf.opencv import cv2
from animegan_tf.video import is_full_range, quarter_turns_of

if TYPE_CHECKING:
    from av import VideoFrame

_GLANCE_PIXELS = 128 * 72  # Of its luma.

_PLANAR = {
    f"yuv{letter}{kind}p"
    for letter in ("", "j")
    for kind in ("410", "411", "420", "422", "440", "444")
}
_FULL = np.arange(256, dtype=np.uint8)
_LIMITED = np.clip((np.arange(256) - 16) * 255 / 219 + 0.5, 0, 255).astype(np.uint8)


class Crop(NamedTuple):
    """Pixels that are cut off on each side of an upright picture."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    def of(self, array: np.ndarray) -> np.ndarray:
        """What is left of an array (H, W) or (H, W, C)."""
        height, width = array.shape[:2]
        return array[self.top : height - self.bottom, self.left : width - self.right]


NOTHING = Crop()


class Planes(NamedTuple):
    """A frame as it is stored: uint8 luma (H, W), and Cb and Cr, which may be smaller.

    Attributes:
        levels: what each stored value of luma means, as uint8 (256) from 0 for black to 255.
    """

    luma: np.ndarray
    cb: np.ndarray
    cr: np.ndarray
    levels: np.ndarray


def planes_of(frame: VideoFrame, crop: Crop = NOTHING) -> Planes:
    """The upright planes of a frame, cropped; valid as long as the frame is."""
    levels = _FULL if is_full_range(frame) else _LIMITED
    if frame.format.name not in _PLANAR:
        frame = frame.reformat(format="yuv420p")
    turns = quarter_turns_of(frame)
    arrays = [_array(plane, turns) for plane in frame.planes[:3]]
    height, width = arrays[0].shape
    luma, cb, cr = (_scaled(crop, array.shape, height, width).of(array) for array in arrays)
    return Planes(luma, cb, cr, levels)


def glance_at(planes: Planes) -> np.ndarray:
    """A small picture of a frame, to compare with those before and after: uint8 (H, W).

    Luma above, Cb and Cr side by side below it. Pixels are picked, not averaged: what matters is
    that it takes next to no time.
    """
    height, width = planes.luma.shape
    across = max(8, round((_GLANCE_PIXELS * width / height) ** 0.5 / 2) * 2)
    down = max(8, round(_GLANCE_PIXELS / across / 2) * 2)
    glance = np.empty((down * 3 // 2, across), np.uint8)
    half = (across // 2, down // 2)
    glance[:down] = cv2.resize(planes.luma, (across, down), interpolation=cv2.INTER_NEAREST)
    glance[down:, : half[0]] = cv2.resize(planes.cb, half, interpolation=cv2.INTER_NEAREST)
    glance[down:, half[0] :] = cv2.resize(planes.cr, half, interpolation=cv2.INTER_NEAREST)
    return glance


def _array(plane, turns):
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    array = rows[: plane.height, : plane.width]
    return np.ascontiguousarray(np.rot90(array, turns)) if turns else array


def _scaled(crop, shape, height, width):
    """The crop of a plane whose size differs from that of luma."""
    down, across = shape[0] / height, shape[1] / width
    return Crop(
        round(crop.top * down),
        round(crop.bottom * down),
        round(crop.left * across),
        round(crop.right * across),
    )
