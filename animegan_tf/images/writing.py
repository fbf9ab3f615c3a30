"""Arrays to picture files, whole or not at all."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from animegan_tf.images.files import FORMAT_OF_EXTENSION, OUTPUT_EXTENSIONS, write_bytes

_MAX_SIDE = {"JPEG": 65500, "WEBP": 16383, "GIF": 65535}


def encode_image(
    rgb: np.ndarray,
    format: str,
    alpha: np.ndarray | None = None,
    icc_profile: bytes | None = None,
    quality: int = 95,
) -> bytes:
    """A picture as the bytes of a file.

    Args:
        rgb: uint8 (H, W, 3), or gray (H, W).
        format: "JPEG", "PNG", "WEBP", "BMP" or "TIFF".
        alpha: uint8 (H, W); dropped by JPEG and BMP, which have no place for it.
        icc_profile: kept by all formats but BMP.
        quality: 1 to 100, of JPEG and WebP.

    Raises:
        ValueError: unknown format, or larger than the format allows.
    """
    if format not in FORMAT_OF_EXTENSION.values():
        raise ValueError(f"cannot write {format!r} pictures")
    _check_side(rgb, format)
    if alpha is not None and format not in ("JPEG", "BMP"):
        rgb = np.dstack([rgb, alpha])
    options: dict[str, Any] = {}
    if format in ("JPEG", "WEBP"):
        options["quality"] = quality
    if format == "JPEG":
        options["subsampling"] = 0
    if format == "TIFF":
        options["compression"] = "tiff_lzw"
    if icc_profile and format != "BMP":
        options["icc_profile"] = icc_profile
    encoded = io.BytesIO()
    PillowImage.fromarray(np.ascontiguousarray(rgb)).save(encoded, format, **options)
    return encoded.getvalue()


def write_image(
    path: str | os.PathLike,
    rgb: np.ndarray,
    alpha: np.ndarray | None = None,
    icc_profile: bytes | None = None,
    quality: int = 95,
) -> None:
    """Writes a picture in the format of the extension, whole or not at all. See `encode_image`.

    Raises:
        ValueError: the extension is none of `OUTPUT_EXTENSIONS`, or as `encode_image`.
        OSError: the file cannot be written.
    """
    extension = os.path.splitext(path)[1].lower()
    if extension not in OUTPUT_EXTENSIONS:
        raise ValueError(
            f"{path}: cannot write {extension or 'without an extension'}; "
            f"use one of {', '.join(sorted(OUTPUT_EXTENSIONS))}"
        )
    write_bytes(
        path, encode_image(rgb, FORMAT_OF_EXTENSION[extension], alpha, icc_profile, quality)
    )


def write_gif(
    path: str | os.PathLike,
    frames: Sequence[np.ndarray],
    durations: Sequence[int] | int,
    loop: int | None = 0,
) -> None:
    """Writes an animated GIF, whole or not at all.

    Equal frames in a row become one that is shown for the sum of their times.

    Args:
        path: the file.
        frames: uint8 (H, W, 3) or (H, W, 4), all of one shape.
        durations: ms for each frame, or for all; GIF counts in steps of 10 ms.
        loop: how often it runs: 0 forever; None leaves it unsaid (players then run it once).

    Raises:
        ValueError: no frames, too large, or a number of durations other than that of the frames.
        OSError: the file cannot be written.
    """
    if not frames:
        raise ValueError("a GIF needs at least one frame")
    if not isinstance(durations, int) and len(durations) != len(frames):
        raise ValueError(f"{len(frames)} frames, but {len(durations)} durations")
    _check_side(frames[0], "GIF")
    first, *others = (PillowImage.fromarray(np.ascontiguousarray(frame)) for frame in frames)
    options: dict[str, Any] = {} if loop is None else {"loop": loop}
    if frames[0].shape[-1] == 4:
        options["disposal"] = 2  # Else earlier frames would show through the later ones.
    encoded = io.BytesIO()
    first.save(
        encoded,
        "GIF",
        save_all=True,
        append_images=others,
        duration=durations if isinstance(durations, int) else list(durations),
        **options,
    )
    write_bytes(path, encoded.getvalue())


def _check_side(array, format):
    height, width = array.shape[:2]
    limit = _MAX_SIDE.get(format)
    if limit and max(height, width) > limit:
        raise ValueError(f"{width}x{height} pixels: {format} ends at {limit} a side")
