"""The style's pictures with smoothed edges, made once and kept on disk."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from animegan_tf.data.edges import smooth_edges
from animegan_tf.data.progress import in_threads
from animegan_tf.data.reading import open_training_picture
from animegan_tf.errors import Finding, UserError
from animegan_tf.images import (
    ImageError,
    encode_image,
    gray_of,
    read_bytes,
    read_gray,
    write_bytes,
)

# Part of the cache key. Count up whenever the smoothing of the same file gives other bytes.
_VERSION = 1


class EdgeCache:
    """Gray pictures with smoothed edges, one PNG for each content of a file.

    Args:
        folder: where they are kept from run to run; made when the first one is.
        scale: scales a picture or its gray before edges are looked for.
        scale_name: in words, what `scale` does; pictures of another scale are others.
        at_least: the side that `scale` scales to.
    """

    def __init__(
        self,
        folder: Path,
        scale: Callable[[np.ndarray], np.ndarray],
        scale_name: str,
        at_least: int,
    ):
        self.folder = folder
        self._scale = scale
        self._scale_name = scale_name
        self._at_least = at_least

    def prepare(self, paths: Sequence[Path]) -> None:
        """Makes those that are missing or damaged.

        Raises:
            ImageError: a picture cannot be read.
            UserError: there is no room for the results, or they cannot be written.
        """
        self._check_room(len(paths))
        for _ in in_threads(self.gray, paths, "smoothing edges"):
            pass

    def gray(self, path: Path) -> np.ndarray:
        """A picture with smoothed edges, uint8 (H, W), scaled; from the folder if it is there.

        Raises:
            ImageError: the picture cannot be read.
            UserError: the result cannot be written.
        """
        data = read_bytes(path)
        key = hashlib.blake2b(f"{_VERSION} {self._scale_name} ".encode() + data, digest_size=16)
        cached = self.folder / f"{key.hexdigest()}.png"
        try:
            return _read_checked_png(cached)
        except ImageError:
            pass  # Not there yet, or damaged.
        try:
            with open_training_picture(data, self._at_least) as picture:
                rgb, gray = map(self._scale, picture.rgb_and_gray())
        except ImageError as error:
            raise ImageError(str(path), error.reason) from error
        smoothed = gray_of(smooth_edges(rgb, gray))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_bytes(cached, encode_image(smoothed, "PNG"))
        except OSError as error:
            raise self._unwritable(error.strerror or str(error)) from error
        return smoothed

    def _check_room(self, count):
        """Refuses a disk that is too small, as far as the files that are there tell."""
        try:
            missing = count - len(os.listdir(self.folder))
        except OSError:
            missing = count
        above = self.folder
        while not above.exists() and above != above.parent:
            above = above.parent
        try:
            free = shutil.disk_usage(above).free
        except OSError:
            return  # Writing will tell.
        need = missing * self._at_least**2 // 2  # A gray PNG takes half a byte a pixel, or more.
        if need > free:
            raise self._unwritable(f"{need / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free")

    def _unwritable(self, reason):
        return UserError(
            Finding(
                str(self.folder),
                f"pictures with smoothed edges can't be kept here ({reason})",
                "Make room, or name another folder with --cache_dir",
            )
        )


def _read_checked_png(path):
    """Gray PNG to uint8 (H, W), its checksums compared, which decoding alone does not do."""
    data = read_bytes(path)
    try:
        with PillowImage.open(io.BytesIO(data), formats=["PNG"]) as image:
            image.verify()
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageError(str(path), f"damaged ({error})") from error
    return read_gray(data)
