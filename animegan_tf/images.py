"""Files to arrays and back: any format, any path, EXIF rotation, transparency.

Pixels are RGB uint8 here, (H, W, 3), and gray uint8, (H, W). `to_float` and `to_uint8` are the
border to the networks' float32 in [-1, 1].
"""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageOps, features

from animegan_tf.errors import Finding
from animegan_tf.opencv import cv2

MAX_PIXELS = 400_000_000
"""Pictures above this are refused before they are decoded: they would fill the memory."""
# Pillow's own limit (89 million) warns at, and twice of it refuses, pictures of today's cameras.
PillowImage.MAX_IMAGE_PIXELS = MAX_PIXELS

_FORMAT_OF_EXTENSION = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
# Never all that Pillow knows: EPS, for one, would start another program.
_READ_FORMATS = ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM"]
OUTPUT_EXTENSIONS = frozenset(_FORMAT_OF_EXTENSION)
"""What `write_image` can write, in lower case."""
IMAGE_EXTENSIONS = OUTPUT_EXTENSIONS | {".gif", ".ppm", ".pgm"}
"""What `find_images` takes for a picture, in lower case."""
if features.check("avif"):
    _READ_FORMATS.append("AVIF")
    IMAGE_EXTENSIONS |= {".avif"}

_MAX_SIDE = {"JPEG": 65500, "WEBP": 16383, "GIF": 65535}


class ImageError(ValueError):
    """A file that cannot be read as a picture; `path` says which, `reason` why."""

    def __init__(self, path: str, reason: str):
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason

    def finding(self, remedy: str, where: object = None) -> Finding:
        """The error as a finding; `where` takes the place of the path."""
        return Finding(str(where or self.path), self.reason, remedy)


@dataclass(frozen=True)
class Image:
    """One decoded picture, upright.

    Attributes:
        rgb: uint8 (H, W, 3).
        alpha: uint8 (H, W), 255 is opaque; None where the file has no transparency.
        icc_profile: the color profile that `rgb` is meant in; None stands for sRGB.
    """

    rgb: np.ndarray
    alpha: np.ndarray | None = None
    icc_profile: bytes | None = None


def find_images(folder: str | os.PathLike) -> list[Path]:
    """All pictures below a folder, by extension in any case, sorted; hidden ones are left out.

    Raises:
        OSError: the folder, or one below it, cannot be listed.
    """

    def fail(error):
        raise error

    found, visited = [], set()
    for parent, folders, files in os.walk(folder, onerror=fail, followlinks=True):
        real = os.path.realpath(parent)
        if real in visited:  # A link to a folder above would otherwise never end.
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            Path(parent, name)
            for name in files
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in IMAGE_EXTENSIONS
        ]
    return sorted(found)


def read_image(source: str | os.PathLike | bytes) -> Image:
    """Reads a picture: a path, or the bytes of a file. Of an animation, the first frame.

    Gray, palette and CMYK become RGB; 16 bits are reduced to their upper 8; EXIF rotation is
    applied.

    Raises:
        ImageError: missing, empty, truncated, damaged, too large, or not a picture.
    """
    with _Decoding(source) as decoding:
        return _to_image(decoding.open())


def read_rgb(source: str | os.PathLike | bytes) -> np.ndarray:
    """The colors of a picture, uint8 (H, W, 3); transparency is dropped. See `read_image`."""
    return read_image(source).rgb


def read_gray(source: str | os.PathLike | bytes) -> np.ndarray:
    """A picture as OpenCV reads it in gray, uint8 (H, W), upright.

    That is what the authors' code trains on and finds edges in. It is not the gray of the colors:
    a JPEG gives its stored luma, everything else `gray_of`.

    Raises:
        ImageError: as `read_image`.
    """
    with _Decoding(source) as decoding:
        return _to_gray(decoding.open(luma=True))


def read_rgb_and_gray(source: str | os.PathLike | bytes) -> tuple[np.ndarray, np.ndarray]:
    """`read_rgb` and `read_gray` of one file that is read once.

    Raises:
        ImageError: as `read_image`.
    """
    with _Decoding(source) as decoding:
        image = decoding.open()
        rgb = _to_image(image).rgb
        return rgb, _to_gray(decoding.open(luma=True)) if _is_jpeg(image) else gray_of(rgb)


def gray_of(rgb: np.ndarray) -> np.ndarray:
    """The gray that OpenCV reads from a PNG file with these colors.

    uint8 (H, W, 3) to uint8 (H, W): (9797 R + 19234 G + 3737 B) >> 15, libpng's formula. It is one
    less than OpenCV's color conversion in half of the pixels.
    """
    weighted = rgb @ np.array([9797, 19234, 3737], np.float32)  # Below 2^24, so exact.
    return (weighted.astype(np.int32) >> 15).astype(np.uint8)


def read_frames(
    source: str | os.PathLike | bytes,
) -> tuple[list[np.ndarray], list[int], int | None]:
    """Reads an animated GIF, WebP or PNG; any other picture counts as one frame of 0 ms.

    Returns:
        The frames, uint8 (H, W, 3), or (H, W, 4) where the file has transparency; how long each is
        shown, in ms; how often the animation runs, 0 for ever, None if the file doesn't say.

    Raises:
        ImageError: as `read_image`.
    """
    with _Decoding(source) as decoding:
        image = decoding.open()
        pages = image.n_frames if image.format in ("GIF", "WEBP", "PNG") else 1
        loop = image.info.get("loop") if pages > 1 else None
        frames, durations = [], []
        for page in range(pages):
            image.seek(page)
            image.load()
            frame = _to_image(image)
            frames.append(frame.rgb if frame.alpha is None else np.dstack([frame.rgb, frame.alpha]))
            durations.append(round(image.info.get("duration", 0)))
        if len({frame.shape[-1] for frame in frames}) > 1:
            frames = [
                frame
                if frame.shape[-1] == 4
                else np.dstack([frame, np.full(frame.shape[:2], 255, np.uint8)])
                for frame in frames
            ]
        return frames, durations, loop


def to_float(pixels: np.ndarray) -> np.ndarray:
    """uint8 to float32 in [-1, 1]: x / 127.5 - 1."""
    values = pixels.astype(np.float32)
    values /= 127.5  # In place: fresh memory would cost more than the arithmetic.
    values -= 1
    return values


def to_uint8(values: np.ndarray) -> np.ndarray:
    """Float in [-1, 1] to uint8, clipped and truncated, as the authors save pictures."""
    scaled = values + 1
    scaled /= 2
    scaled *= 255
    return np.clip(scaled, 0, 255, out=scaled).astype(np.uint8)


def resize(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear resize of (H, W) or (H, W, C) as OpenCV's INTER_LINEAR: uint8 or float32.

    The authors resize the training pictures and their gray in uint8, test photos in float32.
    """
    resized = cv2.resize(array, (width, height), interpolation=cv2.INTER_LINEAR)
    return resized.reshape((height, width) + array.shape[2:])


def rescale(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """`resize` without aliasing: by pixel area where a side shrinks to less than half.

    A picture that already has this size is returned as it is.
    """
    if array.shape[:2] == (height, width):
        return array
    if array.shape[0] <= 2 * height and array.shape[1] <= 2 * width:
        return resize(array, height, width)
    return cv2.resize(array, (width, height), interpolation=cv2.INTER_AREA)


def authors_test_size(height: int, width: int) -> tuple[int, int]:
    """The size to which the authors' test script resizes a photo; the aspect ratio may change."""

    def fit(side):
        return 256 if side <= 256 else side - side % 32

    return fit(height), fit(width)


def match_brightness(photo: np.ndarray, generated: np.ndarray) -> np.ndarray:
    """Gives a generated picture the brightness of its photo; both uint8 RGB (H, W, 3).

    The authors' code, with its slip: the weights belong to BGR, so red weighs 0.114 and blue
    0.299. An entirely black picture stays black.
    """

    def brightness(rgb):
        red, green, blue = (rgb[..., channel].mean() for channel in range(3))
        return 0.114 * red + 0.587 * green + 0.299 * blue

    now = brightness(generated)
    if now == 0:
        return generated.copy()
    table = np.clip(np.arange(256) * (brightness(photo) / now), 0, 255).astype(np.uint8)
    return table[generated]


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
    if format not in _FORMAT_OF_EXTENSION.values():
        raise ValueError(f"cannot write {format!r} pictures")
    _check_side(rgb, format)
    if alpha is not None and format not in ("JPEG", "BMP"):
        rgb = np.dstack([rgb, alpha])
    options = {
        "JPEG": {"quality": quality, "subsampling": 0},
        "WEBP": {"quality": quality},
        "TIFF": {"compression": "tiff_lzw"},
    }.get(format, {})
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
        path, encode_image(rgb, _FORMAT_OF_EXTENSION[extension], alpha, icc_profile, quality)
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
        loop: how often it runs: 0 for ever; None leaves it unsaid (players then run it once).

    Raises:
        ValueError: no frames, too large, or as many durations as there are not frames.
        OSError: the file cannot be written.
    """
    if not frames:
        raise ValueError("a GIF needs at least one frame")
    if not isinstance(durations, int) and len(durations) != len(frames):
        raise ValueError(f"{len(frames)} frames, but {len(durations)} durations")
    _check_side(frames[0], "GIF")
    first, *others = (PillowImage.fromarray(np.ascontiguousarray(frame)) for frame in frames)
    options = {} if loop is None else {"loop": loop}
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


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Writes a file whole or not at all: an earlier one of that name survives a failure."""
    path = Path(path)
    temporary = path.parent / f".{uuid.uuid4().hex}.tmp"
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_bytes(path: str | os.PathLike) -> bytes:
    """The content of a file.

    Raises:
        ImageError: it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ImageError(os.fspath(path), error.strerror or str(error)) from error


class _Decoding:
    """Reads a file once, and turns whatever its decoder raises into an `ImageError`."""

    def __init__(self, source):
        self.name = "<bytes>" if isinstance(source, bytes) else os.fspath(source)
        self.source = source

    def __enter__(self):
        self.data = self.source if isinstance(self.source, bytes) else read_bytes(self.source)
        if not self.data:
            raise ImageError(self.name, "empty file")
        return self

    def open(self, luma=False):
        """The picture, decoded; a JPEG on request as its luma alone."""
        image = PillowImage.open(io.BytesIO(self.data), formats=_READ_FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise PillowImage.DecompressionBombError
        if luma and _is_jpeg(image):
            image.draft("L", None)
        image.load()
        return image

    def __exit__(self, kind, error, traceback):
        if not isinstance(error, Exception) or isinstance(error, (ImageError, MemoryError)):
            return
        if isinstance(error, PillowImage.UnidentifiedImageError):
            reason = "not a picture in a known format"
        elif isinstance(error, PillowImage.DecompressionBombError):
            reason = f"more than {MAX_PIXELS:,} pixels"
        elif isinstance(error, OSError) and "truncated" in str(error):
            reason = "truncated file"
        else:
            reason = f"damaged or unsupported file ({error})"
        raise ImageError(self.name, reason) from error


def _is_jpeg(image):
    return image.format in ("JPEG", "MPO")


def _upright(image):
    try:
        return ImageOps.exif_transpose(image)
    except (SyntaxError, ValueError, TypeError, KeyError, OSError):
        return image  # EXIF too broken to be read cannot ask for a rotation.


def _to_image(image):
    """Converts a loaded Pillow picture."""
    profile = image.info.get("icc_profile")
    if profile is not None and profile[16:20] != b"RGB ":
        profile = None  # Describes the CMYK or gray values that are left behind here.
    image = _upright(image)
    if image.mode == "F":
        raise ValueError("floating-point pixels; save it with 8 or 16 bits")
    if image.mode.startswith("I"):  # 16 bits, whatever Pillow keeps them in.
        gray = (np.clip(np.asarray(image), 0, 65535) >> 8).astype(np.uint8)
        return Image(np.repeat(gray[..., None], 3, axis=-1))
    if image.has_transparency_data:
        rgba = np.array(image.convert("RGBA"))
        return Image(np.ascontiguousarray(rgba[..., :3]), rgba[..., 3].copy(), profile)
    return Image(np.array(image.convert("RGB")), None, profile)


def _to_gray(image):
    if image.mode == "L":
        return np.array(_upright(image))
    return gray_of(_to_image(image).rgb)


def _check_side(array, format):
    height, width = array.shape[:2]
    limit = _MAX_SIDE.get(format)
    if limit and max(height, width) > limit:
        raise ValueError(f"{width}x{height} pixels: {format} ends at {limit} a side")
