"""Picture files to arrays: any format, EXIF rotation, transparency, animations.

What a file declares is checked before it is decoded, and what decoding raises becomes an
`ImageError`.
"""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, features
from PIL import Image as PillowImage

from animegan_tf.images.files import ImageError, TooLargeError, read_bytes
from animegan_tf.images.pixels import gray_of
from animegan_tf.images.scans import MAX_SCANS, count_scans
from animegan_tf.memory import available_memory

MAX_PIXELS = 400_000_000
"""Pictures above this are refused before they are decoded."""
# Pillow's own limit (89 million) warns at, and twice of it refuses, pictures of today's cameras.
PillowImage.MAX_IMAGE_PIXELS = MAX_PIXELS
# What it warns of in damaged files is either harmless or said by an `ImageError`.
warnings.filterwarnings("ignore", module="PIL")

# Never all that Pillow knows: EPS, for one, would start another program.
_READ_FORMATS = ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM"]
if features.check("avif"):
    _READ_FORMATS.append("AVIF")

_ANIMATED_FORMATS = ("GIF", "WEBP", "PNG")

_STRIP_PIXELS = 4_000_000
_SMALL_NEED = 256_000_000  # Nobody asks whether there is memory for it.
# Bytes a pixel that a decoder needs for itself beside the picture that it decodes to: JPEG for the
# coefficients of progressive files, the others for canvases and buffers. Measured.
_DECODER_BYTES = {"JPEG": 6, "MPO": 6, "WEBP": 12, "AVIF": 16, "GIF": 8, "TIFF": 4}
_DECODER_BYTES_OF_OTHERS = 1
_ONE_BYTE_MODES = ("1", "L", "P")


@dataclass(frozen=True)
class Limits:
    """What a picture may take.

    Attributes:
        max_memory: bytes for decoding it, the file included; None: the memory that is available.
        max_pixels: at most `MAX_PIXELS`.
        at_least: a JPEG beyond the limits is decoded at a half, a quarter or an eighth of its
            size if that brings it within them and leaves this many pixels to both sides; for
            callers that scale pictures down anyway. None: it is refused, as all others are.
    """

    max_memory: float | None = None
    max_pixels: int = MAX_PIXELS
    at_least: int | None = None


DEFAULT_LIMITS = Limits()


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


def read_image(source: str | os.PathLike | bytes, limits: Limits = DEFAULT_LIMITS) -> Image:
    """Reads a picture: a path, or the bytes of a file. Of an animation, the first frame.

    Gray, palette and CMYK become RGB; 16 bits are reduced to their upper 8; EXIF rotation is
    applied.

    Raises:
        ImageError: missing, no regular file, empty, truncated, damaged, or not a picture.
        TooLargeError: an `ImageError` too; it does not keep to the limits.
    """
    return PictureFile(source, limits).image()


def read_rgb(source: str | os.PathLike | bytes, limits: Limits = DEFAULT_LIMITS) -> np.ndarray:
    """The colors of a picture, uint8 (H, W, 3); transparency is dropped. See `read_image`."""
    return PictureFile(source, limits).rgb()


def read_gray(source: str | os.PathLike | bytes, limits: Limits = DEFAULT_LIMITS) -> np.ndarray:
    """A picture as OpenCV reads it in gray, uint8 (H, W), upright.

    That is what the authors' code trains on and finds edges in. It is not the gray of the colors:
    a JPEG gives its stored luma, everything else `gray_of`.

    Raises:
        ImageError: as `read_image`.
    """
    return PictureFile(source, limits).gray()


def read_rgb_and_gray(
    source: str | os.PathLike | bytes, limits: Limits = DEFAULT_LIMITS
) -> tuple[np.ndarray, np.ndarray]:
    """`read_rgb` and `read_gray` of one file that is read once.

    Raises:
        ImageError: as `read_image`.
    """
    return PictureFile(source, limits).rgb_and_gray()


def read_frames(
    source: str | os.PathLike | bytes, limits: Limits = DEFAULT_LIMITS
) -> tuple[list[np.ndarray], list[int], int | None]:
    """Reads an animated GIF, WebP or PNG; any other picture counts as one frame of 0 ms.

    All frames are in memory at once; see `PictureFile.frames` for one after another.

    Returns:
        The frames, uint8 (H, W, 3), or (H, W, 4) where the file has transparency; how long each is
        shown, in ms; how often the animation runs, 0 forever, None if the file doesn't say.

    Raises:
        ImageError: as `read_image`.
    """
    file = PictureFile(source, limits)
    frames, durations = [], []
    for image, duration in file.frames():
        frames.append(image)
        durations.append(duration)
    opaque = all(image.alpha is None for image in frames)
    return [image.rgb if opaque else _rgba(image) for image in frames], durations, file.loop


class PictureFile:
    """A picture of which only the header has been read; its methods decode it.

    Args:
        source: a path, or the bytes of a file.
        limits: what it may take.

    Attributes:
        name: the path, or "<bytes>".
        width, height: as the file stores it, before any rotation; of a JPEG that is decoded at
            reduced scale, the reduced size.
        memory: bytes that decoding takes at most, the file's own included.

    Raises:
        ImageError: as `read_image`, as far as the header shows it; the methods raise the rest.
    """

    def __init__(self, source: str | os.PathLike | bytes, limits: Limits = DEFAULT_LIMITS):
        if isinstance(source, bytes):
            self.name, self._data = "<bytes>", source
        else:
            self.name, self._data = os.fspath(source), read_bytes(source, limits.max_memory)
        if not self._data:
            raise ImageError(self.name, "empty file")
        self._limits = limits
        self._reduction = 1
        self._first: PillowImage.Image | None = self._open()
        self.width, self.height = self._first.size
        self.memory = self._memory_for(self._first)

    def image(self) -> Image:
        """See `read_image`."""
        with self._decoding() as image:
            return _to_image(image)

    def rgb(self) -> np.ndarray:
        """See `read_rgb`."""
        with self._decoding() as image:
            return _to_image(image, with_alpha=False).rgb

    def gray(self) -> np.ndarray:
        """See `read_gray`."""
        with self._decoding(luma=True) as image:
            return _to_gray(image)

    def rgb_and_gray(self) -> tuple[np.ndarray, np.ndarray]:
        """See `read_rgb_and_gray`."""
        with self._decoding() as image:
            rgb, is_jpeg = _to_image(image, with_alpha=False).rgb, _is_jpeg(image)
        return rgb, self.gray() if is_jpeg else gray_of(rgb)

    @property
    def frame_count(self) -> int:
        """Frames of an animated GIF, WebP or PNG; 1 for any other picture.

        Raises:
            ImageError: the file is damaged.
        """
        self._first = image = self._first or self._open()
        with self._naming_errors():
            return getattr(image, "n_frames", 1) if image.format in _ANIMATED_FORMATS else 1

    @property
    def loop(self) -> int | None:
        """How often an animation runs: 0 forever; None if the file doesn't say, or for others."""
        self._first = image = self._first or self._open()
        return image.info.get("loop") if self.frame_count > 1 else None

    def frames(self) -> Iterator[tuple[Image, int]]:
        """The frames of an animation one after another, and for how many ms each is shown.

        Raises:
            ImageError: a frame is damaged, or grows beyond the limits.
        """
        count = self.frame_count
        image, self._first = self._first or self._open(), None
        for number in range(count):
            with self._naming_errors():
                image.seek(number)
                self._check_size(image)
                image.load()
                frame = _to_image(image)
                duration = round(image.info.get("duration", 0))
            yield frame, duration

    def _open(self, luma=False):
        with self._naming_errors():
            image = PillowImage.open(io.BytesIO(self._data), formats=_READ_FORMATS)
            if _is_jpeg(image):
                if count_scans(self._data) > MAX_SCANS:
                    raise ImageError(self.name, f"a JPEG of more than {MAX_SCANS} scans")
                self._reduction = self._reduction_for(image)
                size = (image.width // self._reduction, image.height // self._reduction)
                image.draft("L" if luma else None, size)
            self._check_size(image)
            return image

    @contextlib.contextmanager
    def _decoding(self, luma=False):
        with self._naming_errors():
            image = None if luma else self._first
            self._first = None
            image = image or self._open(luma)
            image.load()
            yield image

    def _reduction_for(self, image):
        """By what a JPEG is divided while it is decoded: 1 if it keeps to the limits as it is."""
        if self._limits.at_least is None or self._fault(image.size, image) is None:
            return 1
        for reduction in (2, 4, 8):
            size = image.width // reduction, image.height // reduction
            if min(size) >= max(self._limits.at_least, 1) and self._fault(size, image) is None:
                return reduction
        return 1

    def _check_size(self, image):
        fault = self._fault(image.size, image)
        if fault:
            raise TooLargeError(self.name, fault)

    def _fault(self, size, image):
        """Why a picture of this size is too large; None if it is not."""
        width, height = size
        max_pixels = min(self._limits.max_pixels, MAX_PIXELS)
        if width * height > max_pixels:
            return f"{width}x{height}, more than {max_pixels:,} pixels"
        need, limit = self._memory_for(image, width * height), self._limits.max_memory
        if limit is None:
            limit = available_memory() if need > _SMALL_NEED else need
        if need > limit:
            return (
                f"decoding its {width}x{height} pixels takes {need / 1e9:.2f} GB of memory; "
                f"the limit is {limit / 1e9:.2f} GB"
            )
        return None

    def _memory_for(self, image, pixels=None):
        pixels = image.width * image.height if pixels is None else pixels
        decoded = 1 if image.mode in _ONE_BYTE_MODES else 4
        decoder = _DECODER_BYTES.get(image.format, _DECODER_BYTES_OF_OTHERS)
        # Coefficients are kept of all pixels, whatever the scale of the result.
        full = image.width * image.height if _is_jpeg(image) else pixels
        return len(self._data) + pixels * (decoded + 4) + full * decoder

    @contextlib.contextmanager
    def _naming_errors(self):
        """Whatever a decoder raises becomes an `ImageError`."""
        try:
            yield
        except (ImageError, MemoryError):
            raise
        except PillowImage.UnidentifiedImageError as error:
            raise ImageError(self.name, "not a picture in a known format") from error
        except PillowImage.DecompressionBombError as error:
            raise TooLargeError(self.name, f"more than {MAX_PIXELS:,} pixels") from error
        except OSError as error:
            truncated = "truncated" in str(error)
            raise ImageError(
                self.name,
                "truncated file" if truncated else f"damaged or unsupported file ({error})",
            ) from error
        except Exception as error:
            raise ImageError(self.name, f"damaged or unsupported file ({error})") from error


def _is_jpeg(image):
    return image.format in ("JPEG", "MPO")


def _to_image(image, with_alpha=True):
    """Converts a loaded Pillow picture."""
    profile = image.info.get("icc_profile")
    if profile is not None and profile[16:20] != b"RGB ":
        profile = None  # Describes the CMYK or gray values that are left behind here.
    if image.mode == "F":
        raise ValueError("floating-point pixels; save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        return Image(_upright(image, lambda strip: _upper_byte(strip)[..., None], 3))
    if image.has_transparency_data and with_alpha:
        return Image(
            _upright(image, lambda strip: _array(strip, "RGBA")[..., :3], 3),
            _upright(image, lambda strip: _array(strip, "RGBA")[..., 3]),
            profile,
        )
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return Image(_upright(image, lambda strip: _array(strip, mode)[..., :3], 3), None, profile)


def _to_gray(image):
    if image.mode == "L":
        return _upright(image, np.asarray)
    return gray_of(_to_image(image, with_alpha=False).rgb)


def _array(image, mode):
    return np.asarray(image if image.mode == mode else image.convert(mode))


def _upper_byte(image):
    """16 bits, whatever Pillow keeps them in, to 8."""
    return (np.clip(np.asarray(image), 0, 65535) >> 8).astype(np.uint8)


# How a picture of an EXIF orientation lies in its file, as a view of the upright one.
_STORED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: np.rot90(upright),
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}


def _upright(image, convert, *channels):
    """A loaded picture as an array, converted in strips: whole copies of large ones are costly."""
    orientation = _orientation(image)
    size = (image.height, image.width) if orientation < 5 else (image.width, image.height)
    upright = np.empty((*size, *channels), np.uint8)
    stored = _STORED.get(orientation, lambda upright: upright)(upright)
    rows = max(1, _STRIP_PIXELS // image.width)
    if rows >= image.height:
        stored[:] = convert(image)
        return upright
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        stored[top:bottom] = convert(image.crop((0, top, image.width, bottom)))
    return upright


def _orientation(image):
    """1 to 8. EXIF too broken to be read cannot ask for a rotation."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        return orientation if orientation in range(1, 9) else 1
    except (SyntaxError, ValueError, TypeError, KeyError, OSError):
        return 1


def _rgba(image):
    alpha = image.alpha
    if alpha is None:
        alpha = np.full(image.rgb.shape[:2], 255, np.uint8)
    return np.dstack([image.rgb, alpha])
